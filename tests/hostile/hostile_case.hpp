// SPDX-License-Identifier: Apache-2.0
//
// The table of broken plugins: what each case puts on disk, how a host is pointed at it, and what
// it must say of every file. Shared by the test in process and the test through the program.
#ifndef LEET_TESTS_HOSTILE_HOSTILE_CASE_HPP
#define LEET_TESTS_HOSTILE_HOSTILE_CASE_HPP

#include <filesystem>
#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/temporary_directory.hpp"

namespace leet::tests {

// What a report must say of one file.
struct Expected {
  std::string rule;
  std::string seen;  // a part of the text, with the value that was found; "" = any
};

// One case, set up in a directory of its own.
class Scene {
 public:
  // A subdirectory, trusted whatever the umask is.
  std::filesystem::path directory(std::string_view name);
  // A file of these bytes in it, trusted too.
  std::filesystem::path file(const std::filesystem::path& directory, std::string_view name,
                             std::string_view bytes);

  std::filesystem::path root() const { return root_.path(); }

  std::vector<std::filesystem::path> explicit_paths;
  std::string plugin_path;  // LEET_PLUGIN_PATH; "" = the default places are not searched
  std::map<std::string, std::string> environment;      // further variables
  std::filesystem::path configuration;                 // "" = none
  std::map<std::filesystem::path, Expected> expected;  // of every candidate below root()

 private:
  TemporaryDirectory root_;
};

struct HostileCase {
  std::string name;
  std::function<void(Scene&)> arrange;
  std::string skip_reason = {};  // why this process can't arrange it; "" = it can
};

// Each case also has a sound plugin, good/leet_good.so, that must stay usable beside the broken
// one.
const std::vector<HostileCase>& hostile_cases();

// The case of one file, bad/leet_bad.so, in front of the good plugin and with its id: what is
// refused must not shadow either.
HostileCase broken(std::string name, std::function<std::string()> bytes, std::string rule,
                   std::string seen);

// Parts of hostile_cases(): those that the probe sees.
std::vector<HostileCase> probed_cases();

// For GoogleTest's output.
inline void PrintTo(const HostileCase& hostile_case, std::ostream* out) {
  *out << hostile_case.name;
}

// The bytes of a plugin of this folder: "good" for leet_hostile_good.so.
std::string hostile_plugin(std::string_view name);

}  // namespace leet::tests
#endif  // LEET_TESTS_HOSTILE_HOSTILE_CASE_HPP
