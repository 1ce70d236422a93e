// SPDX-License-Identifier: Apache-2.0
//
// `leet list`: the methods that can be used, and every plugin file that can't, with the reason.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/printable.hpp"
#include "tools/common/exit_code.hpp"
#include "tools/common/names.hpp"
#include "tools/common/reporter.hpp"
#include "tools/common/session.hpp"
#include "tools/common/text.hpp"
#include "tools/leet/command.hpp"

namespace leet::tools {
namespace {

struct ListOptions {
  bool json = false;
  bool all = false;
  bool names = false;
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

void print_indented(std::size_t indent, std::string_view text) {
  for (const std::string& line : wrap(core::printable(text, 4096), kTextWidth - indent)) {
    fmt::print("{:{}}{}\n", "", indent, line);
  }
}

void print_searched(const core::Registry& registry) {
  std::vector<std::vector<std::string>> rows;
  for (const core::SearchedDirectory& searched : registry.report().searched) {
    rows.push_back({fmt::format("  {}", searched.path.string()), searched.origin,
                    searched.problem.empty() ? fmt::format("{} file{}", searched.candidates,
                                                           searched.candidates == 1 ? "" : "s")
                                             : searched.problem});
  }
  for (const std::string& line : table_lines(rows)) fmt::print("{}\n", line);
}

void print_methods(const core::Registry& registry) {
  if (registry.methods().empty()) {
    fmt::print("No methods.\n");
    return;
  }
  std::vector<std::vector<std::string>> rows = {
      {"METHOD", "VERSION", "DEVICES", "DTYPES", "DECAY"}};
  for (const core::Method& method : registry.methods()) {
    const leet_note_desc& identity = method.identity;
    const auto joined = [](const std::vector<std::string>& names) {
      return fmt::format("{}", fmt::join(names, ","));
    };
    rows.push_back({identity.id, identity.version, joined(device_names(method.device_types)),
                    joined(dtype_names(identity.dtypes)),
                    joined(decay_kind_names(identity.decay_kinds))});
  }
  const std::vector<std::string> lines = table_lines(rows);  // one a row: the last cell is short
  fmt::print("{}\n", lines.at(0));
  for (std::size_t i = 0; i < registry.methods().size(); ++i) {
    fmt::print("{}\n", lines.at(i + 1));
    print_indented(4, summary_of(registry.methods()[i]));
  }
}

void print_candidates(const core::Registry& registry, bool all) {
  bool first = true;
  for (const core::LoadReportEntry& entry : registry.report().entries) {
    if (entry.rule == core::Rule::kOk && !all) continue;
    if (first) fmt::print("\n{}:\n", all ? "Plugin files" : "Plugin files with a remark");
    first = false;
    fmt::print("  {:<16} {}\n", core::rule_code(entry.rule), entry.path.string());
    if (!entry.seen.empty()) print_indented(19, entry.seen);
    if (!entry.action.empty()) print_indented(19, "-> " + entry.action);
  }
}

int list(const GlobalOptions& global, const ListOptions& options) {
  const Reporter reporter("list", options.json);
  const core::Result<Session> session = open_session(global);
  if (!session) return reporter.fail(session.error());
  if (options.names) {
    for (const core::Method& method : session->registry.methods()) {
      fmt::print("{}\n", method.identity.id);
    }
  } else if (options.json) {
    print_json(session->registry, reporter.record());
  } else {
    print_methods(session->registry);
    print_candidates(session->registry, options.all);
    if (options.all || session->registry.methods().empty()) {
      fmt::print("\nSearched:\n");
      print_searched(session->registry);
    }
  }
  return kExitOk;
}

}  // namespace

void add_list_command(CLI::App& app, const GlobalOptions& global, Action& action) {
  CLI::App* command =
      app.add_subcommand("list", "The methods there are, and the files that failed");
  const auto options = std::make_shared<ListOptions>();
  command->add_flag("--all", options->all,
                    "Show every plugin file, not only those with a remark, and where was searched");
  CLI::Option* const names =
      command->add_flag("--names", options->names, "Print the methods' ids alone, one a line");
  command->add_flag("--json", options->json, "Print a leet.list/1 record")->excludes(names);
  command->footer("Example:\n  leet list --plugins ~/my_plugins --json | jq '.methods[].id'");
  command->final_callback([&global, &action, options] {
    action = [&global, options] { return list(global, *options); };
  });
}

}  // namespace leet::tools
