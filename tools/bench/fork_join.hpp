// SPDX-License-Identifier: Apache-2.0
//
// What a parallel loop costs beside its work: leet_host::parallel_for with one piece a worker.
#ifndef LEET_TOOLS_BENCH_FORK_JOIN_HPP
#define LEET_TOOLS_BENCH_FORK_JOIN_HPP

#include <optional>

namespace leet::bench {

// Seconds a loop; medians of many batches, taken one after the other as in one execute.
struct ForkJoin {
  int threads = 1;
  bool pinned = false;
  // With nothing to do. No worker is waited for that has not joined, so the caller may do it alone.
  double empty = 0;
  // Until every worker has joined and all have left: what a loop over all of them costs at least.
  // Nothing where a worker could not be started, or never came within a millisecond.
  std::optional<double> everyone;
};

ForkJoin measure_fork_join(int threads, bool pinned);

}  // namespace leet::bench
#endif  // LEET_TOOLS_BENCH_FORK_JOIN_HPP
