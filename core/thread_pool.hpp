// SPDX-License-Identifier: Apache-2.0
//
// The workers behind leet_host::parallel_for.
#ifndef LEET_CORE_THREAD_POOL_HPP
#define LEET_CORE_THREAD_POOL_HPP

#include <leet/plugin.h>

#include <cstdint>
#include <memory>

namespace leet::core {

class ThreadPool {
 public:
  // `workers` includes the calling thread; 0 means one for each CPU that this process may use (its
  // affinity mask).
  explicit ThreadPool(int workers);
  ~ThreadPool();  // no call may be in flight
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int concurrency() const;

  // As leet_host::parallel_for says. Several threads may call at once: while one call has the
  // workers, another runs its own items inline on its own thread. Pieces are handed out in order.
  // [thread-safe]
  leet_status parallel_for(std::int64_t count, std::int64_t grain, leet_loop_body body, void* arg);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace leet::core
#endif  // LEET_CORE_THREAD_POOL_HPP
