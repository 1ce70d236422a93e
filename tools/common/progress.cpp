// SPDX-License-Identifier: Apache-2.0
#include "tools/common/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace leet::tools {
namespace {

// Longer text would wrap, and a wrapped line can't be taken back.
constexpr std::size_t kWidth = 79;
constexpr std::string_view kEraseLine = "\r\x1b[K";

}  // namespace

Progress::Progress() {
  const char* terminal = std::getenv("TERM");
  on_terminal_ =
      isatty(STDERR_FILENO) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

void Progress::show(std::string_view text) {
  if (!on_terminal_) return;
  fmt::print(stderr, "{}{}", kEraseLine, text.substr(0, kWidth));
  std::fflush(stderr);
  shown_ = true;
}

void Progress::clear() {
  if (!shown_) return;
  fmt::print(stderr, "{}", kEraseLine);
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace leet::tools
