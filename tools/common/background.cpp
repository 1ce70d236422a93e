// SPDX-License-Identifier: Apache-2.0
#include "tools/common/background.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

namespace leet::tools {

Background::Background(std::function<void()> work) : done_(eventfd(0, EFD_CLOEXEC)) {
  auto guarded = [this, work = std::move(work)] {
    try {
      work();
    } catch (...) {
      thrown_ = std::current_exception();
    }
    if (done_ >= 0) eventfd_write(done_, 1);
  };
  if (done_ < 0) {
    guarded();
  } else {
    thread_ = std::thread(std::move(guarded));
  }
}

Background::~Background() {
  if (thread_.joinable()) thread_.join();
  if (done_ >= 0) close(done_);
}

bool Background::wait(const Interrupt& interrupt, const std::function<void(int seconds)>& tick) {
  for (int seconds = 1; done_ >= 0; ++seconds) {
    pollfd watched[] = {{done_, POLLIN, 0}, {interrupt.descriptor(), POLLIN, 0}};
    const int ready = poll(watched, 2, 1000);
    if (Interrupt::requested()) return false;
    if (watched[0].revents != 0) break;
    if (ready == 0) tick(seconds);
  }
  if (thread_.joinable()) thread_.join();
  if (thrown_) std::rethrow_exception(thrown_);
  return !Interrupt::requested();
}

}  // namespace leet::tools
