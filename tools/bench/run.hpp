// SPDX-License-Identifier: Apache-2.0
//
// What `leet bench` does once its options are read. Each returns the exit code.
#ifndef LEET_TOOLS_BENCH_RUN_HPP
#define LEET_TOOLS_BENCH_RUN_HPP

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tools/common/global_options.hpp"

namespace leet::bench {

struct BenchOptions {
  std::vector<std::string> methods;         // names or "auto"; none, or with "all": every method
  std::vector<std::string> peers;           // of peer_names()
  std::vector<std::string> axes;            // "N=1024,4096"
  std::vector<std::string> method_options;  // "key=value"
  double seconds = 1;
  std::uint64_t seed = 1;
  bool overhead = false;
  std::vector<std::filesystem::path> compare;  // old, new
  std::optional<double> fail_on_regression;    // per cent
  bool json = false;
};

// Red gate: 1. A plugin that failed: 4. Nothing measured: 3. Interrupted: 130.
int run_bench(const tools::GlobalOptions& global, const BenchOptions& options);
int run_overhead(const tools::GlobalOptions& global, const BenchOptions& options);
int run_compare(const BenchOptions& options);

}  // namespace leet::bench
#endif  // LEET_TOOLS_BENCH_RUN_HPP
