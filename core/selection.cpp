// SPDX-License-Identifier: Apache-2.0
#include "core/selection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <tuple>
#include <utility>

#include "core/plan.hpp"

namespace leet::core {
namespace {

bool serves(const Method& method, std::int32_t device_type) {
  const auto& types = method.device_types;
  return std::find(types.begin(), types.end(), device_type) != types.end();
}

// A prediction that can be compared with others: NaN and negative times say nothing.
bool predicts(const leet_verdict& verdict) { return verdict.predicted_seconds > 0; }

auto rank(const Judgement& judgement) {
  const leet_verdict& verdict = judgement.verdict;
  const bool known = predicts(verdict);
  return std::tuple(verdict.answer == LEET_ANSWER_NO, !known, known ? verdict.predicted_seconds : 0,
                    verdict.answer == LEET_ANSWER_SLOW);
}

std::string seconds(double value) {
  if (value < 1e-3) return fmt::format("{:.3g} us", value * 1e6);
  if (value < 1) return fmt::format("{:.3g} ms", value * 1e3);
  return fmt::format("{:.3g} s", value);
}

std::string expectation(const Judgement& judgement) {
  const leet_verdict& verdict = judgement.verdict;
  return fmt::format("{} ({})", judgement.method->identity.id,
                     predicts(verdict) ? seconds(verdict.predicted_seconds) : "no prediction");
}

std::string why_first(const std::vector<Judgement>& judgements) {
  const Judgement& first = judgements[0];
  std::string text =
      predicts(first.verdict)
          ? fmt::format("auto: {} is expected to be fastest", expectation(first))
          : fmt::format(
                "auto: no method predicts its time; {} is the first by name that can "
                "compute this",
                first.method->identity.id);
  if (judgements.size() > 1 && judgements[1].verdict.answer != LEET_ANSWER_NO) {
    text += fmt::format("; next {}", expectation(judgements[1]));
  } else {
    text += "; no other method can compute this";
  }
  return text;
}

Error nobody_can(const std::vector<Judgement>& judgements, std::int32_t device_type) {
  if (judgements.empty()) {
    return {LEET_STATUS_UNAVAILABLE,
            fmt::format("auto: no method is registered for device '{}'", device_name(device_type))};
  }
  std::string message = "auto: no method can compute this";
  for (const Judgement& judgement : judgements) {
    message += fmt::format("; {}: {}", judgement.method->identity.id, judgement.verdict.reason);
  }
  return {LEET_STATUS_UNSUPPORTED, std::move(message)};
}

}  // namespace

Result<std::vector<Judgement>> judge_all(const std::vector<Method>& methods,
                                         const HostServices& host, const leet_problem& problem,
                                         leet_device device) {
  if (Result<CheckedProblem> checked = check_problem(problem); !checked) return checked.error();
  std::vector<Judgement> judgements;
  for (const Method& method : methods) {
    if (!serves(method, device.type)) continue;
    Judgement judgement{&method, {}};
    const Result<leet_verdict> verdict = supports(method, host, problem, device, "");
    if (verdict) {
      judgement.verdict = *verdict;
    } else {  // its own fault, which must not keep the others from being chosen
      judgement.verdict.answer = LEET_ANSWER_NO;
      std::snprintf(judgement.verdict.reason, sizeof judgement.verdict.reason, "%s",
                    verdict.error().message.c_str());
    }
    judgements.push_back(judgement);
  }
  std::stable_sort(judgements.begin(), judgements.end(),
                   [](const Judgement& a, const Judgement& b) { return rank(a) < rank(b); });
  return judgements;
}

Result<Selection> choose(std::vector<Judgement> judgements, leet_device device,
                         const std::string& options) {
  if (!options.empty()) {
    return Error{LEET_STATUS_INVALID_ARGUMENT,
                 fmt::format("options '{}' with auto: options belong to one method; name it, or "
                             "leave them out",
                             options)};
  }
  if (judgements.empty() || judgements.front().verdict.answer == LEET_ANSWER_NO) {
    return nobody_can(judgements, device.type);
  }
  std::string reason = why_first(judgements);
  const Method* const first = judgements.front().method;
  return Selection{first, std::move(reason), std::move(judgements)};
}

Result<Selection> select(const Registry& registry, const HostServices& host, std::string_view name,
                         const leet_problem& problem, leet_device device,
                         const std::string& options) {
  if (name != kAuto) {
    const Result<const Method*> found = registry.find(name, device.type);
    if (!found) return found.error();
    return Selection{*found, fmt::format("asked for as '{}'", name), {}};
  }
  Result<std::vector<Judgement>> judgements = judge_all(registry.methods(), host, problem, device);
  if (!judgements) return judgements.error();
  return choose(std::move(*judgements), device, options);
}

}  // namespace leet::core
