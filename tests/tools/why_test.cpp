// SPDX-License-Identifier: Apache-2.0
//
// `leet why`: what methods say of a problem.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tools/common/exit_code.hpp"
#include "tools/leet/explanation.hpp"

namespace leet::tests {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kMoody = LEET_BINARY_DIR "/tests/plugins/leet_moody.so";

ProcessResult why_moody(std::vector<std::string> arguments) {
  for (const char* word : {kMoody.c_str(), "--plugins", "--only-plugins", "moody", "why"}) {
    arguments.insert(arguments.begin(), word);
  }
  return run_leet(arguments);
}

TEST(Why, TellsVerdictAndPlan) {
  const ProcessResult text = why_moody({"-a", "N=7", "-a", "threads=1", "--option", "predict=0.5"});
  EXPECT_EQ(text.exit_code, tools::kExitOk) << text.err;
  EXPECT_THAT(text.out, StartsWith("test.moody 1.2.3 on cpu: yes\nproblem     B=1 H=8 N=7 R=128 "
                                   "D=128 f32, decay head, 1 thread\npredicted   500 ms\n"));
  for (const char* line : {"workspace", "error", "precision", "properties"}) {
    EXPECT_THAT(text.out, HasSubstr(line));
  }

  const ProcessResult result = why_moody({"-a", "N=1,7", "--option", "predict=2.5", "--json"});
  EXPECT_EQ(result.exit_code, tools::kExitOk) << result.err;
  const json parsed = json::parse(result.out);
  EXPECT_EQ(parsed.at("schema"), "leet.why/1");
  EXPECT_TRUE(parsed.at("isa").is_array());
  ASSERT_EQ(parsed.at("records").size(), 2u);
  const json& record = parsed.at("records").at(1);
  EXPECT_EQ(record.at("method"), "test.moody");
  EXPECT_EQ(record.at("N"), 7);
  EXPECT_EQ(record.at("answer"), "slow");
  EXPECT_EQ(record.at("reason"), "a bad day");
  EXPECT_EQ(record.at("predicted_seconds"), 2.5);
  EXPECT_EQ(record.at("options"), "predict=2.5");
  EXPECT_EQ(record.at("plan").at("precision"), "exact");
  EXPECT_TRUE(record.at("plan").at("workspace_bytes").is_number_unsigned());
  EXPECT_TRUE(record.at("failed").is_null());
}

TEST(Why, ARefusalHasItsReasonInOneLine) {
  const ProcessResult text = why_moody({"--option", "fail=supports"});
  EXPECT_EQ(text.exit_code, tools::kExitNothingToRun);
  EXPECT_THAT(text.out, StartsWith("test.moody 1.2.3 on cpu: no\n"));
  EXPECT_THAT(text.out, HasSubstr("reason      not today?nor tomorrow\n"));
  EXPECT_THAT(text.out, Not(HasSubstr("workspace")));

  const ProcessResult result = why_moody({"-a", "dtype=f16", "--json"});
  EXPECT_EQ(result.exit_code, tools::kExitNothingToRun);
  const json record = json::parse(result.out).at("records").at(0);
  EXPECT_EQ(record.at("answer"), "no");
  EXPECT_THAT(record.at("reason").get<std::string>(), HasSubstr("f16"));
  EXPECT_TRUE(record.at("plan").is_null());
}

TEST(Why, AFailureIsExitCode4) {
  const ProcessResult result = why_moody({"--option", "fail=plan", "--json"});
  EXPECT_EQ(result.exit_code, tools::kExitPluginFailed);
  const json record = json::parse(result.out).at("records").at(0);
  EXPECT_EQ(record.at("answer"), "failed");
  EXPECT_EQ(record.at("failed"), "the plan fell through");
}

TEST(Why, BadOptionsAreExitCode2) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"-a", "X=1"},
                                             {"-a", "N=0"},
                                             {"--option", "no_such=1"},
                                             {"--device", "abacus"},
                                             {"--precision", "low"},
                                             {"--all"}}) {
    EXPECT_EQ(why_moody(arguments).exit_code, tools::kExitUsage) << arguments.back();
  }
  EXPECT_EQ(run_leet({"why", "no_such_method"}).exit_code, tools::kExitNothingToRun);
}

TEST(Why, WithoutAMethodAsksThemAll) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"why"}, {"why", "--all"}}) {
    std::vector<std::string> small = arguments;
    for (const char* word : {"--plugins", kMoody.c_str(), "-a", "N=16", "-a", "dtype=f64"}) {
      small.emplace_back(word);
    }
    const ProcessResult result = run_leet(small);
    // test.moody can't, which is no reason to fail.
    EXPECT_EQ(result.exit_code, tools::kExitOk) << result.err;
    EXPECT_THAT(result.out, AllOf(HasSubstr("\nMETHOD"), HasSubstr("\nleet.naive "),
                                  HasSubstr("\nleet.recurrent "), HasSubstr("\ntest.moody ")));
    EXPECT_GT(result.out.find("test.moody"), result.out.find("leet.recurrent"));
    EXPECT_EQ(count_lines(result.err), 0);
  }
}

TEST(Why, AutoSaysWhatItTakesAndAsksThemAll) {
  const std::vector<std::string> why = {"why", "auto", "-a", "N=1,16", "-a", "dtype=f64"};
  const ProcessResult text = run_leet(why);
  EXPECT_EQ(text.exit_code, tools::kExitOk) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("\nauto: leet."), HasSubstr("expected to be fastest"),
                              HasSubstr("\nMETHOD"), HasSubstr("\nleet.naive ")));

  std::vector<std::string> structured = why;
  structured.emplace_back("--json");
  const json parsed = json::parse(run_leet(structured).out);
  ASSERT_EQ(parsed.at("auto").size(), 2u);
  const std::size_t methods = parsed.at("records").size() / 2;
  for (std::size_t i = 0; i < 2; ++i) {
    const json& choice = parsed.at("auto")[i];
    EXPECT_EQ(choice.at("N"), i == 0 ? 1 : 16);
    EXPECT_EQ(choice.at("chosen"), parsed.at("records")[i * methods].at("method"));
    EXPECT_THAT(choice.at("reason").get<std::string>(),
                HasSubstr(choice.at("chosen").get<std::string>()));
  }
  EXPECT_EQ(run_leet({"why", "auto", "recurrent"}).exit_code, tools::kExitUsage);
  EXPECT_EQ(run_leet({"why", "auto", "--option", "kernel=plain"}).exit_code, tools::kExitUsage);
}

TEST(Why, AutoSaysWhyNobodyCan) {
  const ProcessResult result =
      run_leet({"--only-plugins", "--plugins", kMoody, "why", "auto", "-a", "dtype=f16", "--json"});
  EXPECT_EQ(result.exit_code, tools::kExitNothingToRun);
  const json choice = json::parse(result.out).at("auto").at(0);
  EXPECT_TRUE(choice.at("chosen").is_null());
  EXPECT_THAT(choice.at("reason").get<std::string>(), HasSubstr("no method can compute this"));
}

TEST(Why, TheFastestComesFirst) {
  const auto explanation = [](double verdict, double plan, bool possible) {
    tools::Explanation made;
    made.verdict.predicted_seconds = verdict;
    made.point.N = static_cast<std::int64_t>(100 * verdict);  // to know it by
    if (possible) made.plan.emplace().predicted_seconds = plan;
    return made;
  };
  std::vector<tools::Explanation> all = {explanation(0.01, 0, false), explanation(0, 0, true),
                                         explanation(3, 0, true), explanation(5, 1, true),
                                         explanation(2, 0, true)};
  tools::sort_by_prediction(all);
  std::vector<std::int64_t> order;
  for (const tools::Explanation& made : all) order.push_back(made.point.N);
  // The plan's own prediction before its verdict's; those that can't last, whatever they predict.
  EXPECT_THAT(order, testing::ElementsAre(500, 200, 300, 0, 1));
}

}  // namespace
}  // namespace leet::tests
