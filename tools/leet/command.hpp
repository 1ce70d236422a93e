// SPDX-License-Identifier: Apache-2.0
//
// How a command of the leet program plugs into it: one function in cmd_<name>.cpp, listed in
// main.cpp.
#ifndef LEET_TOOLS_LEET_COMMAND_HPP
#define LEET_TOOLS_LEET_COMMAND_HPP

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "tools/common/global_options.hpp"

namespace leet::tools {

// Runs after the whole command line has been parsed; returns the exit code
// (tools/common/exit_code.hpp).
using Action = std::function<int()>;

// A CLI11 check for options that name a file: an empty one would be as if the option were not
// given, and an option in its place is one whose path was forgotten.
inline std::string check_path(const std::string& text) {
  if (text.empty()) return "needs a path, not an empty text";
  return text.starts_with("--") ? "needs a path before '" + text + "'" : "";
}

// For an option that takes one value each time it is given, and may be given again.
inline CLI::Option* repeatable(CLI::Option* option) {
  return option->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
}

// Each adds its subcommand to `app` and, when it is the one given, sets `action`. `global` and
// `action` outlive the parse.
void add_list_command(CLI::App& app, const GlobalOptions& global, Action& action);
void add_info_command(CLI::App& app, const GlobalOptions& global, Action& action);
void add_why_command(CLI::App& app, const GlobalOptions& global, Action& action);
void add_doctor_command(CLI::App& app, const GlobalOptions& global, Action& action);
void add_doctor_cuda_command(CLI::App& app, const GlobalOptions& global, Action& action);  // hidden
void add_completion_command(CLI::App& app, const GlobalOptions& global, Action& action);
void add_run_command(CLI::App& app, const GlobalOptions& global, Action& action);
void add_compare_command(CLI::App& app, const GlobalOptions& global, Action& action);
void add_bench_command(CLI::App& app, const GlobalOptions& global, Action& action);
void add_validate_command(CLI::App& app, const GlobalOptions& global, Action& action);
void add_validate_worker_command(CLI::App& app, const GlobalOptions& global,
                                 Action& action);  // hidden

}  // namespace leet::tools
#endif  // LEET_TOOLS_LEET_COMMAND_HPP
