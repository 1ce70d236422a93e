// SPDX-License-Identifier: Apache-2.0
//
// Memory access beyond plain loads and stores: vectors, asynchronous copies, flags between blocks.
#ifndef LEET_CUDA_MEMORY_HPP
#define LEET_CUDA_MEMORY_HPP

#include <cstdint>
#include <cstring>
#include <leet/cuda/instructions.hpp>

namespace leet::cuda {

// ---- Vectors: float4, uint2, ... as one access, from an address that is aligned to their size
// ----

template <class Vector>
__device__ inline Vector load_vector(const void* address, Site site = {}) {
#if LEET_CUDA_EMULATED
  if (reinterpret_cast<std::uintptr_t>(address) % sizeof(Vector) != 0) {
    emulator::misaligned(address, sizeof(Vector), site);
  }
  Vector value;
  std::memcpy(&value, address, sizeof value);
  return value;
#else
  static_cast<void>(site);
  return *static_cast<const Vector*>(address);
#endif
}

template <class Vector>
__device__ inline void store_vector(void* address, const Vector& value, Site site = {}) {
#if LEET_CUDA_EMULATED
  if (reinterpret_cast<std::uintptr_t>(address) % sizeof(Vector) != 0) {
    emulator::misaligned(address, sizeof(Vector), site);
  }
  std::memcpy(address, &value, sizeof value);
#else
  static_cast<void>(site);
  *static_cast<Vector*>(address) = value;
#endif
}

// ---- Asynchronous copies from global to shared memory ----

// Copies source_bytes and fills the rest of Bytes = 4, 8 or 16 with zeros; both addresses are
// aligned to Bytes. With source_bytes = 0 the source is not read, but has to be a valid address.
template <int Bytes>
__device__ inline void cp_async(void* shared, const void* global, int source_bytes = Bytes,
                                Site site = {}) {
  instructions::copy_async<Bytes>(shared, global, static_cast<std::uint32_t>(source_bytes), site);
}
// Ends a group of this thread's copies.
__device__ inline void cp_async_commit() { instructions::commit_copies(); }
// Waits until at most the last GroupsLeft groups of this thread are under way. Other threads see
// the copies after a barrier.
template <int GroupsLeft>
__device__ inline void cp_async_wait() {
  instructions::wait_for_copies<GroupsLeft>();
}

// ---- Flags between blocks, in global memory ----

__device__ inline unsigned load_acquire(const unsigned* flag, Site site = {}) {
  return instructions::load_acquire(flag, site);
}
__device__ inline void store_release(unsigned* flag, unsigned value) {
  instructions::store_release(flag, value);
}
// Belongs in every loop that waits for a flag.
__device__ inline void spin_pause(Site site = {}) {
#if LEET_CUDA_EMULATED
  emulator::spin_pause(site);
#else
  static_cast<void>(site);
  __nanosleep(64);
#endif
}

// ---- Barriers of parts of a block, and of a grid ----

// Barrier `id`, 1 to 15, of `threads` threads: whole warps.
__device__ inline void named_barrier(int id, int threads, Site site = {}) {
  instructions::named_barrier(id, threads, site);
}
// Of all threads of a cooperative launch.
__device__ inline void grid_sync(Site site = {}) {
#if LEET_CUDA_EMULATED
  emulator::grid_barrier(site);
#else
  static_cast<void>(site);
  cooperative_groups::this_grid().sync();
#endif
}

}  // namespace leet::cuda
#endif  // LEET_CUDA_MEMORY_HPP
