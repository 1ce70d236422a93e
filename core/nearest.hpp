// SPDX-License-Identifier: Apache-2.0
//
// The "did you mean" of error messages.
#ifndef LEET_CORE_NEAREST_HPP
#define LEET_CORE_NEAREST_HPP

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string_view>
#include <vector>

namespace leet::core {

// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other, no
// part of it touched twice (optimal string alignment).
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);  // the row before `above`
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(above.begin(), above.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, above[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

// The word nearest to `given`, or "" when none is so near that it is likely to be meant: within a
// third of its own length. `words` holds std::string_view or what converts to it, and outlives the
// answer.
template <class Words>
std::string_view nearest(std::string_view given, const Words& words) {
  std::string_view best;
  std::size_t best_distance = 0;
  if (given.size() > 256) return best;  // the work is the product of the lengths
  for (const std::string_view word : words) {
    const std::size_t distance = edit_distance(given, word);
    if (distance <= std::max<std::size_t>(1, word.size() / 3) &&
        (best.empty() || distance < best_distance)) {
      best = word;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace leet::core
#endif  // LEET_CORE_NEAREST_HPP
