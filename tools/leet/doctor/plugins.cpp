// SPDX-License-Identifier: Apache-2.0
//
// The doctor probes plugins whatever the configuration says, and where there is no probe it runs no
// code of theirs: it has to live to tell.
#include <fmt/format.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "core/probe.hpp"
#include "core/registry.hpp"
#include "tools/common/machine.hpp"
#include "tools/leet/doctor/section.hpp"
#include "tools/leet/explanation.hpp"

namespace leet::doctor {
namespace {

core::RegistryOptions registry_options(const tools::GlobalOptions& global) {
  core::RegistryOptions options;
  options.paths = global.plugin_paths;
  options.default_paths = !global.only_plugin_paths;
  // One that can't be read is the configuration section's finding.
  if (auto found = core::find_configuration(global.configuration)) {
    options.configuration = std::move(*found);
  }
  if (options.configuration.probe.policy == core::ProbePolicy::kOff) {
    options.configuration.probe.policy = core::ProbePolicy::kSelfTest;
  }
  // Whatever it is that can't be tried out is not run in this process either.
  options.configuration.probe.refuse_unprobed = true;
  return options;
}

// A place that somebody named and that has nothing.
void judge_places(const core::LoadReport& report, Section& section) {
  for (const core::SearchedDirectory& searched : report.searched) {
    const std::string& origin = searched.origin;
    const bool named = origin == "command line" || origin == "LEET_PLUGIN_PATH" ||
                       origin.starts_with("configuration");
    const bool again = searched.problem.starts_with("searched already") ||
                       searched.problem.starts_with("found already");
    if (!named || again) continue;
    if (!searched.problem.empty()) {
      section.warning(fmt::format("{} ({}): {}", searched.path.string(), origin, searched.problem),
                      "Correct the path, or take it away.");
    } else if (searched.candidates == 0) {
      section.note(
          fmt::format("{} ({}): no plugin file (*.so) in it", searched.path.string(), origin),
          "Build a plugin there, or take the path away.");
    }
  }
}

std::string as_sentence(std::string text, std::string_view otherwise) {
  if (text.empty()) text = otherwise;
  if (text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text.ends_with('.') ? text : text + ".";
}

void judge_files(const core::LoadReport& report, Section& section) {
  for (const core::LoadReportEntry& entry : report.entries) {
    if (entry.rule == core::Rule::kOk) continue;
    const std::string rule = core::rule_code(entry.rule);
    const std::string text = fmt::format("{} {}: {}", rule, entry.path.string(), entry.seen);
    const std::string fix = as_sentence(entry.action, "See `leet list --all`");
    if (rule.starts_with("E-")) {
      section.error(text, fix);
    } else if (rule.starts_with("W-")) {
      section.warning(text, fix);
    } else {
      section.note(text, fix);
    }
  }
  for (const std::string& warning : report.warnings) {
    section.warning(warning, "See the caches.");
  }
}

// What a method would pick for the problem of `leet bench`; its vector target, too.
std::string pick_of(const core::Method& method, const core::HostServices& host) {
  bench::Point point;
  point.threads = tools::available_cpus();
  const tools::Explanation explained = tools::explain(method, host, point, {});
  if (explained.failure) return explained.failure->message;
  return explained.plan ? explained.plan->choice : explained.verdict.reason;
}

}  // namespace

Section check_plugins(const tools::GlobalOptions& global) {
  Section section{"plugins"};
  core::RegistryOptions options = registry_options(global);
  const std::filesystem::path probe = core::find_probe();
  options.inspect_only = probe.empty() || access(probe.c_str(), X_OK) != 0;
  section.facts["probe"] = probe.empty() ? Json("none") : Json(probe.string());
  if (options.inspect_only) {
    section.warning(
        "leet-probe can't be run, so plugins are loaded untried; here they are only "
        "inspected",
        "Install leet-probe beside the library, or name it by LEET_PROBE.");
  }
  const core::Registry registry = core::Registry::open(options);
  Json searched = Json::array();
  for (const core::SearchedDirectory& place : registry.report().searched) {
    searched.push_back(fmt::format(
        "{} ({}, {})", place.path.string(), place.origin,
        place.problem.empty() ? fmt::format("{} files", place.candidates) : place.problem));
  }
  section.facts["searched"] = std::move(searched);
  const core::HostServices host(0, "off");
  for (const core::Method& method : registry.methods()) {
    const std::string name = fmt::format("{} {}", method.identity.id, method.identity.version);
    section.facts[name] = method.table == nullptr ? method.path.string() : pick_of(method, host);
  }
  if (registry.methods().empty()) {
    section.error("there is no method that can be used",
                  "Build or install plugins, and name their directory by --plugins, "
                  "LEET_PLUGIN_PATH or plugins.search.");
  } else {
    section.ok(fmt::format("{} method{} can be used", registry.methods().size(),
                           registry.methods().size() == 1 ? "" : "s"));
  }
  judge_places(registry.report(), section);
  judge_files(registry.report(), section);
  return section;
}

}  // namespace leet::doctor
