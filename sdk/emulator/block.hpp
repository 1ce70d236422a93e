// SPDX-License-Identifier: Apache-2.0
//
// The state of a block that runs: its threads, warps, barriers and shared memory.
#ifndef LEET_EMULATOR_BLOCK_HPP
#define LEET_EMULATOR_BLOCK_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <leet/cuda/emulated/execution.hpp>
#include <vector>

#include "context.hpp"
#include "shared_arena.hpp"

namespace leet::emulator {

struct Block;
class Worker;

enum class ThreadState { kReady, kWaiting, kDone };

struct PendingCopy {
  void* to;
  const void* from;
  std::uint32_t bytes;
  std::uint32_t source_bytes;
  std::uint32_t group;
};

// Lies where self() finds its view: near the top of the thread's own stack.
struct Thread {
  ThreadView view = {};
  Context context;
  Block* block = nullptr;
  Worker* worker = nullptr;
  ThreadState state = ThreadState::kReady;
  const char* waits_in = nullptr;  // the operation's name, with waits_at
  Site waits_at = {nullptr, 0};
  BarrierVote vote = {};
  std::uint32_t pieces_taken = 0;  // of dynamic shared memory
  std::uint32_t copy_group = 0;
  std::vector<PendingCopy> copies;
  void* fake_stack = nullptr;  // AddressSanitizer's, while suspended
};
static_assert(offsetof(Thread, view) == 0 && sizeof(Thread) <= kThreadBytes);

struct Barrier {
  Site site = {nullptr, 0};
  int expected = 0;
  int arrived = 0;
  int votes = 0;
  std::vector<Thread*> waiting;
};

// Lanes that meet in one operation. Lanes of disjoint masks may be in different ones.
struct Collective {
  const char* name = nullptr;  // null: free
  std::uint32_t mask = 0;
  std::uint32_t arrived = 0;
  Site site = {nullptr, 0};
  std::array<void*, 32> operands;  // of the lanes that arrived
};

struct Warp {
  std::array<Collective, 4> collectives;
  std::uint32_t exited = 0;
  std::uint32_t waits_since_spin = 0;  // in barriers and warp operations
};

struct Block {
  static constexpr int kBarriers = 16;

  const KernelLaunch* launch = nullptr;
  uint3 index = {};
  int threads = 0;
  int alive = 0;
  std::vector<Thread*> thread;
  std::vector<Warp> warp;
  std::array<Barrier, kBarriers> barrier;
  SharedArena shared;
};

// The emulator's record of the running thread.
inline Thread& current() { return const_cast<Thread&>(reinterpret_cast<const Thread&>(self())); }

}  // namespace leet::emulator
#endif  // LEET_EMULATOR_BLOCK_HPP
