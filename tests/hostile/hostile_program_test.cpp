// SPDX-License-Identifier: Apache-2.0
//
// The same table through the program: `leet list --json` says of every broken plugin what the
// registry says, and exits with 0.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/hostile/hostile_case.hpp"
#include "tests/support/process.hpp"

namespace leet::tests {
namespace {

using ::testing::HasSubstr;

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
  std::map<std::string, std::string> environment = scene.environment;
  environment["LEET_PLUGIN_PATH"] = scene.plugin_path;
  environment["XDG_CACHE_HOME"] = scene.root() / "cache";
  const ProcessResult result = run_leet(arguments, environment);
  ASSERT_EQ(result.exit_code, 0) << result.err;

  const nlohmann::json list = nlohmann::json::parse(result.out);
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
    EXPECT_EQ(candidate.at("usable").get<bool>(), rule == "OK" || rule.starts_with("W-")) << path;
  }
  for (const auto& [path, unused] : scene.expected) EXPECT_EQ(times[path], 1) << path;
}

INSTANTIATE_TEST_SUITE_P(Corpus, HostileProgram, ::testing::ValuesIn(hostile_cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace leet::tests
