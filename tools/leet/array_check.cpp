// SPDX-License-Identifier: Apache-2.0
#include "tools/leet/array_check.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstring>
#include <leet/plugin/dtype.hpp>
#include <limits>

#include "tools/common/error_metrics.hpp"
#include "tools/common/names.hpp"

namespace leet::tools {
namespace {

std::vector<std::int64_t> index_of(std::int64_t flat, const std::vector<std::int64_t>& extents) {
  std::vector<std::int64_t> index(extents.size());
  for (std::size_t axis = extents.size(); axis-- > 0;) {
    index[axis] = flat % extents[axis];
    flat /= extents[axis];
  }
  return index;
}

ArrayCheck check_whole_numbers(const Array& got, const Array& expected) {
  ArrayCheck check;
  for (std::int64_t i = 0; i < got.size(); ++i) {
    std::int64_t a = 0;
    std::int64_t b = 0;
    std::memcpy(&a, got.data.data() + i * static_cast<std::int64_t>(sizeof a), sizeof a);
    std::memcpy(&b, expected.data.data() + i * static_cast<std::int64_t>(sizeof b), sizeof b);
    if (a == b) continue;
    check.relative_error = std::numeric_limits<double>::infinity();
    check.worst_index = index_of(i, got.extents);
    check.worst_got = a;
    check.worst_expected = b;
    break;
  }
  return check;
}

// JSON has no infinities and no NaN.
Json number(double x) { return std::isfinite(x) ? Json(x) : Json(fmt::format("{}", x)); }

std::string text_of(const Json& number) {
  return number.is_string() ? number.get<std::string>() : number.dump();
}

}  // namespace

std::string ArrayCheck::text() const {
  std::string line =
      fmt::format("relative error {:.3g}, tolerance {:.3g}", relative_error, tolerance);
  if (!passes() && !worst_got.is_null()) {
    line += fmt::format("; worst at {}: {} where {} is expected", extents_text(worst_index),
                        text_of(worst_got), text_of(worst_expected));
  }
  return line;
}

Json ArrayCheck::record() const {
  Json record = {
      {"relative_error", number(relative_error)}, {"tolerance", tolerance}, {"pass", passes()}};
  if (!worst_got.is_null()) {
    record["worst"] = {{"index", worst_index}, {"got", worst_got}, {"expected", worst_expected}};
  }
  return record;
}

core::Status check_comparable(const Array& got, const Array& expected) {
  if (got.extents != expected.extents) {
    return core::Error{LEET_STATUS_INVALID_ARGUMENT,
                       fmt::format("shape {}; needs {}, to be compared element by element",
                                   extents_text(expected.extents), extents_text(got.extents))};
  }
  if ((sdk::dtype_bit(got.dtype) == 0) != (sdk::dtype_bit(expected.dtype) == 0)) {
    return core::Error{LEET_STATUS_INVALID_ARGUMENT,
                       fmt::format("dtype {}; can't be compared with {}",
                                   sdk::dtype_name(expected.dtype), sdk::dtype_name(got.dtype))};
  }
  return {};
}

ArrayCheck check_array(const Array& got, const Array& expected, double tolerance) {
  if (sdk::dtype_bit(got.dtype) == 0) return check_whole_numbers(got, expected);
  const Comparison comparison = compare(got.to_doubles(), expected.to_doubles());
  ArrayCheck check;
  check.relative_error = comparison.relative_error;
  check.tolerance = tolerance;
  if (comparison.worst_index >= 0) {
    check.worst_index = index_of(comparison.worst_index, got.extents);
    check.worst_got = number(comparison.worst_got);
    check.worst_expected = number(comparison.worst_expected);
  }
  return check;
}

std::string check_tolerance(const std::string& text) {
  double tolerance = 0;
  if (CLI::detail::lexical_cast(text, tolerance) && std::isfinite(tolerance) && tolerance >= 0) {
    return {};
  }
  return fmt::format("{} is not a finite number of 0 or more", text);
}

}  // namespace leet::tools
