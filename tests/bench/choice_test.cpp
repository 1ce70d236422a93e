// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/choice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace leet::bench {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Record record(const char* method, double seconds, std::int64_t N = 64, bool peer = false) {
  Record made;
  Measurement& m = made.measurement;
  m.subject = {nullptr, method, peer ? "chunk=16" : "", peer};
  m.method = method;
  m.point.N = N;
  m.verdict = Verdict{true, 0, ""};
  made.seconds = {seconds, seconds, seconds};
  return made;
}

Record without_figures(const char* method) {
  Record made = record(method, 1);
  made.seconds.reset();
  return made;
}

class ChoiceTest : public testing::Test {
 protected:
  core::Result<core::Selection> selects(const char* id) {
    std::strcpy(method_.identity.id, id);
    return core::Selection{&method_, "because", {}};
  }

  Choice choice(const std::vector<Record>& records, const char* chosen) {
    return make_choice(records, selects(chosen));
  }

  core::Method method_;
};

TEST_F(ChoiceTest, OrdersByTimeAndHoldsAutoAgainstTheBestMethod) {
  const Choice made = choice({record("leet.a", 3), record("leet.b", 2), without_figures("leet.c"),
                              record("peer.p", 1, 64, true)},
                             "leet.a");
  ASSERT_EQ(made.order.size(), 3u);
  EXPECT_EQ(made.order[0].subject.name, "peer.p");
  EXPECT_EQ(made.order[1].subject.name, "leet.b");
  EXPECT_EQ(made.best, "leet.b");  // not the peer
  EXPECT_EQ(made.chosen, "leet.a");
  EXPECT_EQ(made.reason, "because");
  EXPECT_DOUBLE_EQ(made.regret.value(), 1.5);
}

TEST_F(ChoiceTest, TheBestChoiceHasNoRegret) {
  EXPECT_DOUBLE_EQ(choice({record("leet.a", 3), record("leet.b", 2)}, "leet.b").regret.value(), 1);
}

TEST_F(ChoiceTest, WhatWasNotMeasuredHasNoRegret) {
  EXPECT_EQ(choice({record("leet.a", 3), without_figures("leet.b")}, "leet.b").regret,
            std::nullopt);
  EXPECT_EQ(choice({record("leet.a", 3)}, "leet.z").regret, std::nullopt);
  EXPECT_EQ(choice({without_figures("leet.a")}, "leet.a").best, "");
}

TEST_F(ChoiceTest, AutoMeasuredItselfCountsAsWhatItChose) {
  Record automatic = record("leet.a", 3);
  automatic.measurement.subject.name = "auto";
  EXPECT_DOUBLE_EQ(choice({record("leet.b", 2), automatic}, "leet.a").regret.value(), 1.5);
}

TEST_F(ChoiceTest, WithoutAChoiceThereIsStillAnOrder) {
  const std::vector<Record> records = {record("leet.a", 3), record("leet.b", 2)};
  const Choice unasked = make_choice(records, std::nullopt);
  EXPECT_EQ(unasked.best, "leet.b");
  EXPECT_EQ(unasked.chosen, "");
  const Choice none = make_choice(
      records, core::Result<core::Selection>(core::Error{LEET_STATUS_UNSUPPORTED, "no"}));
  EXPECT_EQ(none.reason, "no");
  EXPECT_EQ(none.regret, std::nullopt);
}

TEST_F(ChoiceTest, AsJson) {
  const tools::Json json = to_json(
      choice({record("leet.a", 3), record("leet.b", 2), record("peer.p", 1, 64, true)}, "leet.a"));
  EXPECT_EQ(json["N"], 64);
  EXPECT_EQ(json["choice"]["best"], "leet.b");
  EXPECT_EQ(json["choice"]["auto"], "leet.a");
  EXPECT_EQ(json["choice"]["reason"], "because");
  EXPECT_EQ(json["choice"]["regret"], 1.5);
  EXPECT_EQ(json["choice"]["order"][0], tools::Json({{"method", "peer.p"},
                                                     {"options", "chunk=16"},
                                                     {"peer", true},
                                                     {"seconds_median", 1.0}}));
  const tools::Json empty = to_json(make_choice(std::vector{without_figures("a")}, std::nullopt));
  EXPECT_TRUE(empty["choice"]["order"].empty());
  for (const char* key : {"best", "auto", "reason", "regret"}) {
    EXPECT_EQ(empty["choice"][key], nullptr) << key;
  }
}

TEST_F(ChoiceTest, TheTableNamesThePointsByWhatVaries) {
  const std::vector<Choice> choices = {
      choice({record("leet.a", 3e-3, 64), record("leet.b", 2e-3, 64)}, "leet.a"),
      choice({record("leet.a", 4e-3, 128), record("leet.b", 5e-3, 128)}, "leet.a")};
  std::string text;
  for (const std::string& line : crossover_lines(choices)) text += line + "\n";
  EXPECT_THAT(text,
              AllOf(HasSubstr("Crossover, B=1 H=8 R=128 D=128 f32 decay=head threads=1\n"),
                    HasSubstr("\nN=64   leet.a  1.50x   leet.b 2.00 ms, leet.a 3.00 ms (1.50x)"),
                    HasSubstr("\nN=128  leet.a  1.00x   leet.a 4.00 ms, leet.b 5.00 ms (1.25x)"),
                    HasSubstr("at most 1.50x the best method, at N=64.")));
  EXPECT_THAT(text, Not(HasSubstr("B=1 N=")));
}

TEST_F(ChoiceTest, OneSubjectHasNoTable) {
  EXPECT_THAT(crossover_lines(std::vector{choice({record("leet.a", 3)}, "leet.a")}), IsEmpty());
  EXPECT_THAT(crossover_lines({}), IsEmpty());
}

}  // namespace
}  // namespace leet::bench
