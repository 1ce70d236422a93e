// SPDX-License-Identifier: Apache-2.0
//
// What a method says of a problem before it computes anything: its verdict and its plan.
#ifndef LEET_TOOLS_LEET_EXPLANATION_HPP
#define LEET_TOOLS_LEET_EXPLANATION_HPP

#include <leet/plugin.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/host_services.hpp"
#include "core/registry.hpp"
#include "core/result.hpp"
#include "tools/bench/axes.hpp"
#include "tools/common/reporter.hpp"

namespace leet::tools {

// What is asked beside the problem's extents.
struct Question {
  leet_device device = {LEET_DEVICE_CPU, 0};
  std::int32_t lowest_precision = LEET_PRECISION_EXACT;
  std::string method_options;  // "key=value;key=value"
};

struct Explanation {
  const core::Method* method = nullptr;
  bench::Point point;
  leet_verdict verdict{};                   // meaningless where `failure` came first
  std::optional<leet_plan_info> plan = {};  // where the verdict is not no
  std::optional<core::Error> failure = {};  // of supports() or of plan_create()

  bool possible() const { return plan.has_value(); }
  // The plan's prediction, else the verdict's; 0 where neither knows.
  double seconds() const;
  const char* answer() const;  // yes, slow, no, failed
};

Explanation explain(const core::Method& method, const core::HostServices& host,
                    const bench::Point& point, const Question& question);

// What "auto" does, and what it knew of every method, in its order.
struct AutoExplanation {
  bench::Point point;
  const core::Method* chosen = nullptr;  // null where no method can
  std::string reason = {};
  std::vector<Explanation> methods = {};
};

// Errors: UNAVAILABLE, where the device has no method.
core::Result<AutoExplanation> explain_auto(const core::Registry& registry,
                                           const core::HostServices& host,
                                           const bench::Point& point, const Question& question);

// The fastest first; those that predict nothing after them, then those that can't.
void sort_by_prediction(std::vector<Explanation>& explanations);

Json to_json(const Explanation& explanation, const Question& question);
Json to_json(const AutoExplanation& explanation);

// "B=1 H=8 N=4096 R=128 D=128 f32, decay head, 2 threads".
std::string problem_text(const bench::Point& point);

// Everything, in lines; and one row a method under a head.
std::vector<std::string> detailed_lines(const Explanation& explanation, const Question& question);
std::vector<std::string> summary_lines(std::span<const Explanation> explanations);

}  // namespace leet::tools
#endif  // LEET_TOOLS_LEET_EXPLANATION_HPP
