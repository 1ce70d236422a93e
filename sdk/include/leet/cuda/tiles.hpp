// SPDX-License-Identifier: Apache-2.0
//
// Products of tiles on tensor cores, by one warp: D = A B + C, accumulated in float. The fragments
// hold a lane's elements as the PTX ISA lays them out, with g = lane / 4 and t = lane % 4:
//
//   16-bit A [16, 16]  x[i] has row g + 8 (i % 2), columns 2t + 8 (i / 2) and the next
//   16-bit B [16, 8]   x[i] has rows 2t + 8 i and the next, column g
//   tf32 A [16, 8]     x[i] has row g + 8 (i % 2), column t + 4 (i / 2)
//   tf32 B [8, 8]      x[i] has row t + 4 i, column g
//   C, D [16, 8]       x[i] has row g + 8 (i / 2), column 2t + i % 2
//
// The emulated product is computed from the same registers in double and rounded once. A tensor
// core truncates and sums in an order of its own: compare with a tolerance.
#ifndef LEET_CUDA_TILES_HPP
#define LEET_CUDA_TILES_HPP

#include <cstdint>
#include <leet/cuda/instructions.hpp>

namespace leet::cuda {

struct FragmentA {
  std::uint32_t x[4];
};
struct FragmentB {
  std::uint32_t x[2];
};
struct FragmentC {
  float x[4];
};

__device__ inline void mma_bf16(FragmentC& d, const FragmentA& a, const FragmentB& b,
                                const FragmentC& c, Site site = {}) {
  instructions::multiply_bf16(d.x, a.x, b.x, c.x, site);
}
__device__ inline void mma_f16(FragmentC& d, const FragmentA& a, const FragmentB& b,
                               const FragmentC& c, Site site = {}) {
  instructions::multiply_f16(d.x, a.x, b.x, c.x, site);
}
__device__ inline void mma_tf32(FragmentC& d, const FragmentA& a, const FragmentB& b,
                                const FragmentC& c, Site site = {}) {
  instructions::multiply_tf32(d.x, a.x, b.x, c.x, site);
}

// 8x8 matrices of 16-bit elements between shared memory and fragments. Lane 8m + i gives the
// address, a multiple of 16, of row i of the matrix that goes to or comes from x[m]; the addresses
// of the other lanes are ignored. x[m] is then row lane / 4, columns 2 (lane % 4) and the next, of
// that matrix, or of its transpose with _trans.
__device__ inline void ldmatrix_x2(FragmentB& d, const void* row, Site site = {}) {
  instructions::load_matrices<2, false>(d.x, row, site);
}
__device__ inline void ldmatrix_x2_trans(FragmentB& d, const void* row, Site site = {}) {
  instructions::load_matrices<2, true>(d.x, row, site);
}
__device__ inline void ldmatrix_x4(FragmentA& d, const void* row, Site site = {}) {
  instructions::load_matrices<4, false>(d.x, row, site);
}
__device__ inline void ldmatrix_x4_trans(FragmentA& d, const void* row, Site site = {}) {
  instructions::load_matrices<4, true>(d.x, row, site);
}
__device__ inline void stmatrix_x2(void* row, const FragmentB& s, Site site = {}) {
  instructions::store_matrices<2, false>(row, s.x, site);
}
__device__ inline void stmatrix_x2_trans(void* row, const FragmentB& s, Site site = {}) {
  instructions::store_matrices<2, true>(row, s.x, site);
}
__device__ inline void stmatrix_x4(void* row, const FragmentA& s, Site site = {}) {
  instructions::store_matrices<4, false>(row, s.x, site);
}
__device__ inline void stmatrix_x4_trans(void* row, const FragmentA& s, Site site = {}) {
  instructions::store_matrices<4, true>(row, s.x, site);
}

}  // namespace leet::cuda
#endif  // LEET_CUDA_TILES_HPP
