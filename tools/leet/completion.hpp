// SPDX-License-Identifier: Apache-2.0
//
// The completion of the program's command line, made from the parser itself so that it can't go
// stale.
#ifndef LEET_TOOLS_LEET_COMPLETION_HPP
#define LEET_TOOLS_LEET_COMPLETION_HPP

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace leet::tools {

// Those that `leet --help` shows.
std::vector<std::string> command_names(const CLI::App& app);

// A script for bash to source. Methods are completed by asking `leet list --names`.
std::string bash_completion(const CLI::App& app);

}  // namespace leet::tools
#endif  // LEET_TOOLS_LEET_COMPLETION_HPP
