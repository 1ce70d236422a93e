// SPDX-License-Identifier: Apache-2.0
//
// `leet validate` as a program: the good methods pass, and each fault of mutant.cpp is found by the
// check that is there for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/methods.hpp"

namespace {

using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const std::string kBinaries = LEET_BINARY_DIR;
const std::string kMutant = kBinaries + "/tests/mutants/leet_mutant.so";
const std::string kNaive = kBinaries + "/plugins/leet_naive.so";
const std::string kRecurrent = kBinaries + "/plugins/leet_recurrent.so";

struct Ran {
  int code = -1;
  std::string out;  // stdout

  json record() const { return json::parse(out, nullptr, false); }
  // The checks of the first method with a failure, a crash or a timeout.
  std::vector<std::string> fired() const {
    std::vector<std::string> ids;
    const json read = record();
    if (!read.is_object() || read.contains("error")) return {"no record"};
    for (const json& check : read["methods"][0]["checks"]) {
      if (!check["failures"].empty()) ids.push_back(check["id"]);
    }
    return ids;
  }
};

Ran leet_validate(const std::string& arguments, const std::string& environment = "") {
  const std::string line =
      "env " + environment + " " + kBinaries + "/bin/leet validate " + arguments + " 2>/dev/null";
  Ran ran;
  FILE* pipe = popen(line.c_str(), "r");
  if (pipe == nullptr) return ran;
  std::array<char, 4096> chunk{};
  for (std::size_t count; (count = fread(chunk.data(), 1, chunk.size(), pipe)) > 0;) {
    ran.out.append(chunk.data(), count);
  }
  const int status = pclose(pipe);
  if (WIFEXITED(status)) ran.code = WEXITSTATUS(status);
  return ran;
}

// Everything in f32 with per-head decay, and what depends on no dtype.
constexpr const char* kOneCell = "(/f32/head/|/any$)";

Ran validate_mutant(const std::string& mutation, const std::string& more = "") {
  return leet_validate("--json --only-plugins --plugins " + kMutant + " --filter '" +
                           std::string(kOneCell) + "' " + more,
                       "MUTATION=" + mutation);
}

// `leet validate METHOD --write-counts plugins/METHOD/validate_counts.json` writes the counts.
class ValidateMethod : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Build, ValidateMethod, testing::ValuesIn(leet::tests::methods()),
                         [](const auto& tested) { return tested.param; });

TEST_P(ValidateMethod, PassesWithTheCommittedCounts) {
  const Ran ran = leet_validate("--json --only-plugins --plugins " + kBinaries + "/plugins/leet_" +
                                GetParam() + ".so --counts " + LEET_SOURCE_DIR + "/plugins/" +
                                GetParam() + "/validate_counts.json");
  EXPECT_EQ(ran.code, 0) << ran.out;
  const json record = ran.record();
  EXPECT_EQ(record["schema"], "leet.validate/1");
  EXPECT_THAT(record["count_differences"], IsEmpty());
  ASSERT_EQ(record["methods"].size(), 1u);
  EXPECT_EQ(record["methods"][0]["counts"]["claimed"], record["methods"][0]["counts"]["run"]);
  EXPECT_GT(record["methods"][0]["counts"]["run"], 0);
}

TEST(ValidateProgram, ComparesMethodsWithEachOther) {
  const Ran ran = leet_validate("naive recurrent --json --only-plugins --plugins " + kNaive +
                                " --plugins " + kRecurrent + " --filter '/f32/'");
  EXPECT_EQ(ran.code, 0) << ran.out;
  const json record = ran.record();
  ASSERT_EQ(record["methods"].size(), 2u);
  // Each against the other and against fp64, in fp32.
  EXPECT_EQ(record["pairwise"][0]["dtype"], "f32");
  for (const json& row : record["pairwise"][0]["errors"]) EXPECT_LT(row[2].get<double>(), 2e-6);
  EXPECT_LT(record["pairwise"][0]["errors"][0][1].get<double>(), 2e-6);
}

TEST(ValidateProgram, PassesTheMutantWithoutAFault) {
  const Ran ran = validate_mutant("none");
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_THAT(ran.fired(), IsEmpty());
}

struct Fault {
  const char* mutation;
  const char* check;  // one that must fire
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.mutation; }

class ValidateFault : public testing::TestWithParam<Fault> {};

TEST_P(ValidateFault, IsFoundByItsCheck) {
  const Ran ran = validate_mutant(GetParam().mutation);
  EXPECT_EQ(ran.code, 1) << ran.out;
  EXPECT_THAT(ran.fired(), Contains(GetParam().check));
}

INSTANTIATE_TEST_SUITE_P(
    All, ValidateFault,
    testing::Values(
        Fault{"ignores-decay", "odd-n"}, Fault{"ignores-decay", "gamma-zero"},
        Fault{"drops-the-tail", "odd-n"}, Fault{"drops-the-tail", "long-n"},
        Fault{"off-by-one-at-blocks", "odd-n"}, Fault{"off-by-one-at-blocks", "split-and-carry"},
        Fault{"writes-past-out", "no-write-outside"}, Fault{"modifies-q", "inputs-unchanged"},
        Fault{"all-zeros", "odd-n"}, Fault{"all-zeros", "n1"}, Fault{"writes-nothing", "n1"},
        Fault{"wrong-for-few-heads", "odd-n"}, Fault{"gamma-in-16-bits", "decay-tiny"},
        Fault{"ignores-strides", "layout-bnhd"}, Fault{"ignores-strides", "layout-gaps"},
        Fault{"nondeterministic", "bitwise-repeatable"}, Fault{"not-reentrant", "reentrant"},
        Fault{"reads-workspace", "workspace-honest"}, Fault{"sees-the-future", "causality"},
        Fault{"plan-fails", "supports-matches-execute"},
        Fault{"impure-supports", "supports-is-pure"},
        Fault{"declares-too-little", "declared-error"},
        Fault{"refuses-without-reason", "unsupported-gives-reason"}),
    [](const auto& tested) {
      std::string name = std::string(tested.param.mutation) + "_by_" + tested.param.check;
      for (char& c : name) c = c == '-' ? '_' : c;
      return name;
    });

// Faults of one kind fire one check alone, whatever case meets them.
TEST(ValidateProgram, AttributesFaultsToTheirCheckAlone) {
  EXPECT_THAT(validate_mutant("writes-past-out").fired(), UnorderedElementsAre("no-write-outside"));
  EXPECT_THAT(validate_mutant("modifies-q").fired(), UnorderedElementsAre("inputs-unchanged"));
  EXPECT_THAT(validate_mutant("workspace-overrun").fired(),
              UnorderedElementsAre("workspace-honest"));
}

TEST(ValidateProgram, FindsARefusedClaim) {
  const Ran ran = leet_validate(
      "--json --only-plugins --plugins " + kMutant + " --filter 'note-matches-supports|n1/'",
      "MUTATION=refuses-a-claim");
  EXPECT_EQ(ran.code, 1) << ran.out;
  EXPECT_THAT(ran.fired(), UnorderedElementsAre("note-matches-supports"));
  EXPECT_GT(ran.record()["methods"][0]["counts"]["refused"], 0);
}

TEST(ValidateProgram, SaysWhereAFailureIsAndHowToSeeItAgain) {
  const Ran ran = validate_mutant("off-by-one-at-blocks");
  const json record = ran.record();
  for (const json& check : record["methods"][0]["checks"]) {
    if (check["id"] != "odd-n") continue;
    ASSERT_FALSE(check["failures"].empty());
    const json& failure = check["failures"][0];
    EXPECT_THAT(failure["message"].get<std::string>(), HasSubstr("the error starts at token 64"));
    std::string command = failure["reproduce"];
    ASSERT_TRUE(command.starts_with("leet validate "));
    const Ran again = leet_validate(command.substr(14), "MUTATION=off-by-one-at-blocks");
    EXPECT_EQ(again.code, 1);
    EXPECT_THAT(again.out, HasSubstr("the error starts at token 64"));
  }
}

TEST(ValidateProgram, ACrashIsAResultAndTheOtherCasesRun) {
  const Ran ran =
      validate_mutant("crash-once-in-a-while", "--level 4 -j 1 --exclude '/any|relation'");
  EXPECT_EQ(ran.code, 4) << ran.out;
  int passed = 0;
  int crashed = 0;
  const json record = ran.record();
  for (const json& check : record["methods"][0]["checks"]) {
    passed += check["cases"]["pass"].get<int>();
    crashed += check["cases"]["crash"].get<int>();
  }
  EXPECT_GT(crashed, 0);
  EXPECT_GT(passed, 10);
}

TEST(ValidateProgram, CrashesExitsAndHangsGiveFour) {
  for (const std::string mutation : {"crash", "exit", "crash-at-load", "exit-at-load"}) {
    EXPECT_EQ(validate_mutant(mutation, "--exclude 'contract|relation'").code, 4) << mutation;
  }
  const Ran ran = leet_validate(
      "--json --only-plugins --timeout 1 --plugins " + kMutant + " --filter '^n1/f32/head/plain'",
      "MUTATION=hang");
  EXPECT_EQ(ran.code, 4);
  EXPECT_EQ(ran.record()["methods"][0]["checks"][1]["cases"]["timeout"], 1) << ran.out;
}

TEST(ValidateProgram, WhatAPluginPrintsIsNoResult) {
  EXPECT_EQ(validate_mutant("prints", "--exclude relation").code, 0);
}

TEST(ValidateProgram, NothingToRunGivesThree) {
  const std::string one = "--only-plugins --plugins " + kNaive;
  EXPECT_EQ(leet_validate(one + " no_such_method").code, 3);
  EXPECT_EQ(leet_validate(one + " --filter no_such_case").code, 3);
  EXPECT_EQ(leet_validate(one + " --reproduce no/such/case").code, 3);
  EXPECT_EQ(leet_validate(one + " --device cuda").code, 3);
  EXPECT_EQ(leet_validate("--only-plugins --plugins /nonexistent").code, 3);
  // Also where other methods could have been checked instead.
  EXPECT_EQ(leet_validate("--plugins /nonexistent").code, 3);
  // A plugin that refuses everything breaks its note's claims; without those cases, it ran nothing.
  EXPECT_EQ(validate_mutant("refuses-all", "--exclude 'note-matches|/any'").code, 3);
}

TEST(ValidateProgram, NamesFilesThatCouldNotBeChecked) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("leet-broken-" + std::to_string(getpid()) + ".so");
  std::ofstream(file) << "not a library";
  const Ran ran = leet_validate("--json --only-plugins --filter '^n1/f32/head/plain' --plugins " +
                                kNaive + " --plugins " + file.string());
  const json record = ran.record();
  ASSERT_EQ(record["refused_files"].size(), 1u) << ran.out;
  EXPECT_THAT(record["refused_files"][0].get<std::string>(), HasSubstr("E-NOT-ELF"));
  std::filesystem::remove(file);
}

TEST(ValidateProgram, BadOptionsGiveTwo) {
  for (const std::string bad :
       {"--filter '('", "--level 9", "--timeout -1", "--device moon", "--counts /nonexistent.json",
        "--write-counts /nonexistent/c.json", "--no-such-option"}) {
    EXPECT_EQ(leet_validate("--only-plugins --plugins " + kNaive + " " + bad).code, 2) << bad;
  }
}

TEST(ValidateProgram, AShrunkenClaimShowsInTheCounts) {
  const std::filesystem::path file = std::filesystem::temp_directory_path() /
                                     ("leet-counts-" + std::to_string(getpid()) + ".json");
  const std::string cells = " --json --only-plugins --filter '^n1/' --plugins " + kMutant;
  EXPECT_EQ(leet_validate("--write-counts " + file.string() + cells).code, 0);
  EXPECT_EQ(leet_validate("--counts " + file.string() + cells).code, 0);
  const Ran ran = leet_validate("--counts " + file.string() + cells, "MUTATION=refuses-a-claim");
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.record()["count_differences"].size(), 8u) << ran.out;  // 2 outs x 4 decay kinds
  std::filesystem::remove(file);
}

TEST(ValidateProgram, ListsItsChecks) {
  const Ran ran = leet_validate("--list --json");
  EXPECT_EQ(ran.code, 0);
  std::map<std::string, std::string> sentences;
  const json record = ran.record();
  for (const json& check : record["checks"]) {
    EXPECT_TRUE(sentences.emplace(check["id"], check["sentence"]).second) << check["id"];
    EXPECT_FALSE(check["sentence"].get<std::string>().empty());
  }
  EXPECT_TRUE(sentences.contains("causality"));
}

TEST(ValidateProgram, TheSeedDecidesTheInputs) {
  const std::string cell =
      "--json --only-plugins --filter '^pairwise/f32/head' --plugins " + kRecurrent;
  const auto error = [&](const std::string& seed) {
    return leet_validate(cell + " --seed " + seed).record()["pairwise"][0]["errors"][0][1];
  };
  EXPECT_EQ(error("7"), error("7"));
  EXPECT_NE(error("7"), error("8"));
}

}  // namespace
