// SPDX-License-Identifier: Apache-2.0
//
// How tests and tools steer and question the emulator; kernels and their host code don't need it.
#ifndef LEET_CUDA_EMULATED_CONTROL_HPP
#define LEET_CUDA_EMULATED_CONTROL_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#pragma GCC visibility push(default)  // the emulator's library exports what is declared here
namespace leet::emulator {

// In which order the threads that become ready together run, or the blocks of a grid start.
enum class Order { kForward, kReverse, kRandom };

// Whose limits the device has. They are CUDA's for one product of each compute capability.
enum class DeviceModel { kSm80, kSm90, kSm100, kSm120 };

struct Settings {
  int os_threads = 0;  // 0: as many as the machine has
  Order thread_order = Order::kForward;
  Order block_order = Order::kForward;
  std::uint64_t seed = 1;  // of both random orders
  // Blocks that take turns on one operating system thread; a cooperative launch has all of them.
  int resident_blocks = 1;
  // All that the portable header offers exists on compute capability 8.0.
  DeviceModel model = DeviceModel::kSm80;
  std::size_t memory_bytes = std::size_t{8} << 30;
};
Settings settings();
void set_settings(const Settings& settings);

enum class ReportKind {
  kLaunch,             // refused: sizes, shared memory
  kBarrierDivergence,  // threads of a block that don't meet at the same barrier
  kWarpDivergence,     // lanes that don't meet in the same operation, or a wrong mask
  kSharedMemory,       // an address or a piece that is not within the block's shared memory
  kMisaligned,
  kLivelock  // every resident thread waits for something that none of them will do
};
struct Report {
  ReportKind kind;
  std::string text;  // one line: kernel, block, thread, file:line
};
// The reports since the last call, oldest first. A CUDA error code says that a launch failed; its
// report says why.
std::vector<Report> take_reports();
const char* report_kind_name(ReportKind kind);

struct Statistics {
  std::uint64_t launches;
  std::uint64_t blocks;
  std::uint64_t threads;
  std::uint64_t switches;  // between threads
  std::size_t live_allocations;
  std::size_t live_bytes;
};
Statistics statistics();

}  // namespace leet::emulator
#pragma GCC visibility pop
#endif  // LEET_CUDA_EMULATED_CONTROL_HPP
