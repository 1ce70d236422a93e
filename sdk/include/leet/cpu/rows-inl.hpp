// SPDX-License-Identifier: Apache-2.0
//
// Rows of f16, bf16 and f32 to and from f32, a vector at a time.
//
// leet/cpu/*-inl.hpp are building blocks for host kernels in Highway, for any plugin that links
// hwy::hwy. They are included, after <hwy/foreach_target.h> and <hwy/highway.h>, by a source that
// Highway compiles once for each instruction set, and put everything into
// leet::cpu::HWY_NAMESPACE; plugins/lightning shows a whole use. Nothing is installed for them but
// these headers.
#if defined(LEET_CPU_ROWS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef LEET_CPU_ROWS_INL_HPP
#undef LEET_CPU_ROWS_INL_HPP
#else
#define LEET_CPU_ROWS_INL_HPP
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <leet/plugin/dtype.hpp>

HWY_BEFORE_NAMESPACE();
namespace leet::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;

inline std::int64_t lanes() { return static_cast<std::int64_t>(hn::Lanes(Floats())); }

// Whether this target narrows to f16 with rounding to nearest even in hardware.
#if HWY_TARGET <= HWY_AVX2
inline constexpr bool kHasF16 = true;
#else
inline constexpr bool kHasF16 = false;
#endif

inline void widen_row(leet_dtype dtype, const std::byte* from, float* to, std::int64_t count) {
  const Floats d;
  std::int64_t i = 0;
  if (sdk::same(dtype, sdk::kBf16)) {
    const hn::Rebind<hwy::bfloat16_t, Floats> half;
    for (; i + lanes() <= count; i += lanes()) {
      hn::StoreU(
          hn::PromoteTo(d, hn::LoadU(half, reinterpret_cast<const hwy::bfloat16_t*>(from) + i)), d,
          to + i);
    }
  } else if (kHasF16 && sdk::same(dtype, sdk::kF16)) {
    const hn::Rebind<hwy::float16_t, Floats> half;
    for (; i + lanes() <= count; i += lanes()) {
      hn::StoreU(
          hn::PromoteTo(d, hn::LoadU(half, reinterpret_cast<const hwy::float16_t*>(from) + i)), d,
          to + i);
    }
  }
  sdk::load_row(dtype, from + i * sdk::dtype_bytes(dtype), to + i, count - i);
}

inline void narrow_row(leet_dtype dtype, const float* from, std::byte* to, std::int64_t count) {
  const Floats d;
  std::int64_t i = 0;
  if (kHasF16 && sdk::same(dtype, sdk::kF16)) {
    const hn::Rebind<hwy::float16_t, Floats> half;
    for (; i + lanes() <= count; i += lanes()) {
      hn::StoreU(hn::DemoteTo(half, hn::LoadU(d, from + i)), half,
                 reinterpret_cast<hwy::float16_t*>(to) + i);
    }
  }
  sdk::store_row(dtype, from + i, to + i * sdk::dtype_bytes(dtype), count - i);
}

// to = row * by, elementwise; `to` may be `row`.
inline void multiply_row(const float* row, const float* by, float* to, std::int64_t count) {
  const Floats d;
  std::int64_t i = 0;
  for (; i + lanes() <= count; i += lanes()) {
    hn::StoreU(hn::Mul(hn::LoadU(d, row + i), hn::LoadU(d, by + i)), d, to + i);
  }
  for (; i < count; ++i) to[i] = row[i] * by[i];
}

// to = row * by; `to` may be `row`.
inline void scale_row(const float* row, float by, float* to, std::int64_t count) {
  const Floats d;
  std::int64_t i = 0;
  for (; i + lanes() <= count; i += lanes()) {
    hn::StoreU(hn::Mul(hn::LoadU(d, row + i), hn::Set(d, by)), d, to + i);
  }
  for (; i < count; ++i) to[i] = row[i] * by;
}

// Rows of time, `stride` elements apart.
struct Rows {
  const float* data;
  std::int64_t stride;

  const float* row(std::int64_t i) const { return data + i * stride; }
};

inline bool is_f32(const leet_dtype dtype) { return sdk::same(dtype, sdk::kF32); }

}  // namespace leet::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
