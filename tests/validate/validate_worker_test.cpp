// SPDX-License-Identifier: Apache-2.0
//
// Workers and their pipe, in runs short enough for the sanitizers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/process.hpp"

namespace leet::tests {
namespace {

using testing::HasSubstr;

const std::string kBinaries = LEET_BINARY_DIR;

std::vector<std::string> validate(const std::string& filter) {
  return {"validate", "--json", "--only-plugins", "--filter", filter};
}

TEST(ValidateWorker, PassesTheGoodMethodsOnAFewCases) {
  std::vector<std::string> arguments = validate("^(n1|state-out|thread-count)/(f32|f64)/head/");
  arguments.insert(arguments.end(), {"--plugins", kBinaries + "/plugins/leet_naive.so", "--plugins",
                                     kBinaries + "/plugins/leet_recurrent.so"});
  const ProcessResult ran = run_leet(arguments);
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  const auto record = nlohmann::json::parse(ran.out);
  ASSERT_EQ(record["methods"].size(), 2u);
  for (const auto& method : record["methods"]) EXPECT_GT(method["counts"]["run"], 0);
}

// A method that takes no states is still checked for everything that is not about states.
TEST(ValidateWorker, ChecksAMethodWithoutStatesOnEverythingElse) {
  const std::vector<std::string> checks = {"workspace-honest",
                                           "no-write-outside",
                                           "bitwise-repeatable",
                                           "reentrant",
                                           "long-n",
                                           "dims",
                                           "empty-dims",
                                           "decay-zero",
                                           "decay-one",
                                           "decay-tiny",
                                           "scale",
                                           "nonfinite",
                                           "head-permutation",
                                           "batch-permutation",
                                           "time-shift"};
  std::vector<std::string> arguments = validate("/f32/head/");
  arguments.insert(arguments.end(), {"--plugins", kBinaries + "/tests/mutants_without_features"});
  const ProcessResult ran = run_leet(arguments);
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  const auto record = nlohmann::json::parse(ran.out);
  std::vector<std::string> passed;
  for (const auto& check : record["methods"][0]["checks"]) {
    if (check["cases"]["pass"] > 0) passed.push_back(check["id"]);
  }
  EXPECT_THAT(passed, testing::IsSupersetOf(checks));
}

// What a plugin writes into the pipe of the worker's results costs its case, not the supervisor.
class ForgedMessage : public testing::TestWithParam<const char*> {};

TEST_P(ForgedMessage, IsAFailureOfItsCase) {
  std::vector<std::string> arguments = validate("^n1/f32/head/plain");
  arguments.insert(arguments.end(), {"--plugins", kBinaries + "/tests/mutants/leet_mutant.so"});
  const ProcessResult ran = run_leet(arguments, {{"MUTATION", GetParam()}});
  EXPECT_EQ(ran.exit_code, 1) << ran.out << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("the process sent what is no result"));
}

INSTANTIATE_TEST_SUITE_P(All, ForgedMessage,
                         testing::Values("forges-text", "forges-type", "forges-negative",
                                         "forges-large", "forges-status"),
                         [](const auto& tested) {
                           return std::string(tested.param).substr(sizeof "forges-" - 1);
                         });

// In a process group of its own, as the plugin sends SIGINT to all of it; and then never ends.
TEST(ValidateWorker, CtrlCEndsWithTheCasesSoFar) {
  const TemporaryDirectory directory;
  const std::string counts = directory / "counts.json";
  std::vector<std::string> arguments = {"/usr/bin/setsid", "--wait", kBinaries + "/bin/leet"};
  for (const std::string& word : validate("^odd-n/f32/head/")) arguments.push_back(word);
  for (const char* word : {"--jobs", "1", "--timeout", "3600", "--plugins"}) {
    arguments.emplace_back(word);
  }
  arguments.push_back(kBinaries + "/tests/mutants/leet_mutant.so");
  arguments.insert(arguments.end(), {"--write-counts", counts});
  const ProcessResult ran = run_process(arguments, {{"MUTATION", "interrupt"}});
  EXPECT_EQ(ran.exit_code, 130) << ran.out << ran.err;
  const auto record = nlohmann::json::parse(ran.out);
  EXPECT_EQ(record["interrupted"], true);
  EXPECT_GT(record["cases_done"], 0);
  EXPECT_LT(record["cases_done"], record["cases_total"]);
  // The workers were told nothing: no case is a crash, and those that ran passed.
  int passed = 0;
  for (const auto& check : record["methods"][0]["checks"]) {
    EXPECT_TRUE(check["failures"].empty()) << check;
    passed += check["cases"]["pass"].get<int>();
  }
  EXPECT_EQ(passed - 1, record["cases_done"]);  // and the load
  EXPECT_THAT(ran.err, HasSubstr("interrupted after " + record["cases_done"].dump() + " of "));
  EXPECT_FALSE(std::filesystem::exists(counts));

  arguments.erase(std::find(arguments.begin(), arguments.end(), "--json"));
  const ProcessResult text = run_process(arguments, {{"MUTATION", "interrupt"}});
  EXPECT_EQ(text.exit_code, 130);
  EXPECT_THAT(text.out, HasSubstr("INTERRUPTED: "));
}

// A worker is not where Ctrl-C is answered; one that died of it would be a crash of its case.
TEST(ValidateWorker, CtrlCIsNotForWorkers) {
  std::vector<std::string> arguments = validate("^n1/f32/head/");
  arguments.insert(arguments.end(), {"--plugins", kBinaries + "/tests/mutants/leet_mutant.so"});
  const ProcessResult ran = run_leet(arguments, {{"MUTATION", "interrupt-worker"}});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
}

TEST(ValidateWorker, ReasonsAreCountedNotRepeated) {
  std::vector<std::string> arguments = validate("^n1/f32/");
  arguments.erase(std::find(arguments.begin(), arguments.end(), "--json"));
  arguments.insert(arguments.end(), {"--plugins", kBinaries + "/tests/mutants/leet_mutant.so"});
  const ProcessResult ran = run_leet(arguments, {{"MUTATION", "refuses-all"}});
  EXPECT_EQ(ran.exit_code, 3) << ran.out << ran.err;
  const std::size_t first = ran.out.find(" x not today\n");
  EXPECT_THAT(ran.out, HasSubstr("why cases were not run:\n"));
  EXPECT_NE(first, std::string::npos) << ran.out;
  EXPECT_EQ(ran.out.find("not today", first + 8), std::string::npos) << ran.out;
}

}  // namespace
}  // namespace leet::tests
