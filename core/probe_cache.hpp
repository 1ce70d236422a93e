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

// What a finding is about: XXH3-128 of a file's bytes, their number, and each file that the dynamic
// linker may take for a library that it names, with its device, inode, time and size. Against
// accidents; whoever can forge one may write the plugin as well.
struct ProbeSubject {
  std::uint64_t high = 0, low = 0, bytes = 0;
  std::string libraries;
  auto operator<=>(const ProbeSubject&) const = default;
};

// Nothing where the file can't be read, or is far above the size of any plugin.
std::optional<ProbeSubject> subject_of(const std::filesystem::path& file);

// Everything else that a finding depends on, as text: the probe itself, ABI, settings, processor
// and its instruction sets, and the variables that change which libraries are loaded and how many
// threads they start.
std::string probe_environment(const std::filesystem::path& program, const ProbeSettings& settings);

// Safe with any number of processes: records are written whole or not at all, and a record that
// can't be read, is for something else or could have been written by others counts as none.
class ProbeCache {
 public:
  explicit ProbeCache(std::string environment);

  std::optional<ProbeFinding> find(const ProbeSubject& subject) const;
  void keep(const ProbeSubject& subject, const ProbeFinding& finding);

  // Why the first finding that could not be kept, or would not be believed, was not; empty = all
  // were.
  const std::string& problem() const { return problem_; }

  // Where the record is, whether it exists or not.
  std::filesystem::path file(const ProbeSubject& subject) const;

 private:
  std::filesystem::path directory_;  // empty: there is no home
  std::string environment_;
  std::string problem_;
};

}  // namespace leet::core
#endif  // LEET_CORE_PROBE_CACHE_HPP
