// SPDX-License-Identifier: Apache-2.0
//
// Runs a program to its end and keeps what it said, shut off from the user's own plugins and
// configuration.
#ifndef LEET_TESTS_SUPPORT_PROCESS_HPP
#define LEET_TESTS_SUPPORT_PROCESS_HPP

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/temporary_directory.hpp"

namespace leet::tests {

// A LEET_CONFIG with which plugins are not probed, for those that misbehave on request.
inline constexpr const char* kUnprobed = LEET_SOURCE_DIR "/tests/support/unprobed.yaml";

struct ProcessResult {
  int exit_code = -1;  // 128 + the signal's number after a signal, as a shell has it
  std::string out;
  std::string err;
};

namespace detail {

class SpawnActions {
 public:
  SpawnActions() { posix_spawn_file_actions_init(&actions_); }
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;

  void open(int descriptor, const std::filesystem::path& file, int flags) {
    posix_spawn_file_actions_addopen(&actions_, descriptor, file.c_str(), flags, 0600);
  }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

// The inherited environment less what could change which plugins are found.
inline std::vector<std::string> clean_environment(const std::map<std::string, std::string>& added,
                                                  const std::filesystem::path& home) {
  std::map<std::string, std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos && !text.starts_with("LEET_")) {
      all.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  for (const char* name : {"HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"}) all[name] = home;
  // Shared by all tests: not every process is to probe the same plugins again.
  all["XDG_CACHE_HOME"] = LEET_BINARY_DIR "/tests/cache";
  for (const auto& [name, value] : added) all[name] = value;
  std::vector<std::string> entries;
  for (const auto& [name, value] : all) entries.push_back(name + "=" + value);
  return entries;
}

inline std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace detail

// `command` is a program's path and its arguments; `environment` is added to the inherited one.
// stdin is empty. Throws where the program can't be started.
inline ProcessResult run_process(std::vector<std::string> command,
                                 const std::map<std::string, std::string>& environment = {}) {
  const TemporaryDirectory directory;
  detail::SpawnActions actions;
  actions.open(STDIN_FILENO, "/dev/null", O_RDONLY);
  actions.open(STDOUT_FILENO, directory / "out", O_WRONLY | O_CREAT);
  actions.open(STDERR_FILENO, directory / "err", O_WRONLY | O_CREAT);
  std::vector<std::string> entries = detail::clean_environment(environment, directory / "home");
  pid_t child = 0;
  if (posix_spawn(&child, command.at(0).c_str(), actions.get(), nullptr,
                  detail::pointers(command).data(), detail::pointers(entries).data()) != 0) {
    throw std::runtime_error("can't start " + command[0]);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) throw std::runtime_error("can't wait: " + command[0]);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          read_bytes(directory / "out"), read_bytes(directory / "err")};
}

// The leet program of this build.
inline ProcessResult run_leet(std::vector<std::string> arguments,
                              const std::map<std::string, std::string>& environment = {}) {
  arguments.insert(arguments.begin(), LEET_BINARY_DIR "/bin/leet");
  return run_process(std::move(arguments), environment);
}

// A last line without its newline counts.
inline std::ptrdiff_t count_lines(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n') + (text.empty() || text.back() == '\n' ? 0 : 1);
}

}  // namespace leet::tests
#endif  // LEET_TESTS_SUPPORT_PROCESS_HPP
