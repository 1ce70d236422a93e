// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/axes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace leet::bench {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Axes parse(std::vector<std::string> texts) {
  const core::Result<Axes> axes = parse_axes(texts, 4);
  EXPECT_TRUE(axes.ok()) << (axes ? "" : axes.error().message);
  return axes ? *axes : Axes{};
}

std::string refusal(std::vector<std::string> texts) {
  const core::Result<Axes> axes = parse_axes(texts, 4);
  if (axes) return "accepted";
  EXPECT_EQ(axes.error().code, LEET_STATUS_INVALID_ARGUMENT);
  return axes.error().message;
}

TEST(Axes, WithoutAnyThereIsTheDefaultPoint) {
  const std::vector<Point> points = points_of(parse({}));
  ASSERT_EQ(points.size(), 1u);
  const Point& point = points[0];
  EXPECT_EQ(point.B, 1);
  EXPECT_EQ(point.H, 8);
  EXPECT_EQ(point.N, 4096);
  EXPECT_EQ(point.R, 128);
  EXPECT_EQ(point.D, 128);
  EXPECT_TRUE(sdk::same(point.dtype, sdk::kF32));
  EXPECT_EQ(point.decay_kind, LEET_DECAY_HEAD);
  EXPECT_EQ(point.threads, 4);
  EXPECT_EQ(point.cells(), 8.0 * 4096 * 128 * 128);
}

TEST(Axes, EveryAxisTakesValues) {
  const Axes axes =
      parse({"B=2", "H=3,4", "N=1,1099511627776", "R=5", "D=6,7", "dtype=bf16,f16,f64,f32",
             "decay=none,step,channel,head", "threads=1,all"});
  EXPECT_THAT(axes.B, ElementsAre(2));
  EXPECT_THAT(axes.H, ElementsAre(3, 4));
  EXPECT_THAT(axes.N, ElementsAre(1, std::int64_t{1} << 40));
  EXPECT_THAT(axes.R, ElementsAre(5));
  EXPECT_THAT(axes.D, ElementsAre(6, 7));
  EXPECT_EQ(axes.dtype.size(), 4u);
  EXPECT_TRUE(sdk::same(axes.dtype[0], sdk::kBf16));
  EXPECT_THAT(axes.decay,
              ElementsAre(LEET_DECAY_NONE, LEET_DECAY_STEP, LEET_DECAY_CHANNEL, LEET_DECAY_HEAD));
  EXPECT_THAT(axes.threads, ElementsAre(1, 4));
  EXPECT_EQ(points_of(axes).size(), 2u * 2 * 2 * 4 * 4 * 2);
}

TEST(Axes, DFollowsRUnlessGiven) {
  const std::vector<Point> follows = points_of(parse({"R=32,64"}));
  ASSERT_EQ(follows.size(), 2u);
  EXPECT_EQ(follows[0].D, 32);
  EXPECT_EQ(follows[1].D, 64);
  const std::vector<Point> given = points_of(parse({"R=32", "D=8,16"}));
  ASSERT_EQ(given.size(), 2u);
  EXPECT_EQ(given[0].R, 32);
  EXPECT_EQ(given[0].D, 8);
  EXPECT_EQ(given[1].D, 16);
  EXPECT_EQ(points_of(parse({"D=8"}))[0].R, 128);
}

TEST(Axes, NRunsFastest) {
  const std::vector<Point> points = points_of(parse({"R=16,32", "N=1,2"}));
  ASSERT_EQ(points.size(), 4u);
  EXPECT_EQ(points[0].N, 1);
  EXPECT_EQ(points[1].N, 2);
  EXPECT_EQ(points[1].R, 16);
  EXPECT_EQ(points[2].R, 32);
}

TEST(Axes, RefusalsSayTheValueAndWhatWouldBeRight) {
  EXPECT_THAT(refusal({"C=64"}), AllOf(HasSubstr("'C'"), HasSubstr("B, H, N, R, D, dtype")));
  EXPECT_THAT(refusal({"N"}), AllOf(HasSubstr("'N'"), HasSubstr("NAME=VALUE")));
  for (const char* text : {"N=", "N=0", "N=-1", "N=1,", "N=1e3", "N= 1", "N=1.0", "N=1099511627777",
                           "N=99999999999999999999"}) {
    EXPECT_THAT(refusal({text}), HasSubstr("whole numbers from 1")) << text;
  }
  EXPECT_THAT(refusal({"dtype=f8"}), AllOf(HasSubstr("'f8'"), HasSubstr("bf16")));
  EXPECT_THAT(refusal({"decay=fast"}), AllOf(HasSubstr("'fast'"), HasSubstr("channel")));
  EXPECT_THAT(refusal({"threads=5"}), AllOf(HasSubstr("'5'"), HasSubstr("1 to 4")));
  EXPECT_THAT(refusal({"N=1", "N=2"}), AllOf(HasSubstr("twice"), HasSubstr("N=VALUE,VALUE")));
}

}  // namespace
}  // namespace leet::bench
