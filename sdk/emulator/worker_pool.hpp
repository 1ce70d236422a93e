// SPDX-License-Identifier: Apache-2.0
#ifndef LEET_EMULATOR_WORKER_POOL_HPP
#define LEET_EMULATOR_WORKER_POOL_HPP

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "worker.hpp"

namespace leet::emulator {

// The workers and their operating system threads, kept from launch to launch. The first worker runs
// on the caller's thread. [one-thread-per-instance]
class WorkerPool {
 public:
  WorkerPool() = default;
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Runs the grid to its end on grid.workers workers.
  void run(Grid& grid);
  std::uint64_t switches() const;

 private:
  void work(std::size_t index);

  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;  // of all workers but the first
  std::mutex mutex_;
  std::condition_variable changed_;
  Grid* grid_ = nullptr;
  std::uint64_t round_ = 0;
  std::size_t running_ = 0;
  bool stop_ = false;
};

}  // namespace leet::emulator
#endif  // LEET_EMULATOR_WORKER_POOL_HPP
