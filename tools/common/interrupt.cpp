// SPDX-License-Identifier: Apache-2.0
#include "tools/common/interrupt.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace leet::tools {
namespace {

std::atomic<bool> flag = false;
std::atomic<int> event = -1;
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "a signal handler may not lock");

void note(int) {
  const int error = errno;
  flag.store(true);
  // The event's counter can't be full: the handler runs once.
  if (const int descriptor = event.load(); descriptor >= 0) eventfd_write(descriptor, 1);
  errno = error;
}

}  // namespace

Interrupt::Interrupt() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  flag.store(false);
  event.store(descriptor_);
  sigaction(SIGINT, nullptr, &before_);
  if (before_.sa_handler == SIG_IGN) return;
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, &action, nullptr);
}

Interrupt::~Interrupt() {
  sigaction(SIGINT, &before_, nullptr);
  event.store(-1);
  if (descriptor_ >= 0) close(descriptor_);
}

bool Interrupt::requested() { return flag.load(); }

}  // namespace leet::tools
