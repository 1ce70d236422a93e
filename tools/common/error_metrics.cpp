// SPDX-License-Identifier: Apache-2.0
#include "tools/common/error_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <leet/plugin/dtype.hpp>
#include <limits>
#include <stdexcept>

namespace leet::tools {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The square root of a sum of squares as `largest * sqrt(sum)`, so that neither huge nor tiny
// elements leave the range of double when they are squared.
class ScaledNorm {
 public:
  explicit ScaledNorm(double largest) : largest_(largest) {}

  void add(double x) {
    if (largest_ > 0) sum_ += (x / largest_) * (x / largest_);
  }
  // this / other; `other` is not zero.
  double over(const ScaledNorm& other) const {
    return largest_ / other.largest_ * std::sqrt(sum_ / other.sum_);
  }

 private:
  double largest_;
  double sum_ = 0;
};

// Infinities of one sign agree; a NaN on either side is an infinite difference.
double difference(double got, double expected) {
  if (got == expected) return 0;
  const double difference = std::abs(got - expected);
  return std::isnan(difference) ? kInfinity : difference;
}

// What an element adds to ||expected||: an infinity that was met has no part in the ratio.
double weight(double expected) { return std::isfinite(expected) ? std::abs(expected) : 0; }

}  // namespace

Comparison compare(std::span<const double> got, std::span<const double> expected) {
  if (got.size() != expected.size()) {
    throw std::invalid_argument("compare: the arrays differ in length");
  }
  Comparison result;
  double largest_difference = 0;
  double largest_expected = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double distance = difference(got[i], expected[i]);
    if (result.worst_index < 0 || distance > largest_difference) {
      largest_difference = distance;
      result.worst_index = static_cast<std::int64_t>(i);
      result.worst_got = got[i];
      result.worst_expected = expected[i];
    }
    largest_expected = std::max(largest_expected, weight(expected[i]));
  }
  if (largest_difference == 0) return result;
  if (largest_difference == kInfinity || largest_expected == 0) {
    result.relative_error = kInfinity;
    return result;
  }
  ScaledNorm differences(largest_difference);
  ScaledNorm expectations(largest_expected);
  for (std::size_t i = 0; i < got.size(); ++i) {
    differences.add(difference(got[i], expected[i]));
    expectations.add(weight(expected[i]));
  }
  result.relative_error = differences.over(expectations);
  return result;
}

double relative_error_gate(leet_dtype dtype, std::int32_t lowest_precision) {
  switch (sdk::dtype_bit(dtype)) {
    case LEET_DTYPES_F64:
      return 1e-12;
    case LEET_DTYPES_F32:
      return lowest_precision == LEET_PRECISION_TF32 ? 1e-3 : 2e-6;
    case LEET_DTYPES_F16:
      return 1e-3;
    case LEET_DTYPES_BF16:
      return 4e-3;
    default:
      return 0;  // whole numbers agree or don't
  }
}

}  // namespace leet::tools
