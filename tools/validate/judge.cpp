// SPDX-License-Identifier: Apache-2.0
#include "tools/validate/judge.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <leet/plugin/dtype.hpp>
#include <limits>
#include <optional>
#include <vector>

#include "tools/common/error_metrics.hpp"

namespace leet::validate {
namespace {

constexpr double kTokenFactor = 10;
// Right fp32 arithmetic errs by up to 5e-7 of the mean norm (the operator's table), which is
// kTokenFactor * 2e-6 of a token with this share of it. Below it a relative error says nothing.
constexpr double kSmallToken = 0.025;
constexpr std::size_t kFewestForNorm = 64;
constexpr std::int64_t kFewestForToken = 16;

double epsilon_of(leet_dtype arithmetic) {
  return sdk::same(arithmetic, sdk::kF64) ? std::numeric_limits<double>::epsilon()
                                          : std::numeric_limits<float>::epsilon();
}

// The most that storing x in a 16-bit dtype moves it: half a unit in the last place, or half of the
// smallest subnormal. Storing f32 or f64 is part of the arithmetic.
double storage_rounding(leet_dtype stored, double x) {
  if (sdk::same(stored, sdk::kF16)) return std::max(std::abs(x) * 0x1p-11, 0x1p-25);
  if (sdk::same(stored, sdk::kBf16)) return std::abs(x) * 0x1p-8;
  return 0;
}

// Results below the normal range may be flushed or keep few bits.
double underflow(leet_dtype arithmetic) {
  return sdk::same(arithmetic, sdk::kF64) ? std::numeric_limits<double>::min()
                                          : std::numeric_limits<float>::min();
}

bool agrees_in_kind(double got, double expected) {
  if (std::isfinite(got) && std::isfinite(expected)) return true;
  return !std::isnan(got) && got == expected;
}

double norm(std::span<const double> values) {
  double sum = 0;
  for (const double x : values) sum += x * x;
  return std::sqrt(sum);
}

double distance(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum);
}

}  // namespace

std::string index_text(std::int64_t index, std::span<const std::int64_t> extents) {
  std::vector<std::int64_t> indices(extents.size());
  for (std::size_t axis = extents.size(); axis-- > 0;) {
    indices[axis] = index % std::max<std::int64_t>(extents[axis], 1);
    index /= std::max<std::int64_t>(extents[axis], 1);
  }
  return fmt::format("[{}]", fmt::join(indices, ", "));
}

Judgement judge(std::span<const double> got, const Expected& e) {
  Judgement judgement;
  const double gate = tools::relative_error_gate(sdk::is_16_bit(e.stored) ? e.stored : e.arithmetic,
                                                 LEET_PRECISION_EXACT);
  const auto fault = [&](const std::string& what, std::int64_t index) {
    judgement.ok = false;
    if (!judgement.message.empty()) return;
    const auto i = static_cast<std::size_t>(index);
    judgement.message = fmt::format("{}: {}; {}{}: got {:.9g}, expected {:.9g}", e.name, what,
                                    e.name, index_text(index, e.extents), got[i], e.values[i]);
  };

  const tools::Comparison comparison = tools::compare(got, e.values);
  judgement.relative_error = comparison.relative_error;
  const double epsilon = epsilon_of(e.arithmetic);
  std::int64_t worst = -1;
  std::int64_t first_bad = -1;
  double worst_excess = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(got[i] - e.values[i]);
    const double allowed_rounding =
        storage_rounding(e.stored, e.values[i]) + underflow(e.arithmetic);
    double factor = 0;
    if (!agrees_in_kind(got[i], e.values[i])) {
      factor = std::numeric_limits<double>::infinity();
    } else if (error > allowed_rounding) {
      factor = (error - allowed_rounding) / (epsilon * e.magnitude[i]);
    }
    judgement.element_factor = std::max(judgement.element_factor, factor);
    if (!(factor <= kElementFactor)) {
      if (first_bad < 0) first_bad = static_cast<std::int64_t>(i);
      if (worst < 0 || error > worst_excess || std::isnan(error)) {
        worst = static_cast<std::int64_t>(i);
        worst_excess = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
      }
    }
  }

  const std::int64_t width = e.is_state ? e.extents[2] * e.extents[3] : e.extents[3];
  const std::int64_t tokens = width == 0 ? 0 : static_cast<std::int64_t>(got.size()) / width;
  const double mean =
      norm(e.values) / std::sqrt(static_cast<double>(std::max<std::int64_t>(tokens, 1)));
  std::int64_t worst_token = -1;
  for (std::int64_t token = 0; token < tokens && width >= kFewestForToken; ++token) {
    const auto first = static_cast<std::size_t>(token * width);
    const auto expected_token = e.values.subspan(first, static_cast<std::size_t>(width));
    const double size = std::max(norm(expected_token), kSmallToken * mean);
    const double off =
        distance(got.subspan(first, static_cast<std::size_t>(width)), expected_token);
    const double error = off == 0 ? 0 : off / size;
    const double factor =
        std::isnan(error) ? std::numeric_limits<double>::infinity() : error / gate;
    if (factor > judgement.token_factor) {
      judgement.token_factor = factor;
      worst_token = token;
    }
  }

  // The element says most, so it speaks first.
  if (worst >= 0) {
    const std::int64_t time = e.is_state ? -1 : first_bad / e.extents[3] % e.extents[2];
    fault(fmt::format("an element is off by {:.3g} of the absolute sum's rounding unit, at most "
                      "{:g} is right; relative error {:.3g}{}",
                      judgement.element_factor, kElementFactor, judgement.relative_error,
                      time < 0 ? "" : fmt::format("; the error starts at token {}", time)),
          worst);
  }
  if (judgement.token_factor > kTokenFactor) {
    fault(fmt::format("{} {} has a relative error of {:.3g}, at most {:.3g} is right",
                      e.is_state ? "block" : "token", worst_token, judgement.token_factor * gate,
                      kTokenFactor * gate),
          worst_token * width);
  }
  if (got.size() >= kFewestForNorm && !(judgement.relative_error <= gate)) {
    fault(fmt::format("relative error {:.3g}, at most {:.3g} is right", judgement.relative_error,
                      gate),
          comparison.worst_index);
  }
  return judgement;
}

std::array<Judgement, 2> judgements(const Run& run, const Description& d,
                                    const core::OracleResult& oracle) {
  std::array<Judgement, 2> both;
  both[0] = judge(run.out, {.name = "out",
                            .extents = {d.B, d.H, d.N, d.D},
                            .values = oracle.out,
                            .magnitude = oracle.out_magnitude,
                            .stored = d.out,
                            .arithmetic = d.state_dtype()});
  if (d.state_out) {
    both[1] = judge(run.state, {.name = "state_out",
                                .extents = {d.sequences(), d.heads(LEET_ROLE_STATE_OUT), d.R, d.D},
                                .values = oracle.state_out,
                                .magnitude = oracle.state_magnitude,
                                .stored = d.state_dtype(),
                                .arithmetic = d.state_dtype(),
                                .is_state = true});
  }
  return both;
}

Result judge_run(const Run& run, const Description& d, const core::OracleResult& oracle) {
  for (const Judgement& judgement : judgements(run, d, oracle)) {
    if (!judgement.ok) return Result::fail(judgement.message);
  }
  // For the fp32 state of a 16-bit out the declared error has out's rounding in it: an upper bound.
  const auto exceeds = [&](const char* name, std::span<const double> got,
                           std::span<const double> expected) -> std::optional<Result> {
    const double declared = run.info.declared_rel_error;
    const double error = tools::compare(got, expected).relative_error;
    if (got.size() < kFewestForNorm || declared <= 0 || error <= declared) return std::nullopt;
    return Result::fail(fmt::format("{}: relative error {:.3g}, the plan declared at most {:.3g}",
                                    name, error, declared),
                        "declared-error");
  };
  if (const auto result = exceeds("out", run.out, oracle.out)) return *result;
  if (!d.state_out) return Result::pass();
  if (const auto result = exceeds("state_out", run.state, oracle.state_out)) return *result;
  return Result::pass();
}

Result agree(const char* what, std::span<const double> got, std::span<const double> expected,
             const Description& d, bool is_state) {
  const leet_dtype dtype = is_state || !sdk::is_16_bit(d.out) ? d.state_dtype() : d.out;
  const double gate = 2 * tools::relative_error_gate(dtype, LEET_PRECISION_EXACT);
  const tools::Comparison comparison = tools::compare(got, expected);
  if (comparison.relative_error <= gate) return Result::pass();
  return Result::fail(
      fmt::format("{}: relative difference {:.3g}, at most {:.3g} is right; element {}: {:.9g} and "
                  "{:.9g}",
                  what, comparison.relative_error, gate, comparison.worst_index,
                  comparison.worst_got, comparison.worst_expected));
}

Result identical(const char* what, std::span<const double> got, std::span<const double> expected) {
  for (std::size_t i = 0; i < got.size(); ++i) {
    const bool both_nan = std::isnan(got[i]) && std::isnan(expected[i]);
    if (both_nan ||
        std::bit_cast<std::uint64_t>(got[i]) == std::bit_cast<std::uint64_t>(expected[i])) {
      continue;
    }
    return Result::fail(
        fmt::format("{}: element {}: {:.17g} and {:.17g}", what, i, got[i], expected[i]));
  }
  return Result::pass();
}

}  // namespace leet::validate
