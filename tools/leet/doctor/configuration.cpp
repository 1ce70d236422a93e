// SPDX-License-Identifier: Apache-2.0
#include "core/configuration.hpp"

#include <fmt/format.h>

#include "tools/common/machine.hpp"
#include "tools/leet/doctor/section.hpp"

namespace leet::doctor {
namespace {

// How the file came to be the one in use.
std::string named_by(const std::string& origin) { return origin == "given" ? "--config" : origin; }

}  // namespace

Section check_configuration(const tools::GlobalOptions& global) {
  Section section{"configuration"};
  const auto found = core::find_configuration(global.configuration);
  const core::Configuration configuration = found ? *found : core::Configuration();
  if (!found) {
    section.facts["file"] = "unusable";
    section.error(found.error().message,
                  "Correct the file, or name another by --config or LEET_CONFIG; until then no "
                  "other command runs, and what follows is judged by the defaults.");
  } else if (configuration.file.empty()) {
    section.facts["file"] = "none";
    section.ok("no configuration file; everything has its default");
  } else {
    section.facts["file"] = {{"value", configuration.file.string()},
                             {"origin", named_by(configuration.file_origin)}};
    section.ok("the configuration is valid");
  }
  for (const core::Setting& setting : core::settings(configuration)) {
    section.facts[setting.key] = {{"value", setting.value}, {"origin", setting.origin}};
  }
  if (!global.log_level.empty()) {
    section.facts["log.level"] = {{"value", global.log_level}, {"origin", "--log-level"}};
  }
  if (configuration.threads > tools::available_cpus()) {
    section.warning(fmt::format("threads: {}, on {} usable CPUs: threads will take turns",
                                configuration.threads, tools::available_cpus()),
                    "Set `threads: 0`, one for each usable CPU.");
  }
  if (configuration.probe.policy == core::ProbePolicy::kOff) {
    section.note("plugins.probe is off: a plugin that crashes takes its host with it",
                 "Set `plugins: {probe: self-test}`; a file is probed once and remembered.");
  }
  return section;
}

}  // namespace leet::doctor
