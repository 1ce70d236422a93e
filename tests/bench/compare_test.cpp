// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/compare.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace leet::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tools::Json;

Json record(double median, double p5, double p95) {
  return {{"method", "leet.a"},
          {"device", "cpu"},
          {"dtype", "f32"},
          {"decay", "head"},
          {"threads", 2},
          {"B", 1},
          {"H", 8},
          {"N", 64},
          {"R", 16},
          {"D", 16},
          {"options", ""},
          {"correct", true},
          {"cpu", "one"},
          {"peak_gflops", 100.0},
          {"seconds_median", median},
          {"seconds_p5", p5},
          {"seconds_p95", p95}};
}

Json without_figures(Json from, bool correct) {
  from["correct"] = correct;
  for (const char* key : {"seconds_median", "seconds_p5", "seconds_p95"}) from[key] = nullptr;
  return from;
}

Change only_change(const Json& before, const Json& after) {
  const ChangeReport report = compare_runs({before}, {after});
  EXPECT_EQ(report.changes.size(), 1u);
  return report.changes.at(0);
}

TEST(Compare, AChangeIsBeyondBothIntervals) {
  EXPECT_EQ(only_change(record(1.0, 0.9, 1.1), record(1.2, 1.15, 1.3)).kind, ChangeKind::kSlower);
  EXPECT_EQ(only_change(record(1.2, 1.15, 1.3), record(1.0, 0.9, 1.1)).kind, ChangeKind::kFaster);
  // Within the old run's noise, and within the new run's.
  EXPECT_EQ(only_change(record(1.0, 0.9, 1.3), record(1.2, 1.15, 1.3)).kind, ChangeKind::kSame);
  EXPECT_EQ(only_change(record(1.0, 0.9, 1.1), record(1.2, 0.95, 1.3)).kind, ChangeKind::kSame);
}

TEST(Compare, RegressionsAreMeasuredInPerCentOfTime) {
  const Change slower = only_change(record(1.0, 0.99, 1.01), record(1.1, 1.09, 1.11));
  EXPECT_NEAR(slower.ratio, 1.1, 1e-12);
  EXPECT_TRUE(slower.regressed(9));
  EXPECT_FALSE(slower.regressed(11));
  const Change noise = only_change(record(1.0, 0.5, 2.0), record(1.5, 0.6, 3.0));
  EXPECT_FALSE(noise.regressed(0));
  const Change faster = only_change(record(1.0, 0.99, 1.01), record(0.5, 0.49, 0.51));
  EXPECT_FALSE(faster.regressed(0));
}

TEST(Compare, AWrongResultIsARegressionWhateverThePercentage) {
  const Json good = record(1, 0.9, 1.1);
  const Json wrong = without_figures(good, false);
  const Change broken = only_change(good, wrong);
  EXPECT_EQ(broken.kind, ChangeKind::kBroken);
  EXPECT_TRUE(broken.regressed(1e6));
  EXPECT_EQ(only_change(wrong, good).kind, ChangeKind::kMended);
  EXPECT_FALSE(only_change(wrong, good).regressed(0));
  Json refused = wrong;
  refused["correct"] = nullptr;
  EXPECT_EQ(only_change(good, refused).kind, ChangeKind::kBroken);
}

TEST(Compare, ADisturbedRunIsNoRegression) {
  const Json good = record(1, 0.9, 1.1);
  const Change disturbed = only_change(good, without_figures(good, true));
  EXPECT_EQ(disturbed.kind, ChangeKind::kNoFigures);
  EXPECT_FALSE(disturbed.regressed(0));
}

TEST(Compare, PointsOfOneRunAlone) {
  Json longer = record(1, 0.9, 1.1);
  longer["N"] = 65;
  const ChangeReport report = compare_runs({record(1, 0.9, 1.1)}, {longer});
  ASSERT_EQ(report.changes.size(), 2u);
  EXPECT_EQ(report.changes[0].kind, ChangeKind::kOnlyOld);
  EXPECT_EQ(report.changes[1].kind, ChangeKind::kOnlyNew);
  EXPECT_THAT(report.changes[1].point, HasSubstr("N=65"));
}

TEST(Compare, OptionsMakeAnotherPoint) {
  Json tuned = record(1, 0.9, 1.1);
  tuned["options"] = "chunk=16";
  EXPECT_EQ(compare_runs({record(1, 0.9, 1.1)}, {tuned}).changes.size(), 2u);
}

TEST(Compare, DifferentProcessorsAreComparedByTheirPeaks) {
  Json faster_machine = record(0.5, 0.49, 0.51);
  faster_machine["cpu"] = "two";
  faster_machine["peak_gflops"] = 200.0;
  const ChangeReport report = compare_runs({record(1, 0.98, 1.02)}, {faster_machine});
  EXPECT_FALSE(report.by_seconds);
  EXPECT_EQ(report.changes.at(0).kind, ChangeKind::kSame);
  EXPECT_NEAR(report.changes.at(0).ratio, 1, 1e-12);
  faster_machine["peak_gflops"] = nullptr;
  EXPECT_EQ(compare_runs({record(1, 0.98, 1.02)}, {faster_machine}).changes.at(0).kind,
            ChangeKind::kNoFigures);
}

TEST(Compare, LinesShowWhatHappened) {
  const ChangeReport report =
      compare_runs({record(1e-3, 0.9e-3, 1.1e-3)}, {record(2e-3, 1.9e-3, 2.1e-3)});
  EXPECT_THAT(change_lines(report),
              ElementsAre("slower      leet.a cpu f32 head 2 threads B=1 H=8 N=64 R=16 D=16  "
                          "+100.0 % time  1.00 ms -> 2.00 ms"));
  EXPECT_EQ(to_json(report)["changes"][0]["change"], "slower");
  EXPECT_THAT(change_lines(compare_runs({}, {})), ElementsAre("no points"));
}

TEST(ParseRecords, TakesOnlyWhatABenchWrote) {
  const Json good = {{"schema", "leet.bench/1"}, {"records", Json::array({record(1, 0.9, 1.1)})}};
  const auto records = parse_records(good.dump());
  ASSERT_TRUE(records.ok());
  EXPECT_EQ(records->size(), 1u);

  const auto refusal = [](const std::string& text) {
    const auto parsed = parse_records(text);
    return parsed ? std::string("accepted") : parsed.error().message;
  };
  EXPECT_THAT(refusal(""), HasSubstr("not the JSON"));
  EXPECT_THAT(refusal("[1]"), HasSubstr("not the JSON"));
  EXPECT_THAT(refusal("{}"), HasSubstr("leet.bench/1"));
  EXPECT_THAT(refusal(R"({"schema": "leet.run/1"})"), HasSubstr("leet.run/1"));
  EXPECT_THAT(refusal(R"({"schema": "leet.bench/1"})"), HasSubstr("lacks"));
  for (const char* key : {"method", "threads", "correct", "cpu", "seconds_p95", "peak_gflops"}) {
    Json lacking = good;
    lacking["records"][0].erase(key);
    EXPECT_THAT(refusal(lacking.dump()), HasSubstr(key));
  }
  Json mistyped = good;
  mistyped["records"][0]["seconds_p5"] = "fast";
  EXPECT_THAT(refusal(mistyped.dump()), HasSubstr("lacks"));
}

}  // namespace
}  // namespace leet::bench
