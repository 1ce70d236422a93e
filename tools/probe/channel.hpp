// SPDX-License-Identifier: Apache-2.0
//
// The way back to the process that started the probe; core/probe_protocol.hpp says what goes there.
#ifndef LEET_TOOLS_PROBE_CHANNEL_HPP
#define LEET_TOOLS_PROBE_CHANNEL_HPP

#include <string_view>

#include "core/load_report.hpp"
#include "core/probe_protocol.hpp"

namespace leet::probe {

class Channel {
 public:
  // Takes the descriptor away from where a plugin might guess it. A descriptor that is not open is
  // found out by the first line.
  explicit Channel(int descriptor);

  void stage(core::ProbeStage stage);
  void test_case(std::string_view name);
  void pass(std::string_view seen);

  // Ends the process: nothing that comes after a finding could be believed.
  [[noreturn]] void fail(core::Rule rule, std::string_view seen);

 private:
  void send(std::string_view key, std::string_view value);
  void send_line(std::string_view line);

  int descriptor_;
};

}  // namespace leet::probe
#endif  // LEET_TOOLS_PROBE_CHANNEL_HPP
