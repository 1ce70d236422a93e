// SPDX-License-Identifier: Apache-2.0
//
// The two 16-bit storage types and their conversions: IEEE binary16 (f16) and bfloat16 (bf16).
// Widening is exact; narrowing rounds to nearest, ties to even, as IEEE 754 does in its default
// rounding mode; NaN stays NaN and keeps its sign. None of it depends on whether the processor
// flushes subnormals to zero.
#ifndef LEET_PLUGIN_HALF_HPP
#define LEET_PLUGIN_HALF_HPP

#include <bit>
#include <cstdint>

namespace leet::sdk {

struct F16 {
  std::uint16_t bits;
};
struct Bf16 {
  std::uint16_t bits;
};

namespace detail {
// `yes` where the condition holds, else `no`; without a branch, so that loops over rows vectorise.
constexpr std::uint32_t select(bool condition, std::uint32_t yes, std::uint32_t no) {
  const std::uint32_t mask = 0u - static_cast<std::uint32_t>(condition);
  return (yes & mask) | (no & ~mask);
}
}  // namespace detail

constexpr float to_float(Bf16 x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16);
}

constexpr Bf16 to_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t nearest_even = 0x7fffu + ((bits >> 16) & 1u);
  const std::uint32_t number = (bits + nearest_even) >> 16;
  const std::uint32_t nan = (bits >> 16) | 0x40u;  // rounding could carry it into infinity
  return {
      static_cast<std::uint16_t>(detail::select((bits & 0x7fffffffu) > 0x7f800000u, nan, number))};
}

constexpr float to_float(F16 x) {
  const std::uint32_t sign = static_cast<std::uint32_t>(x.bits & 0x8000u) << 16;
  const std::uint32_t half = x.bits & 0x7fffu;
  constexpr std::uint32_t kRebias = (127u - 15u) << 23;
  // For infinity and NaN again, so that the exponent becomes f32's largest.
  const std::uint32_t normal = (half << 13) + kRebias + detail::select(half >= 0x7c00u, kRebias, 0);
  const float subnormal = static_cast<float>(static_cast<std::int32_t>(half)) * 0x1p-24f;
  return std::bit_cast<float>(
      sign | detail::select(half < 0x400u, std::bit_cast<std::uint32_t>(subnormal), normal));
}

constexpr F16 to_f16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  constexpr std::uint32_t kRebias = (127u - 15u) << 23;
  constexpr std::uint32_t kSmallestNormal = 0x38800000u;  // 2^-14
  constexpr std::uint32_t kOverflow = 0x477ff000u;  // 65520: halfway between f16's largest and 2^16
  constexpr std::uint32_t kInfinity = 0x7f800000u;

  const std::uint32_t nearest_even = 0xfffu + ((magnitude >> 13) & 1u);
  const std::uint32_t normal = (magnitude - kRebias + nearest_even) >> 13;
  // Adding 0.5 leaves the f16 subnormal, a multiple of 2^-24, in the low bits, rounded by the
  // addition itself.
  const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
  const std::uint32_t subnormal = std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u;
  const std::uint32_t nan = 0x7e00u | ((magnitude >> 13) & 0x1ffu);

  std::uint32_t half = detail::select(magnitude < kSmallestNormal, subnormal, normal);
  half = detail::select(magnitude >= kOverflow, 0x7c00u, half);
  half = detail::select(magnitude > kInfinity, nan, half);
  return {static_cast<std::uint16_t>(sign | half)};
}

}  // namespace leet::sdk
#endif  // LEET_PLUGIN_HALF_HPP
