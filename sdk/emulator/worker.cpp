// SPDX-License-Identifier: Apache-2.0
#include "worker.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <limits>
#include <map>
#include <new>
#include <numeric>
#include <thread>
#include <utility>

#include "report.hpp"
#include "sanitizer.hpp"

namespace leet::emulator {
namespace {

constexpr std::uint64_t kGuardBytes = 4096;

// A thread that waits for another block runs this often before its worker takes it for stuck, and
// on several workers, whose operating system threads may not be running, this long.
constexpr std::uint64_t kIdleRounds = 2000;
constexpr auto kIdleTime = std::chrono::seconds(1);
// The lanes of a warp that waits may also tell each other what they saw, this many times.
constexpr std::uint32_t kWaitsPerSpin = 128;
constexpr std::uint64_t kSpinsPerPause = 1024;  // of the operating system thread

constexpr std::uint64_t kMaxStride = 1 << 20;  // from block to block in random order; no overflow

std::uint64_t next_random(std::uint64_t& state) {  // splitmix64
  std::uint64_t x = state += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

std::uint64_t volume(const dim3& size) { return std::uint64_t{size.x} * size.y * size.z; }

uint3 position(std::uint64_t index, const dim3& size) {
  return {static_cast<unsigned>(index % size.x), static_cast<unsigned>(index / size.x % size.y),
          static_cast<unsigned>(index / size.x / size.y)};
}

char* stack_low(Thread& thread) {
  char* const within = reinterpret_cast<char*>(&thread);
  return within - reinterpret_cast<std::uintptr_t>(within) % kStackBytes + kGuardBytes;
}
constexpr std::size_t kUsableStackBytes = kStackBytes - kGuardBytes;

}  // namespace

// ---- Grid ----

Grid::Grid(const KernelLaunch& launch_, const Settings& settings_, std::size_t workers_)
    : launch(launch_),
      settings(settings_),
      blocks(volume(launch_.grid)),
      workers(workers_),
      votes_(std::make_unique<std::atomic<std::uint64_t>[]>(workers_)) {
  if (settings.block_order == Order::kRandom) {
    std::uint64_t random = settings.seed;
    offset_ = next_random(random) % blocks;
    do {
      stride_ = next_random(random) % std::min(blocks, kMaxStride);
    } while (std::gcd(stride_, blocks) != 1);
  }
}

bool Grid::take_block(std::uint64_t* index) {
  const std::uint64_t next = next_.fetch_add(1);
  if (next >= blocks) {
    return false;
  }
  *index = settings.block_order == Order::kReverse ? blocks - 1 - next
                                                   : (next * stride_ + offset_) % blocks;
  return true;
}

bool Grid::fail(cudaError_t code) {
  cudaError_t none = cudaSuccess;
  return error.compare_exchange_strong(none, code);
}

void Grid::finished(std::size_t worker) {
  progress();
  votes_[worker].store(std::numeric_limits<std::uint64_t>::max());
}

bool Grid::all_voted() const {
  const std::uint64_t now = period();
  return std::all_of(votes_.get(), votes_.get() + workers,
                     [now](const auto& vote) { return vote.load() >= now; });
}

// ---- The blocks of a worker ----

void Worker::run(Grid& grid) {
  grid_ = &grid;
  main_low_ = nullptr;
  random_ = grid.settings.seed + index_;
  if (!prepare()) {
    grid.fail(cudaErrorMemoryAllocation);
  }
  while (grid.error == cudaSuccess) {
    start_blocks();
    if (std::all_of(blocks_.begin(), blocks_.end(), [](auto& b) { return b->alive == 0; })) {
      break;
    }
    if (Thread* const next = pop()) {
      resume(*next);
    } else {
      report_stuck();
    }
  }
  for (const auto& block : blocks_) {
    finish(*block);
  }
  head_ = tail_ = 0;
  grid.finished(index_);
}

bool Worker::prepare() {
  const std::uint64_t threads = volume(grid_->launch.block);
  resident_ =
      grid_->launch.cooperative
          ? grid_->blocks
          : std::min<std::uint64_t>(grid_->blocks, std::max(grid_->settings.resident_blocks, 1));
  if (!stacks_.reserve(resident_ * threads)) {
    return false;
  }
  while (blocks_.size() < resident_) {
    blocks_.push_back(std::make_unique<Block>());
  }
  ready_.resize(std::max(ready_.size(), std::bit_ceil(resident_ * threads + 1)));
  grid_barrier = Barrier{};
  idle_spins_ = 0;
  return true;
}

void Worker::start_blocks() {
  for (std::size_t slot = 0; slot < resident_; ++slot) {
    std::uint64_t index = 0;
    if (blocks_[slot]->alive == 0 && grid_->take_block(&index)) {
      start(*blocks_[slot], slot, index);
    }
  }
}

void Worker::start(Block& block, std::size_t slot, std::uint64_t index) {
  const dim3& size = grid_->launch.block;
  const auto threads = static_cast<std::uint32_t>(volume(size));
  finish(block);  // the one before
  block.launch = &grid_->launch;
  block.index = position(index, grid_->launch.grid);
  block.threads = block.alive = static_cast<int>(threads);
  block.thread.resize(threads);
  block.warp.assign((threads + 31) / 32, Warp{});
  block.barrier.fill(Barrier{});
  block.shared.clear();
  for (std::uint32_t t = 0; t < threads; ++t) {
    char* const low = stacks_.low(slot * threads + t);
    const auto address = reinterpret_cast<std::uintptr_t>(low);
    char* const top = low + (view_address(address) - address);
    auto* thread = new (top) Thread;
    thread->view = {.thread_index = position(t, size),
                    .block_index = block.index,
                    .block_size = size,
                    .grid_size = grid_->launch.grid,
                    .linear = t,
                    .lane = t % 32,
                    .warp = t / 32};
    thread->block = &block;
    thread->worker = this;
    prepare_context(thread->context, low + kGuardBytes, top, &Worker::thread_main);
    block.thread[t] = thread;
  }
  std::vector<Thread*> ready = block.thread;
  make_ready(ready);
}

void Worker::finish(Block& block) {
  for (Thread* thread : block.thread) {
    if (thread->state != ThreadState::kDone) {  // given up: its stack is as it was left
      sanitizer::unpoison(stack_low(*thread), kUsableStackBytes);
    }
    thread->~Thread();
  }
  block.thread.clear();
  block.alive = 0;
}

void Worker::report_stuck() {
  std::map<std::string, int> waits;
  bool in_warp = false;
  for (const auto& block : blocks_) {
    if (block->alive == 0) {
      continue;
    }
    for (const Thread* thread : block->thread) {
      if (thread->state == ThreadState::kDone) {
        ++waits["exited"];
      } else {
        ++waits[format("wait in %s at %s", thread->waits_in, describe(thread->waits_at).c_str())];
      }
    }
    for (const Warp& warp : block->warp) {
      in_warp |= std::any_of(warp.collectives.begin(), warp.collectives.end(),
                             [](const Collective& c) { return c.name != nullptr; });
    }
  }
  std::string text = "kernel " + kernel_name(grid_->launch.name) + ": no thread can go on:";
  for (const auto& [wait, count] : waits) {
    text += format("%s %d %s", text.back() == ':' ? "" : ",", count, wait.c_str());
  }
  if (grid_->fail(cudaErrorLaunchTimeout)) {
    add_report(in_warp ? ReportKind::kWarpDivergence : ReportKind::kBarrierDivergence, text);
  }
}

// ---- Threads ----

void Worker::thread_main() noexcept {
  Thread& me = current();
  Worker& worker = *me.worker;
  const void* low = nullptr;
  std::size_t bytes = 0;
  sanitizer::after_switch(nullptr, &low, &bytes);
  if (worker.main_low_ == nullptr) {  // the first thread of all comes from there
    worker.main_low_ = low;
    worker.main_bytes_ = bytes;
  }
  me.block->launch->run_thread();
  worker.exit(me);
}

void Worker::exit(Thread& me) {
  end_idle_time();
  Block& block = *me.block;
  const Barrier& barrier = block.barrier[0];
  if (barrier.arrived > 0) {
    fail(me, cudaErrorLaunchFailure, ReportKind::kBarrierDivergence,
         format("returns while %d threads of its block wait in __syncthreads at %s",
                barrier.arrived, describe(barrier.site).c_str()));
  }
  me.state = ThreadState::kDone;
  block.warp[me.view.warp].exited |= 1u << me.view.lane;
  --block.alive;
  leave(me, block.alive > 0 ? pop() : nullptr, true);
  std::abort();  // nobody resumes it
}

void Worker::fail(Thread& me, cudaError_t error, ReportKind kind, std::string text) {
  {  // nothing that owns memory is left behind on this stack
    const std::string reason = std::move(text);
    if (grid_->fail(error)) {
      add_report(kind, "kernel " + kernel_name(grid_->launch.name) + ": " + describe(me.view) +
                           " " + reason);
    }
  }
  leave(me, nullptr, true);
  std::abort();  // nobody resumes it
}

void Worker::wait(Thread& me, const char* in, Site at) {
  if (idle_spins_ != 0 && ++me.block->warp[me.view.warp].waits_since_spin > kWaitsPerSpin) {
    end_idle_time();
  }
  me.state = ThreadState::kWaiting;
  me.waits_in = in;
  me.waits_at = at;
  leave(me, pop(), false);
}

void Worker::yield(Thread& me) {
  push(&me);
  if (Thread* const next = pop(); next != &me) {
    leave(me, next, false);
  }
}

void Worker::spin(Thread& me, Site site) {
  if (grid_->error != cudaSuccess) {
    leave(me, nullptr, true);
  }
  ++idle_spins_;
  me.block->warp[me.view.warp].waits_since_spin = 0;
  if (grid_->workers > 1 && idle_spins_ % kSpinsPerPause == 0) {
    std::this_thread::yield();
  }
  if (idle_spins_ > kIdleRounds * (((tail_ - head_) & (ready_.size() - 1)) + 1)) {
    const auto now = std::chrono::steady_clock::now();
    if (voted_in_ != grid_->period()) {
      voted_in_ = grid_->period();
      voted_at_ = now;
      grid_->vote(index_, voted_in_);
    }
    if (grid_->all_voted() && (grid_->workers == 1 || now - voted_at_ > kIdleTime)) {
      fail(me, cudaErrorLaunchTimeout, ReportKind::kLivelock,
           format("waits at %s for something that no resident thread will do: %d of %llu blocks "
                  "run at once, and all their threads wait",
                  describe(site).c_str(), static_cast<int>(resident_ * grid_->workers),
                  static_cast<unsigned long long>(grid_->blocks)));
    }
  }
  yield(me);
}

void Worker::end_idle_time() {
  if (idle_spins_ != 0) {
    idle_spins_ = 0;
    grid_->progress();
  }
}

// ---- The ready ones ----

void Worker::make_ready(std::span<Thread*> threads) {
  if (grid_->settings.thread_order == Order::kReverse) {
    std::reverse(threads.begin(), threads.end());
  } else if (grid_->settings.thread_order == Order::kRandom) {
    for (std::size_t left = threads.size(); left > 1; --left) {
      std::swap(threads[left - 1], threads[next_random(random_) % left]);
    }
  }
  for (Thread* thread : threads) {
    push(thread);
  }
}

void Worker::push(Thread* thread) {
  thread->state = ThreadState::kReady;
  ready_[tail_] = thread;
  tail_ = (tail_ + 1) & (ready_.size() - 1);
}

Thread* Worker::pop() {
  if (head_ == tail_) {
    return nullptr;
  }
  Thread* const thread = ready_[head_];
  head_ = (head_ + 1) & (ready_.size() - 1);
  return thread;
}

void Worker::resume(Thread& next) {
  ++switches_;
  sanitizer::before_switch(&main_fake_stack_, stack_low(next), kUsableStackBytes);
  switch_context(main_, next.context);
  sanitizer::after_switch(main_fake_stack_, nullptr, nullptr);
}

void Worker::leave(Thread& me, Thread* next, bool for_good) {
  ++switches_;
  if (for_good) {  // the functions that never return can't tidy up after themselves
    char* const frame = static_cast<char*>(__builtin_frame_address(0));
    sanitizer::unpoison(frame, static_cast<std::size_t>(reinterpret_cast<char*>(&me) - frame));
  }
  void** const keep = for_good ? nullptr : &me.fake_stack;
  if (next != nullptr) {
    sanitizer::before_switch(keep, stack_low(*next), kUsableStackBytes);
    switch_context(me.context, next->context);
  } else {
    sanitizer::before_switch(keep, main_low_, main_bytes_);
    switch_context(me.context, main_);
  }
  sanitizer::after_switch(me.fake_stack, nullptr, nullptr);
}

}  // namespace leet::emulator
