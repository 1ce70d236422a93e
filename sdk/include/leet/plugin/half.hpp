// SPDX-License-Identifier: Apache-2.0
//
// The two 16-bit storage types and their conversions: IEEE binary16 (f16) and bfloat16 (bf16).
// Widening is exact; narrowing rounds to nearest, ties to even, as IEEE 754 does; NaN stays NaN and
// keeps its sign.
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

constexpr float to_float(Bf16 x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16);
}

constexpr Bf16 to_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) {  // NaN: rounding could carry it into infinity
    return {static_cast<std::uint16_t>((bits >> 16) | 0x40u)};
  }
  const std::uint32_t nearest_even = 0x7fffu + ((bits >> 16) & 1u);
  return {static_cast<std::uint16_t>((bits + nearest_even) >> 16)};
}

constexpr float to_float(F16 x) {
  const std::uint32_t sign = static_cast<std::uint32_t>(x.bits & 0x8000u) << 16;
  const std::uint32_t magnitude = static_cast<std::uint32_t>(x.bits & 0x7fffu) << 13;
  if (magnitude >= 0x0f800000u) {  // infinity or NaN: the exponent becomes f32's largest
    return std::bit_cast<float>(sign | magnitude | 0x70000000u);
  }
  // Read as an f32 the value is 2^112 too small, subnormals included; the product is exact.
  const float scaled = std::bit_cast<float>(magnitude) * 0x1p112f;
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(scaled));
}

constexpr F16 to_f16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  const auto with_sign = [sign](std::uint32_t half) {
    return F16{static_cast<std::uint16_t>(sign | half)};
  };
  if (magnitude > 0x7f800000u) return with_sign(0x7e00u | ((magnitude >> 13) & 0x1ffu));
  constexpr std::uint32_t kOverflow = 0x477ff000u;  // 65520: halfway between f16's largest and 2^16
  if (magnitude >= kOverflow) return with_sign(0x7c00u);
  constexpr std::uint32_t kSmallestNormal = 0x38800000u;  // 2^-14
  if (magnitude < kSmallestNormal) {
    // Adding 0.5 leaves the f16 subnormal (a multiple of 2^-24) in the low bits, rounded by the
    // addition itself.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return with_sign(std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u);
  }
  const std::uint32_t nearest_even = 0xfffu + ((magnitude >> 13) & 1u);
  return with_sign((magnitude - (112u << 23) + nearest_even) >> 13);
}

}  // namespace leet::sdk
#endif  // LEET_PLUGIN_HALF_HPP
