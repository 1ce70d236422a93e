// SPDX-License-Identifier: Apache-2.0
//
// Shared memory, every array with a name. In emulation the arrays are filled with NaNs and lie
// apart from each other, so that AddressSanitizer sees an index that leaves its array.
#ifndef LEET_CUDA_SHARED_MEMORY_HPP
#define LEET_CUDA_SHARED_MEMORY_HPP

#include <cstddef>
#include <cstdint>
#include <leet/cuda/language.hpp>

// An array whose size is known when compiling: LEET_SHARED(float, tile, [8][33]);
#if LEET_CUDA_EMULATED
#define LEET_SHARED(type, name, extents)                                          \
  using name##_shared_type = type extents;                                        \
  static char name##_shared_key;                                                  \
  auto& name = *static_cast<name##_shared_type*>(::leet::emulator::static_shared( \
      &name##_shared_key, sizeof(name##_shared_type), alignof(name##_shared_type), #name))
#else
#define LEET_SHARED(type, name, extents) __shared__ type name extents
#endif

namespace leet::cuda {

inline constexpr std::size_t kSharedAlignment = 16;

// Hands out a block's dynamic shared memory, piece by piece. Every thread takes the same pieces in
// the same order; SharedSize adds up what they need:
//   SharedMemory shared;
//   float* q = shared.take<float>(C * R, "q");
class SharedMemory {
 public:
#if LEET_CUDA_EMULATED
  template <class T>
  T* take(std::size_t count, const char* name) {
    static_assert(alignof(T) <= kSharedAlignment);
    return static_cast<T*>(emulator::take_shared(count * sizeof(T), kSharedAlignment, name));
  }
#else
  template <class T>
  __device__ T* take(std::size_t count, const char*) {
    static_assert(alignof(T) <= kSharedAlignment);
    extern __shared__ __align__(128) unsigned char leet_dynamic_shared_memory[];
    T* const piece = reinterpret_cast<T*>(leet_dynamic_shared_memory + taken_);
    const auto bytes = static_cast<std::uint32_t>(count * sizeof(T));
    taken_ += (bytes + kSharedAlignment - 1) / kSharedAlignment * kSharedAlignment;
    return piece;
  }

 private:
  std::uint32_t taken_ = 0;
#endif
};

// SharedSize{}.add<float>(C * R).add<float>(C).bytes
struct SharedSize {
  std::size_t bytes = 0;
  template <class T>
  constexpr SharedSize add(std::size_t count) const {
    const std::size_t piece = count * sizeof(T);
    return {bytes + (piece + kSharedAlignment - 1) / kSharedAlignment * kSharedAlignment};
  }
};

}  // namespace leet::cuda
#endif  // LEET_CUDA_SHARED_MEMORY_HPP
