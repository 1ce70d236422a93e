// SPDX-License-Identifier: Apache-2.0
#include "core/user_directories.hpp"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

namespace leet::core {
namespace {

namespace fs = std::filesystem;

// The specification has relative values ignored; they would depend on the current directory.
fs::path absolute_from_environment(const char* name) {
  const char* value = secure_getenv(name);
  if (value == nullptr || value[0] != '/') return {};
  return value;
}

fs::path below_home(const char* variable, const char* otherwise) {
  if (fs::path given = absolute_from_environment(variable); !given.empty()) return given;
  const fs::path home = home_directory();
  return home.empty() ? fs::path() : home / otherwise;
}

}  // namespace

fs::path home_directory() {
  if (fs::path home = absolute_from_environment("HOME"); !home.empty()) return home;
  std::vector<char> buffer(16384);
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
      found == nullptr || found->pw_dir == nullptr || found->pw_dir[0] != '/') {
    return {};
  }
  return found->pw_dir;
}

fs::path user_data_directory() { return below_home("XDG_DATA_HOME", ".local/share"); }

fs::path user_configuration_directory() { return below_home("XDG_CONFIG_HOME", ".config"); }

fs::path user_cache_directory() { return below_home("XDG_CACHE_HOME", ".cache"); }

}  // namespace leet::core
