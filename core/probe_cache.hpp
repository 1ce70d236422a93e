// SPDX-License-Identifier: Apache-2.0
//
// What the probe found, kept under $XDG_CACHE_HOME/leet/probe so that a file is run once and not
// by every process: one small JSON file for each plugin's content and environment. That of a plugin
// that crashed or hung is its quarantine; a change of the file or of the environment ends it, and
// so does removing the record.
#ifndef LEET_CORE_PROBE_CACHE_HPP
#define LEET_CORE_PROBE_CACHE_HPP

#include <compare>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "core/load_report.hpp"
#include "core/probe_settings.hpp"

namespace leet::core {

// XXH3-128 of a file's bytes, and their number. Against accidents; whoever can forge one may write
// the plugin as well.
struct FileDigest {
  std::uint64_t high = 0, low = 0, bytes = 0;
  auto operator<=>(const FileDigest&) const = default;
};

std::optional<FileDigest> digest_file(const std::filesystem::path& file);

// Everything but the plugin that a finding depends on, as text: the probe itself, ABI, settings,
// processor and its instruction sets, and what changes which libraries are loaded.
std::string probe_environment(const std::filesystem::path& program, const ProbeSettings& settings);

// Safe with any number of processes: records are written whole or not at all, and a record that
// can't be read, is for something else or could have been written by others counts as none.
class ProbeCache {
 public:
  explicit ProbeCache(std::string environment);

  std::optional<ProbeFinding> find(const FileDigest& digest) const;
  void keep(const FileDigest& digest, const ProbeFinding& finding);

  // Why the first finding that could not be kept was not; empty = all were.
  const std::string& problem() const { return problem_; }

  // Where the record is, whether it exists or not.
  std::filesystem::path file(const FileDigest& digest) const;

 private:
  std::filesystem::path directory_;  // empty: there is no home
  std::string environment_;
  std::string problem_;
};

}  // namespace leet::core
#endif  // LEET_CORE_PROBE_CACHE_HPP
