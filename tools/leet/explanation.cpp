// SPDX-License-Identifier: Apache-2.0
#include "tools/leet/explanation.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <leet/plugin/dtype.hpp>
#include <string_view>
#include <tuple>

#include "core/plan.hpp"
#include "core/printable.hpp"
#include "core/selection.hpp"
#include "tools/bench/tensors.hpp"
#include "tools/common/names.hpp"
#include "tools/common/text.hpp"

namespace leet::tools {
namespace {

std::vector<std::string> property_names(std::uint32_t properties) {
  std::vector<std::string> names;
  if ((properties & LEET_PLAN_DETERMINISTIC) != 0) names.emplace_back("deterministic");
  if ((properties & LEET_PLAN_GRAPH_CAPTURABLE) != 0) names.emplace_back("graph-capturable");
  return names;
}

// Plugins may leave their texts without an end, or in several lines.
template <std::size_t Size>
std::string text_of(const char (&text)[Size]) {
  return core::printable(
      std::string_view(text, static_cast<std::size_t>(std::find(text, text + Size, '\0') - text)));
}

std::string prediction_text(double seconds) {
  return seconds > 0 ? duration_text(seconds) : "not known";
}

// Why not, why slow, or what would be done.
std::string why(const Explanation& e) {
  if (e.failure) return e.failure->message;
  const std::string reason = text_of(e.verdict.reason);
  const std::string choice = e.plan ? text_of(e.plan->choice) : "";
  if (reason.empty() || choice.empty() || reason == choice) return reason.empty() ? choice : reason;
  return fmt::format("{}: {}", reason, choice);
}

}  // namespace

double Explanation::seconds() const {
  return plan && plan->predicted_seconds > 0 ? plan->predicted_seconds : verdict.predicted_seconds;
}

const char* Explanation::answer() const {
  if (failure) return "failed";
  if (verdict.answer == LEET_ANSWER_NO) return "no";
  return verdict.answer == LEET_ANSWER_SLOW ? "slow" : "yes";
}

Explanation explain(const core::Method& method, const core::HostServices& host,
                    const bench::Point& point, const Question& question) {
  Explanation explanation{.method = &method, .point = point};
  const bench::PointProblem made(point);
  leet_problem problem = made.problem();
  problem.lowest_precision = question.lowest_precision;
  const auto verdict =
      core::supports(method, host, problem, question.device, question.method_options);
  if (!verdict) {
    explanation.failure = verdict.error();
    return explanation;
  }
  explanation.verdict = *verdict;
  if (verdict->answer == LEET_ANSWER_NO) return explanation;
  const auto plan =
      core::Plan::make(method, host, problem, question.device, question.method_options);
  if (plan) {
    explanation.plan = (*plan)->info();
  } else {
    explanation.failure = plan.error();
  }
  return explanation;
}

core::Result<AutoExplanation> explain_auto(const core::Registry& registry,
                                           const core::HostServices& host,
                                           const bench::Point& point, const Question& question) {
  AutoExplanation explanation{.point = point};
  const bench::PointProblem made(point);
  leet_problem problem = made.problem();
  problem.lowest_precision = question.lowest_precision;
  const auto judgements = core::judge_all(registry.methods(), host, problem, question.device);
  if (!judgements) return judgements.error();
  const auto selection = core::choose(*judgements, question.device, question.method_options);
  if (selection) {
    explanation.chosen = selection->method;
    explanation.reason = selection->reason;
  } else if (selection.error().code == LEET_STATUS_UNSUPPORTED) {
    explanation.reason = selection.error().message;
  } else {
    return selection.error();
  }
  for (const core::Judgement& judgement : *judgements) {
    explanation.methods.push_back(explain(*judgement.method, host, point, question));
  }
  return explanation;
}

void sort_by_prediction(std::vector<Explanation>& explanations) {
  const auto key = [](const Explanation& e) {
    return std::tuple(!e.possible(), e.seconds() <= 0, e.seconds());
  };
  std::stable_sort(explanations.begin(), explanations.end(),
                   [&](const Explanation& a, const Explanation& b) { return key(a) < key(b); });
}

Json to_json(const Explanation& e, const Question& question) {
  Json record = {{"method", e.method->identity.id},
                 {"version", e.method->identity.version},
                 {"plugin", e.method->path.string()},
                 {"device", core::device_name(question.device.type)},
                 {"dtype", sdk::dtype_name(e.point.dtype)},
                 {"decay", decay_kind_name(e.point.decay_kind)},
                 {"threads", e.point.threads},
                 {"B", e.point.B},
                 {"H", e.point.H},
                 {"N", e.point.N},
                 {"R", e.point.R},
                 {"D", e.point.D},
                 {"lowest_precision", precision_name(question.lowest_precision)},
                 {"options", question.method_options},
                 {"answer", e.answer()},
                 {"reason", text_of(e.verdict.reason)},
                 {"predicted_seconds", e.seconds() > 0 ? Json(e.seconds()) : Json()},
                 {"plan", nullptr},
                 {"failed", nullptr}};
  if (e.plan) {
    record["plan"] = {{"choice", text_of(e.plan->choice)},
                      {"workspace_bytes", e.plan->workspace_bytes},
                      {"workspace_alignment", e.plan->workspace_alignment},
                      {"persistent_bytes", e.plan->persistent_bytes},
                      {"flops", e.plan->flops},
                      {"bytes_moved", e.plan->bytes_moved},
                      {"declared_rel_error", e.plan->declared_rel_error},
                      {"precision", precision_name(e.plan->precision_used)},
                      {"properties", property_names(e.plan->properties)}};
  }
  if (e.failure) record["failed"] = e.failure->message;
  return record;
}

Json to_json(const AutoExplanation& e) {
  return {{"dtype", sdk::dtype_name(e.point.dtype)},
          {"decay", decay_kind_name(e.point.decay_kind)},
          {"threads", e.point.threads},
          {"B", e.point.B},
          {"H", e.point.H},
          {"N", e.point.N},
          {"R", e.point.R},
          {"D", e.point.D},
          {"chosen", e.chosen == nullptr ? Json() : Json(e.chosen->identity.id)},
          {"reason", e.reason}};
}

std::string problem_text(const bench::Point& point) {
  return fmt::format("B={} H={} N={} R={} D={} {}, decay {}, {} thread{}", point.B, point.H,
                     point.N, point.R, point.D, sdk::dtype_name(point.dtype),
                     decay_kind_name(point.decay_kind), point.threads,
                     point.threads == 1 ? "" : "s");
}

std::vector<std::string> detailed_lines(const Explanation& e, const Question& question) {
  std::vector<std::string> lines = {
      fmt::format("{} {} on {}: {}", e.method->identity.id, e.method->identity.version,
                  core::device_name(question.device.type), e.answer())};
  const auto line = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) lines.push_back(fmt::format("{:<11} {}", name, value));
  };
  line("problem", problem_text(e.point));
  if (e.failure) line("error", e.failure->message);
  line("reason", text_of(e.verdict.reason));
  if (!e.plan) return lines;
  const leet_plan_info& plan = *e.plan;
  line("predicted", prediction_text(e.seconds()));
  line("choice", text_of(plan.choice));
  line("workspace", fmt::format("{} for each concurrent execute, {} held by the plan",
                                bytes_text(static_cast<double>(plan.workspace_bytes)),
                                bytes_text(static_cast<double>(plan.persistent_bytes))));
  line("work",
       fmt::format("{:.4g} Gflop, {} moved", plan.flops / 1e9, bytes_text(plan.bytes_moved)));
  line("error", fmt::format("at most {:.2g}, relative", plan.declared_rel_error));
  line("precision", precision_name(plan.precision_used));
  const auto properties = property_names(plan.properties);
  line("properties", properties.empty() ? "none" : fmt::format("{}", fmt::join(properties, ", ")));
  return lines;
}

std::vector<std::string> summary_lines(std::span<const Explanation> explanations) {
  std::vector<std::vector<std::string>> rows = {
      {"METHOD", "ANSWER", "PREDICTED", "WORKSPACE", "ERROR", "WHY"}};
  for (const Explanation& e : explanations) {
    rows.push_back({e.method->identity.id, e.answer(), e.plan ? prediction_text(e.seconds()) : "-",
                    e.plan ? bytes_text(static_cast<double>(e.plan->workspace_bytes)) : "-",
                    e.plan ? fmt::format("{:.1e}", e.plan->declared_rel_error) : "-", why(e)});
  }
  return table_lines(rows);
}

}  // namespace leet::tools
