// SPDX-License-Identifier: Apache-2.0
//
// CUDA C++ for a host compiler: the qualifiers, the built-in variables and the built-in functions
// that portable kernels use, under CUDA's names. A name that isn't here does not exist in emulated
// kernels, and its use is a compile error.
#ifndef LEET_CUDA_EMULATED_LANGUAGE_HPP
#define LEET_CUDA_EMULATED_LANGUAGE_HPP

#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <leet/cuda/emulated/execution.hpp>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
// A plain variable would be each thread's own.
#define __shared__ static_assert(false, "declare shared memory with LEET_SHARED or SharedMemory");

#define threadIdx (::leet::emulator::self().thread_index)
#define blockIdx (::leet::emulator::self().block_index)
#define blockDim (::leet::emulator::self().block_size)
#define gridDim (::leet::emulator::self().grid_size)
inline constexpr int warpSize = 32;

// ---- Barriers ----

inline void __syncthreads(leet::cuda::Site site = {}) {
  leet::emulator::barrier(0, 0, false, site);
}
inline int __syncthreads_count(int predicate, leet::cuda::Site site = {}) {
  return leet::emulator::barrier(0, 0, predicate != 0, site).count;
}
inline int __syncthreads_or(int predicate, leet::cuda::Site site = {}) {
  return leet::emulator::barrier(0, 0, predicate != 0, site).any;
}
inline int __syncthreads_and(int predicate, leet::cuda::Site site = {}) {
  return leet::emulator::barrier(0, 0, predicate != 0, site).all;
}
inline void __syncwarp(unsigned mask = 0xffffffffu, leet::cuda::Site site = {}) {
  leet::emulator::warp_barrier(mask, site);
}
// Threads of the emulator see each other's writes in one order.
inline void __threadfence() { std::atomic_thread_fence(std::memory_order_seq_cst); }
inline void __threadfence_block() { std::atomic_thread_fence(std::memory_order_seq_cst); }

// ---- Warp operations ----

namespace leet::emulator {
template <class T>
T shuffle_value(std::uint32_t mask, T value, std::uint32_t source, Site site) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8, "shuffles move up to 8 bytes");
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = shuffle(mask, bits, source, site);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
}  // namespace leet::emulator

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, leet::cuda::Site site = {}) {
  const unsigned within = static_cast<unsigned>(width) - 1;
  const unsigned segment = leet::emulator::self().lane & ~within;
  return leet::emulator::shuffle_value(mask, value,
                                       segment | (static_cast<unsigned>(source) & within), site);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, leet::cuda::Site site = {}) {
  const unsigned lane = leet::emulator::self().lane;
  const unsigned source = lane ^ static_cast<unsigned>(lanes);
  const unsigned last = lane | (static_cast<unsigned>(width) - 1);
  return leet::emulator::shuffle_value(mask, value, source > last ? lane : source, site);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   leet::cuda::Site site = {}) {
  const unsigned lane = leet::emulator::self().lane;
  const unsigned within = lane & (static_cast<unsigned>(width) - 1);
  const bool inside = within + delta < static_cast<unsigned>(width);
  return leet::emulator::shuffle_value(mask, value, inside ? lane + delta : lane, site);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                 leet::cuda::Site site = {}) {
  const unsigned lane = leet::emulator::self().lane;
  const unsigned within = lane & (static_cast<unsigned>(width) - 1);
  return leet::emulator::shuffle_value(mask, value, within < delta ? lane : lane - delta, site);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, leet::cuda::Site site = {}) {
  return leet::emulator::ballot(mask, predicate != 0, site);
}
inline int __any_sync(unsigned mask, int predicate, leet::cuda::Site site = {}) {
  return leet::emulator::ballot(mask, predicate != 0, site) != 0;
}
inline int __all_sync(unsigned mask, int predicate, leet::cuda::Site site = {}) {
  return leet::emulator::ballot(mask, predicate != 0, site) == mask;
}

// On 32-bit integers only, as in CUDA; 64 bits hold both kinds.
#define LEET_CUDA_REDUCE(name, reduction, type)                                                 \
  inline type name(unsigned mask, type value, leet::cuda::Site site = {}) {                     \
    return static_cast<type>(leet::emulator::reduce(mask, leet::emulator::Reduction::reduction, \
                                                    static_cast<std::int64_t>(value), site));   \
  }
LEET_CUDA_REDUCE(__reduce_add_sync, kAdd, int)
LEET_CUDA_REDUCE(__reduce_add_sync, kAdd, unsigned)
LEET_CUDA_REDUCE(__reduce_min_sync, kMin, int)
LEET_CUDA_REDUCE(__reduce_min_sync, kMin, unsigned)
LEET_CUDA_REDUCE(__reduce_max_sync, kMax, int)
LEET_CUDA_REDUCE(__reduce_max_sync, kMax, unsigned)
LEET_CUDA_REDUCE(__reduce_and_sync, kAnd, unsigned)
LEET_CUDA_REDUCE(__reduce_or_sync, kOr, unsigned)
LEET_CUDA_REDUCE(__reduce_xor_sync, kXor, unsigned)
#undef LEET_CUDA_REDUCE

// ---- Atomics: blocks run on several operating system threads ----

namespace leet::emulator {

template <class T>
concept AtomicInteger =
    std::is_same_v<T, int> || std::is_same_v<T, unsigned> || std::is_same_v<T, unsigned long long>;
template <class T>
concept AtomicNumber = AtomicInteger<T> || std::is_same_v<T, float> || std::is_same_v<T, double>;

template <class T, class Update>
T atomic_update(T* address, Update update) {
  std::atomic_ref<T> target(*address);
  T old = target.load(std::memory_order_relaxed);
  while (!target.compare_exchange_weak(old, update(old), std::memory_order_acq_rel,
                                       std::memory_order_relaxed)) {
  }
  return old;
}

}  // namespace leet::emulator

template <leet::emulator::AtomicNumber T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
  return leet::emulator::atomic_update(address, [=](T old) { return old + value; });
}
template <leet::emulator::AtomicInteger T>
T atomicSub(T* address, std::type_identity_t<T> value) {
  return leet::emulator::atomic_update(address, [=](T old) { return old - value; });
}
template <leet::emulator::AtomicInteger T>
T atomicMin(T* address, std::type_identity_t<T> value) {
  return leet::emulator::atomic_update(address, [=](T old) { return old < value ? old : value; });
}
template <leet::emulator::AtomicInteger T>
T atomicMax(T* address, std::type_identity_t<T> value) {
  return leet::emulator::atomic_update(address, [=](T old) { return old > value ? old : value; });
}
template <leet::emulator::AtomicInteger T>
T atomicAnd(T* address, std::type_identity_t<T> value) {
  return leet::emulator::atomic_update(address, [=](T old) { return old & value; });
}
template <leet::emulator::AtomicInteger T>
T atomicOr(T* address, std::type_identity_t<T> value) {
  return leet::emulator::atomic_update(address, [=](T old) { return old | value; });
}
template <leet::emulator::AtomicInteger T>
T atomicXor(T* address, std::type_identity_t<T> value) {
  return leet::emulator::atomic_update(address, [=](T old) { return old ^ value; });
}
template <class T>
requires leet::emulator::AtomicInteger<T> || std::is_same_v<T, float> T
atomicExch(T* address, std::type_identity_t<T> value) {
  return std::atomic_ref<T>(*address).exchange(value, std::memory_order_acq_rel);
}
template <leet::emulator::AtomicInteger T>
T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  std::atomic_ref<T>(*address).compare_exchange_strong(expected, value, std::memory_order_acq_rel,
                                                       std::memory_order_relaxed);
  return expected;
}

// ---- Arithmetic that CUDA has beyond <cmath> ----

inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline int __popc(unsigned x) { return std::popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
template <class T>
requires std::is_arithmetic_v<T>
constexpr T min(T a, T b) { return b < a ? b : a; }
template <class T>
requires std::is_arithmetic_v<T>
constexpr T max(T a, T b) { return a < b ? b : a; }

#endif  // LEET_CUDA_EMULATED_LANGUAGE_HPP
