// SPDX-License-Identifier: Apache-2.0
#include "tools/validate/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <map>
#include <utility>

#include "tools/common/exit_code.hpp"
#include "tools/common/machine.hpp"

namespace leet::validate {
namespace {

constexpr std::size_t kStatuses = static_cast<std::size_t>(Status::kTimeout) + 1;
constexpr std::size_t kShownFailures = 3;  // of one check, in text
constexpr std::size_t kShownReasons = 8;   // why cases were not run, in text

struct Incident {
  std::string case_id;
  Result result;
};

// One check's cases of one plugin, put together.
struct CheckSummary {
  const Check* check = nullptr;
  std::array<int, kStatuses> counts{};
  std::vector<Incident> failures = {};  // fail, crash, timeout
  std::vector<Incident> warnings = {};
  std::map<std::string, int> reasons = {};  // of unsupported and skipped cases, with their numbers

  int count(Status status) const { return counts[static_cast<std::size_t>(status)]; }
  Status worst() const {
    for (const Status status : {Status::kCrash, Status::kTimeout, Status::kFail, Status::kWarn,
                                Status::kPass, Status::kUnsupported}) {
      if (count(status) > 0) return status;
    }
    return Status::kSkip;
  }
};

bool is_failure(Status status) {
  return status == Status::kFail || status == Status::kCrash || status == Status::kTimeout;
}

bool ran(Status status) { return status != Status::kSkip && status != Status::kUnsupported; }

std::vector<CheckSummary> summarise(const Report& report, const MethodReport& method) {
  std::vector<CheckSummary> summaries;
  for (const Check& check : checks()) summaries.push_back({.check = &check});
  const auto add = [&](const std::string& check, const std::string& id, const Result& result) {
    const std::string& decided = result.check.empty() ? check : result.check;
    for (CheckSummary& summary : summaries) {
      if (decided != summary.check->id) continue;
      ++summary.counts[static_cast<std::size_t>(result.status)];
      if (is_failure(result.status)) summary.failures.push_back({id, result});
      if (result.status == Status::kWarn) summary.warnings.push_back({id, result});
      if (!ran(result.status)) ++summary.reasons[result.message];
    }
  };
  if (method.outcome.load) add("load", "load", *method.outcome.load);
  for (std::size_t i = 0; i < report.cases.size(); ++i) {
    const auto& result = method.outcome.results[i];
    if (result) add(report.cases[i].check, report.cases[i].id, *result);
  }
  std::erase_if(summaries, [](const CheckSummary& summary) {
    return std::ranges::all_of(summary.counts, [](int count) { return count == 0; });
  });
  return summaries;
}

// Without a load there is nothing else to say of a plugin.
bool failed_to_load(const MethodReport& method) {
  return !method.outcome.load || method.outcome.load->status != Status::kPass;
}

bool ran_what_was_selected(const Report& report, const MethodReport& method) {
  bool numeric_selected = false;
  bool numeric_ran = false;
  bool any_ran = false;
  for (std::size_t i = 0; i < report.cases.size(); ++i) {
    numeric_selected = numeric_selected || report.cases[i].numeric;
    const auto& result = method.outcome.results[i];
    if (!result || !ran(result->status)) continue;
    any_ran = true;
    numeric_ran = numeric_ran || report.cases[i].numeric;
  }
  return numeric_selected ? numeric_ran : any_ran;
}

void add_incidents(std::string& text, const Report& report, const MethodReport& method,
                   const CheckSummary& summary) {
  auto out = std::back_inserter(text);
  for (const Incident& warning : summary.warnings) {
    if (&warning - summary.warnings.data() >= static_cast<std::ptrdiff_t>(kShownFailures)) break;
    fmt::format_to(out, "      warn     {}: {}\n", warning.case_id, warning.result.message);
  }
  for (std::size_t i = 0; i < summary.failures.size(); ++i) {
    const auto& [id, result] = summary.failures[i];
    if (i == kShownFailures) {
      fmt::format_to(out, "      ... and {} more; --json has them all\n",
                     summary.failures.size() - i);
      break;
    }
    fmt::format_to(out, "      {:<8} {}\n               {}\n", status_name(result.status), id,
                   result.message);
    if (id != "load") {
      fmt::format_to(out, "               {}\n", reproduce_command(report, method, id));
    }
  }
}

// The most frequent first.
std::vector<std::pair<int, std::string>> by_number(const std::map<std::string, int>& reasons) {
  std::vector<std::pair<int, std::string>> sorted;
  for (const auto& [reason, count] : reasons) sorted.emplace_back(count, reason);
  std::ranges::stable_sort(sorted, std::greater(), &std::pair<int, std::string>::first);
  return sorted;
}

// Once for a plugin, as most checks have the same reasons.
void add_reasons(std::string& text, const std::map<std::string, int>& reasons) {
  if (reasons.empty()) return;
  text += "  why cases were not run:\n";
  const auto sorted = by_number(reasons);
  int left_out = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const auto& [count, reason] = sorted[i];
    if (i < kShownReasons) {
      fmt::format_to(std::back_inserter(text), "    {:>5} x {}\n", count, reason);
    } else {
      left_out += count;
    }
  }
  if (left_out > 0) {
    fmt::format_to(std::back_inserter(text), "    {:>5} x {} other reasons; --json has them all\n",
                   left_out, sorted.size() - kShownReasons);
  }
}

void add_pairwise(std::string& text, const PairwiseTable& table) {
  auto out = std::back_inserter(text);
  std::size_t width = 10;
  for (const std::string& name : table.names) width = std::max(width, name.size() + 2);
  fmt::format_to(out, "  {:<{}}", table.dtype, width);
  for (const std::string& name : table.names) fmt::format_to(out, "{:>{}}", name, width);
  text += "\n";
  for (std::size_t row = 0; row < table.errors.size(); ++row) {
    fmt::format_to(out, "  {:<{}}", table.names[row], width);
    for (const auto& error : table.errors[row]) {
      fmt::format_to(out, "{:>{}}", error ? fmt::format("{:.2g}", *error) : "-", width);
    }
    text += "\n";
  }
}

}  // namespace

std::size_t Report::cases_done() const {
  std::size_t done = 0;
  for (const MethodReport& method : methods) {
    done += static_cast<std::size_t>(std::ranges::count_if(
        method.outcome.results, [](const auto& result) { return result.has_value(); }));
  }
  return done;
}

std::size_t Report::cases_total() const { return methods.size() * cases.size(); }

int exit_code(const Report& report) {
  if (report.interrupted) return tools::kExitInterrupted;
  bool crashed = false;
  bool failed = !report.count_differences.empty();
  bool ran_nothing = report.methods.empty();
  for (const MethodReport& method : report.methods) {
    crashed = crashed || failed_to_load(method);
    for (const auto& result : method.outcome.results) {
      if (!result) continue;
      crashed = crashed || result->status == Status::kCrash || result->status == Status::kTimeout;
      failed = failed || result->status == Status::kFail;
    }
    ran_nothing = ran_nothing || !ran_what_was_selected(report, method);
  }
  if (crashed) return tools::kExitPluginFailed;
  if (failed) return tools::kExitNegative;
  return ran_nothing ? tools::kExitNothingToRun : tools::kExitOk;
}

std::string reproduce_command(const Report& report, const MethodReport& method,
                              const std::string& case_id) {
  return fmt::format("leet validate {} --plugins '{}' --only-plugins --seed {} --reproduce '{}'",
                     method.method->identity.id, method.method->path.string(), report.seed,
                     case_id);
}

std::string to_text(const Report& report, bool only_failed) {
  std::string text = fmt::format("seed {}, level {}, {} cases for each method\n", report.seed,
                                 report.level, report.cases.size());
  auto out = std::back_inserter(text);
  if (report.interrupted) {
    fmt::format_to(out, "INTERRUPTED: {} of {} cases were run, the others are not in this report\n",
                   report.cases_done(), report.cases_total());
  }
  for (const MethodReport& method : report.methods) {
    fmt::format_to(out, "\n{} on {}  ({})\n", method.method->identity.id, method.device,
                   method.method->path.string());
    std::array<int, kStatuses> totals{};
    std::map<std::string, int> reasons;
    for (const CheckSummary& summary : summarise(report, method)) {
      for (std::size_t i = 0; i < kStatuses; ++i) totals[i] += summary.counts[i];
      for (const auto& [reason, count] : summary.reasons) reasons[reason] += count;
      if ((only_failed || failed_to_load(method)) && summary.failures.empty()) continue;
      fmt::format_to(out, "  {:<26}", summary.check->id);
      for (std::size_t i = 0; i < kStatuses; ++i) {
        if (summary.counts[i] == 0) continue;
        fmt::format_to(out, " {:>4} {}", summary.counts[i], status_name(static_cast<Status>(i)));
      }
      text += "\n";
      add_incidents(text, report, method, summary);
    }
    if (!only_failed) add_reasons(text, reasons);
    text += "  in all:";
    for (std::size_t i = 0; i < kStatuses; ++i) {
      if (totals[i] > 0)
        fmt::format_to(out, " {} {},", totals[i], status_name(static_cast<Status>(i)));
    }
    const Counts counts = total(method.counts);
    fmt::format_to(
        out,
        " {:.1f} s\n  combinations of dtype, decay kind and check: {} claimed, {} run, {} "
        "refused\n",
        method.outcome.seconds, counts.claimed, counts.run, counts.refused);
    if (!report.interrupted && !failed_to_load(method) && !ran_what_was_selected(report, method)) {
      text += "  nothing of what was selected ran\n";
    }
  }
  if (!report.pairwise.empty() && !only_failed) {
    text +=
        "\nrelative error of each row's output against each column's, the largest over "
        "shared problems\n";
    for (const PairwiseTable& table : report.pairwise) add_pairwise(text, table);
  }
  for (const std::string& line : report.count_differences) {
    fmt::format_to(out, "counts: {}\n", line);
  }
  return text;
}

void to_json(const Report& report, bool only_failed, tools::Json& record) {
  using tools::Json;
  const tools::Machine machine = tools::this_machine();
  record["seed"] = report.seed;
  record["level"] = report.level;
  record["cpu"] = machine.cpu;
  record["isa"] = machine.isa;
  record["seconds"] = report.seconds;
  record["interrupted"] = report.interrupted;
  record["cases_done"] = report.cases_done();
  record["cases_total"] = report.cases_total();
  record["methods"] = Json::array();
  for (const MethodReport& method : report.methods) {
    Json entry = {{"id", method.method->identity.id},
                  {"version", method.method->identity.version},
                  {"path", method.method->path.string()},
                  {"device", method.device},
                  {"ran", ran_what_was_selected(report, method)}};
    const Counts sum = total(method.counts);
    entry["counts"] = {{"claimed", sum.claimed}, {"run", sum.run}, {"refused", sum.refused}};
    entry["combinations"] = Json::object();
    for (const auto& [row, counts] : method.counts) {
      entry["combinations"][row] = {
          {"claimed", counts.claimed}, {"run", counts.run}, {"refused", counts.refused}};
    }
    entry["checks"] = Json::array();
    for (const CheckSummary& summary : summarise(report, method)) {
      if (only_failed && summary.failures.empty()) continue;
      Json check = {{"id", summary.check->id},
                    {"level", summary.check->level},
                    {"status", status_name(summary.worst())},
                    {"cases", Json::object()}};
      for (std::size_t i = 0; i < kStatuses; ++i) {
        check["cases"][status_name(static_cast<Status>(i))] = summary.counts[i];
      }
      check["reasons"] = Json::array();
      for (const auto& [count, reason] : by_number(summary.reasons)) {
        check["reasons"].push_back({{"cases", count}, {"reason", reason}});
      }
      check["failures"] = Json::array();
      for (const Incident& failure : summary.failures) {
        check["failures"].push_back(
            {{"case", failure.case_id},
             {"status", status_name(failure.result.status)},
             {"message", failure.result.message},
             {"reproduce", reproduce_command(report, method, failure.case_id)}});
      }
      check["warnings"] = Json::array();
      for (const Incident& warning : summary.warnings) {
        check["warnings"].push_back(
            {{"case", warning.case_id}, {"message", warning.result.message}});
      }
      entry["checks"].push_back(std::move(check));
    }
    record["methods"].push_back(std::move(entry));
  }
  record["pairwise"] = Json::array();
  for (const PairwiseTable& table : report.pairwise) {
    Json rows = Json::array();
    for (const auto& row : table.errors) {
      Json cells = Json::array();
      for (const auto& error : row) cells.push_back(error ? Json(*error) : Json(nullptr));
      rows.push_back(std::move(cells));
    }
    record["pairwise"].push_back(
        {{"dtype", table.dtype}, {"columns", table.names}, {"errors", std::move(rows)}});
  }
  record["count_differences"] = report.count_differences;
  record["refused_files"] = report.refused_files;
  record["exit_code"] = exit_code(report);
}

}  // namespace leet::validate
