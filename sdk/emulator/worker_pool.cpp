// SPDX-License-Identifier: Apache-2.0
#include "worker_pool.hpp"

#include <algorithm>

namespace leet::emulator {

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void WorkerPool::run(Grid& grid) {
  {
    const std::lock_guard lock(mutex_);
    while (workers_.size() < grid.workers) {
      workers_.push_back(std::make_unique<Worker>(workers_.size()));
    }
    while (threads_.size() + 1 < grid.workers) {
      threads_.emplace_back(&WorkerPool::work, this, threads_.size() + 1);
    }
    grid_ = &grid;
    running_ = grid.workers - 1;
    ++round_;
  }
  if (grid.workers > 1) {
    changed_.notify_all();
  }
  workers_[0]->run(grid);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return running_ == 0; });
  grid_ = nullptr;
}

void WorkerPool::work(std::size_t index) {
  std::uint64_t done = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stop_ || (round_ != done && grid_ != nullptr); });
    if (stop_) {
      return;
    }
    done = round_;
    if (index >= grid_->workers) {
      continue;
    }
    Grid& grid = *grid_;
    Worker& worker = *workers_[index];
    lock.unlock();
    worker.run(grid);
    lock.lock();
    if (--running_ == 0) {
      changed_.notify_all();
    }
  }
}

std::uint64_t WorkerPool::switches() const {
  std::uint64_t sum = 0;
  for (const auto& worker : workers_) {
    sum += worker->switches();
  }
  return sum;
}

}  // namespace leet::emulator
