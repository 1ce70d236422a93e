// SPDX-License-Identifier: Apache-2.0
#include "tools/common/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace leet::tools {

core::Result<const core::Method*> Session::find(const std::string& name,
                                                std::int32_t device_type) const {
  core::Result<const core::Method*> found = registry.find(name, device_type);
  if (found || found.error().code != LEET_STATUS_UNAVAILABLE) return found;
  core::Error error = found.error();
  for (const core::SearchedDirectory& searched : registry.report().searched) {
    if (searched.origin == "command line" && !searched.problem.empty()) {
      error.message += fmt::format(" (--plugins {}: {})", searched.path.string(), searched.problem);
    }
  }
  const auto& entries = registry.report().entries;
  const auto refused =
      std::count_if(entries.begin(), entries.end(),
                    [](const core::LoadReportEntry& entry) { return !core::usable(entry.rule); });
  if (refused > 0) {
    error.message += fmt::format(" ({} plugin file{} could not be used: see `leet list`)", refused,
                                 refused == 1 ? "" : "s");
  }
  return error;
}

core::Result<Session> open_session(const GlobalOptions& options, bool inspect_only) {
  core::Result<core::Configuration> configuration = core::find_configuration(options.configuration);
  if (!configuration) {
    core::Error error = configuration.error();
    error.code = LEET_STATUS_INVALID_ARGUMENT;
    return error;
  }
  if (!options.log_level.empty()) configuration->log_level = options.log_level;
  core::RegistryOptions registry;
  registry.paths = options.plugin_paths;
  registry.configuration = *configuration;
  registry.default_paths = !options.only_plugin_paths;
  registry.inspect_only = inspect_only;
  Session session{std::move(*configuration), core::Registry::open(registry)};
  for (const std::string& warning : session.registry.report().warnings) {
    fmt::print(stderr, "leet: warning: {}\n", warning);
  }
  return session;
}

}  // namespace leet::tools
