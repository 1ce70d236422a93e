// SPDX-License-Identifier: Apache-2.0
//
// Ctrl-C as a question that long work asks now and then, so that it can end with what it has.
#ifndef LEET_TOOLS_BENCH_INTERRUPT_HPP
#define LEET_TOOLS_BENCH_INTERRUPT_HPP

#include <signal.h>

namespace leet::bench {

// While it lives the first SIGINT only sets a flag; the second ends the process as ever. One at a
// time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  static bool requested();

 private:
  struct sigaction before_ {};
};

}  // namespace leet::bench
#endif  // LEET_TOOLS_BENCH_INTERRUPT_HPP
