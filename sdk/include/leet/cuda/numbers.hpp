// SPDX-License-Identifier: Apache-2.0
//
// The 16-bit types and their conversions. Kernels store them, and compute in float.
#ifndef LEET_CUDA_NUMBERS_HPP
#define LEET_CUDA_NUMBERS_HPP

#include <cstdint>
#include <cstring>
#include <leet/cuda/instructions.hpp>
#include <leet/plugin/half.hpp>

namespace leet::cuda {

// Of the same layout as leet::sdk::F16 and Bf16 in either case.
#if LEET_CUDA_EMULATED
using F16 = sdk::F16;
using Bf16 = sdk::Bf16;
using sdk::to_bf16;
using sdk::to_f16;
using sdk::to_float;
#else
using F16 = __half;
using Bf16 = __nv_bfloat16;
__device__ inline float to_float(F16 x) { return __half2float(x); }
__device__ inline float to_float(Bf16 x) { return __bfloat162float(x); }
__device__ inline F16 to_f16(float x) { return __float2half_rn(x); }
__device__ inline Bf16 to_bf16(float x) { return __float2bfloat16_rn(x); }
#endif
static_assert(sizeof(F16) == 2 && sizeof(Bf16) == 2);

__device__ inline float to_float(float x) { return x; }

// Two elements in one register, as fragments and ldmatrix have them: the first in the low half.
__device__ inline std::uint32_t pack_bf16(float low, float high) {
#if LEET_CUDA_EMULATED
  return to_bf16(low).bits | static_cast<std::uint32_t>(to_bf16(high).bits) << 16;
#else
  const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
  std::uint32_t bits;
  memcpy(&bits, &pair, sizeof bits);
  return bits;
#endif
}
__device__ inline std::uint32_t pack_f16(float low, float high) {
#if LEET_CUDA_EMULATED
  return to_f16(low).bits | static_cast<std::uint32_t>(to_f16(high).bits) << 16;
#else
  const __half2 pair = __floats2half2_rn(low, high);
  std::uint32_t bits;
  memcpy(&bits, &pair, sizeof bits);
  return bits;
#endif
}
__device__ inline float2 unpack_bf16(std::uint32_t pair) {
  return make_float2(__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u));
}
__device__ inline float2 unpack_f16(std::uint32_t pair) {
#if LEET_CUDA_EMULATED
  return make_float2(to_float(F16{static_cast<std::uint16_t>(pair)}),
                     to_float(F16{static_cast<std::uint16_t>(pair >> 16)}));
#else
  __half2 halves;
  memcpy(&halves, &pair, sizeof halves);
  return __half22float2(halves);
#endif
}

// The operand of mma_tf32 nearest to x, ties away from zero.
__device__ inline std::uint32_t round_to_tf32(float x) { return instructions::round_to_tf32(x); }

// 2^x to about 2 units in the last place on a GPU; exact, but for flushed subnormals, in emulation.
__device__ inline float exp2_approximately(float x) { return instructions::exp2_approximately(x); }

}  // namespace leet::cuda
#endif  // LEET_CUDA_NUMBERS_HPP
