// SPDX-License-Identifier: Apache-2.0
//
// The host twins of ptx.hpp's functions: the same names and parameters, what the PTX ISA says that
// they do, on the same registers.
#ifndef LEET_CUDA_EMULATED_INSTRUCTIONS_HPP
#define LEET_CUDA_EMULATED_INSTRUCTIONS_HPP

#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <leet/cuda/emulated/language.hpp>

namespace leet::cuda::instructions {

template <int Bytes>
inline void copy_async(void* shared, const void* global, std::uint32_t source_bytes, Site site) {
  static_assert(Bytes == 4 || Bytes == 8 || Bytes == 16, "cp.async copies 4, 8 or 16 bytes");
  emulator::copy_async(shared, global, Bytes, source_bytes, site);
}
inline void commit_copies() { emulator::commit_copies(); }
template <int GroupsLeft>
inline void wait_for_copies() {
  static_assert(GroupsLeft >= 0);
  emulator::wait_for_copies(GroupsLeft);
}

template <int Matrices, bool Transposed>
inline void load_matrices(std::uint32_t* r, const void* row, Site site) {
  static_assert(Matrices == 2 || Matrices == 4);
  emulator::load_matrices(Matrices, Transposed, row, r, site);
}
template <int Matrices, bool Transposed>
inline void store_matrices(void* row, const std::uint32_t* r, Site site) {
  static_assert(Matrices == 2 || Matrices == 4);
  emulator::store_matrices(Matrices, Transposed, row, r, site);
}

inline void multiply_bf16(float* d, const std::uint32_t* a, const std::uint32_t* b, const float* c,
                          Site site) {
  emulator::multiply_tiles(emulator::TileType::kBf16, a, b, c, d, site);
}
inline void multiply_f16(float* d, const std::uint32_t* a, const std::uint32_t* b, const float* c,
                         Site site) {
  emulator::multiply_tiles(emulator::TileType::kF16, a, b, c, d, site);
}
inline void multiply_tf32(float* d, const std::uint32_t* a, const std::uint32_t* b, const float* c,
                          Site site) {
  emulator::multiply_tiles(emulator::TileType::kTf32, a, b, c, d, site);
}
// To 10 bits of fraction, ties away from zero.
inline std::uint32_t round_to_tf32(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const bool finite = (bits & 0x7f800000u) != 0x7f800000u;
  return finite ? (bits + 0x1000u) & ~0x1fffu : bits;
}

// Exactly, and with subnormals flushed as the instruction does.
inline float exp2_approximately(float x) {
  const float y = std::exp2(std::fpclassify(x) == FP_SUBNORMAL ? 0.0f : x);
  return std::fpclassify(y) == FP_SUBNORMAL ? 0.0f : y;
}
inline void named_barrier(int id, int threads, Site site) {
  emulator::barrier(id, threads, false, site);
}
inline unsigned load_acquire(const unsigned* address, Site) {
  return std::atomic_ref<unsigned>(*const_cast<unsigned*>(address)).load(std::memory_order_acquire);
}
inline void store_release(unsigned* address, unsigned value) {
  std::atomic_ref<unsigned>(*address).store(value, std::memory_order_release);
}

}  // namespace leet::cuda::instructions
#endif  // LEET_CUDA_EMULATED_INSTRUCTIONS_HPP
