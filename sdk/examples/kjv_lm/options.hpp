// SPDX-License-Identifier: Apache-2.0
//
// The command line.
#ifndef KJV_LM_OPTIONS_HPP
#define KJV_LM_OPTIONS_HPP

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace kjv_lm {

// The exit codes are those of the leet program.
enum ExitCode {
  kExitOk = 0,
  kExitNegative = 1,      // the model's logits are not finite
  kExitUsage = 2,         // options, files, configuration
  kExitNothingToRun = 3,  // no such method, or it can't compute this model
  kExitPluginFailed = 4,  // the method returned an error
  kExitInternal = 5,      // this program's own fault
};

struct Options {
  std::string method;
  std::filesystem::path model;
  std::optional<std::filesystem::path> prompt;  // none: generate nothing
  std::int64_t generate = 240;
  std::optional<std::filesystem::path> eval;
  std::optional<std::filesystem::path> logits;
  bool json = false;
  int threads = 0;
  std::int64_t chunk = 1024;
  std::vector<std::string> plugins;
};

// The options, or the exit code with which the program ends at once: after --help, and after one
// line on stderr about what is wrong.
std::variant<Options, int> parse_options(int argc, char** argv);

}  // namespace kjv_lm
#endif  // KJV_LM_OPTIONS_HPP
