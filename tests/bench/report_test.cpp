// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>
#include <vector>

namespace leet::bench {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using tools::Json;

const MachineCeilings kCeilings = {"avx2+fma", 100.0, 50.0, 1 << 20};
const RunFacts kFacts = {{"A Processor", {"avx2", "fma"}}, 7};

// 10 executes of 1 ms in each sample, of 10^9 cells a second and thread.
Measurement green() {
  Measurement m;
  m.subject = {nullptr, "leet.a", "chunk=16"};
  m.method = "leet.a";
  m.predicted_seconds = 2e-3;
  m.point = {.B = 1, .H = 2, .N = 50, .R = 100, .D = 100, .threads = 1};
  m.verdict = Verdict{true, 3e-7, ""};
  m.checked = 1;
  m.bytes_min = 2e7;
  m.working_set = 3e7;
  m.repeats = 10;
  for (int i = 0; i < 5; ++i) m.samples.push_back({0.01, 0.01, 0.0, 1.0});
  m.samples.push_back({0.02, 0.02, 0.0, 1.5});
  m.samples.push_back({0.02, 0.01, 0.01, 1.0});
  return m;
}

Json json_of(Measurement m, const MachineCeilings& ceilings = kCeilings) {
  return to_json(make_record(std::move(m), 1.0, ceilings), kFacts);
}

TEST(Record, FiguresAreThoseOfOneExecute) {
  const Json json = json_of(green());
  EXPECT_DOUBLE_EQ(json["seconds_median"], 1e-3);
  EXPECT_DOUBLE_EQ(json["gflops_4nrd"], 4.0);
  EXPECT_DOUBLE_EQ(json["peak_gflops"], 100.0);
  EXPECT_DOUBLE_EQ(json["fraction_of_peak"], 0.04);
  EXPECT_DOUBLE_EQ(json["bandwidth_gbs"], 50.0);
  EXPECT_DOUBLE_EQ(json["fraction_of_bandwidth"], 0.4);
  EXPECT_EQ(json["quiet_samples"], 5);
  EXPECT_EQ(json["busy_samples"], 1);
  EXPECT_EQ(json["discarded_samples"], 1);
  EXPECT_EQ(json["correct"], true);
  EXPECT_EQ(json["error"], 3e-7);
  EXPECT_EQ(json["fits_cache"], false);
  EXPECT_EQ(json["cpu"], "A Processor");
  EXPECT_EQ(json["isa"], Json::array({"avx2", "fma"}));
  EXPECT_EQ(json["seed"], 7);
  EXPECT_EQ(json["options"], "chunk=16");
  EXPECT_EQ(json["unsupported"], nullptr);
  EXPECT_EQ(json["method"], "leet.a");
  EXPECT_EQ(json["peer"], false);
  EXPECT_EQ(json["chosen"], nullptr);
  EXPECT_EQ(json["predicted_seconds"], 2e-3);
}

TEST(Record, SaysWhatAutoChose) {
  Measurement m = green();
  m.subject.name = "auto";
  const Json json = json_of(m);
  EXPECT_EQ(json["method"], "auto");
  EXPECT_EQ(json["chosen"], "leet.a");
  EXPECT_THAT(table(std::vector{make_record(m, 1.0, kCeilings)})[1], StartsWith("auto: leet.a "));
}

TEST(Record, APeerIsLabelled) {
  Measurement m = green();
  m.subject.peer = true;
  EXPECT_EQ(json_of(m)["peer"], true);
  EXPECT_THAT(table(std::vector{make_record(m, 1.0, kCeilings)})[1],
              StartsWith("leet.a?chunk=16 "));
}

TEST(Record, ARedGateHasNoFiguresWhateverTheSamples) {
  Measurement m = green();
  m.verdict = Verdict{false, std::numeric_limits<double>::infinity(), "out[0] is NaN"};
  const Json json = json_of(m);
  EXPECT_EQ(json["correct"], false);
  EXPECT_EQ(json["wrong"], "out[0] is NaN");
  for (const char* key : {"seconds_median", "seconds_p5", "seconds_p95", "gflops_4nrd",
                          "fraction_of_peak", "fraction_of_bandwidth", "error"}) {
    EXPECT_EQ(json[key], nullptr) << key;
  }
}

TEST(Record, ARefusalHasTheReasonAndNoFigures) {
  Measurement m;
  m.subject.name = "leet.a";
  m.unsupported = "R=7: needs a multiple of 8";
  const Json json = json_of(m, {});
  EXPECT_EQ(json["unsupported"], "R=7: needs a multiple of 8");
  EXPECT_EQ(json["correct"], nullptr);
  EXPECT_EQ(json["seconds_median"], nullptr);
  EXPECT_EQ(json["peak_gflops"], nullptr);
}

TEST(Record, EveryKindHasTheSameKeys) {
  Measurement refused;
  refused.unsupported = "no";
  Measurement failed;
  failed.failure = core::Error{LEET_STATUS_INTERNAL, "fell through"};
  const auto keys = [](const Json& json) {
    std::set<std::string> found;
    for (const auto& [key, value] : json.items()) found.insert(key);
    return found;
  };
  const std::set<std::string> expected = keys(json_of(green()));
  for (const char* key : {"method",
                          "device",
                          "dtype",
                          "decay",
                          "threads",
                          "B",
                          "H",
                          "N",
                          "R",
                          "D",
                          "seconds_median",
                          "seconds_p5",
                          "seconds_p95",
                          "gflops_4nrd",
                          "peak_gflops",
                          "fraction_of_peak",
                          "bytes_min",
                          "bandwidth_gbs",
                          "fraction_of_bandwidth",
                          "error",
                          "correct",
                          "cpu",
                          "isa",
                          "seed",
                          "options",
                          "quiet_samples",
                          "busy_samples",
                          "discarded_samples",
                          "unsupported"}) {
    EXPECT_THAT(expected, Contains(key));
  }
  EXPECT_EQ(keys(json_of(refused, {})), expected);
  EXPECT_EQ(keys(json_of(failed, {})), expected);
  EXPECT_EQ(json_of(failed, {})["failed"], "fell through");
}

TEST(Record, UnknownCeilingsGiveNoFractions) {
  const Json json = json_of(green(), {"avx2+fma", std::nullopt, std::nullopt, 0});
  EXPECT_DOUBLE_EQ(json["seconds_median"], 1e-3);
  EXPECT_EQ(json["peak_gflops"], nullptr);
  EXPECT_EQ(json["fraction_of_peak"], nullptr);
  EXPECT_EQ(json["fraction_of_bandwidth"], nullptr);
}

std::string joined(const std::vector<Record>& records) {
  std::string text;
  for (const std::string& line : table(records)) text += line + "\n";
  return text;
}

TEST(Table, ShowsFiguresWithABar) {
  const std::string text = joined({make_record(green(), 1.0, kCeilings)});
  EXPECT_THAT(text, AllOf(HasSubstr("leet.a"), HasSubstr("1.00 ms"), HasSubstr("|########   "),
                          HasSubstr("5/1/1"), HasSubstr("100.0 GFLOP/s"), HasSubstr("avx2+fma")));
  EXPECT_THAT(text, Not(HasSubstr("fit in the last cache")));
}

TEST(Table, SaysWhatTheColumnsDoNot) {
  Measurement cached = green();
  cached.working_set = 1000;
  cached.checked = 0.25;
  for (Sample& sample : cached.samples) sample.probe = 2;
  const std::string text = joined({make_record(std::move(cached), 1.0, kCeilings)});
  EXPECT_THAT(text, AllOf(HasSubstr("ms*"), HasSubstr("fit in the last cache"),
                          HasSubstr("0 quiet samples"), HasSubstr("25 % of out compared")));
}

TEST(Table, GivesAReasonInsteadOfFigures) {
  Measurement wrong = green();
  wrong.verdict = Verdict{false, 0.5, "off by a lot"};
  Measurement refused;
  refused.unsupported = "not today";
  Measurement failed;
  failed.failure = core::Error{LEET_STATUS_INTERNAL, "fell through"};
  Measurement disturbed = green();
  for (Sample& sample : disturbed.samples) sample = {1, 0.5, 0.5, 1.0};
  std::vector<Record> records;
  for (const Measurement& m : {wrong, refused, failed, disturbed}) {
    records.push_back(make_record(m, 1.0, kCeilings));
  }
  EXPECT_THAT(joined(records),
              AllOf(HasSubstr("WRONG: off by a lot"), HasSubstr("unsupported: not today"),
                    HasSubstr("FAILED: fell through"), HasSubstr("all 7 samples were kept"),
                    Not(HasSubstr("GFLOP/s in"))));
}

TEST(Texts, DurationsHaveThreeDigits) {
  EXPECT_EQ(duration_text(1.234), "1.23 s");
  EXPECT_EQ(duration_text(0.01234), "12.3 ms");
  EXPECT_EQ(duration_text(123.4e-6), "123 us");
  EXPECT_EQ(duration_text(999.7e-6), "1.00 ms");
  EXPECT_EQ(duration_text(9.999e-6), "10.0 us");
  EXPECT_EQ(duration_text(5e-10), "0.50 ns");
}

TEST(Texts, BarsEndAtTheCeiling) {
  EXPECT_EQ(bar(0), std::string(20, ' '));
  EXPECT_EQ(bar(0.5), std::string(10, '#') + std::string(10, ' '));
  EXPECT_EQ(bar(3), std::string(20, '#'));
}

}  // namespace
}  // namespace leet::bench
