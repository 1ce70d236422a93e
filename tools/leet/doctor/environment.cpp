// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "core/nearest.hpp"
#include "core/user_directories.hpp"
#include "tools/common/text.hpp"
#include "tools/leet/doctor/section.hpp"

namespace leet::doctor {
namespace {

namespace fs = std::filesystem;

// CONTRIBUTING.md lists what they mean.
constexpr std::array<std::string_view, 3> kVariables = {"LEET_CONFIG", "LEET_PLUGIN_PATH",
                                                        "LEET_PROBE"};
constexpr std::array<std::string_view, 3> kDirectories = {"XDG_CACHE_HOME", "XDG_CONFIG_HOME",
                                                          "XDG_DATA_HOME"};
// What else changes which code runs.
constexpr std::array<std::string_view, 3> kOthers = {"CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH",
                                                     "LD_PRELOAD"};

bool any_of(const auto& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Of the files in a directory; goes on past what can't be read.
struct Contents {
  std::size_t files = 0;
  double bytes = 0;
};

Contents contents_of(const fs::path& directory) {
  Contents contents;
  std::error_code failed;
  fs::recursive_directory_iterator it(directory, fs::directory_options::skip_permission_denied,
                                      failed);
  for (; !failed && it != fs::recursive_directory_iterator(); it.increment(failed)) {
    std::error_code unknown;
    if (!it->is_regular_file(unknown)) continue;
    ++contents.files;
    const auto bytes = it->file_size(unknown);
    if (!unknown) contents.bytes += static_cast<double>(bytes);
  }
  return contents;
}

}  // namespace

Section check_environment() {
  Section section{"environment"};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string name(text.substr(0, equals));
    const std::string value(text.substr(equals + 1));
    const bool ours = name.starts_with("LEET_");
    if (!ours && !any_of(kDirectories, name) && !any_of(kOthers, name)) continue;
    section.facts[name] = value;
    if (ours && !any_of(kVariables, name)) {
      const std::string_view near = core::nearest(name, kVariables);
      section.warning(fmt::format("{} is no variable that leet knows", name),
                      near.empty()
                          ? fmt::format("Unset it; there are {}.", fmt::join(kVariables, ", "))
                          : fmt::format("Did you mean {}?", near));
    }
    if (any_of(kDirectories, name) && !value.empty() && !value.starts_with('/')) {
      section.warning(fmt::format("{}='{}' is relative and therefore ignored", name, value),
                      "Give the whole path, from /.");
    }
  }
  if (section.findings.empty()) {
    section.ok(section.facts.empty() ? "no variable is set that changes what leet does"
                                     : "every variable is one that leet knows");
  }
  return section;
}

Section check_caches() {
  Section section{"caches"};
  const fs::path user = core::user_cache_directory();
  if (user.empty()) {
    section.warning(
        "there is no home directory, so nothing can be kept; plugins are probed "
        "again by every process",
        "Set HOME or XDG_CACHE_HOME.");
    return section;
  }
  const fs::path directory = user / "leet";
  std::error_code failed;
  const fs::file_status status = fs::status(directory, failed);
  section.facts = {{"directory", directory.string()}, {"exists", fs::exists(status)}};
  const std::string fix = fmt::format(
      "Make {} a directory that you may write, or set XDG_CACHE_HOME to one.", directory.string());
  if (status.type() != fs::file_type::not_found && !fs::is_directory(status)) {
    section.warning(
        fmt::format("{} is {}", directory.string(), failed ? failed.message() : "not a directory"),
        fix);
    return section;
  }
  if (fs::is_directory(status)) {
    const Contents contents = contents_of(directory);
    section.facts["files"] = contents.files;
    section.facts["size"] = tools::bytes_text(contents.bytes);
  }
  // What does not exist is made below the nearest that does.
  fs::path existing = directory;
  while (existing.has_relative_path() && !fs::exists(existing, failed)) {
    existing = existing.parent_path();
  }
  const bool writable =
      fs::is_directory(existing, failed) && access(existing.c_str(), W_OK | X_OK) == 0;
  section.facts["writable"] = writable;
  if (writable) {
    section.ok(fs::is_directory(status) ? "the cache can be written"
                                        : "the cache is made when it is needed");
  } else {
    section.warning(fmt::format("{} can't be written; plugins are probed again by every process",
                                existing.string()),
                    fix);
  }
  return section;
}

}  // namespace leet::doctor
