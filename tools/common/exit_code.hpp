// SPDX-License-Identifier: Apache-2.0
//
// The leet program's exit codes. Stable.
#ifndef LEET_TOOLS_COMMON_EXIT_CODE_HPP
#define LEET_TOOLS_COMMON_EXIT_CODE_HPP

namespace leet::tools {

enum ExitCode {
  kExitOk = 0,
  kExitNegative = 1,      // a check came out negative: validate, compare, run --expect
  kExitUsage = 2,         // the caller's options, files, values or configuration; unwritable output
  kExitNothingToRun = 3,  // unknown method, no plugin, unsupported problem, no device, nothing ran
  kExitPluginFailed = 4,  // a plugin crashed, timed out or returned an error
  kExitInternal = 5,      // the program's own fault
  kExitInterrupted = 130  // Ctrl-C, after what was done was reported: 128 + SIGINT, as in shells
};

}  // namespace leet::tools
#endif  // LEET_TOOLS_COMMON_EXIT_CODE_HPP
