// SPDX-License-Identifier: Apache-2.0
//
// Text that a file or a plugin brought, made fit for a message: control characters would reach the
// reader's terminal, and a message is one line.
#ifndef LEET_CORE_PRINTABLE_HPP
#define LEET_CORE_PRINTABLE_HPP

#include <cstddef>
#include <string>
#include <string_view>

namespace leet::core {

// Bytes above 127 are left alone; they may be UTF-8.
inline bool is_printable(char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; }

inline std::string printable(std::string_view text, std::size_t longest = 512) {
  std::string out;
  for (const char c : text.substr(0, longest)) out += is_printable(c) ? c : '?';
  if (text.size() > longest) out += "...";
  return out;
}

}  // namespace leet::core
#endif  // LEET_CORE_PRINTABLE_HPP
