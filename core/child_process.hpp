// SPDX-License-Identifier: Apache-2.0
//
// Runs programs that may crash, hang, flood or eat all memory, and says how each ended. Made for
// the probe: it works inside someone else's process, with its threads, signals and descriptors.
#ifndef LEET_CORE_CHILD_PROCESS_HPP
#define LEET_CORE_CHILD_PROCESS_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace leet::core {

// Where a child finds the pipe for its results. Not stdout: a plugin may print there.
inline constexpr int kResultDescriptor = 3;

struct ChildLimits {
  std::chrono::milliseconds deadline{10000};
  // Of resident memory, watched. Not RLIMIT_AS: CUDA and sanitizers reserve far more addresses than
  // they use.
  std::int64_t memory_bytes = std::int64_t{2} << 30;
};

struct ChildEnd {
  enum class How {
    kNotStarted,  // `why` says why
    kExited,      // with `number`
    kSignalled,   // by `number`
    kTimedOut,    // and was killed
    kTooLarge,    // and was killed
    kUnseen       // the host collected it, or ignores SIGCHLD
  };
  How how = How::kNotStarted;
  int number = 0;
  std::string why;
  // What it wrote, as far as it is not absurdly long.
  std::string results, out, err;
};

// Runs each command (a program's path and its arguments), at most `at_once` at a time, and returns
// their ends in the order of the commands. A child has a process group of its own, which ends with
// it; an empty stdin; this process's environment; default signal handlers and none blocked; and no
// descriptor but its own four. [thread-safe]
std::vector<ChildEnd> run_children(const std::vector<std::vector<std::string>>& commands,
                                   const ChildLimits& limits, std::size_t at_once);

}  // namespace leet::core
#endif  // LEET_CORE_CHILD_PROCESS_HPP
