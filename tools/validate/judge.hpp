// SPDX-License-Identifier: Apache-2.0
//
// Whether values are right: the one place where the validator's tolerances are derived.
//
// A tensor is right when three things hold.
//  1. Its relative Frobenius error is within the gate of its arithmetic and dtype, and within what
//     the plan declared. Fewer than kFewestForNorm elements are too few for a norm to average over
//     cancellation, and are judged by 3 alone.
//  2. No token's error (norm over D) is more than kTokenFactor times the gate of its own norm, or
//  of
//     kSmallToken of the mean norm where that is more, so that one bad chunk boundary can't hide in
//     a long sequence. Rows of fewer than kFewestForToken elements are judged by 3.
//  3. Each element is within kElementFactor * eps * (sum of the absolute terms), plus the rounding
//     of the stored dtype; the sum is the oracle's, so that cancellation is judged fairly.
#ifndef LEET_TOOLS_VALIDATE_JUDGE_HPP
#define LEET_TOOLS_VALIDATE_JUDGE_HPP

#include <leet/plugin.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "core/reference/oracle.hpp"
#include "tools/validate/subject.hpp"

namespace leet::validate {

// Measured, not chosen: the plain fp32 recurrence, run over every f32 case of the numeric
// catalogue, errs by at most kElementFactor / 3 in these units. The rest is for methods that add in
// another order. tests/validate/judge_test.cpp measures it again and fails when it no longer fits.
inline constexpr double kElementFactor = 16;

struct Judgement {
  bool ok = true;
  std::string message = {};   // what is wrong: worst element, token where it starts
  double relative_error = 0;  // Frobenius
  double element_factor = 0;  // the largest |error| / (eps * magnitude), rounding taken off
  double token_factor = 0;    // the worst judged token's relative error / gate
};

struct Expected {
  const char* name;                     // "out"
  std::array<std::int64_t, 4> extents;  // [B, H, N, D] or [sequences, H_s, R, D]
  std::span<const double> values;
  std::span<const double> magnitude;
  leet_dtype stored;      // its dtype in memory
  leet_dtype arithmetic;  // f64 with f64 inputs, else f32
  bool is_state = false;  // a "token" of a state is one whole [R, D] block
};

Judgement judge(std::span<const double> got, const Expected& expected);

// Both outputs of a run against the oracle.
Result judge_run(const Run& run, const Description& description, const core::OracleResult& oracle);

// The same, for those who want the numbers: out, then the state.
std::array<Judgement, 2> judgements(const Run& run, const Description& description,
                                    const core::OracleResult& oracle);

// A comparison without a reference in fp64: two runs that ought to give the same sums. Passes when
// the relative Frobenius difference is within twice the gate, since both sides err.
Result agree(const char* what, std::span<const double> got, std::span<const double> expected,
             const Description& description, bool is_state);

// The same bits, signs of zero included.
Result identical(const char* what, std::span<const double> got, std::span<const double> expected);

// "[1, 0, 64, 3]" for a flat index.
std::string index_text(std::int64_t index, std::span<const std::int64_t> extents);

}  // namespace leet::validate
#endif  // LEET_TOOLS_VALIDATE_JUDGE_HPP
