// SPDX-License-Identifier: Apache-2.0
//
// What emulated kernel code needs of the emulator's library: which CUDA thread is running, and the
// operations that suspend it. The names that kernels use are built on these by language.hpp and
// instructions.hpp.
#ifndef LEET_CUDA_EMULATED_EXECUTION_HPP
#define LEET_CUDA_EMULATED_EXECUTION_HPP

#include <functional>
#include <leet/cuda/emulated/types.hpp>
#include <leet/cuda/site.hpp>

#pragma GCC visibility push(default)  // the emulator's library exports what is declared here
namespace leet::emulator {

using cuda::Site;

// ---- The running thread ----

// What a CUDA thread knows of itself. It lies near the top of the thread's own stack, where any
// function that the kernel calls finds it from its frame's address, without thread-local storage.
struct ThreadView {
  uint3 thread_index;
  uint3 block_index;
  dim3 block_size;
  dim3 grid_size;
  std::uint32_t linear;  // in the block
  std::uint32_t lane;
  std::uint32_t warp;
};

inline constexpr std::uintptr_t kStackBytes = std::uintptr_t{1} << 18;  // and the stacks' alignment
// The stacks' tops are offset against each other by up to kColours steps: at one and the same
// offset from a power of two they would all compete for the same few sets of the caches.
inline constexpr std::uintptr_t kColours = 64;
inline constexpr std::uintptr_t kColourBytes = 256;
inline constexpr std::uintptr_t kThreadBytes = 512;  // reserved for the emulator's own record

// The address of the view for any address within the thread's stack.
constexpr std::uintptr_t view_address(std::uintptr_t within_stack) {
  const std::uintptr_t top = (within_stack | (kStackBytes - 1)) + 1;
  return top - kThreadBytes - within_stack / kStackBytes % kColours * kColourBytes;
}

[[gnu::always_inline]] inline const ThreadView& self() {
  char* const frame = static_cast<char*>(__builtin_frame_address(0));
  const auto address = reinterpret_cast<std::uintptr_t>(frame);
  return *reinterpret_cast<const ThreadView*>(frame + (view_address(address) - address));
}

// ---- Barriers ----

struct BarrierVote {
  int count;  // of threads whose predicate was not zero
  bool any;
  bool all;
};
// Barrier 0 with threads = 0 is __syncthreads: all threads of the block.
BarrierVote barrier(int id, int threads, bool predicate, Site site);
void grid_barrier(Site site);

// ---- Warp operations: each lane of the mask arrives, the last one does the work for all ----

void warp_barrier(std::uint32_t mask, Site site);
// The value of lane `source`; all bits set where that lane is not in the mask, which is undefined
// on hardware.
std::uint64_t shuffle(std::uint32_t mask, std::uint64_t value, std::uint32_t source, Site site);
std::uint32_t ballot(std::uint32_t mask, bool predicate, Site site);

enum class Reduction { kAdd, kMin, kMax, kAnd, kOr, kXor };
std::int64_t reduce(std::uint32_t mask, Reduction reduction, std::int64_t value, Site site);

enum class TileType { kBf16, kF16, kTf32 };
void multiply_tiles(TileType type, const std::uint32_t* a, const std::uint32_t* b, const float* c,
                    float* d, Site site);
// `matrices` 8x8 matrices of 16-bit elements: lane 8m + i has the address of matrix m's row i.
void load_matrices(int matrices, bool transposed, const void* row, std::uint32_t* registers,
                   Site site);
void store_matrices(int matrices, bool transposed, void* row, const std::uint32_t* registers,
                    Site site);

// ---- Shared memory ----

// The block's array that `key` identifies; filled with NaNs when the block first asks for it.
void* static_shared(const void* key, std::size_t bytes, std::size_t alignment, const char* name);
// The next piece of the block's dynamic shared memory. Every thread of a block has to take the same
// pieces in the same order.
void* take_shared(std::size_t bytes, std::size_t alignment, const char* name);

// ---- Asynchronous copies ----

// Lands as late as the program allows; until then the destination holds NaNs.
void copy_async(void* shared, const void* global, std::uint32_t bytes, std::uint32_t source_bytes,
                Site site);
void commit_copies();
void wait_for_copies(std::uint32_t groups_left);

// ---- Waiting for other blocks ----

// Lets all other threads run before this one goes on.
void spin_pause(Site site);

// ---- Errors of the kernel ----

[[noreturn]] void misaligned(const void* address, std::size_t alignment, Site site);

// ---- Launching ----

struct KernelLaunch {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes;
  cudaStream_t stream;
  bool cooperative;
  const void* kernel;  // its address, which attributes are set for
  const char* name;    // contains "Kernel = <its name>", as compilers print template arguments
  std::function<void()> run_thread;
};
cudaError_t enqueue_kernel(const KernelLaunch& launch);

}  // namespace leet::emulator
#pragma GCC visibility pop
#endif  // LEET_CUDA_EMULATED_EXECUTION_HPP
