// SPDX-License-Identifier: Apache-2.0
//
// One warp that does one operation, so that a test sees exactly which element lands where.
#ifndef LEET_TESTS_CUDA_KERNELS_TILE_PROBE_HPP
#define LEET_TESTS_CUDA_KERNELS_TILE_PROBE_HPP

#include <cstdint>
#include <leet/cuda/kernel.hpp>

namespace leet::cuda_test {

enum class Product { kBf16, kF16, kTf32 };

// out[lane][i] = D.x[i] of A B + C, where a[lane], b[lane], c[lane] are the fragments.
cudaError_t launch_product(Product product, const cuda::FragmentA* a, const cuda::FragmentB* b,
                           const cuda::FragmentC* c, cuda::FragmentC* out);

enum class Matrices { kX2, kX2Transposed, kX4, kX4Transposed };

// Copies 32 rows of 8 elements to shared memory; lane l gives the address of row rows[l];
// out[lane] is its fragment.
cudaError_t launch_load(Matrices matrices, const std::uint16_t* memory, const int* rows,
                        cuda::FragmentA* out);

// The reverse: lane l stores `fragments[l]` with the address of row rows[l] of 32 rows of zeros,
// which are copied to `memory`.
cudaError_t launch_store(Matrices matrices, const cuda::FragmentA* fragments, const int* rows,
                         std::uint16_t* memory);

// cp.async of Bytes = 4, 8 or 16 a lane, of which `source_bytes` are read: out[32 lanes][Bytes].
cudaError_t launch_copy(int bytes, int source_bytes, const std::uint8_t* source, std::uint8_t* out);

// Two groups of copies of one float a lane: out[lane] after all but the last group are there,
// out[32 + lane] after all are. The first group's source is `first`.
cudaError_t launch_two_groups(const float* first, const float* second, float* out);

// The numbers' conversions, element by element, on one thread each.
struct Conversions {
  float f16, bf16;           // there and back
  std::uint32_t packed_f16;  // x and -x
  std::uint32_t packed_bf16;
  float unpacked_f16, unpacked_bf16;  // the low halves of those
  std::uint32_t tf32;
  float exp2;
};
cudaError_t launch_conversions(const float* x, int count, Conversions* out);

}  // namespace leet::cuda_test
#endif  // LEET_TESTS_CUDA_KERNELS_TILE_PROBE_HPP
