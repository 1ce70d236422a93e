// SPDX-License-Identifier: Apache-2.0
//
// What the library adds to a plugin's own execute: leet_plan_execute against the same call of the
// plugin's function, at the smallest decoding step (N = 1, B = H = 1, R = D = 8).
#ifndef LEET_TOOLS_BENCH_OVERHEAD_HPP
#define LEET_TOOLS_BENCH_OVERHEAD_HPP

#include <string>

#include "core/registry.hpp"
#include "core/result.hpp"
#include "tools/common/global_options.hpp"

namespace leet::bench {

// Seconds a call; medians of many batches that alternate between the three.
struct Overhead {
  double call = 0;     // leet_plan_execute, with the caller's workspace
  double execute = 0;  // the plugin's execute, called directly with arguments made beforehand
  double check = 0;    // of the difference: the argument check, core::check_tensors

  double dispatch() const { return call - execute; }
};

// Loads `method` through the C API a second time, with the same global options. Errors: those of
// leet_context_create, leet_plan_create and leet_plan_execute.
core::Result<Overhead> measure_overhead(const core::Method& method,
                                        const tools::GlobalOptions& global,
                                        const std::string& options);

}  // namespace leet::bench
#endif  // LEET_TOOLS_BENCH_OVERHEAD_HPP
