// SPDX-License-Identifier: Apache-2.0
#include "core/needed_libraries.hpp"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <system_error>

namespace leet::core {
namespace {

namespace fs = std::filesystem;

// LD_LIBRARY_PATH as it was when the process began, and the linker's standard directories.
std::vector<fs::path> system_directories() {
  void* self = dlopen(nullptr, RTLD_LAZY);
  if (self == nullptr) return {};
  std::vector<fs::path> directories;
  Dl_serinfo size{};
  if (dlinfo(self, RTLD_DI_SERINFOSIZE, &size) == 0) {
    const auto buffer =
        std::make_unique<std::max_align_t[]>(size.dls_size / sizeof(std::max_align_t) + 1);
    auto* info = reinterpret_cast<Dl_serinfo*>(buffer.get());
    *info = size;
    if (dlinfo(self, RTLD_DI_SERINFO, info) == 0) {
      // Not through dls_serpath[i], which is declared with one element.
      const Dl_serpath* paths = &info->dls_serpath[0];
      for (unsigned i = 0; i < info->dls_cnt; ++i) directories.emplace_back(paths[i].dls_name);
    }
  }
  dlclose(self);
  return directories;
}

// The linker's cache holds each file name as a NUL-ended string; its exact layout does not matter.
const std::string& linker_cache() {
  static const std::string cache = [] {
    std::ifstream file("/etc/ld.so.cache", std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }();
  return cache;
}

bool in_linker_cache(const std::string& name) {
  const std::string& cache = linker_cache();
  const std::string text = name + '\0';
  return cache.find('\0' + text) != std::string::npos ||
         cache.find('/' + text) != std::string::npos;
}

void add_from_linker_cache(const std::string& name, std::vector<fs::path>& paths) {
  const std::string& cache = linker_cache();
  const std::string text = '/' + name + '\0';
  for (std::size_t at = 0; (at = cache.find(text, at)) != std::string::npos; ++at) {
    const std::size_t begin = cache.rfind('\0', at) + 1;  // npos + 1 is 0
    paths.emplace_back(cache.substr(begin, at + text.size() - 1 - begin));
  }
}

void add_from_directory(const fs::path& directory, const std::string& name,
                        std::vector<fs::path>& paths) {
  std::error_code ignored;
  if (fs::exists(directory / name, ignored)) paths.push_back(directory / name);
  // Variants for newer processors: glibc-hwcaps/x86-64-v3/libexample.so.1.
  for (const auto& variant : fs::directory_iterator(directory / "glibc-hwcaps", ignored)) {
    if (fs::exists(variant.path() / name, ignored)) paths.push_back(variant.path() / name);
  }
}

bool in_directory(const fs::path& directory, const std::string& name) {
  std::vector<fs::path> paths;
  add_from_directory(directory, name, paths);
  return !paths.empty();
}

bool already_loaded(const std::string& name) {
  void* handle = dlopen(name.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (handle == nullptr) return false;
  dlclose(handle);
  return true;
}

// The directories of a colon-separated RUNPATH, or nothing when it has a token other than $ORIGIN.
std::optional<std::vector<fs::path>> expand(std::string_view runpath, const fs::path& origin) {
  if (origin.string().find('$') != std::string::npos) return std::nullopt;
  std::vector<fs::path> directories;
  while (!runpath.empty()) {
    const std::size_t colon = runpath.find(':');
    std::string directory(runpath.substr(0, colon));
    runpath.remove_prefix(colon == std::string_view::npos ? runpath.size() : colon + 1);
    for (const std::string_view token : {"${ORIGIN}", "$ORIGIN"}) {
      for (std::size_t at; (at = directory.find(token)) != std::string::npos;) {
        directory.replace(at, token.size(), origin.string());
      }
    }
    if (directory.find('$') != std::string::npos) return std::nullopt;
    directories.emplace_back(directory);
  }
  return directories;
}

// Nothing when a runpath can't be expanded.
std::optional<std::vector<fs::path>> search_directories(std::span<const std::string_view> runpaths,
                                                        const fs::path& plugin) {
  static const std::vector<fs::path> system = system_directories();
  std::vector<fs::path> directories = system;
  std::error_code ignored;
  for (const fs::path& origin :
       {plugin.parent_path(), fs::weakly_canonical(plugin, ignored).parent_path()}) {
    for (const std::string_view runpath : runpaths) {
      const auto expanded = expand(runpath, origin);
      if (!expanded) return std::nullopt;
      directories.insert(directories.end(), expanded->begin(), expanded->end());
    }
  }
  return directories;
}

}  // namespace

std::vector<std::string> missing_libraries(std::span<const std::string_view> needed,
                                           std::span<const std::string_view> runpaths,
                                           const fs::path& plugin) {
  const auto directories = search_directories(runpaths, plugin);
  if (!directories) return {};
  std::error_code ignored;
  std::vector<std::string> missing;
  for (const std::string_view view : needed) {
    const std::string name(view);
    if (name.find('$') != std::string::npos) continue;
    if (name.find('/') != std::string::npos) {
      if (!fs::exists(name, ignored)) missing.push_back(name);
      continue;
    }
    bool found = already_loaded(name) || in_linker_cache(name);
    for (auto it = directories->begin(); !found && it != directories->end(); ++it) {
      found = in_directory(*it, name);
    }
    if (!found) missing.push_back(name);
  }
  return missing;
}

std::vector<fs::path> library_candidates(std::span<const std::string_view> needed,
                                         std::span<const std::string_view> runpaths,
                                         const fs::path& plugin) {
  const auto directories = search_directories(runpaths, plugin).value_or(std::vector<fs::path>());
  std::vector<fs::path> paths;
  std::error_code ignored;
  for (const std::string_view view : needed) {
    const std::string name(view);
    if (name.find('/') != std::string::npos) {
      if (fs::exists(name, ignored)) paths.emplace_back(name);
      continue;
    }
    for (const fs::path& directory : directories) add_from_directory(directory, name, paths);
    add_from_linker_cache(name, paths);
  }
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return paths;
}

}  // namespace leet::core
