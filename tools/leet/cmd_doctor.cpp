// SPDX-License-Identifier: Apache-2.0
//
// `leet doctor`: what leet finds here, what is wrong with it, and what to do. Prints whatever it
// can, section by section, even if everything is broken.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "tools/common/exit_code.hpp"
#include "tools/common/reporter.hpp"
#include "tools/leet/command.hpp"
#include "tools/leet/doctor/section.hpp"

namespace leet::tools {
namespace {

using doctor::Level;
using doctor::Section;

struct DoctorOptions {
  bool json = false;
};

// A check that fails itself is a finding like others.
Section run_check(const char* name, const std::function<Section()>& check) {
  try {
    return check();
  } catch (const std::exception& error) {
    Section section{name};
    section.error(fmt::format("this check failed itself: {}", error.what()),
                  "Please report it, with the output of `leet doctor --json`.");
    return section;
  }
}

int doctor_command(const GlobalOptions& global, const DoctorOptions& options) {
  const std::vector<std::pair<const char*, std::function<Section()>>> checks = {
      {"machine", doctor::check_machine},
      {"environment", doctor::check_environment},
      {"configuration", [&] { return doctor::check_configuration(global); }},
      {"caches", doctor::check_caches},
      {"cuda", doctor::check_cuda},
      {"plugins", [&] { return doctor::check_plugins(global); }}};
  const Reporter reporter("doctor", options.json);
  Json record = reporter.record();
  record["version"] = LEET_VERSION;
  record["abi"] = fmt::format("{}.{}", LEET_ABI_MAJOR, LEET_ABI_MINOR);
  record["sections"] = Json::array();
  if (!options.json) {
    fmt::print("leet {}, plugin ABI {}.{}\n", LEET_VERSION, LEET_ABI_MAJOR, LEET_ABI_MINOR);
  }
  int errors = 0, warnings = 0;
  for (const auto& [name, check] : checks) {
    const Section section = run_check(name, check);
    for (const doctor::Finding& finding : section.findings) {
      errors += finding.level == Level::kError ? 1 : 0;
      warnings += finding.level == Level::kWarning ? 1 : 0;
    }
    if (options.json) {
      record["sections"].push_back(doctor::to_json(section));
      continue;
    }
    fmt::print("\n");
    for (const std::string& line : doctor::to_lines(section)) fmt::print("{}\n", line);
    std::fflush(stdout);
  }
  record["errors"] = errors;
  record["warnings"] = warnings;
  if (options.json) {
    Reporter::print(record);
  } else {
    fmt::print("\n{} error{}, {} warning{}\n", errors, errors == 1 ? "" : "s", warnings,
               warnings == 1 ? "" : "s");
  }
  return errors == 0 ? kExitOk : kExitNegative;
}

}  // namespace

void add_doctor_command(CLI::App& app, const GlobalOptions& global, Action& action) {
  CLI::App* command = app.add_subcommand("doctor", "What is wrong here, and what to do about it");
  const auto options = std::make_shared<DoctorOptions>();
  command->add_flag("--json", options->json, "Print a leet.doctor/1 record");
  command->footer(
      "Machine, environment, configuration with the origin of each value, caches, CUDA driver and\n"
      "devices, plugins. A finding is ok, note, warning or error, and says what to do. Plugins "
      "are\n"
      "tried out in processes of their own, whatever plugins.probe says.\n\n"
      "Exit codes: 0 no error; 1 an error.\n\n"
      "Example:\n  leet doctor\n  leet doctor --json | jq '.sections[].findings[].text'");
  command->final_callback([&global, &action, options] {
    action = [&global, options] { return doctor_command(global, *options); };
  });
}

void add_doctor_cuda_command(CLI::App& app, const GlobalOptions&, Action& action) {
  CLI::App* command = app.add_subcommand("doctor-cuda", "Asks the driver, for `leet doctor`");
  command->group("");
  command->final_callback([&action] {
    action = [] {
      Reporter::print(doctor::look_for_cuda());
      return kExitOk;
    };
  });
}

}  // namespace leet::tools
