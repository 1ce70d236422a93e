// SPDX-License-Identifier: Apache-2.0
//
// The YAML configuration: policy, never identity. Strict: an unknown key, a key given twice or a
// value of the wrong kind is an error with file, line and column.
//
//     plugins:
//       search: [/opt/leet/plugins]  # directories or .so files, searched after LEET_PLUGIN_PATH;
//                                    # relative to this file; ~ at the start is the home directory
//       enabled: ["leet.*"]          # globs on method ids; ["*"] if not given
//       disabled: ["*.experimental"] # wins over enabled
//       probe: self-test             # off, contract or self-test: what a process of its own tries
//                                    # out before a plugin is loaded into this one
//       probe_seconds: 10            # its deadline for one file
//       probe_memory_mib: 2048       # and its memory
//       unprobed: use                # or refuse: files of which the probe could not be run
//     log:
//       level: info                  # trace, debug, info, warn, error, off
//     threads: 2                     # workers of parallel_for; 0 = one for each CPU that this
//                                    # process may use
//     pin_threads: false             # true: each worker but the caller stays on one CPU
#ifndef LEET_CORE_CONFIGURATION_HPP
#define LEET_CORE_CONFIGURATION_HPP

#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/probe_settings.hpp"
#include "core/result.hpp"

namespace leet::core {

// The most workers that may be asked for, here or elsewhere.
inline constexpr int kMaxThreads = 4096;

// The names of log levels.
inline constexpr std::array<std::string_view, 6> kLogLevels = {"trace", "debug", "info",
                                                               "warn",  "error", "off"};

struct Configuration {
  std::filesystem::path file;        // empty: the defaults below
  std::string file_origin;           // what named it: "given", "LEET_CONFIG", "user configuration"
  std::map<std::string, int> lines;  // by key ("log.level"): where the file gives it
  std::vector<std::filesystem::path> search;
  std::vector<std::string> enabled = {"*"};
  std::vector<std::string> disabled;
  ProbeSettings probe;
  std::string log_level = "warn";
  int threads = 0;
  bool pin_threads = false;

  // Whether the globs let this method through. `*` matches any run of characters, `?` one.
  bool allows(std::string_view method_id) const;
};

// Errors: INVALID_ARGUMENT with "FILE:LINE:COLUMN: ..." for a bad one, UNAVAILABLE when the file
// can't be read.
Result<Configuration> parse_configuration(std::string_view yaml, const std::filesystem::path& file);
Result<Configuration> load_configuration(const std::filesystem::path& file);

// The file to use: `given` if not empty, else $LEET_CONFIG, else $XDG_CONFIG_HOME/leet/config.yaml
// (~/.config) if it exists, else the defaults. A file named by the first two must exist.
Result<Configuration> find_configuration(const std::filesystem::path& given);

// One value in force, for a person.
struct Setting {
  std::string key;     // "log.level"
  std::string value;   // as it could be written in the file
  std::string origin;  // "default" or "FILE:LINE"
};

// All of them, in one order always.
std::vector<Setting> settings(const Configuration& configuration);

}  // namespace leet::core
#endif  // LEET_CORE_CONFIGURATION_HPP
