// SPDX-License-Identifier: Apache-2.0
//
// Workers and their pipe, in runs short enough for the sanitizers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace leet::tests
