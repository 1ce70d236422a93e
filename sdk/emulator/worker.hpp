// SPDX-License-Identifier: Apache-2.0
//
// Running a grid: workers, one to an operating system thread, take blocks one after the other and
// run their threads as fibers, which never change the worker. A thread runs until it waits for
// something; then the next of the ready ones goes on, so only what a barrier or a warp operation
// orders is ordered.
#ifndef LEET_EMULATOR_WORKER_HPP
#define LEET_EMULATOR_WORKER_HPP

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <leet/cuda/emulated/control.hpp>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "block.hpp"
#include "stacks.hpp"

namespace leet::emulator {

// A grid that runs.
class Grid {
 public:
  Grid(const KernelLaunch& launch, const Settings& settings, std::size_t workers);

  const KernelLaunch& launch;
  const Settings& settings;
  const std::uint64_t blocks;
  const std::size_t workers;
  std::atomic<cudaError_t> error = cudaSuccess;  // of the first thread that failed

  // The index of a block that nobody has started; false when there is none left.
  bool take_block(std::uint64_t* index);

  // Whether this is the first failure; the other workers then give up when they next switch.
  bool fail(cudaError_t code);

  // Livelock: every worker that still runs has done nothing but wait for a long time. A worker
  // votes when it has, and whatever else any of them does starts a new period.
  void progress() { period_.fetch_add(1); }
  std::uint64_t period() const { return period_.load(); }
  void vote(std::size_t worker, std::uint64_t period) { votes_[worker].store(period); }
  void finished(std::size_t worker);
  bool all_voted() const;

 private:
  std::atomic<std::uint64_t> next_ = 0;
  std::uint64_t stride_ = 1;  // coprime to the number of blocks: visits each of them once
  std::uint64_t offset_ = 0;
  std::atomic<std::uint64_t> period_ = 1;
  std::unique_ptr<std::atomic<std::uint64_t>[]> votes_;  // the period that each worker voted in
};

class Worker {
 public:
  explicit Worker(std::size_t index) : index_(index) {}

  // Takes blocks of the grid until there are none left or a thread failed.
  void run(Grid& grid);

  // For the thread that runs: lets others run until it is made ready again.
  void wait(Thread& me, const char* in, Site at);
  // The same, but it is ready at once, behind all the others.
  void yield(Thread& me);
  // All of them at once, in the order that the settings ask for, behind those that are ready.
  void make_ready(std::span<Thread*> threads);
  // Ends the launch with an error and a report; the thread's position is put before the text. The
  // thread's stack is never unwound, so callers own no memory, but for the text.
  [[noreturn]] void fail(Thread& me, cudaError_t error, ReportKind kind, std::string text);

  // yield() for a thread that waits for other blocks; ends a launch in which nobody does anything
  // else.
  void spin(Thread& me, Site site);

  const Grid& grid() const { return *grid_; }
  // Of a cooperative grid, whose blocks all run on one worker.
  Barrier grid_barrier;

  std::uint64_t switches() const { return switches_; }

 private:
  static void thread_main() noexcept;

  bool prepare();
  void start_blocks();
  void start(Block& block, std::size_t slot, std::uint64_t index);
  void exit(Thread& me);
  void finish(Block& block);
  void report_stuck();
  void end_idle_time();
  void push(Thread* thread);
  Thread* pop();
  void resume(Thread& next);
  void leave(Thread& me, Thread* next, bool for_good);

  const std::size_t index_;
  Grid* grid_ = nullptr;
  Stacks stacks_;
  std::vector<std::unique_ptr<Block>> blocks_;  // the resident ones' slots; alive = 0: free
  std::size_t resident_ = 0;                    // slots in use by this grid

  Context main_;
  void* main_fake_stack_ = nullptr;
  const void* main_low_ = nullptr;
  std::size_t main_bytes_ = 0;

  // A ring; every thread is in it at most once.
  std::vector<Thread*> ready_;
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
  std::size_t ring_mask_ = 0;

  std::uint64_t random_ = 0;
  std::uint64_t switches_ = 0;
  std::uint64_t idle_spins_ = 0;  // since a thread of this worker did anything else
  std::uint64_t voted_in_ = 0;    // the period, and the time then
  std::chrono::steady_clock::time_point voted_at_;
};

}  // namespace leet::emulator
#endif  // LEET_EMULATOR_WORKER_HPP
