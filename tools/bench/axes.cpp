// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/axes.hpp"

#include <fmt/format.h>

#include <charconv>
#include <functional>
#include <optional>
#include <set>
#include <string_view>

#include "tools/common/names.hpp"

namespace leet::bench {
namespace {

core::Error invalid(std::string message) {
  return {LEET_STATUS_INVALID_ARGUMENT, std::move(message)};
}

// Nothing larger has elements that could be counted, let alone memory.
constexpr std::int64_t kLargest = std::int64_t{1} << 40;

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

std::optional<std::int64_t> parse_count(std::string_view text, std::int64_t largest) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > largest) {
    return std::nullopt;
  }
  return value;
}

std::optional<std::int32_t> parse_decay(std::string_view text) {
  for (const std::int32_t kind :
       {LEET_DECAY_NONE, LEET_DECAY_HEAD, LEET_DECAY_STEP, LEET_DECAY_CHANNEL}) {
    if (text == tools::decay_kind_name(kind)) return kind;
  }
  return std::nullopt;
}

// Replaces `values` by those of `text`; `parse` gives an optional.
template <class T, class Parse>
core::Status read_values(std::string_view axis, std::string_view text, const char* legal,
                         Parse&& parse, std::vector<T>& values) {
  values.clear();
  for (const std::string_view part : split(text)) {
    const auto value = parse(part);
    if (!value) return invalid(fmt::format("axis {}: '{}'; needs {}", axis, part, legal));
    values.push_back(static_cast<T>(*value));
  }
  return {};
}

core::Status read_axis(std::string_view axis, std::string_view text, int available, Axes& axes) {
  const auto sizes = [&](std::vector<std::int64_t>& values) {
    return read_values(
        axis, text, "whole numbers from 1",
        [](std::string_view part) { return parse_count(part, kLargest); }, values);
  };
  if (axis == "B") return sizes(axes.B);
  if (axis == "H") return sizes(axes.H);
  if (axis == "N") return sizes(axes.N);
  if (axis == "R") return sizes(axes.R);
  if (axis == "D") return sizes(axes.D);
  if (axis == "dtype") {
    return read_values(axis, text, "f32, f16, bf16 or f64", tools::parse_float_dtype, axes.dtype);
  }
  if (axis == "decay") {
    return read_values(axis, text, "none, head, step or channel", parse_decay, axes.decay);
  }
  if (axis == "threads") {
    // More threads than CPUs would take turns, and no sample of theirs could be kept.
    const std::string legal = fmt::format("1 to {}, the CPUs that there are, or all", available);
    const auto parse = [&](std::string_view part) -> std::optional<std::int64_t> {
      return part == "all" ? available : parse_count(part, available);
    };
    return read_values(axis, text, legal.c_str(), parse, axes.threads);
  }
  return invalid(fmt::format("axis '{}': there are B, H, N, R, D, dtype, decay and threads", axis));
}

}  // namespace

double Point::cells() const {
  return static_cast<double>(B) * static_cast<double>(H) * static_cast<double>(N) *
         static_cast<double>(R) * static_cast<double>(D);
}

core::Result<Axes> parse_axes(std::span<const std::string> texts, int available_threads) {
  Axes axes;
  axes.threads = {available_threads};
  std::set<std::string_view> seen;
  for (const std::string_view text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
      return invalid(fmt::format("axis '{}': needs NAME=VALUE,VALUE,...", text));
    }
    const std::string_view axis = text.substr(0, equals);
    if (!seen.insert(axis).second) {
      return invalid(
          fmt::format("axis {}: given twice; write its values as {}=VALUE,VALUE", axis, axis));
    }
    if (core::Status status = read_axis(axis, text.substr(equals + 1), available_threads, axes);
        !status) {
      return status.error();
    }
  }
  return axes;
}

std::vector<Point> points_of(const Axes& axes) {
  std::vector<Point> points;
  for (const int threads : axes.threads)
    for (const leet_dtype dtype : axes.dtype)
      for (const std::int32_t decay : axes.decay)
        for (const std::int64_t R : axes.R)
          for (const std::int64_t D : axes.D.empty() ? std::vector{R} : axes.D)
            for (const std::int64_t B : axes.B)
              for (const std::int64_t H : axes.H)
                for (const std::int64_t N : axes.N)
                  points.push_back({B, H, N, R, D, dtype, decay, threads});
  return points;
}

}  // namespace leet::bench
