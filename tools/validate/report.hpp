// SPDX-License-Identifier: Apache-2.0
//
// What a validation found, as text for people, as JSON, and as an exit code.
#ifndef LEET_TOOLS_VALIDATE_REPORT_HPP
#define LEET_TOOLS_VALIDATE_REPORT_HPP

#include <cstdint>
#include <string>
#include <vector>

#include "core/registry.hpp"
#include "tools/common/reporter.hpp"
#include "tools/validate/counts.hpp"
#include "tools/validate/pairwise.hpp"
#include "tools/validate/supervisor.hpp"

namespace leet::validate {

struct MethodReport {
  const core::Method* method = nullptr;
  std::string device;
  Outcome outcome;
  CountTable counts;
};

struct Report {
  std::uint64_t seed = 0;
  int level = kNumericsLevel;
  std::vector<Case> cases;
  std::vector<MethodReport> methods;
  std::vector<PairwiseTable> pairwise;
  std::vector<std::string> count_differences;
  std::vector<std::string> refused_files;  // found, but no plugins that could be checked
  double seconds = 0;                      // wall clock
  bool interrupted = false;                // by Ctrl-C: results are missing

  std::size_t cases_done() const;  // of all methods together
  std::size_t cases_total() const;
};

// tools/common/exit_code.hpp: 130 where it was interrupted, else 4 for a crash, a timeout or a
// plugin that doesn't load, else 1 for a failure or a difference in the counts, else 3 when a
// plugin ran nothing of what was selected (of the numeric cases, where some were), else 0.
int exit_code(const Report& report);

// The command that runs one case again, in this process.
std::string reproduce_command(const Report& report, const MethodReport& method,
                              const std::string& case_id);

std::string to_text(const Report& report, bool only_failed);
void to_json(const Report& report, bool only_failed, tools::Json& record);

}  // namespace leet::validate
#endif  // LEET_TOOLS_VALIDATE_REPORT_HPP
