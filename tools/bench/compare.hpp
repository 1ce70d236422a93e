// SPDX-License-Identifier: Apache-2.0
//
// What changed between two runs of `leet bench --json`, beyond noise.
//
// A point changed when each run's median lies outside the other's 5th to 95th percentile: then
// neither run would have called the other's typical sample one of its own. On one machine seconds
// are compared; between machines of different processors, seconds times the peak measured in the
// same run, which is what a method makes of the machine that it has.
#ifndef LEET_TOOLS_BENCH_COMPARE_HPP
#define LEET_TOOLS_BENCH_COMPARE_HPP

#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "tools/common/reporter.hpp"

namespace leet::bench {

enum class ChangeKind {
  kSame,  // within noise
  kFaster,
  kSlower,
  kBroken,     // the old run has figures, the new one a wrong result, a failure or a refusal
  kMended,     // the reverse
  kNoFigures,  // in either
  kOnlyOld,
  kOnlyNew
};
const char* change_name(ChangeKind kind);  // "same", "faster", "only-old", ...

struct Change {
  std::string point;  // "leet.naive cpu f32 head 2 threads B=1 H=8 N=4096 R=128 D=128"
  ChangeKind kind = ChangeKind::kSame;
  double old_cost = 0;  // 0 without figures
  double new_cost = 0;
  double ratio = 0;  // new / old; 0 without both

  // Whether it got worse by more than so many per cent, beyond noise.
  bool regressed(double percent) const;
};

struct ChangeReport {
  bool by_seconds = true;       // else by seconds times peak: the processors differ
  std::vector<Change> changes;  // in the order of the old run, then the points that only new has
};

// The records of a file's text. Errors: INVALID_ARGUMENT (no leet.bench/1 JSON, or records without
// what a comparison needs).
core::Result<std::vector<tools::Json>> parse_records(std::string_view text);

ChangeReport compare_runs(const std::vector<tools::Json>& before,
                          const std::vector<tools::Json>& after);

// Lines without their ends.
std::vector<std::string> change_lines(const ChangeReport& report);
tools::Json to_json(const ChangeReport& report);

}  // namespace leet::bench
#endif  // LEET_TOOLS_BENCH_COMPARE_HPP
