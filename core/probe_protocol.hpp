// SPDX-License-Identifier: Apache-2.0
//
// What leet-probe writes to its result pipe: one JSON object a line.
//
//     {"protocol": 1}                          first
//     {"stage": "execute"}                     before each step of this kind
//     {"case": "f32, decay head, ..."}         before each case of the self-test
//     {"rule": "E-SELF-TEST", "seen": "..."}   once; with "OK" the stage "exit" follows
//
// A plugin in that process could write the same. The probe keeps faults from the host, not malice:
// what it lets pass runs inside the host anyway.
#ifndef LEET_CORE_PROBE_PROTOCOL_HPP
#define LEET_CORE_PROBE_PROTOCOL_HPP

#include <array>
#include <cstddef>
#include <string_view>

namespace leet::core {

inline constexpr int kProbeProtocol = 1;

enum class ProbeStage { kLoad, kEntry, kSupports, kPlanCreate, kExecute, kPlanDestroy, kExit };

inline constexpr std::array<std::string_view, 7> kProbeStages = {
    "load", "entry", "supports", "plan_create", "execute", "plan_destroy", "exit"};

inline std::string_view stage_name(ProbeStage stage) {
  return kProbeStages[static_cast<std::size_t>(stage)];
}

}  // namespace leet::core
#endif  // LEET_CORE_PROBE_PROTOCOL_HPP
