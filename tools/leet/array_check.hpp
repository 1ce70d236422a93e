// SPDX-License-Identifier: Apache-2.0
//
// One array held against another: what `leet compare` and `leet run --expect` report.
#ifndef LEET_TOOLS_LEET_ARRAY_CHECK_HPP
#define LEET_TOOLS_LEET_ARRAY_CHECK_HPP

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "tools/common/npy.hpp"
#include "tools/common/reporter.hpp"

namespace leet::tools {

struct ArrayCheck {
  double relative_error = 0;  // for whole numbers: 0 where all are equal, else infinity
  double tolerance = 0;
  std::vector<std::int64_t> worst_index;  // empty where there are no elements
  Json worst_got;                         // a number; NaN and infinities as text; null likewise
  Json worst_expected;

  bool passes() const { return std::isfinite(relative_error) && relative_error <= tolerance; }

  // "relative error 3e-07, tolerance 2e-06", and the worst element when it doesn't pass.
  std::string text() const;
  Json record() const;
};

// Whether two arrays can be held against each other at all: one shape, and both of float types or
// both of whole numbers. Errors: INVALID_ARGUMENT, without file names.
core::Status check_comparable(const Array& got, const Array& expected);

// The arrays are comparable.
ArrayCheck check_array(const Array& got, const Array& expected, double tolerance);

// A validator for --tolerance: a finite number of 0 or more. An infinite one would let anything
// pass.
std::string check_tolerance(const std::string& text);

}  // namespace leet::tools
#endif  // LEET_TOOLS_LEET_ARRAY_CHECK_HPP
