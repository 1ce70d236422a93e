// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/fork_join.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include "core/thread_pool.hpp"
#include "tools/bench/samples.hpp"

namespace leet::bench {
namespace {

using Clock = std::chrono::steady_clock;

// As in overhead.cpp: long against the clock's steps, short against a time slice.
constexpr int kLoopsInBatch = 100;
constexpr int kBatches = 1001;
// Where threads take turns on the CPUs, a loop can take a time slice.
constexpr double kSeconds = 1;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Where the workers of one loop wait for each other.
class Meeting {
 public:
  explicit Meeting(int workers) : workers_(workers) {}

  // False after a millisecond: a worker that has no CPU now won't come soon.
  bool wait_for_everyone() {
    const std::int64_t ticket = arrived_.fetch_add(1, std::memory_order_acq_rel);
    const std::int64_t full = (ticket / workers_ + 1) * workers_;
    const auto begin = Clock::now();
    for (int spins = 1; arrived_.load(std::memory_order_acquire) < full; ++spins) {
      if (spins % 1024 == 0 && seconds_since(begin) > 1e-3) return false;
    }
    return true;
  }

 private:
  const int workers_;
  std::atomic<std::int64_t> arrived_ = 0;
};

std::optional<double> median(std::vector<double>& batches) {
  if (batches.empty()) return std::nullopt;
  std::sort(batches.begin(), batches.end());
  return percentile(batches, 0.5);
}

}  // namespace

ForkJoin measure_fork_join(int threads, bool pinned) {
  core::ThreadPool pool(threads, pinned);
  const leet_loop_body nothing = [](void*, std::int64_t, std::int64_t,
                                    std::int32_t) -> leet_status { return LEET_STATUS_OK; };
  const leet_loop_body meet = [](void* meeting, std::int64_t, std::int64_t,
                                 std::int32_t) -> leet_status {
    return static_cast<Meeting*>(meeting)->wait_for_everyone() ? LEET_STATUS_OK
                                                               : LEET_STATUS_UNAVAILABLE;
  };
  std::vector<double> empty, everyone;
  const auto start = Clock::now();
  for (int batch = 0; batch < kBatches && seconds_since(start) < kSeconds; ++batch) {
    auto begin = Clock::now();
    for (int i = 0; i < kLoopsInBatch; ++i) pool.parallel_for(threads, 1, nothing, nullptr);
    empty.push_back(seconds_since(begin) / kLoopsInBatch);

    Meeting meeting(threads);  // anew, so that one that failed leaves nothing behind
    bool complete = true;
    begin = Clock::now();
    for (int i = 0; i < kLoopsInBatch && complete; ++i) {
      complete = pool.parallel_for(threads, 1, meet, &meeting) == LEET_STATUS_OK;
    }
    if (complete) everyone.push_back(seconds_since(begin) / kLoopsInBatch);
  }
  return {threads, pinned, median(empty).value_or(0), median(everyone)};
}

}  // namespace leet::bench
