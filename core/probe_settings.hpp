// SPDX-License-Identifier: Apache-2.0
//
// How far a plugin is tried out in a process of its own before it is loaded here.
#ifndef LEET_CORE_PROBE_SETTINGS_HPP
#define LEET_CORE_PROBE_SETTINGS_HPP

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace leet::core {

enum class ProbePolicy {
  kOff,       // load it and hope
  kContract,  // load it, take its table, see that the process is as it was
  kSelfTest   // that, and compare what it computes with the fp64 oracle on a few shapes
};

inline constexpr std::array<std::string_view, 3> kProbePolicies = {"off", "contract", "self-test"};

inline std::string_view probe_policy_name(ProbePolicy policy) {
  return kProbePolicies[static_cast<std::size_t>(policy)];
}

inline std::optional<ProbePolicy> parse_probe_policy(std::string_view name) {
  for (std::size_t i = 0; i < kProbePolicies.size(); ++i) {
    if (kProbePolicies[i] == name) return static_cast<ProbePolicy>(i);
  }
  return std::nullopt;
}

struct ProbeSettings {
  // The strictest: a file is asked once, for some tens of milliseconds, and its answer remembered;
  // what it protects from, a dead or silently wrong host, costs more.
  ProbePolicy policy = ProbePolicy::kSelfTest;
  int seconds = 10;       // for one file, by the clock on the wall
  int memory_mib = 2048;  // resident in the probe's process
  // What becomes of a file that could not be probed because the probe itself could not be run: by
  // default it is used, with a warning, as an installation without the probe would else be useless.
  bool refuse_unprobed = false;
};

// The most that may be asked for.
inline constexpr int kMaxProbeSeconds = 3600;
inline constexpr int kMaxProbeMemoryMib = 1 << 20;

}  // namespace leet::core
#endif  // LEET_CORE_PROBE_SETTINGS_HPP
