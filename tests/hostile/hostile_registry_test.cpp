// SPDX-License-Identifier: Apache-2.0
//
// Every broken plugin earns exactly its rule from the registry, in this process, which lives on and
// still has the sound one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/registry.hpp"
#include "tests/core/environment.hpp"
#include "tests/hostile/hostile_case.hpp"

namespace leet::tests {
namespace {

using ::testing::HasSubstr;

class Hostile : public ::testing::TestWithParam<HostileCase> {
 protected:
  void SetUp() override {
    if (!GetParam().skip_reason.empty()) GTEST_SKIP() << GetParam().skip_reason;
    GetParam().arrange(scene_);
    options_.paths = scene_.explicit_paths;
    options_.default_paths = !scene_.plugin_path.empty();
    set("LEET_PLUGIN_PATH", scene_.plugin_path);
    // What one test finds is not to answer another.
    set("XDG_CACHE_HOME", scene_.root() / "cache");
    for (const auto& [name, value] : scene_.environment) set(name, value);
    if (!scene_.configuration.empty()) {
      const auto configuration = core::load_configuration(scene_.configuration);
      ASSERT_TRUE(configuration.ok()) << configuration.error().message;
      options_.configuration = *configuration;
    }
  }
  void set(const std::string& name, const std::string& value) {
    variables_.push_back(std::make_unique<Environment>(name, value));
  }

  // Every expected file once, with its rule, and no other file of the scene.
  void expect_report(const core::LoadReport& report,
                     const std::map<std::filesystem::path, Expected>& expected) const {
    std::map<std::filesystem::path, int> times;
    for (const core::LoadReportEntry& entry : report.entries) {
      if (!entry.path.string().starts_with(scene_.root().string())) continue;
      ++times[entry.path];
      const auto found = expected.find(entry.path);
      if (found == expected.end()) {
        ADD_FAILURE() << entry.path << " was not expected";
        continue;
      }
      EXPECT_EQ(core::rule_code(entry.rule), found->second.rule)
          << entry.path << ": " << entry.seen;
      EXPECT_THAT(entry.seen, HasSubstr(found->second.seen)) << entry.path;
      EXPECT_FALSE(entry.seen.empty()) << entry.path;
      EXPECT_EQ(entry.action.empty(), entry.rule == core::Rule::kOk) << entry.path;
    }
    for (const auto& [path, unused] : expected) EXPECT_EQ(times[path], 1) << path;
  }

  Scene scene_;
  core::RegistryOptions options_;

 private:
  std::vector<std::unique_ptr<Environment>> variables_;
};

TEST_P(Hostile, EarnsItsRule) {
  const core::Registry registry = core::Registry::open(options_);
  expect_report(registry.report(), scene_.expected);

  const std::filesystem::path good_file = scene_.root() / "good" / "leet_good.so";
  if (scene_.expected.at(good_file).rule != "E-NOT-PROBED") {
    const auto good = registry.find("test.method", LEET_DEVICE_CPU);
    ASSERT_TRUE(good.ok()) << good.error().message;
    EXPECT_EQ((*good)->path, good_file);
    ASSERT_NE((*good)->table, nullptr);
    EXPECT_STREQ((*good)->table->id, "test.method");
  }

  // Usable and registered are the same thing.
  for (const core::LoadReportEntry& entry : registry.report().entries) {
    const auto& methods = registry.methods();
    EXPECT_EQ(core::usable(entry.rule),
              std::any_of(methods.begin(), methods.end(),
                          [&](const core::Method& method) { return method.path == entry.path; }))
        << entry.path;
  }
}

// What only running a plugin can show is not seen; nothing else changes.
TEST_P(Hostile, IsJudgedWithoutRunningIt) {
  options_.inspect_only = true;
  std::map<std::filesystem::path, Expected> expected = scene_.expected;
  bool seen_only_by_running = false;
  for (auto& [path, what] : expected) {
    if (what.rule == "OK" && what.seen.find("self-test") != std::string::npos) what.seen = "";
    if (core::parse_rule(what.rule) >= core::Rule::kLoad) {
      what = {"OK", ""};
      seen_only_by_running = path.filename() == "leet_bad.so";
    }
  }
  // Such a file then stands before the good one, which has the same id.
  if (seen_only_by_running) {
    expected[scene_.root() / "good" / "leet_good.so"] = {"N-SHADOWED", "bad/leet_bad.so"};
  }
  const core::Registry registry = core::Registry::open(options_);
  expect_report(registry.report(), expected);
  for (const core::Method& method : registry.methods()) EXPECT_EQ(method.table, nullptr);
}

INSTANTIATE_TEST_SUITE_P(Corpus, Hostile, ::testing::ValuesIn(hostile_cases()),
                         [](const auto& test) { return test.param.name; });

// A rule without a broken file that earns it is untested.
TEST(HostileCorpus, HasEveryRule) {
  std::set<std::string> earned;
  for (const HostileCase& hostile_case : hostile_cases()) {
    if (!hostile_case.skip_reason.empty()) continue;
    Scene scene;
    hostile_case.arrange(scene);
    for (const auto& [path, expected] : scene.expected) earned.insert(expected.rule);
  }
  for (int rule = 0; rule <= static_cast<int>(core::kLastRule); ++rule) {
    EXPECT_TRUE(earned.contains(core::rule_code(static_cast<core::Rule>(rule))))
        << core::rule_code(static_cast<core::Rule>(rule));
  }
}

}  // namespace
}  // namespace leet::tests
