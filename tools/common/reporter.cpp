// SPDX-License-Identifier: Apache-2.0
#include "tools/common/reporter.hpp"

#include <fmt/format.h>
#include <leet/leet.h>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

#include "tools/common/exit_code.hpp"

namespace leet::tools {
namespace {

// File names and other people's messages may hold line breaks; an error stays one line.
std::string one_line(std::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(),
      [](unsigned char character) { return character < 0x20 || character == 0x7f; }, ' ');
  return line;
}

}  // namespace

Reporter::Reporter(std::string command, bool json) : command_(std::move(command)), json_(json) {}

Json Reporter::record() const {
  return {{"schema", command_.empty() ? "leet/1" : fmt::format("leet.{}/1", command_)}};
}

void Reporter::print(const Json& record) {
  const std::string text = record.dump(2, ' ', false, Json::error_handler_t::replace);
  fmt::print(stdout, "{}\n", text);
}

void Reporter::say(std::string_view text) const {
  fmt::print(stderr, "leet{}{}: {}\n", command_.empty() ? "" : " ", command_, one_line(text));
}

int Reporter::fail(const core::Error& error) const { return fail(error, exit_code_of(error.code)); }

int Reporter::fail(const core::Error& error, int exit_code) const {
  if (json_) {
    Json failure = record();
    failure["error"] = {{"status", status_name(error.code)}, {"message", one_line(error.message)}};
    print(failure);
  }
  say(error.message);
  return exit_code;
}

int exit_code_of(leet_status status) {
  switch (status) {
    case LEET_STATUS_OK:
      return kExitOk;
    case LEET_STATUS_INVALID_ARGUMENT:
      return kExitUsage;
    case LEET_STATUS_UNSUPPORTED:
    case LEET_STATUS_UNAVAILABLE:
      return kExitNothingToRun;
    default:
      return kExitPluginFailed;
  }
}

const char* status_name(leet_status status) {
  constexpr std::string_view kPrefix = "LEET_STATUS_";
  const char* const name = leet_status_name(status);
  // Without the prefix it is a plugin's own number.
  return std::string_view(name).starts_with(kPrefix) ? name + kPrefix.size() : "UNKNOWN";
}

}  // namespace leet::tools
