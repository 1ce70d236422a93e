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
  explicit ThreadPool(int workers) : ThreadPool(workers, false) {}
  // `pinned`: each thread that the pool starts stays on one CPU of the mask, in turn from the one
  // after the caller's on which the first call runs. The calling thread is the host's own and is
  // left where it is; it can be pinned by the host.
  ThreadPool(int workers, bool pinned);
  ~ThreadPool();  // no call may be in flight
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int concurrency() const;

  // As leet_host::parallel_for says. Pieces are handed out in order, and the status is that of the
  // lowest failing piece: the same whatever the thread count. Several threads may call at once:
  // while one call has the workers, another runs its items inline on its own thread as worker 0,
  // so that worker indices are private to a call, not to the pool. The first call that can use
  // workers starts their threads; no other call allocates. [thread-safe]
  // Errors: INVALID_ARGUMENT (count < 0, grain < 1, no body), and what `body` returns.
  leet_status parallel_for(std::int64_t count, std::int64_t grain, leet_loop_body body, void* arg);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace leet::core
#endif  // LEET_CORE_THREAD_POOL_HPP
