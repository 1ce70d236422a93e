// SPDX-License-Identifier: Apache-2.0
//
// How much of the operator a plugin claims, ran and refused. A combination is a dtype, a decay kind
// and a numeric check; the counts are compared with a committed table, so that a claim that shrinks
// shows.
#ifndef LEET_TOOLS_VALIDATE_COUNTS_HPP
#define LEET_TOOLS_VALIDATE_COUNTS_HPP

#include <leet/plugin.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "tools/validate/supervisor.hpp"

namespace leet::validate {

struct Counts {
  int claimed = 0;  // combinations that the note claims
  int run = 0;      // of which at least one case was run and judged
  int refused = 0;  // of which at least one case was answered with unsupported
  bool operator==(const Counts&) const = default;
};

// By "<dtype>/<decay kind>".
using CountTable = std::map<std::string, Counts>;

CountTable count_combinations(const leet_note_desc& note, const std::vector<Case>& cases,
                              const Outcome& outcome);
Counts total(const CountTable& table);

// The file of the committed counts, by method id.
using CountFile = std::map<std::string, CountTable>;

// Errors: INVALID_ARGUMENT (unreadable, or not a table of this schema).
core::Result<CountFile> read_counts(const std::filesystem::path& file);
core::Status write_counts(const std::filesystem::path& file, const CountFile& counts);

// One line for each difference.
std::vector<std::string> differences(const CountFile& expected, const CountFile& got);

}  // namespace leet::validate
#endif  // LEET_TOOLS_VALIDATE_COUNTS_HPP
