// SPDX-License-Identifier: Apache-2.0
//
// Takes samples: clocks around a piece of work, between two loops of no-ops on every thread.
#ifndef LEET_TOOLS_BENCH_METER_HPP
#define LEET_TOOLS_BENCH_METER_HPP

#include <atomic>
#include <functional>
#include <optional>
#include <vector>

#include "core/thread_pool.hpp"
#include "tools/bench/samples.hpp"

namespace leet::bench {

// For one thread pool, which outlives it and which nobody else uses meanwhile.
class Meter {
 public:
  explicit Meter(core::ThreadPool& pool);
  ~Meter();
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  core::ThreadPool& pool() { return pool_; }
  int threads() const { return threads_; }

  // The work runs on this thread and may use the pool.
  Sample sample(const std::function<void()>& work);

  // The fastest loop of no-ops so far: this number of threads on undisturbed cores.
  double best_probe() const { return best_probe_; }

  // Runs `work(worker)` once on each of the pool's threads, all beginning together. False where
  // they did not come together in time; some threads may then have run nothing.
  bool on_every_thread(const std::function<void(int worker)>& work);

 private:
  struct Clocks;
  Clocks read_clocks() const;
  double probe();

  core::ThreadPool& pool_;
  int threads_;
  double best_probe_;
  std::vector<int> delay_files_;  // /proc/self/task/*/schedstat of the pool's threads
};

}  // namespace leet::bench
#endif  // LEET_TOOLS_BENCH_METER_HPP
