// SPDX-License-Identifier: Apache-2.0
//
// `leet list`: the methods that can be used, and every plugin file that can't, with the reason.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "tools/common/exit_code.hpp"
#include "tools/common/names.hpp"
#include "tools/common/reporter.hpp"
#include "tools/common/session.hpp"
#include "tools/leet/command.hpp"

namespace leet::tools {
namespace {

struct ListOptions {
  bool json = false;
  bool all = false;
};

std::string summary_of(const core::Method& method) {
  return method.table == nullptr || method.table->summary == nullptr ? "" : method.table->summary;
}

Json method_record(const core::Method& method) {
  const leet_note_desc& identity = method.identity;
  return {{"id", identity.id},
          {"version", identity.version},
          {"devices", device_names(method.device_types)},
          {"dtypes", dtype_names(identity.dtypes)},
          {"decay_kinds", decay_kind_names(identity.decay_kinds)},
          {"features", feature_names(identity.features)},
          {"summary", summary_of(method)},
          {"path", method.path.string()}};
}

Json candidate_record(const core::LoadReportEntry& entry) {
  Json record = {{"path", entry.path.string()},
                 {"rule", core::rule_code(entry.rule)},
                 {"usable", core::usable(entry.rule)},
                 {"seen", entry.seen},
                 {"action", entry.action},
                 {"id", nullptr},
                 {"version", nullptr},
                 {"probe", nullptr}};
  if (entry.identity) {
    record["id"] = entry.identity->id;
    record["version"] = entry.identity->version;
  }
  if (entry.probe) {
    record["probe"] = {{"rule", core::rule_code(entry.probe->rule)},
                       {"seen", entry.probe->seen},
                       {"remembered", entry.probe->remembered}};
  }
  return record;
}

void print_json(const core::Registry& registry, Json record) {
  record["methods"] = Json::array();
  for (const core::Method& method : registry.methods()) {
    record["methods"].push_back(method_record(method));
  }
  record["candidates"] = Json::array();
  for (const core::LoadReportEntry& entry : registry.report().entries) {
    record["candidates"].push_back(candidate_record(entry));
  }
  record["searched"] = Json::array();
  for (const core::SearchedDirectory& searched : registry.report().searched) {
    record["searched"].push_back({{"path", searched.path.string()},
                                  {"origin", searched.origin},
                                  {"candidates", searched.candidates},
                                  {"problem", searched.problem}});
  }
  record["warnings"] = registry.report().warnings;
  Reporter::print(record);
}

// Columns as wide as their widest cell; the last is not padded.
template <std::size_t Columns>
void print_table(const std::vector<std::array<std::string, Columns>>& rows) {
  std::array<std::size_t, Columns> widths{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < Columns; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i + 1 < Columns; ++i)
      line += fmt::format("{:<{}}  ", row[i], widths[i]);
    fmt::print("{}{}\n", line, row.back());
  }
}

void print_methods(const core::Registry& registry) {
  if (registry.methods().empty()) {
    fmt::print("No methods. Searched:\n");
    for (const core::SearchedDirectory& searched : registry.report().searched) {
      fmt::print("  {} ({}): {}\n", searched.path.string(), searched.origin,
                 searched.problem.empty() ? fmt::format("{} files", searched.candidates)
                                          : searched.problem);
    }
    return;
  }
  std::vector<std::array<std::string, 7>> rows = {
      {"METHOD", "VERSION", "DEVICES", "DTYPES", "DECAY", "FEATURES", "SUMMARY"}};
  for (const core::Method& method : registry.methods()) {
    const leet_note_desc& identity = method.identity;
    const auto joined = [](const std::vector<std::string>& names) {
      return fmt::format("{}", fmt::join(names, ","));
    };
    rows.push_back({identity.id, identity.version, joined(device_names(method.device_types)),
                    joined(dtype_names(identity.dtypes)),
                    joined(decay_kind_names(identity.decay_kinds)),
                    joined(feature_names(identity.features)), summary_of(method)});
  }
  print_table(rows);
}

void print_candidates(const core::Registry& registry, bool all) {
  bool first = true;
  for (const core::LoadReportEntry& entry : registry.report().entries) {
    if (entry.rule == core::Rule::kOk && !all) continue;
    if (first) fmt::print("\n{}:\n", all ? "Plugin files" : "Plugin files with a remark");
    first = false;
    fmt::print("  {:<16} {}\n", core::rule_code(entry.rule), entry.path.string());
    if (!entry.seen.empty()) fmt::print("                   {}\n", entry.seen);
    if (!entry.action.empty()) fmt::print("                   -> {}\n", entry.action);
  }
}

int list(const GlobalOptions& global, const ListOptions& options) {
  const Reporter reporter("list", options.json);
  const core::Result<Session> session = open_session(global);
  if (!session) return reporter.fail(session.error());
  if (options.json) {
    print_json(session->registry, reporter.record());
  } else {
    print_methods(session->registry);
    print_candidates(session->registry, options.all);
  }
  return kExitOk;
}

}  // namespace

void add_list_command(CLI::App& app, const GlobalOptions& global, Action& action) {
  CLI::App* command =
      app.add_subcommand("list", "The methods there are, and the files that failed");
  const auto options = std::make_shared<ListOptions>();
  command->add_flag("--all", options->all, "Show every plugin file, not only those with a remark");
  command->add_flag("--json", options->json, "Print a leet.list/1 record");
  command->footer("Example:\n  leet list --plugins ~/my_plugins --json | jq '.methods[].id'");
  command->final_callback([&global, &action, options] {
    action = [&global, options] { return list(global, *options); };
  });
}

}  // namespace leet::tools
