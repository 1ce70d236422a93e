// SPDX-License-Identifier: Apache-2.0
//
// What of a process a plugin has no business to change, and what of it has changed.
#ifndef LEET_TOOLS_PROBE_PROCESS_STATE_HPP
#define LEET_TOOLS_PROBE_PROCESS_STATE_HPP

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace leet::probe {

// The calling thread's modes of arithmetic: rounding, flush-to-zero, denormals-are-zero, masks and
// x87 precision. Not the sticky flags, which every computation sets.
struct FpState {
  std::uint32_t control = 0;  // MXCSR's control bits, or FPCR
  std::uint32_t x87 = 0;      // the x87 control word

  static FpState now();
  bool operator==(const FpState&) const = default;
};

// "MXCSR 0x1f80 -> 0x9fc0 (flush-to-zero, denormals-are-zero)"; "" for equal ones.
std::string difference(const FpState& before, const FpState& after);

// The rest, as texts by what they are called: {"working directory", "/tmp"}, ...
class ProcessState {
 public:
  static ProcessState now();

  // One sentence for each thing that changed: "the working directory: /tmp -> /".
  std::vector<std::string> changes_to(const ProcessState& after) const;

 private:
  std::map<std::string, std::string> facts_;
};

// What changed since `before`. Threads that are ending and descriptors that they close get a moment
// to be gone.
std::vector<std::string> settled_changes(const ProcessState& before);

}  // namespace leet::probe
#endif  // LEET_TOOLS_PROBE_PROCESS_STATE_HPP
