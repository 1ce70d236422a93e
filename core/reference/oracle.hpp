// SPDX-License-Identifier: Apache-2.0
//
// The oracle: the plain recurrence of leet/plugin.h, one step at a time, for any input that the
// operator has. Everything else is judged against it, so it is written to be read and is itself
// checked by closed forms. It sums in long double, 64 bits of fraction on x86, and rounds its
// results to double: fp64 methods are judged by something more exact than they are.
#ifndef LEET_CORE_REFERENCE_ORACLE_HPP
#define LEET_CORE_REFERENCE_ORACLE_HPP

#include <leet/plugin.h>

#include <cstdint>
#include <vector>

namespace leet::core {

struct OracleResult {
  // Contiguous in the order of the axes, whatever the strides of the tensors given.
  std::vector<double> out;        // [B, H, N, D]
  std::vector<double> state_out;  // [sequences, H_s, R, D]
  // The same sums with every term's absolute value, |scale| * sum over s, r of w |q| |k| |v| + the
  // initial state's: what a rounding error is judged against, so that cancellation is judged
  // fairly.
  std::vector<double> out_magnitude;
  std::vector<double> state_magnitude;
};

// `tensors` by role, LEET_ROLE_COUNT of them, in host memory, as core/argument_check.hpp hands them
// to plugins; outputs' data are not touched and may be null. `scale` as in leet_problem. Uses H =
// shape_of(tensors).H heads.
OracleResult run_oracle(const leet_tensor* const* tensors, double scale);

}  // namespace leet::core
#endif  // LEET_CORE_REFERENCE_ORACLE_HPP
