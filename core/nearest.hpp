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

// Insertions, deletions and replacements that turn one word into the other (Levenshtein).
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row[b.size()];
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
