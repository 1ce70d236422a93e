// SPDX-License-Identifier: Apache-2.0
//
// One line on stderr that says what is going on, rewritten in place; nothing unless stderr is a
// terminal.
#ifndef LEET_TOOLS_COMMON_PROGRESS_HPP
#define LEET_TOOLS_COMMON_PROGRESS_HPP

#include <string_view>

namespace leet::tools {

class Progress {
 public:
  Progress();
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(std::string_view text);
  // Takes the line away; call it before anything else is printed.
  void clear();

 private:
  bool on_terminal_;
  bool shown_ = false;
};

}  // namespace leet::tools
#endif  // LEET_TOOLS_COMMON_PROGRESS_HPP
