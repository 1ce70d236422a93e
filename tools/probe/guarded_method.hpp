// SPDX-License-Identifier: Apache-2.0
//
// A method's table with the probe between every call: it says where the plugin is, stops what is
// thrown and looks at the floating-point state afterwards, whoever the caller is.
#ifndef LEET_TOOLS_PROBE_GUARDED_METHOD_HPP
#define LEET_TOOLS_PROBE_GUARDED_METHOD_HPP

#include <leet/plugin.h>

#include <string>

#include "tools/probe/channel.hpp"
#include "tools/probe/process_state.hpp"

namespace leet::probe {

// One in a process: the functions of a table carry no context. `method` and `channel` outlive it.
const leet_method* guard_method(const leet_method& method, Channel& channel, const FpState& usual);

// The exception that is being handled: "an exception of type int", or with its what().
std::string describe_exception();

// Lets an exception that nobody catches be reported, for the rest of the process.
void report_terminate(Channel& channel);

// Calls `function()`, a part of the plugin's that runs at `stage`, and looks at the floating-point
// state afterwards.
template <class Function>
auto guarded(core::ProbeStage stage, Channel& channel, const FpState& usual, Function&& function) {
  channel.stage(stage);
  const auto result = [&] {
    try {
      return function();
    } catch (...) {
      channel.fail(core::Rule::kException,
                   describe_exception() + " came out of " + std::string(core::stage_name(stage)));
    }
  }();
  if (const FpState now = FpState::now(); now != usual) {
    channel.fail(core::Rule::kFpState,
                 "after " + std::string(core::stage_name(stage)) + ": " + difference(usual, now));
  }
  return result;
}

}  // namespace leet::probe
#endif  // LEET_TOOLS_PROBE_GUARDED_METHOD_HPP
