// SPDX-License-Identifier: Apache-2.0
//
// Quantities and tables as people read them on a terminal.
#ifndef LEET_TOOLS_COMMON_TEXT_HPP
#define LEET_TOOLS_COMMON_TEXT_HPP

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace leet::tools {

// Three digits: "3.14 ms", "250 ns".
std::string duration_text(double seconds);

// "0 bytes", "1.5 KiB", "2.0 GiB".
std::string bytes_text(double bytes);

// The width that tables keep to where their cells allow it.
inline constexpr std::size_t kTextWidth = 100;

// Breaks a text at spaces into lines of at most `width` characters; a longer word stays whole.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

// Columns as wide as their widest cell; the last one is wrapped at kTextWidth, or to at least 24
// characters. Every row has as many cells as the first.
std::vector<std::string> table_lines(std::span<const std::vector<std::string>> rows);

}  // namespace leet::tools
#endif  // LEET_TOOLS_COMMON_TEXT_HPP
