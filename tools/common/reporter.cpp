// SPDX-License-Identifier: Apache-2.0
#include "tools/common/reporter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
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
  switch (status) {
    case LEET_STATUS_OK:
      return "OK";
    case LEET_STATUS_INVALID_ARGUMENT:
      return "INVALID_ARGUMENT";
    case LEET_STATUS_UNSUPPORTED:
      return "UNSUPPORTED";
    case LEET_STATUS_OUT_OF_MEMORY:
      return "OUT_OF_MEMORY";
    case LEET_STATUS_UNAVAILABLE:
      return "UNAVAILABLE";
    case LEET_STATUS_DEVICE_ERROR:
      return "DEVICE_ERROR";
    case LEET_STATUS_DEVICE_POISONED:
      return "DEVICE_POISONED";
    case LEET_STATUS_INTERNAL:
      return "INTERNAL";
    default:
      return "UNKNOWN";  // a plugin's own number
  }
}

}  // namespace leet::tools
