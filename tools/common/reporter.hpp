// SPDX-License-Identifier: Apache-2.0
//
// How every command speaks: JSON records with a schema on stdout, one line for each error on
// stderr, and an exit code.
#ifndef LEET_TOOLS_COMMON_REPORTER_HPP
#define LEET_TOOLS_COMMON_REPORTER_HPP

#include <leet/plugin.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace leet::tools {

// Keys in the order of insertion, so that records can be read by eye.
using Json = nlohmann::ordered_json;

class Reporter {
 public:
  // `command` is "run" for `leet run`, or empty for the program itself.
  Reporter(std::string command, bool json);

  bool json() const { return json_; }
  // An object that begins with the command's schema, "leet.run/1".
  Json record() const;
  // Writes it to stdout. Text that isn't UTF-8 (file names) is shown with replacement characters.
  static void print(const Json& record);

  // One line on stderr: "leet run: <text>".
  void say(std::string_view text) const;
  // The error as one line on stderr and, with --json, as a record on stdout. Returns the exit code:
  // the one that the status stands for, or the one given.
  int fail(const core::Error& error) const;
  int fail(const core::Error& error, int exit_code) const;

 private:
  std::string command_;
  bool json_;
};

// The exit code for a status that a checked call gave back: the caller's mistake, nothing to run,
// or (every other status) a plugin that failed.
int exit_code_of(leet_status status);

// leet_status_name less its prefix: "INVALID_ARGUMENT" for LEET_STATUS_INVALID_ARGUMENT; "UNKNOWN"
// for a number that is none.
const char* status_name(leet_status status);

}  // namespace leet::tools
#endif  // LEET_TOOLS_COMMON_REPORTER_HPP
