// SPDX-License-Identifier: Apache-2.0
#include "core/discovery.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <string_view>
#include <system_error>

#include "core/user_directories.hpp"

namespace leet::core {
namespace {

namespace fs = std::filesystem;

class Searcher {
 public:
  void search(const fs::path& given, std::string origin, bool explicitly_given) {
    std::error_code failed;
    const fs::path path = fs::absolute(given, failed).lexically_normal();
    SearchedDirectory entry{failed ? given : path, std::move(origin), 0, {}};
    const std::size_t index = found_.searched.size();
    const fs::path real = fs::canonical(path, failed);
    if (failed) {
      entry.problem = failed == std::errc::no_such_file_or_directory ? "no such file or directory"
                                                                     : failed.message();
    } else if (!fs::is_directory(real, failed)) {
      add_file(path, index, explicitly_given, entry);
    } else if (const auto [earlier, is_new] = directories_.emplace(real, index); !is_new) {
      entry.problem = fmt::format("searched already ({})", found_.searched[earlier->second].origin);
    } else {
      add_directory(path, index, explicitly_given, entry);
    }
    found_.searched.push_back(std::move(entry));
  }

  Discovery take() { return std::move(found_); }

 private:
  void add_directory(const fs::path& directory, std::size_t index, bool explicitly_given,
                     SearchedDirectory& entry) {
    std::error_code failed;
    std::vector<fs::path> files;
    for (fs::directory_iterator it(directory, failed), end; !failed && it != end;
         it.increment(failed)) {
      const std::string name = it->path().filename().string();
      std::error_code ignored;
      if (name.ends_with(".so") && !it->is_directory(ignored)) files.push_back(it->path());
    }
    if (failed) entry.problem = failed.message();
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) add_file(file, index, explicitly_given, entry);
  }

  void add_file(const fs::path& file, std::size_t index, bool explicitly_given,
                SearchedDirectory& entry) {
    std::error_code failed;
    // A dangling link has no real file; it is reported as what it is.
    const fs::path real = fs::canonical(file, failed);
    if (const auto [earlier, is_new] = files_.emplace(failed ? file : real, index); !is_new) {
      if (entry.path == file) {
        entry.problem = fmt::format("found already ({})", found_.searched[earlier->second].origin);
      }
      return;
    }
    found_.candidates.push_back({file, index, explicitly_given});
    ++entry.candidates;
  }

  Discovery found_;
  std::map<fs::path, std::size_t> directories_;  // real paths, with their search entry
  std::map<fs::path, std::size_t> files_;
};

// `status` is of the thing itself, not of a link to it.
std::string judge(const struct stat& status, const fs::path& path) {
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fmt::format("{} has mode {:04o}, writable by {}", path.string(), status.st_mode & 07777,
                       (status.st_mode & S_IWOTH) != 0 ? "everyone" : "its group");
  }
  if (status.st_uid != 0 && status.st_uid != geteuid()) {
    return fmt::format("{} is owned by user {}; this process has user {}", path.string(),
                       status.st_uid, geteuid());
  }
  return {};
}

}  // namespace

fs::path own_directory() {
  Dl_info info{};
  link_map* map = nullptr;
  if (dladdr1(reinterpret_cast<void*>(&discover), &info, reinterpret_cast<void**>(&map),
              RTLD_DL_LINKMAP) == 0) {
    return {};
  }
  std::error_code failed;
  // The main program has no name in the linker's list.
  const bool in_program = map == nullptr || map->l_name == nullptr || map->l_name[0] == '\0';
  const fs::path file =
      in_program ? fs::read_symlink("/proc/self/exe", failed) : fs::canonical(map->l_name, failed);
  return failed ? fs::path() : file.parent_path();
}

Discovery discover(const RegistryOptions& options) {
  Searcher searcher;
  for (const fs::path& path : options.paths) searcher.search(path, "command line", true);
  if (!options.default_paths) return searcher.take();

  // secure_getenv: an environment that a caller of a set-user-id program chose is no guide.
  if (const char* variable = secure_getenv("LEET_PLUGIN_PATH"); variable != nullptr) {
    std::string_view rest = variable;
    while (!rest.empty()) {
      const std::string_view element = rest.substr(0, rest.find(':'));
      rest.remove_prefix(std::min(rest.size(), element.size() + 1));
      // An empty element would be the current directory.
      if (!element.empty()) searcher.search(element, "LEET_PLUGIN_PATH", false);
    }
  }
  for (const fs::path& path : options.configuration.search) {
    searcher.search(path, fmt::format("configuration {}", options.configuration.file.string()),
                    false);
  }
  if (const fs::path data = user_data_directory(); !data.empty()) {
    searcher.search(data / "leet" / "plugins-0", "user data", false);
  }
  if (const fs::path own = own_directory(); !own.empty()) {
    searcher.search(own / ".." / "plugins", "beside the library", false);
    searcher.search(own / ".." / "lib" / "leet" / "plugins-0", "beside the library", false);
  }
  searcher.search(LEET_INSTALLED_PLUGINS, "install prefix", false);
  return searcher.take();
}

std::string why_untrusted(const fs::path& file) {
  std::error_code failed;
  const fs::path real = fs::canonical(file, failed);
  if (failed) return {};  // unreadable, which is said elsewhere
  std::set<fs::path> judged{real.parent_path(), real};
  // Whoever can change a link of the chain chooses the file. The chain ends, as it has a real file.
  fs::path link = file;
  judged.insert(link.parent_path());
  while (fs::is_symlink(link, failed)) {
    link = link.parent_path() / fs::read_symlink(link, failed);
    if (failed) return fmt::format("{}: {}", link.string(), failed.message());
    judged.insert(link.parent_path());
  }
  for (const fs::path& path : judged) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
      return fmt::format("{}: {}", path.string(), std::strerror(errno));
    }
    if (std::string why = judge(status, path); !why.empty()) return why;
  }
  return {};
}

}  // namespace leet::core
