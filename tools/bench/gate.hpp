// SPDX-License-Identifier: Apache-2.0
//
// The correctness gate: before a point is timed, what the method wrote is held against the fp64
// oracle, by the validator's own judgement.
//
// Columns of D don't depend on each other, and neither do heads. Where the oracle can't do all of
// them in about a second it does windows of columns, over the whole of N, spread evenly from the
// first columns of the first head to the last of the last. Every element outside of the windows
// must at least be a finite number. The share of the elements that was compared is reported.
#ifndef LEET_TOOLS_BENCH_GATE_HPP
#define LEET_TOOLS_BENCH_GATE_HPP

#include <leet/plugin.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/reference/oracle.hpp"
#include "core/thread_pool.hpp"
#include "tools/bench/axes.hpp"

namespace leet::bench {

// Columns [first, first + count) of one head of one batch entry.
struct Window {
  std::int64_t b = 0, h = 0;
  std::int64_t first = 0, count = 0;
};

// Those that are compared when the oracle may do about `cells` steps of one state element.
std::vector<Window> windows_of(const Point& point, double cells);

struct Verdict {
  bool correct = false;
  double error = 0;     // the largest relative Frobenius error of a window; infinite with NaN
  std::string message;  // what is wrong, where it is
};

class Gate {
 public:
  // Asks the oracle, on the pool's threads. `tensors` by role, before the method has run on them.
  Gate(const Point& point, const leet_tensor* const* tensors, core::ThreadPool& pool);

  // Of tensors that the method ran on once since they were as the oracle saw them.
  Verdict judge(const leet_tensor* const* tensors) const;

  // The share of out's elements that are compared.
  double checked() const { return checked_; }

 private:
  Point point_;
  std::vector<Window> windows_;
  std::vector<core::OracleResult> expected_;  // one a window
  double checked_ = 0;
};

}  // namespace leet::bench
#endif  // LEET_TOOLS_BENCH_GATE_HPP
