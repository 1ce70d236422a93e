// SPDX-License-Identifier: Apache-2.0
//
// The completion script in a real bash: what the Tab key would offer.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tools/common/exit_code.hpp"

namespace leet::tests {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;

const std::string kProgram = LEET_BINARY_DIR "/bin/leet";
const std::string kScript = LEET_BINARY_DIR "/share/bash-completion/completions/leet";
const std::string kPlugins = LEET_BINARY_DIR "/tests/plugins";

// What is offered for the last word of the line, which may be empty.
std::vector<std::string> completions(const std::vector<std::string>& words) {
  std::string line = "source " + kScript + "\nCOMP_WORDS=('" + kProgram + "'";
  for (const std::string& word : words) line += " '" + word + "'";
  line +=
      fmt::format(")\nCOMP_CWORD={}\n_leet\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n", words.size());
  const ProcessResult result = run_process({"/bin/bash", "--norc", "-c", line});
  EXPECT_EQ(result.err, "");
  std::vector<std::string> offered;
  std::istringstream lines(result.out);
  for (std::string text; std::getline(lines, text);) {
    if (!text.empty()) offered.push_back(text);
  }
  return offered;
}

TEST(Completion, OffersTheCommandsOfTheHelp) {
  const std::vector<std::string> offered = completions({""});
  EXPECT_THAT(offered, IsSupersetOf({"list", "run", "validate", "doctor", "completion"}));
  EXPECT_THAT(offered, Not(Contains("validate-worker")));
  const std::string help = run_leet({"--help"}).out;
  for (const std::string& command : offered) {
    EXPECT_NE(help.find("\n  " + command + " "), std::string::npos) << command;
  }
  EXPECT_EQ(
      static_cast<std::ptrdiff_t>(offered.size()),
      count_lines(help.substr(help.find("Commands:\n") + 10,
                              help.find("\n\nOptions above") - help.find("Commands:\n") - 10)));
  EXPECT_THAT(completions({"va"}), ElementsAre("validate"));
  EXPECT_THAT(completions({"--log-level", "off", "doc"}), ElementsAre("doctor"));
}

TEST(Completion, OffersTheOptionsOfTheCommand) {
  EXPECT_THAT(completions({"run", "moody", "--lay"}), ElementsAre("--layout"));
  EXPECT_THAT(completions({"list", "--"}),
              AllOf(IsSupersetOf({"--all", "--json", "--plugins"}), Not(Contains("--layout"))));
  EXPECT_THAT(completions({"--ver"}), ElementsAre("--version"));
}

TEST(Completion, OffersTheValuesOfAnOption) {
  EXPECT_THAT(completions({"run", "--layout", ""}), ElementsAre("bhnd", "bnhd"));
  EXPECT_THAT(completions({"run", "--layout", "=", "bn"}), ElementsAre("bnhd"));
  EXPECT_THAT(completions({"run", "--layout", "="}), ElementsAre("bhnd", "bnhd"));
  EXPECT_THAT(completions({"list", "--log-level", "w"}), ElementsAre("warn"));
  EXPECT_THAT(completions({"run", "--scale", ""}), IsEmpty());
  EXPECT_THAT(completions({"completion", ""}), ElementsAre("bash"));
}

TEST(Completion, OffersFilesWithSpacesToo) {
  const TemporaryDirectory directory;
  directory.write("a file.npy", "");
  directory.write("another.npy", "");
  const std::string start = directory / "a";
  EXPECT_THAT(completions({"run", "--q", start}),
              testing::UnorderedElementsAre(directory / "a file.npy", directory / "another.npy"));
  EXPECT_THAT(completions({"compare", directory / "anot"}),
              ElementsAre((directory / "another.npy").string()));
  EXPECT_THAT(completions({"--plugins", directory / "anot"}),
              ElementsAre((directory / "another.npy").string()));
}

TEST(Completion, OffersTheMethodsOfThePluginsThatAreNamed) {
  const std::vector<std::string> moody = {"--only-plugins", "--plugins", kPlugins};
  const auto with = [&](std::vector<std::string> words) {
    words.insert(words.begin(), moody.begin(), moody.end());
    return completions(words);
  };
  EXPECT_THAT(with({"info", ""}), ElementsAre("moody"));
  EXPECT_THAT(with({"info", "mo"}), ElementsAre("moody"));
  EXPECT_THAT(with({"info", "te"}), ElementsAre("test.moody"));
  EXPECT_THAT(with({"info", "test."}), ElementsAre("test.moody"));
  EXPECT_THAT(with({"info", "moody", ""}), IsEmpty());
  EXPECT_THAT(with({"why", "moody", ""}), ElementsAre("moody"));  // any number
  EXPECT_THAT(with({"bench", "--methods", "m"}), ElementsAre("moody"));
}

TEST(Completion, IsPrintedByTheProgram) {
  const ProcessResult result = run_leet({"completion", "bash"});
  EXPECT_EQ(result.exit_code, tools::kExitOk);
  EXPECT_EQ(result.out, read_bytes(kScript));
  const auto record = nlohmann::json::parse(run_leet({"completion", "bash", "--json"}).out);
  EXPECT_EQ(record.at("schema"), "leet.completion/1");
  EXPECT_EQ(record.at("script"), result.out);
  EXPECT_EQ(run_leet({"completion", "csh"}).exit_code, tools::kExitUsage);
}

}  // namespace
}  // namespace leet::tests
