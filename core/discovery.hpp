// SPDX-License-Identifier: Apache-2.0
//
// Where plugins are looked for, in which order, and which files may be trusted. Nothing is opened
// here but directories.
#ifndef LEET_CORE_DISCOVERY_HPP
#define LEET_CORE_DISCOVERY_HPP

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "core/load_report.hpp"
#include "core/registry.hpp"

namespace leet::core {

// A file that might be a plugin.
struct Candidate {
  std::filesystem::path path;    // absolute, as found: symbolic links are not resolved
  std::size_t search_entry = 0;  // index into Discovery::searched
  bool explicitly_given = false;
};

struct Discovery {
  std::vector<SearchedDirectory> searched;  // in the order of search
  std::vector<Candidate> candidates;        // the same, and by name within a directory
};

// Explicit paths, then the default places as RegistryOptions says. A directory or file that is
// reached twice counts where it was reached first.
Discovery discover(const RegistryOptions& options);

// The directory of the shared library, or of the program, that this code is part of. Empty where
// the system doesn't say.
std::filesystem::path own_directory();

// Why `file` can't be trusted: it, its directory, or the directory of a symbolic link in the chain
// that it was reached by is writable by group or others, or owned by another user than root and
// this one. A sticky bit does not help: others could still add files. "" where it can be trusted.
std::string why_untrusted(const std::filesystem::path& file);

}  // namespace leet::core
#endif  // LEET_CORE_DISCOVERY_HPP
