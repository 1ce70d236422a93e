// SPDX-License-Identifier: Apache-2.0
//
// Loads a plugin that passed inspection and takes its method's table. The file stays loaded for the
// life of the process: plugin threads, registered CUDA images and thread-locals make unloading
// unsafe.
#ifndef LEET_CORE_LOADER_HPP
#define LEET_CORE_LOADER_HPP

#include <leet/plugin.h>

#include <filesystem>
#include <string>

#include "core/load_report.hpp"

namespace leet::core {

struct LoadedPlugin {
  Rule rule = Rule::kOk;  // else kLoad, kEntry, kNullTables, kMismatch or
                          // kException
  std::string seen;
  const leet_method* table = nullptr;  // not null exactly with kOk
};

// Runs the file's constructors and its entry. `path` is absolute. [thread-safe]
LoadedPlugin load_plugin(const std::filesystem::path& path, const leet_note_desc& identity);

// The first half of load_plugin(): runs the file's constructors and finds its entry.
struct LoadedEntry {
  Rule rule = Rule::kOk;  // else kLoad
  std::string seen;
  leet_plugin_entry_fn entry = nullptr;
};
LoadedEntry load_entry(const std::filesystem::path& path);

// The second half, what load_plugin() does after loading: calls the entry and judges its table.
LoadedPlugin enter_plugin(leet_plugin_entry_fn entry, const leet_note_desc& identity);

}  // namespace leet::core
#endif  // LEET_CORE_LOADER_HPP
