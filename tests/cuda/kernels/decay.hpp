// SPDX-License-Identifier: Apache-2.0
//
// Two correct kernels for the emulator's tests: chunked causal linear attention with a constant
// decay per head, a block for each (batch, head) and slice of D. R is 64; all tensors are dense.
#ifndef LEET_TESTS_CUDA_KERNELS_DECAY_HPP
#define LEET_TESTS_CUDA_KERNELS_DECAY_HPP

#include <leet/cuda/kernel.hpp>

namespace leet::cuda_test {

struct DecayProblem {
  const void* q;            // [B, H, N, 64]
  const void* k;            // [B, H, N, 64]
  const void* v;            // [B, H, N, D]
  float* out;               // [B, H, N, D]
  const float* log2_decay;  // [H]
  int* largest_bits;        // of |out|, as the float's bits; raised, never lowered
  int B, H, N, D;
};

inline constexpr int kR = 64;

// f32, on the FMA units; any D.
cudaError_t launch_decay_fp32(const DecayProblem& problem, cudaStream_t stream);

// bf16 in, on tensor cores, out in f32; D a multiple of 32. Leaves largest_bits alone.
cudaError_t launch_decay_mma(const DecayProblem& problem, cudaStream_t stream);

}  // namespace leet::cuda_test
#endif  // LEET_TESTS_CUDA_KERNELS_DECAY_HPP
