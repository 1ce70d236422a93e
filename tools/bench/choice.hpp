// SPDX-License-Identifier: Apache-2.0
//
// The crossover between methods: which is fastest at each point, what "auto" takes there, and what
// a wrong choice costs.
#ifndef LEET_TOOLS_BENCH_CHOICE_HPP
#define LEET_TOOLS_BENCH_CHOICE_HPP

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "core/selection.hpp"
#include "tools/bench/report.hpp"
#include "tools/common/reporter.hpp"

namespace leet::bench {

struct Contender {
  Subject subject;
  std::string method;  // as Measurement::method
  double seconds = 0;  // median
};

struct Choice {
  Point point;
  std::vector<Contender> order;  // those with right results and figures, the fastest first
  std::string best;              // the fastest method that is no peer; empty without one
  std::string chosen;            // by "auto"; empty if it was not asked or found none
  std::string reason;            // for the choice or for there being none
  std::optional<double> regret;  // the chosen method's time over the best one's
};

// `records` are those of one point, at least one. `selection` is absent where options were given:
// "auto" takes methods as they are, and would be held against others.
Choice make_choice(std::span<const Record> records,
                   const std::optional<core::Result<core::Selection>>& selection);

// {B .. threads, choice: {order, best, auto, reason, regret}}.
tools::Json to_json(const Choice& choice);

// A line or more for each point, then the worst regret; nothing where there is nothing to compare.
std::vector<std::string> crossover_lines(std::span<const Choice> choices);

}  // namespace leet::bench
#endif  // LEET_TOOLS_BENCH_CHOICE_HPP
