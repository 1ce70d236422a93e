// SPDX-License-Identifier: Apache-2.0
//
// One run of one method on files: what `leet run` does once its options are read.
#ifndef LEET_TOOLS_LEET_METHOD_RUN_HPP
#define LEET_TOOLS_LEET_METHOD_RUN_HPP

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tools/common/global_options.hpp"

namespace leet::tools {

// Empty paths and names are options that were not given.
struct RunOptions {
  std::string method;
  std::filesystem::path q, k, v, log_decay, state_in, sequence_offsets;
  std::filesystem::path out, state_out;
  std::filesystem::path expect, expect_state;
  std::optional<double> tolerance;
  double scale = 1;
  std::string layout = "bhnd";
  std::string device = "cpu";
  std::string precision = "exact";
  std::string out_dtype;
  int threads = 0;  // 0: as configured
  std::vector<std::string> method_options;
  bool json = false;
};

// Returns the exit code. The outputs are written whole, both or neither; only a failed check leaves
// them.
int run_method(const GlobalOptions& global, const RunOptions& options);

}  // namespace leet::tools
#endif  // LEET_TOOLS_LEET_METHOD_RUN_HPP
