// SPDX-License-Identifier: Apache-2.0
//
// Every method against every other and against fp64, on problems that all of them are given.
// Workers leave their outputs in files; the parent, which never runs a plugin, compares them.
#ifndef LEET_TOOLS_VALIDATE_PAIRWISE_HPP
#define LEET_TOOLS_VALIDATE_PAIRWISE_HPP

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace leet::validate {

// One table: the problems of one dtype.
struct PairwiseTable {
  std::string dtype;
  std::vector<std::string> names;  // the methods, then "fp64"
  // The largest relative error over the problems that both sides ran, of the row's output against
  // the column's; empty where they shared none.
  std::vector<std::vector<std::optional<double>>> errors;
};

// `directories` are the methods' dump directories, in the order of `names`.
std::vector<PairwiseTable> compare_methods(const std::vector<std::string>& names,
                                           const std::vector<std::filesystem::path>& directories,
                                           std::uint64_t seed);

}  // namespace leet::validate
#endif  // LEET_TOOLS_VALIDATE_PAIRWISE_HPP
