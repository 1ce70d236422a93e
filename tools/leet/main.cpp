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
#include "tools/common/exit_code.hpp"
#include "tools/common/reporter.hpp"
#include "tools/leet/command.hpp"

namespace leet::tools {
namespace {

void add_global_options(CLI::App& app, GlobalOptions& global) {
  app.add_option("--plugins", global.plugin_paths,
                 "Search this directory or plugin file first; may be repeated")
      ->type_name("PATH")
      ->check(check_path)
      ->allow_extra_args(false);
  app.add_flag("--only-plugins", global.only_plugin_paths, "Search nowhere but in --plugins");
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

// What is wrong with a command line that names no command.
std::string without_command(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> extra = app.remaining();
  const auto word = std::find_if(extra.begin(), extra.end(),
                                 [](const std::string& text) { return !text.starts_with('-'); });
  if (word != extra.end()) return fmt::format("unknown command '{}'", *word);
  return error.what();
}

int fail_on_command_line(const CLI::App& app, bool json, const CLI::ParseError& error) {
  const std::string command = given_command(app);
  const Reporter reporter(command, json);
  if (!command.empty()) {
    return reporter.fail({LEET_STATUS_INVALID_ARGUMENT,
                          fmt::format("{}; see `leet {} --help`", error.what(), command)});
  }
  const int code = reporter.fail({LEET_STATUS_INVALID_ARGUMENT, without_command(app, error)});
  fmt::print(stderr, "\n{}", app.help());
  return code;
}

int run_command_line(int argc, char** argv) {
  CLI::App app("Exponentially decaying causal linear attention, by plugins.", "leet");
  app.set_version_flag("--version", fmt::format("leet {} (plugin ABI {}.{})", LEET_VERSION,
                                                LEET_ABI_MAJOR, LEET_ABI_MINOR));
  app.get_formatter()->label("SUBCOMMAND", "COMMAND");
  app.get_formatter()->label("Subcommands", "Commands");
  app.footer(
      "Options above may stand before or after the command. `leet COMMAND --help` shows an "
      "example.\n\n"
      "Exit codes: 0 fine; 1 a check came out negative; 2 options, files, values or "
      "configuration;\n"
      "3 nothing to run (no such method, unsupported problem); 4 a plugin failed; 5 a fault of "
      "leet itself.");
  app.fallthrough();
  app.require_subcommand(0, 1);
  GlobalOptions global;
  add_global_options(app, global);

  Action action;
  for (const auto add :
       {add_list_command, add_info_command, add_why_command, add_run_command, add_compare_command,
        add_bench_command, add_validate_command, add_doctor_command, add_validate_worker_command,
        add_doctor_cuda_command}) {
    add(app, global, action);
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
