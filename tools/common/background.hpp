// SPDX-License-Identifier: Apache-2.0
//
// Work that can't be asked to stop, on a thread of its own, so that this one can answer Ctrl-C and
// show how long it has taken.
#ifndef LEET_TOOLS_COMMON_BACKGROUND_HPP
#define LEET_TOOLS_COMMON_BACKGROUND_HPP

#include <exception>
#include <functional>
#include <thread>

#include "tools/common/interrupt.hpp"

namespace leet::tools {

class Background {
 public:
  // Begins. Without the system's means to wait for two things at once, `work` is done here.
  explicit Background(std::function<void()> work);
  // Waits for the end of the work.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // Whether the work ended before Ctrl-C. Rethrows what it threw. `tick` is told the seconds so
  // far, once a second.
  bool wait(const Interrupt& interrupt, const std::function<void(int seconds)>& tick);

 private:
  std::exception_ptr thrown_;
  int done_ = -1;  // readable once the work has ended
  std::thread thread_;
};

}  // namespace leet::tools
#endif  // LEET_TOOLS_COMMON_BACKGROUND_HPP
