// SPDX-License-Identifier: Apache-2.0
//
// Element types: their ABI values, names and sizes, and rows of them converted to and from the type
// that a method computes in.
#ifndef LEET_PLUGIN_DTYPE_HPP
#define LEET_PLUGIN_DTYPE_HPP

#include <leet/plugin.h>

#include <cstdint>
#include <cstring>
#include <leet/plugin/half.hpp>

namespace leet::sdk {

inline constexpr leet_dtype kF16{LEET_DTYPE_FLOAT, 16, 1};
inline constexpr leet_dtype kBf16{LEET_DTYPE_BFLOAT, 16, 1};
inline constexpr leet_dtype kF32{LEET_DTYPE_FLOAT, 32, 1};
inline constexpr leet_dtype kF64{LEET_DTYPE_FLOAT, 64, 1};
inline constexpr leet_dtype kI64{LEET_DTYPE_INT, 64, 1};

constexpr bool same(leet_dtype a, leet_dtype b) {
  return a.code == b.code && a.bits == b.bits && a.lanes == b.lanes;
}

constexpr bool is_16_bit(leet_dtype dtype) { return same(dtype, kF16) || same(dtype, kBf16); }

// The dtype's bit in leet_note_desc::dtypes; 0 for a type that q, k, v and out cannot have.
constexpr std::uint32_t dtype_bit(leet_dtype dtype) {
  if (same(dtype, kF16)) return LEET_DTYPES_F16;
  if (same(dtype, kBf16)) return LEET_DTYPES_BF16;
  if (same(dtype, kF32)) return LEET_DTYPES_F32;
  if (same(dtype, kF64)) return LEET_DTYPES_F64;
  return 0;
}

constexpr const char* dtype_name(leet_dtype dtype) {
  if (same(dtype, kF16)) return "f16";
  if (same(dtype, kBf16)) return "bf16";
  if (same(dtype, kF32)) return "f32";
  if (same(dtype, kF64)) return "f64";
  if (same(dtype, kI64)) return "i64";
  return "unknown";
}

constexpr std::int64_t dtype_bytes(leet_dtype dtype) { return dtype.bits / 8 * dtype.lanes; }

namespace detail {
template <class From, class To>
To convert(From x) {
  return static_cast<To>(x);
}
template <>
inline float convert(F16 x) {
  return to_float(x);
}
template <>
inline float convert(Bf16 x) {
  return to_float(x);
}
template <>
inline double convert(F16 x) {
  return to_float(x);
}
template <>
inline double convert(Bf16 x) {
  return to_float(x);
}
template <>
inline F16 convert(float x) {
  return to_f16(x);
}
template <>
inline Bf16 convert(float x) {
  return to_bf16(x);
}
// Through f32, so rounded twice; methods that compute in f64 store f64 or f32 alone.
template <>
inline F16 convert(double x) {
  return to_f16(static_cast<float>(x));
}
template <>
inline Bf16 convert(double x) {
  return to_bf16(static_cast<float>(x));
}

// memcpy because a tensor may begin at any byte that its spec allows, whatever the element's size.
template <class From, class To>
void convert_row(const void* from, void* to, std::int64_t count) {
  const auto* source = static_cast<const char*>(from);
  auto* target = static_cast<char*>(to);
  for (std::int64_t i = 0; i < count; ++i) {
    From x;
    std::memcpy(&x, source + i * static_cast<std::int64_t>(sizeof(From)), sizeof(From));
    const To y = convert<From, To>(x);
    std::memcpy(target + i * static_cast<std::int64_t>(sizeof(To)), &y, sizeof(To));
  }
}
}  // namespace detail

// Reads `count` contiguous elements of `dtype` (one of f16, bf16, f32, f64) as Real, which is float
// or double.
template <class Real>
void load_row(leet_dtype dtype, const void* from, Real* to, std::int64_t count) {
  switch (dtype_bit(dtype)) {
    case LEET_DTYPES_F16:
      return detail::convert_row<F16, Real>(from, to, count);
    case LEET_DTYPES_BF16:
      return detail::convert_row<Bf16, Real>(from, to, count);
    case LEET_DTYPES_F32:
      return detail::convert_row<float, Real>(from, to, count);
    default:
      return detail::convert_row<double, Real>(from, to, count);
  }
}

// Writes `count` contiguous elements of `dtype`, rounded to nearest even.
template <class Real>
void store_row(leet_dtype dtype, const Real* from, void* to, std::int64_t count) {
  switch (dtype_bit(dtype)) {
    case LEET_DTYPES_F16:
      return detail::convert_row<Real, F16>(from, to, count);
    case LEET_DTYPES_BF16:
      return detail::convert_row<Real, Bf16>(from, to, count);
    case LEET_DTYPES_F32:
      return detail::convert_row<Real, float>(from, to, count);
    default:
      return detail::convert_row<Real, double>(from, to, count);
  }
}

}  // namespace leet::sdk
#endif  // LEET_PLUGIN_DTYPE_HPP
