// SPDX-License-Identifier: Apache-2.0
//
// The leet program: parses the command line, runs the one command given, and turns whatever comes
// of it into an exit code (tools/common/exit_code.hpp).
#include <fmt/format.h>
#include <leet/plugin.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/configuration.hpp"
#include "core/nearest.hpp"
#include "tools/common/exit_code.hpp"
#include "tools/common/reporter.hpp"
#include "tools/leet/command.hpp"
#include "tools/leet/completion.hpp"

namespace leet::tools {
namespace {

void add_global_options(CLI::App& app, GlobalOptions& global) {
  repeatable(app.add_option("--plugins", global.plugin_paths,
                            "Search this directory or plugin file first; may be repeated"))
      ->type_name("PATH")
      ->check(check_path);
  app.add_flag("--only-plugins", global.only_plugin_paths,
               "Search nowhere but where --plugins says");
  app.add_option("--config", global.configuration, "Use this YAML configuration")
      ->type_name("FILE")
      ->check(check_path);
  const std::vector<std::string> levels(core::kLogLevels.begin(), core::kLogLevels.end());
  app.add_option("--log-level", global.log_level, "How much plugins may log to stderr")
      ->check(CLI::IsMember(levels));
}

std::string given_command(const CLI::App& app) {
  const auto commands = app.get_subcommands();
  return commands.empty() ? "" : commands.front()->get_name();
}

std::string with_hint(std::string text, std::string_view near) {
  return near.empty() ? text : fmt::format("{} (did you mean '{}'?)", text, near);
}

// The options that may stand in a command, with their dashes.
std::vector<std::string> option_names(const CLI::App& app, const CLI::App* command) {
  std::vector<std::string> names;
  for (const CLI::App* from : {&app, command}) {
    if (from == nullptr) continue;
    for (const CLI::Option* option : from->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

// What is wrong with a command line. CLI11 names what it did not expect, but not what is near.
std::string fault(const CLI::App& app, const CLI::App* command, const CLI::ParseError& error) {
  const std::vector<std::string> extra = app.remaining(true);
  const auto word = std::find_if(extra.begin(), extra.end(),
                                 [](const std::string& text) { return !text.starts_with('-'); });
  if (command == nullptr && word != extra.end()) {
    const std::vector<std::string> names = command_names(app);
    return with_hint(fmt::format("unknown command '{}'", *word), core::nearest(*word, names));
  }
  // A misspelt option is the likely reason why a required one seems to be missing.
  const auto option = std::find_if(extra.begin(), extra.end(), [](const std::string& text) {
    return text.starts_with('-') && text.size() > 1;
  });
  if (option != extra.end()) {
    const std::string name = option->substr(0, option->find('='));
    const std::vector<std::string> names = option_names(app, command);
    return with_hint(fmt::format("unknown option '{}'", name), core::nearest(name, names));
  }
  if (error.get_exit_code() != static_cast<int>(CLI::ExitCodes::ExtrasError) || extra.empty()) {
    return error.what();
  }
  return fmt::format("unexpected argument '{}'", extra.front());
}

int fail_on_command_line(const CLI::App& app, bool json, const CLI::ParseError& error) {
  const std::string command = given_command(app);
  const Reporter reporter(command, json);
  const auto given = app.get_subcommands();
  const std::string what = fault(app, given.empty() ? nullptr : given.front(), error);
  if (!command.empty()) {
    return reporter.fail(
        {LEET_STATUS_INVALID_ARGUMENT, fmt::format("{}; see `leet {} --help`", what, command)});
  }
  const int code = reporter.fail({LEET_STATUS_INVALID_ARGUMENT, what});
  fmt::print(stderr, "\n{}", app.help());
  return code;
}

int run_command_line(int argc, char** argv) {
  CLI::App app("Exponentially decaying causal linear attention, by plugins.", "leet");
  app.set_version_flag("--version", fmt::format("leet {} (plugin ABI {}.{})", LEET_VERSION,
                                                LEET_ABI_MAJOR, LEET_ABI_MINOR));
  app.get_formatter()->label("SUBCOMMAND", "COMMAND");
  app.footer(
      "Options above may stand before or after the command. `leet COMMAND --help` shows an "
      "example.\n\n"
      "Exit codes: 0 fine; 1 a check came out negative; 2 options, files, values or "
      "configuration;\n"
      "3 nothing to run (no such method, unsupported problem); 4 a plugin failed; 5 a fault of "
      "leet itself;\n130 Ctrl-C, after a report of what was done.");
  app.fallthrough();
  app.require_subcommand(0, 1);
  GlobalOptions global;
  add_global_options(app, global);

  Action action;
  for (const auto add :
       {add_list_command, add_info_command, add_why_command, add_run_command, add_compare_command,
        add_bench_command, add_validate_command, add_doctor_command, add_completion_command,
        add_validate_worker_command, add_doctor_cuda_command}) {
    add(app, global, action);
  }
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) command->group("Commands");
  }
  const bool json =
      std::any_of(argv, argv + argc, [](std::string_view word) { return word == "--json"; });
  try {
    app.parse(argc, argv);
    if (!action) throw CLI::RequiredError("a command");
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help and --version
    return fail_on_command_line(app, json, error);
  }
  try {
    return action();
  } catch (const std::bad_alloc&) {
    return Reporter(given_command(app), json)
        .fail({LEET_STATUS_OUT_OF_MEMORY, "not enough memory for these arrays"}, kExitInternal);
  } catch (const std::exception& error) {
    return Reporter(given_command(app), json)
        .fail({LEET_STATUS_INTERNAL,
               fmt::format("a fault of leet itself, please report it: {}", error.what())},
              kExitInternal);
  }
}

// A full disk or a closed pipe must not look like success.
int flush_stdout(int code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  Reporter("", false).say(
      fmt::format("stdout can't be written: {}", std::generic_category().message(errno)));
  return kExitUsage;
}

}  // namespace
}  // namespace leet::tools

int main(int argc, char** argv) {
  return leet::tools::flush_stdout(leet::tools::run_command_line(argc, argv));
}
