// SPDX-License-Identifier: Apache-2.0
//
// Whether the libraries that a plugin names are there, without loading it.
#ifndef LEET_CORE_NEEDED_LIBRARIES_HPP
#define LEET_CORE_NEEDED_LIBRARIES_HPP

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace leet::core {

// Those of `needed` that are certainly missing. In doubt a library counts as there, and dlopen has
// the last word: `runpaths` are expanded for $ORIGIN, any other token makes everything doubtful.
std::vector<std::string> missing_libraries(std::span<const std::string_view> needed,
                                           std::span<const std::string_view> runpaths,
                                           const std::filesystem::path& plugin);

// Every file there is that the dynamic linker may take for one of `needed`, by the same search;
// which of several it takes is not decided here.
std::vector<std::filesystem::path> library_candidates(std::span<const std::string_view> needed,
                                                      std::span<const std::string_view> runpaths,
                                                      const std::filesystem::path& plugin);

}  // namespace leet::core
#endif  // LEET_CORE_NEEDED_LIBRARIES_HPP
