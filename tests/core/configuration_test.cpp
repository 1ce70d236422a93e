// SPDX-License-Identifier: Apache-2.0
#include "core/configuration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/core/environment.hpp"
#include "tests/support/temporary_directory.hpp"

namespace leet::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using tests::Environment;
using tests::TemporaryDirectory;

constexpr const char* kFile = "/etc/leet/leet.yaml";

Configuration parse(std::string_view yaml) {
  const auto result = parse_configuration(yaml, kFile);
  if (!result.ok()) throw std::runtime_error(result.error().message);
  return *result;
}

TEST(Configuration, ReadsEverything) {
  const Configuration read = parse(R"(
plugins:
  search: [/opt/leet/plugins, beside, ../up/x.so, "with space"]
  enabled: ["leet.*", "me.?ethod"]
  disabled: ["*.experimental"]
  probe: contract
  probe_seconds: 3
  probe_memory_mib: 100
  unprobed: refuse
log:
  level: debug
threads: 3
pin_threads: true
)");
  EXPECT_EQ(read.file, kFile);
  EXPECT_THAT(read.search, ElementsAre("/opt/leet/plugins", "/etc/leet/beside", "/etc/up/x.so",
                                       "/etc/leet/with space"));
  EXPECT_THAT(read.enabled, ElementsAre("leet.*", "me.?ethod"));
  EXPECT_THAT(read.disabled, ElementsAre("*.experimental"));
  EXPECT_EQ(read.probe.policy, ProbePolicy::kContract);
  EXPECT_EQ(read.probe.seconds, 3);
  EXPECT_EQ(read.probe.memory_mib, 100);
  EXPECT_TRUE(read.probe.refuse_unprobed);
  EXPECT_EQ(parse("plugins: {probe: off}").probe.policy, ProbePolicy::kOff);
  EXPECT_EQ(parse("plugins: {probe: self-test}").probe.policy, ProbePolicy::kSelfTest);
  EXPECT_EQ(read.log_level, "debug");
  EXPECT_EQ(read.threads, 3);
  EXPECT_TRUE(read.pin_threads);
}

TEST(Configuration, HasDefaults) {
  for (const char* yaml : {"", "# nothing\n", "---\n", "{}", "plugins:\nlog:\n",
                           "plugins: {search: , enabled: , disabled: }"}) {
    const Configuration read = parse(yaml);
    EXPECT_THAT(read.search, IsEmpty()) << yaml;
    EXPECT_THAT(read.enabled, ElementsAre("*")) << yaml;
    EXPECT_THAT(read.disabled, IsEmpty()) << yaml;
    EXPECT_EQ(read.probe.policy, ProbePolicy::kSelfTest) << yaml;
    EXPECT_FALSE(read.probe.refuse_unprobed) << yaml;
    EXPECT_EQ(read.log_level, "warn") << yaml;
    EXPECT_EQ(read.threads, 0) << yaml;
    EXPECT_FALSE(read.pin_threads) << yaml;
  }
}

TEST(Configuration, ExpandsTheHomeDirectory) {
  const Environment home("HOME", "/home/someone");
  EXPECT_THAT(parse("plugins: {search: [~/plugins, \"~\", ~other]}").search,
              ElementsAre("/home/someone/plugins", "/home/someone", "/etc/leet/~other"));
}

TEST(Configuration, GlobsDecide) {
  Configuration all;
  EXPECT_TRUE(all.allows("anyone.method"));

  const Configuration some =
      parse("plugins: {enabled: [\"leet.*\", \"me.chunk?\"], disabled: [\"*.experimental\"]}");
  EXPECT_TRUE(some.allows("leet.naive"));
  EXPECT_TRUE(some.allows("me.chunk1"));
  EXPECT_FALSE(some.allows("me.chunk"));
  EXPECT_FALSE(some.allows("me.chunk12"));
  EXPECT_FALSE(some.allows("other.leet.naive"));
  EXPECT_FALSE(some.allows("leet.experimental"));
  EXPECT_FALSE(parse("plugins: {enabled: []}").allows("leet.naive"));
}

struct Bad {
  const char* yaml;
  const char* message;  // after "FILE:"
};

void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.yaml; }

class BadConfiguration : public ::testing::TestWithParam<Bad> {};

TEST_P(BadConfiguration, IsRefusedWithItsPlace) {
  const auto result = parse_configuration(GetParam().yaml, kFile);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, LEET_STATUS_INVALID_ARGUMENT);
  EXPECT_THAT(result.error().message,
              ::testing::StartsWith(std::string(kFile) + ":" + GetParam().message));
  EXPECT_EQ(result.error().message.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Yaml, BadConfiguration,
    ::testing::Values(
        Bad{"plugin: {}", "1:1: unknown key 'plugin': did you mean 'plugins'?"},
        Bad{"threads: 1\nplugins:\n  serch: []",
            "3:3: unknown key 'serch': did you mean 'search'?"},
        Bad{"colour: red",
            "1:1: unknown key 'colour': the configuration has plugins, log, threads"},
        Bad{"level: info",
            "1:1: unknown key 'level' in the configuration: 'level' belongs in 'log'"},
        Bad{"plugins: {threads: 2}",
            "1:11: unknown key 'threads' in plugins: 'threads' belongs at the top level"},
        Bad{"pin_thread: true", "1:1: unknown key 'pin_thread': did you mean 'pin_threads'?"},
        Bad{"pin_threads: yes", "1:14: pin_threads is 'yes', not true or false"},
        Bad{"pin_threads: \"true\"", "1:14: pin_threads is the text 'true', not true or false"},
        Bad{"log: {file: x}", "1:7: unknown key 'file': log has level"},
        Bad{"<<: {threads: 2}", "1:1: unknown key '<<'"},
        Bad{"threads: 1\nlog: {}\nthreads: 1", "3:1: key 'threads' is given twice"},
        Bad{"plugins:\n  enabled: []\n  enabled: []", "3:3: key 'enabled' is given twice"},
        Bad{"log: {level: info, \"level\": info}", "1:20: key 'level' is given twice"},
        Bad{"[1]: 2", "1:1: a key of the configuration is a list"},
        Bad{"- plugins", "1:1: the configuration is a list, not a map"},
        Bad{"just text", "1:1: the configuration is a single value, not a map"},
        Bad{"plugins: [x]", "1:10: plugins is a list, not a map"},
        Bad{"plugins: {search: /opt}", "1:19: plugins.search is a single value, not a list"},
        Bad{"plugins: {search: [[x]]}", "1:20: an item of plugins.search is a list"},
        Bad{"plugins: {search: [~]}", "1:20: an item of plugins.search is nothing"},
        Bad{"plugins: {search: [\"\"]}", "1:20: an item of plugins.search is empty"},
        Bad{"plugins: {search: [\"a\\0b\"]}", "1:20: an item of plugins.search holds a NUL"},
        Bad{"plugins: {enabled: [\"[a-z]*\"]}", "1:21: bad glob '[a-z]*': '[' is not in"},
        Bad{"plugins: {disabled: [Leet.x]}", "1:22: bad glob 'Leet.x': 'L' is not in"},
        Bad{"log: {level: verbose}", "1:14: unknown log level 'verbose': one of trace, debug"},
        Bad{"log: {level: wran}", "1:14: unknown log level 'wran': did you mean 'warn'?"},
        Bad{"plugins: {probe: self_test}",
            "1:18: unknown probe policy 'self_test': did you mean 'self-test'?"},
        Bad{"log: {level: [info]}", "1:14: log.level is a list, not a single value"},
        Bad{"plugins: {probe: on}",
            "1:18: unknown probe policy 'on': one of off, contract, self-test"},
        Bad{"plugins: {probe_seconds: 0}",
            "1:26: plugins.probe_seconds is '0', not a number from 1 to 3600"},
        Bad{"plugins: {probe_memory_mib: 2G}", "1:29: plugins.probe_memory_mib is '2G'"},
        Bad{"plugins: {unprobed: maybe}",
            "1:21: plugins.unprobed is 'maybe', neither use nor refuse"},
        Bad{"threads: -1", "1:10: threads is '-1', not a number from 0 to 4096"},
        Bad{"threads: 4097", "1:10: threads is '4097', not a number from 0 to 4096"},
        Bad{"threads: 99999999999999999999", "1:10: threads is '99999999999999999999'"},
        Bad{"threads: 2.5", "1:10: threads is '2.5'"},
        Bad{"threads: two", "1:10: threads is 'two'"},
        Bad{"threads: \"2\"", "1:10: threads is the text '2'"},
        Bad{"threads: {a: 1}", "1:10: threads is a map, not a single value"},
        Bad{"threads:", "1:1: threads is nothing"},
        Bad{"threads: 1\n---\nthreads: 2", "3:1: a second document"},
        Bad{"a: &a [*a]", "1:1: unknown key 'a'"},
        Bad{"plugins: &p\n  search: [*p]", "1:10: an item of plugins.search is a map"},
        Bad{"plugins: {search: [*p]}", "1:20: the referenced anchor is not defined"},
        Bad{"plugins: {search: [x", "1:"}, Bad{"threads: 1\n x: 2", "2:3: "},
        Bad{"%YAML 9.0\n---\nthreads: 1", "1:"}));

std::string origin_of(const Configuration& configuration, std::string_view key) {
  for (const Setting& setting : settings(configuration)) {
    if (setting.key == key) return setting.origin;
  }
  return "no such key";
}

TEST(Configuration, TellsWhereEachValueComesFrom) {
  const Configuration read = parse("threads: 2\nplugins:\n  disabled: [a.b, c]\n");
  EXPECT_EQ(origin_of(read, "threads"), "/etc/leet/leet.yaml:1");
  EXPECT_EQ(origin_of(read, "plugins.disabled"), "/etc/leet/leet.yaml:3");
  EXPECT_EQ(origin_of(read, "plugins.enabled"), "default");
  EXPECT_EQ(origin_of(read, "log.level"), "default");
}

// Every key can be shown, and what is shown can be read back.
TEST(Configuration, ShowsWhatItWouldRead) {
  const char* const written =
      "plugins:\n  search: [/a, /b]\n  enabled: [\"leet.*\"]\n  disabled: [leet.x]\n"
      "  probe: contract\n  probe_seconds: 7\n  probe_memory_mib: 64\n  unprobed: refuse\n"
      "log:\n  level: debug\nthreads: 5\npin_threads: true\n";
  const std::vector<Setting> all = settings(parse(written));
  const std::vector<Setting> defaults = settings(Configuration{});
  ASSERT_EQ(all.size(), defaults.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Setting& setting = all[i];
    EXPECT_THAT(setting.origin, ::testing::StartsWith(kFile)) << setting.key;
    EXPECT_NE(setting.value, defaults[i].value) << setting.key;
    EXPECT_EQ(defaults[i].origin, "default") << setting.key;
    const std::size_t dot = setting.key.find('.');
    std::string yaml = setting.key.substr(dot + 1) + ": " + setting.value;
    if (setting.key == "plugins.enabled") yaml = "enabled: [\"leet.*\"]";  // * is YAML's alias
    if (dot != std::string::npos) yaml = setting.key.substr(0, dot) + ":\n  " + yaml;
    EXPECT_EQ(settings(parse(yaml))[i].value, setting.value) << yaml;
  }
}

TEST(Configuration, SurvivesDeepNesting) {
  for (const char* opening : {"[", "{", "- ", "? "}) {
    std::string yaml;
    for (int i = 0; i < 100000; ++i) yaml += opening;
    const auto result = parse_configuration(yaml, kFile);
    ASSERT_FALSE(result.ok()) << opening;
    EXPECT_THAT(result.error().message, HasSubstr("nested too deeply")) << opening;
  }
}

TEST(Configuration, NamesTheFileThatCannotBeRead) {
  const TemporaryDirectory directory;
  const auto missing = load_configuration(directory / "none.yaml");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, LEET_STATUS_UNAVAILABLE);
  EXPECT_THAT(missing.error().message, HasSubstr((directory / "none.yaml").string()));

  const auto not_a_file = load_configuration(directory.path());
  ASSERT_FALSE(not_a_file.ok());
  EXPECT_THAT(not_a_file.error().message, HasSubstr("is a directory"));

  const auto endless = load_configuration("/dev/zero");
  ASSERT_FALSE(endless.ok());
  EXPECT_THAT(endless.error().message, HasSubstr("larger than"));
}

TEST(Configuration, IsFoundInOrder) {
  const TemporaryDirectory directory;
  const auto given = directory.write("given.yaml", "threads: 1");
  const auto named = directory.write("named.yaml", "threads: 2");
  std::filesystem::create_directory(directory / "leet");
  directory.write("leet/config.yaml", "threads: 3");
  const Environment home("XDG_CONFIG_HOME", directory.path().string());
  {
    const Environment variable("LEET_CONFIG", named.string());
    EXPECT_EQ(find_configuration(given)->threads, 1);
    EXPECT_EQ(find_configuration(given)->file_origin, "given");
    EXPECT_EQ(find_configuration({})->file_origin, "LEET_CONFIG");
    EXPECT_EQ(find_configuration({})->threads, 2);
  }
  const Environment variable("LEET_CONFIG", "");
  EXPECT_EQ(find_configuration({})->threads, 3);
  EXPECT_EQ(find_configuration({})->file_origin, "user configuration");
  const Environment elsewhere("XDG_CONFIG_HOME", (directory / "none").string());
  EXPECT_EQ(find_configuration({})->threads, 0);
  EXPECT_THAT(find_configuration({})->file.string(), IsEmpty());
}

TEST(Configuration, NamedFilesMustExist) {
  EXPECT_FALSE(find_configuration("/nowhere/leet.yaml").ok());
  const Environment variable("LEET_CONFIG", "/nowhere/leet.yaml");
  const auto result = find_configuration({});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, LEET_STATUS_UNAVAILABLE);
  EXPECT_THAT(result.error().message, HasSubstr("LEET_CONFIG"));
}

}  // namespace
}  // namespace leet::core
