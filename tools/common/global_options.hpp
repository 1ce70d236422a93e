// SPDX-License-Identifier: Apache-2.0
//
// The options of the leet program that come before or after any command.
#ifndef LEET_TOOLS_COMMON_GLOBAL_OPTIONS_HPP
#define LEET_TOOLS_COMMON_GLOBAL_OPTIONS_HPP

#include <filesystem>
#include <string>
#include <vector>

namespace leet::tools {

struct GlobalOptions {
  std::vector<std::filesystem::path> plugin_paths;  // --plugins PATH, may be repeated
  bool only_plugin_paths = false;                   // --only-plugins: search no other place
  std::filesystem::path configuration;              // --config FILE
  std::string log_level;                            // --log-level
};

}  // namespace leet::tools
#endif  // LEET_TOOLS_COMMON_GLOBAL_OPTIONS_HPP
