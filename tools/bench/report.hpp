// SPDX-License-Identifier: Apache-2.0
//
// What a run of `leet bench` says of each point: the figures, as JSON and as a table.
#ifndef LEET_TOOLS_BENCH_REPORT_HPP
#define LEET_TOOLS_BENCH_REPORT_HPP

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/bench/measure.hpp"
#include "tools/bench/samples.hpp"
#include "tools/common/machine.hpp"
#include "tools/common/reporter.hpp"
#include "tools/common/text.hpp"

namespace leet::bench {

// What a measurement is held against; absent where no sample of it counted.
struct MachineCeilings {
  std::string isa;  // that the peak was reached with
  std::optional<double> peak_gflops;
  std::optional<double> bandwidth_gbs;
  double cache_bytes = 0;
};

// A point's result. Without `seconds` there are no figures: refused, failed, wrong, or no sample
// that counted.
struct Record {
  Measurement measurement;  // its samples are not needed any more
  MachineCeilings ceilings;
  Summary samples;  // of one execute's seconds
  std::optional<Summary::Figures> seconds;
  double gflops_4nrd = 0;  // 4 B H N R D a second, whatever the method computes
  std::optional<double> fraction_of_peak;
  std::optional<double> fraction_of_bandwidth;

  bool correct() const { return measurement.verdict && measurement.verdict->correct; }
};

Record make_record(Measurement measurement, double best_probe, MachineCeilings ceilings);

struct RunFacts {
  tools::Machine machine;
  std::uint64_t seed = 0;
};

// Every key is always there; null where it does not apply.
tools::Json to_json(const Record& record, const RunFacts& facts);

// Lines without their ends: a row for each record, then what the columns don't say.
std::vector<std::string> table(std::span<const Record> records);

// "#####     ", of 20 characters; `share` beyond 1 fills it.
std::string bar(double share);

using tools::duration_text;

}  // namespace leet::bench
#endif  // LEET_TOOLS_BENCH_REPORT_HPP
