// SPDX-License-Identifier: Apache-2.0
//
// Finds plugins, judges them, loads them, and gives methods by name. Methods are registered under
// (id, device type).
#ifndef LEET_CORE_REGISTRY_HPP
#define LEET_CORE_REGISTRY_HPP

#include <leet/plugin.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/configuration.hpp"
#include "core/load_report.hpp"
#include "core/result.hpp"

namespace leet::core {

// One usable plugin. Files are never unloaded, so a table stays valid for the life of the process.
struct Method {
  leet_note_desc identity{};
  std::filesystem::path path;
  const leet_method* table = nullptr;        // null when only inspected
  std::vector<std::int32_t> device_types{};  // those for which this file is the one in use
};

struct RegistryOptions {
  // Directories or .so files given explicitly, searched first; there the trust rule only warns.
  std::vector<std::filesystem::path> paths;
  Configuration configuration;
  // Whether the default places are searched after `paths`: LEET_PLUGIN_PATH, the configuration's
  // plugins.search, $XDG_DATA_HOME/leet/plugins-0, beside the library (its directory's ../plugins
  // and ../lib/leet/plugins-0) and the install prefix.
  bool default_paths = true;
  // Read identities only and run no code of any plugin; the validator's way.
  bool inspect_only = false;
};

class Registry {
 public:
  // Never fails as a whole: what could not be used is in the report. Probes what is to be loaded as
  // configuration.probe says, then runs the loaded plugins' constructors and entries here.
  static Registry open(const RegistryOptions& options);

  const std::vector<Method>& methods() const { return methods_; }  // sorted by id
  const LoadReport& report() const { return report_; }

  // By exact id, or by a suffix after a dot that is unique ("chunked" for "leet.chunked").
  // `device_type` 0 means any device. Errors: UNAVAILABLE with the methods that there are, and the
  // nearest name; INVALID_ARGUMENT where a suffix is ambiguous.
  Result<const Method*> find(std::string_view name, std::int32_t device_type) const;

 private:
  std::vector<Method> methods_;
  LoadReport report_;
};

// Names of devices for people and options: "cpu", "cuda", "cuda_emulated", "cuda_checked".
std::string device_name(std::int32_t device_type);
Result<std::int32_t> parse_device(std::string_view name);

}  // namespace leet::core
#endif  // LEET_CORE_REGISTRY_HPP
