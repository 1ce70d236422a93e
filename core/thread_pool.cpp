// SPDX-License-Identifier: Apache-2.0
//
// The calling thread is worker 0 and could do the whole loop alone; the other workers join a call
// while it is open and take pieces too. No call waits for a worker to wake up, only for those that
// have joined, so a short loop costs the same whether the workers spin, sleep or are gone.
#include "core/thread_pool.hpp"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <cstdio>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

namespace leet::core {
namespace {

// About 20 us: longer than the gap between two loops of one execute, far shorter than what would
// be missed by other processes on the machine.
constexpr int kSpins = 500;

// The top bit of State::gate: the call takes workers. The other bits count those inside.
constexpr std::uint32_t kOpen = 1u << 31;

constexpr std::size_t kCacheLine = 64;

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Waits until `word` differs from `old`.
void spin_then_sleep(const std::atomic<std::uint32_t>& word, std::uint32_t old) {
  for (int i = 0; i < kSpins; ++i) {
    if (word.load(std::memory_order_acquire) != old) return;
    relax();
  }
  word.wait(old, std::memory_order_acquire);
}

int available_cpus() {
  cpu_set_t cpus;
  if (sched_getaffinity(0, sizeof cpus, &cpus) == 0) return std::max(1, CPU_COUNT(&cpus));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// The CPUs of the calling thread's affinity mask, the one that it is on first and then upwards.
// Empty where the system doesn't tell.
std::vector<int> cpus_from_here() {
  cpu_set_t mask;
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &mask)) cpus.push_back(cpu);
  }
  const auto here = std::find(cpus.begin(), cpus.end(), sched_getcpu());
  if (here != cpus.end()) std::rotate(cpus.begin(), here, cpus.end());
  return cpus;
}

// A thread that can't be pinned (the CPU may have gone) runs where the system puts it.
void pin_to(std::thread& thread, int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  pthread_setaffinity_np(thread.native_handle(), sizeof one, &one);
}

// The bodies that this thread is inside of, innermost first.
struct Frame {
  const void* pool;
  std::int32_t worker;
  const Frame* outer;
};
thread_local const Frame* innermost = nullptr;

// Blocks, in this scope and in threads started in it, the signals that the host's own threads are
// there for. Those that a fault or a profiler raises are delivered where they belong.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t signals;
    sigfillset(&signals);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF}) {
      sigdelset(&signals, fault);
    }
    pthread_sigmask(SIG_SETMASK, &signals, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// One parallel_for.
struct Call {
  std::int64_t count = 0;
  std::int64_t grain = 1;
  leet_loop_body body = nullptr;
  void* arg = nullptr;

  std::int64_t pieces() const { return count == 0 ? 0 : (count - 1) / grain + 1; }

  leet_status run_piece(std::int64_t piece, std::int32_t worker) const {
    const std::int64_t begin = piece * grain;
    return body(arg, begin, begin + std::min(grain, count - begin), worker);
  }
};

}  // namespace

struct ThreadPool::State {
  int workers = 1;
  bool pinned = false;

  // Set by the call that has the workers.
  std::atomic<bool> taken = false;
  bool started = false;
  pid_t process = 0;  // that the threads live in; a fork's child has none
  std::vector<std::thread> threads;

  // That call; written while the gate is shut and nobody is inside.
  Call call;
  std::fenv_t environment;
  std::mutex failure_mutex;
  std::int64_t failed_piece = std::numeric_limits<std::int64_t>::max();
  leet_status failure = LEET_STATUS_OK;

  alignas(kCacheLine) std::atomic<std::uint64_t> next_piece = 0;
  std::atomic<bool> failed = false;
  alignas(kCacheLine) std::atomic<std::uint32_t> gate = 0;
  // Counts the calls; what idle workers watch and sleep on.
  alignas(kCacheLine) std::atomic<std::uint32_t> calls = 0;
  std::atomic<bool> ending = false;

  void start_threads();
  void work(std::int32_t worker);
  bool join_call();
  void leave_call();
  void take_pieces(std::int32_t worker);
  leet_status run_inline(const Call& inline_call, std::int32_t worker) const;
};

void ThreadPool::State::start_threads() {
  started = true;
  process = getpid();
  const SignalsBlocked blocked;
  try {
    const std::vector<int> cpus = pinned ? cpus_from_here() : std::vector<int>();
    while (static_cast<int>(threads.size()) < workers - 1) {
      const auto worker = static_cast<std::int32_t>(threads.size()) + 1;
      threads.emplace_back([this, worker] { work(worker); });
      if (!cpus.empty())
        pin_to(threads.back(), cpus[static_cast<std::size_t>(worker) % cpus.size()]);
    }
  } catch (const std::exception&) {
    // No more threads or no memory for them; those that did start, if any, share the work.
  }
}

void ThreadPool::State::work(std::int32_t worker) {
  char name[16];  // Linux's limit
  std::snprintf(name, sizeof name, "leet-%d", worker);
  pthread_setname_np(pthread_self(), name);

  // Zero and not the current count: the call that started this thread is one to join.
  for (std::uint32_t seen = 0;;) {
    spin_then_sleep(calls, seen);
    seen = calls.load(std::memory_order_acquire);
    if (ending.load(std::memory_order_acquire)) return;
    if (!join_call()) continue;
    std::fesetenv(&environment);
    take_pieces(worker);
    leave_call();
  }
}

// A worker may find the gate opened by a later call than the one that woke it; that one is as good.
bool ThreadPool::State::join_call() {
  std::uint32_t seen = gate.load(std::memory_order_relaxed);
  while ((seen & kOpen) != 0) {
    if (gate.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire,
                                   std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

void ThreadPool::State::leave_call() {
  if (gate.fetch_sub(1, std::memory_order_release) == 1) gate.notify_all();
}

void ThreadPool::State::take_pieces(std::int32_t worker) {
  const Frame frame{this, worker, innermost};
  innermost = &frame;
  const auto pieces = static_cast<std::uint64_t>(call.pieces());
  // A piece that was handed out is run whatever has failed meanwhile. Pieces are handed out in
  // order, so the lowest failing piece of the loop always runs, and its status is the result.
  while (!failed.load(std::memory_order_relaxed)) {
    const std::uint64_t piece = next_piece.fetch_add(1, std::memory_order_relaxed);
    if (piece >= pieces) break;
    const leet_status status = call.run_piece(static_cast<std::int64_t>(piece), worker);
    if (status == LEET_STATUS_OK) continue;
    failed.store(true, std::memory_order_relaxed);
    const std::lock_guard lock(failure_mutex);
    if (static_cast<std::int64_t>(piece) < failed_piece) {
      failed_piece = static_cast<std::int64_t>(piece);
      failure = status;
    }
  }
  innermost = frame.outer;
}

leet_status ThreadPool::State::run_inline(const Call& inline_call, std::int32_t worker) const {
  const Frame frame{this, worker, innermost};
  innermost = &frame;
  leet_status status = LEET_STATUS_OK;
  const std::int64_t pieces = inline_call.pieces();
  for (std::int64_t piece = 0; piece < pieces && status == LEET_STATUS_OK; ++piece) {
    status = inline_call.run_piece(piece, worker);
  }
  innermost = frame.outer;
  return status;
}

ThreadPool::ThreadPool(int workers, bool pinned) : state_(std::make_unique<State>()) {
  state_->workers = workers > 0 ? workers : available_cpus();
  state_->pinned = pinned;
  state_->threads.reserve(static_cast<std::size_t>(state_->workers - 1));
}

ThreadPool::~ThreadPool() {
  const bool forked = state_->started && state_->process != getpid();
  state_->ending.store(true, std::memory_order_release);
  state_->calls.fetch_add(1, std::memory_order_release);
  state_->calls.notify_all();
  for (std::thread& thread : state_->threads) {
    if (forked) {
      thread.detach();  // there is no such thread here to wait for
    } else {
      thread.join();
    }
  }
}

int ThreadPool::concurrency() const { return state_->workers; }

leet_status ThreadPool::parallel_for(std::int64_t count, std::int64_t grain, leet_loop_body body,
                                     void* arg) {
  if (count < 0 || grain < 1 || body == nullptr) return LEET_STATUS_INVALID_ARGUMENT;
  const Call call{count, grain, body, arg};
  State& state = *state_;
  for (const Frame* frame = innermost; frame != nullptr; frame = frame->outer) {
    if (frame->pool == &state) return state.run_inline(call, frame->worker);
  }
  if (call.pieces() < 2 || state.workers < 2 ||
      state.taken.exchange(true, std::memory_order_acquire)) {
    return state.run_inline(call, 0);
  }

  state.call = call;
  std::fegetenv(&state.environment);
  state.failed_piece = std::numeric_limits<std::int64_t>::max();
  state.failure = LEET_STATUS_OK;
  state.failed.store(false, std::memory_order_relaxed);
  state.next_piece.store(0, std::memory_order_relaxed);
  state.gate.store(kOpen, std::memory_order_release);
  state.calls.fetch_add(1, std::memory_order_release);
  if (!state.started) {
    state.start_threads();
  } else if (call.pieces() < state.workers) {
    for (std::int64_t i = 1; i < call.pieces(); ++i) state.calls.notify_one();
  } else {
    state.calls.notify_all();
  }

  state.take_pieces(0);

  std::uint32_t inside = state.gate.fetch_and(~kOpen, std::memory_order_acquire) & ~kOpen;
  while (inside != 0) {
    spin_then_sleep(state.gate, inside);
    inside = state.gate.load(std::memory_order_acquire);
  }
  const leet_status status = state.failure;
  state.taken.store(false, std::memory_order_release);
  return status;
}

}  // namespace leet::core
