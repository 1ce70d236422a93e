// SPDX-License-Identifier: Apache-2.0
#include "tools/common/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace leet::tools {

std::string duration_text(double seconds) {
  constexpr std::array<std::pair<double, const char*>, 4> kUnits = {
      {{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}}};
  // 0.9995 of a unit would be rounded to 1000 of the next.
  const auto unit = std::find_if(kUnits.begin(), kUnits.end() - 1, [&](const auto& candidate) {
    return seconds >= 0.9995 * candidate.first;
  });
  const double value = seconds / unit->first;
  const int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f} {}", value, decimals, unit->second);
}

std::string bytes_text(double bytes) {
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{:.0f} bytes", bytes);
  std::size_t unit = 0;
  for (bytes /= 1024; bytes >= 1024 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024;
  return fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (word.empty()) continue;
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width) {
      lines.emplace_back();
    }
    if (!lines.back().empty()) lines.back() += ' ';
    lines.back() += word;
  }
  return lines;
}

std::vector<std::string> table_lines(std::span<const std::vector<std::string>> rows) {
  constexpr std::size_t kGap = 2;
  constexpr std::size_t kLeastLast = 24;
  if (rows.empty()) return {};
  std::vector<std::size_t> widths(rows[0].size());
  std::size_t indent = 0;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    for (const auto& row : rows) widths[i] = std::max(widths[i], row[i].size());
    indent += widths[i] + kGap;
  }
  const std::size_t last = kTextWidth > indent + kLeastLast ? kTextWidth - indent : kLeastLast;
  std::vector<std::string> lines;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      line += fmt::format("{:<{}}", row[i], widths[i] + kGap);
    }
    for (const std::string& part : wrap(row.back(), last)) {
      lines.push_back(line + part);
      lines.back().erase(lines.back().find_last_not_of(' ') + 1);
      line.assign(indent, ' ');
    }
  }
  return lines;
}

}  // namespace leet::tools
