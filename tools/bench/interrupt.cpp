// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/interrupt.hpp"

#include <atomic>

namespace leet::bench {
namespace {

std::atomic<bool> flag = false;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may not lock");

}  // namespace

Interrupt::Interrupt() {
  flag.store(false);
  struct sigaction action {};
  action.sa_handler = [](int) { flag.store(true); };
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, &action, &before_);
}

Interrupt::~Interrupt() { sigaction(SIGINT, &before_, nullptr); }

bool Interrupt::requested() { return flag.load(); }

}  // namespace leet::bench
