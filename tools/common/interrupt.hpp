// SPDX-License-Identifier: Apache-2.0
//
// Ctrl-C as a question that long work asks now and then, so that it can end with what it has.
#ifndef LEET_TOOLS_COMMON_INTERRUPT_HPP
#define LEET_TOOLS_COMMON_INTERRUPT_HPP

#include <signal.h>

namespace leet::tools {

// While it lives the first SIGINT is only noted; the second ends the process as ever. Where SIGINT
// is ignored, as by nohup or in a shell's background, it stays ignored. One at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  static bool requested();
  // For poll(): readable once SIGINT has come, so that none is missed between a look at
  // requested() and a wait. -1 where the system gave none.
  int descriptor() const { return descriptor_; }

 private:
  struct sigaction before_ {};
  int descriptor_ = -1;
};

}  // namespace leet::tools
#endif  // LEET_TOOLS_COMMON_INTERRUPT_HPP
