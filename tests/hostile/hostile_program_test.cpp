// SPDX-License-Identifier: Apache-2.0
//
// The same table through the program: `leet list --json` says of every broken plugin what the
// registry says, and exits with 0.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "tests/hostile/hostile_case.hpp"

extern char** environ;

namespace leet::tests {
namespace {

using ::testing::HasSubstr;

// Runs the program with its output in `out`; returns its wait status. Standard error is this
// test's own.
int run(std::vector<std::string> arguments, const std::filesystem::path& out) {
  arguments.insert(arguments.begin(), LEET_BINARY_DIR "/bin/leet");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT, 0600);
  pid_t child = 0;
  const int failed = posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::system_error(failed, std::generic_category(), argv[0]);
  int status = 0;
  if (waitpid(child, &status, 0) != child) throw std::runtime_error("waitpid");
  return status;
}

class HostileProgram : public ::testing::TestWithParam<HostileCase> {};

TEST_P(HostileProgram, ListsItsRule) {
  if (!GetParam().skip_reason.empty()) GTEST_SKIP() << GetParam().skip_reason;
  Scene scene;
  GetParam().arrange(scene);
  std::vector<std::string> arguments = {"list", "--json"};
  for (const auto& path : scene.explicit_paths) {
    arguments.insert(arguments.end(), {"--plugins", path.string()});
  }
  if (scene.plugin_path.empty()) arguments.push_back("--only-plugins");
  if (!scene.configuration.empty()) {
    arguments.insert(arguments.end(), {"--config", scene.configuration.string()});
  }
  setenv("LEET_PLUGIN_PATH", scene.plugin_path.c_str(), 1);
  unsetenv("LEET_CONFIG");
  setenv("XDG_CONFIG_HOME", scene.root().c_str(), 1);

  const std::filesystem::path out = scene.root() / "list.json";
  const int status = run(arguments, out);
  ASSERT_TRUE(WIFEXITED(status)) << "wait status " << status;
  EXPECT_EQ(WEXITSTATUS(status), 0);

  const nlohmann::json list = nlohmann::json::parse(read_bytes(out));
  EXPECT_EQ(list.at("schema"), "leet.list/1");
  std::map<std::filesystem::path, int> times;
  for (const nlohmann::json& candidate : list.at("candidates")) {
    const std::filesystem::path path = candidate.at("path").get<std::string>();
    if (!path.string().starts_with(scene.root().string())) continue;
    ++times[path];
    const auto found = scene.expected.find(path);
    if (found == scene.expected.end()) {
      ADD_FAILURE() << path << " was not expected";
      continue;
    }
    const std::string rule = candidate.at("rule");
    EXPECT_EQ(rule, found->second.rule) << path;
    EXPECT_THAT(candidate.at("seen").get<std::string>(), HasSubstr(found->second.seen)) << path;
    EXPECT_EQ(candidate.at("action").get<std::string>().empty(), rule == "OK") << path;
    EXPECT_EQ(candidate.at("usable").get<bool>(), rule == "OK" || rule == "W-UNTRUSTED") << path;
  }
  for (const auto& [path, unused] : scene.expected) EXPECT_EQ(times[path], 1) << path;
}

INSTANTIATE_TEST_SUITE_P(Corpus, HostileProgram, ::testing::ValuesIn(hostile_cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace leet::tests
