// SPDX-License-Identifier: Apache-2.0
#include "tools/common/error_metrics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <leet/plugin/dtype.hpp>
#include <limits>
#include <stdexcept>
#include <vector>

namespace leet::tools {
namespace {

using Values = std::vector<double>;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Compare, GivesTheRelativeFrobeniusNormAndTheWorstElement) {
  const Comparison result = compare(Values{3, 4.5, 1}, Values{3, 4, 0});
  EXPECT_DOUBLE_EQ(result.relative_error, std::sqrt(1.25) / 5);
  EXPECT_EQ(result.worst_index, 2);
  EXPECT_EQ(result.worst_got, 1);
  EXPECT_EQ(result.worst_expected, 0);
}

TEST(Compare, EqualArraysAreAtZero) {
  const Comparison result = compare(Values{1, 2}, Values{1, 2});
  EXPECT_EQ(result.relative_error, 0);
  EXPECT_EQ(result.worst_index, 0);
}

TEST(Compare, NoElementsAreAtZero) {
  const Comparison result = compare(Values{}, Values{});
  EXPECT_EQ(result.relative_error, 0);
  EXPECT_EQ(result.worst_index, -1);
}

TEST(Compare, AgainstZerosIsAllOrNothing) {
  EXPECT_EQ(compare(Values{0, -0.0}, Values{0, 0}).relative_error, 0);
  EXPECT_EQ(compare(Values{0, 1e-300}, Values{0, 0}).relative_error, kInfinity);
}

TEST(Compare, NanNeverPasses) {
  for (const double expected : {1.0, kNan, kInfinity}) {
    const Comparison result = compare(Values{1, kNan, 5}, Values{1, expected, 2});
    EXPECT_EQ(result.relative_error, kInfinity) << expected;
    EXPECT_EQ(result.worst_index, 1) << expected;
  }
  EXPECT_EQ(compare(Values{1}, Values{kNan}).relative_error, kInfinity);
}

TEST(Compare, EqualInfinitiesAgreeAndHideNothing) {
  EXPECT_EQ(compare(Values{kInfinity, 1}, Values{kInfinity, 1}).relative_error, 0);
  EXPECT_DOUBLE_EQ(compare(Values{kInfinity, 3}, Values{kInfinity, 2}).relative_error, 0.5);
  EXPECT_EQ(compare(Values{kInfinity}, Values{-kInfinity}).relative_error, kInfinity);
  EXPECT_EQ(compare(Values{kInfinity}, Values{1}).relative_error, kInfinity);
  EXPECT_EQ(compare(Values{1}, Values{kInfinity}).relative_error, kInfinity);
}

TEST(Compare, SquaresNeitherOverflowNorVanish) {
  EXPECT_DOUBLE_EQ(compare(Values{1.5e300, 0}, Values{1e300, 0}).relative_error, 0.5);
  EXPECT_DOUBLE_EQ(compare(Values{1.5e-300, 0}, Values{1e-300, 0}).relative_error, 0.5);
}

TEST(Compare, RefusesArraysOfDifferentLength) {
  EXPECT_THROW(compare(Values{1}, Values{1, 2}), std::invalid_argument);
}

TEST(RelativeErrorGate, IsTheOperatorsTable) {
  EXPECT_EQ(relative_error_gate(sdk::kF64, LEET_PRECISION_EXACT), 1e-12);
  EXPECT_EQ(relative_error_gate(sdk::kF32, LEET_PRECISION_EXACT), 2e-6);
  EXPECT_EQ(relative_error_gate(sdk::kF32, LEET_PRECISION_TF32), 1e-3);
  EXPECT_EQ(relative_error_gate(sdk::kF64, LEET_PRECISION_TF32), 1e-12);
  EXPECT_EQ(relative_error_gate(sdk::kF16, LEET_PRECISION_EXACT), 1e-3);
  EXPECT_EQ(relative_error_gate(sdk::kBf16, LEET_PRECISION_EXACT), 4e-3);
  EXPECT_EQ(relative_error_gate(sdk::kI64, LEET_PRECISION_EXACT), 0);
}

}  // namespace
}  // namespace leet::tools
