// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/gate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "tools/bench/tensors.hpp"

namespace leet::bench {
namespace {

using testing::HasSubstr;

TEST(Windows, AreEverythingWhereItCanBeAfforded) {
  const Point point = {.B = 2, .H = 3, .N = 10, .R = 4, .D = 100};
  const std::vector<Window> windows = windows_of(point, point.cells());
  ASSERT_EQ(windows.size(), 6u);
  for (const Window& window : windows) EXPECT_EQ(window.count, 100);
  EXPECT_EQ(windows[5].b, 1);
  EXPECT_EQ(windows[5].h, 2);
}

TEST(Windows, AreSpreadFromTheFirstColumnsToTheLast) {
  const Point point = {.B = 2, .H = 4, .N = 1000, .R = 64, .D = 100};
  const std::vector<Window> windows = windows_of(point, point.cells() / 4);
  ASSERT_EQ(windows.size(), 8u);  // of 4 in each of 8 heads
  EXPECT_EQ(windows.front().first, 0);
  EXPECT_EQ(windows.back().b, 1);
  EXPECT_EQ(windows.back().h, 3);
  EXPECT_EQ(windows.back().first, 96);
  EXPECT_EQ(windows.back().count, 4);  // the tail
  std::set<std::tuple<std::int64_t, std::int64_t, std::int64_t>> distinct;
  std::set<std::int64_t> columns;
  for (const Window& window : windows) {
    distinct.insert({window.b, window.h, window.first});
    columns.insert(window.first);
    EXPECT_LE(window.first + window.count, 100);
  }
  EXPECT_EQ(distinct.size(), windows.size());
  EXPECT_EQ(columns.size(), 4u);
}

TEST(Windows, ThereIsAlwaysOneAndItIsTheLast) {
  const Point point = {.B = 1, .H = 2, .N = 1'000'000, .R = 128, .D = 128};
  const std::vector<Window> windows = windows_of(point, 1);
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_EQ(windows[0].h, 1);
  EXPECT_EQ(windows[0].first, 96);
}

// A point whose oracle's own answer stands in for a method's.
class GateOnAnswer : public testing::Test {
 protected:
  void answer(const Point& point) {
    problem_ = std::make_unique<PointProblem>(point);
    tensors_ = std::make_unique<Tensors>(point, *problem_, 3, 1);
    gate_ = std::make_unique<Gate>(point, tensors_->pointers(0), pool_);
    // As the oracle reads it: a full log_decay by strides of 0.
    leet_tensor decay = *tensors_->pointers(0)[LEET_ROLE_LOG_DECAY];
    const leet_tensor_spec& q = tensors_->pointers(0)[LEET_ROLE_Q]->spec;
    for (const int axis : {0, 2, 3}) {
      decay.spec.extent[axis] = q.extent[axis];
      decay.spec.stride[axis] = 0;
    }
    std::array<const leet_tensor*, LEET_ROLE_COUNT> all{};
    std::copy_n(tensors_->pointers(0), LEET_ROLE_COUNT, all.begin());
    all[LEET_ROLE_LOG_DECAY] = &decay;
    const core::OracleResult oracle = core::run_oracle(all.data(), 1.0);
    std::copy(oracle.out.begin(), oracle.out.end(), data(LEET_ROLE_OUT));
    if (point.N == 1) {
      std::copy(oracle.state_out.begin(), oracle.state_out.end(), data(LEET_ROLE_STATE_OUT));
    }
  }
  float* data(int role) { return static_cast<float*>(tensors_->pointers(0)[role]->data); }
  Verdict judge() { return gate_->judge(tensors_->pointers(0)); }

  core::ThreadPool pool_{2};
  std::unique_ptr<PointProblem> problem_;
  std::unique_ptr<Tensors> tensors_;
  std::unique_ptr<Gate> gate_;
};

TEST_F(GateOnAnswer, IsGreenOnTheRightOne) {
  answer({.B = 2, .H = 2, .N = 70, .R = 16, .D = 24});
  const Verdict verdict = judge();
  EXPECT_TRUE(verdict.correct) << verdict.message;
  EXPECT_LT(verdict.error, 1e-7);
  EXPECT_EQ(gate_->checked(), 1);
}

TEST_F(GateOnAnswer, IsRedOnOneWrongElement) {
  answer({.B = 2, .H = 2, .N = 70, .R = 16, .D = 24});
  data(LEET_ROLE_OUT)[((1 * 2 + 0) * 70 + 69) * 24 + 23] *= 1.01f;
  const Verdict verdict = judge();
  EXPECT_FALSE(verdict.correct);
  EXPECT_THAT(verdict.message, HasSubstr("b=1 h=0"));
}

TEST_F(GateOnAnswer, IsRedOnWhatWasNotWritten) {
  answer({.B = 1, .H = 2, .N = 70, .R = 16, .D = 24});
  tensors_->poison_out(0);
  const Verdict verdict = judge();
  EXPECT_FALSE(verdict.correct);
  EXPECT_FALSE(std::isfinite(verdict.error));
}

TEST_F(GateOnAnswer, JudgesTheStateOfAStep) {
  answer({.B = 2, .H = 3, .N = 1, .R = 16, .D = 24});
  EXPECT_TRUE(judge().correct) << judge().message;
  data(LEET_ROLE_STATE_OUT)[16 * 24 * 6 - 1] += 0.01f;
  EXPECT_FALSE(judge().correct);
  EXPECT_THAT(judge().message, HasSubstr("state_out"));
}

TEST_F(GateOnAnswer, LooksForNaNOutsideOfTheWindows) {
  // More than the oracle can do: windows, and none of them has columns from 32 of head 1.
  const Point point = {.B = 1, .H = 64, .N = 3000, .R = 100, .D = 64};
  ASSERT_LT(windows_of(point, 0x1p29).size(), 128u);
  problem_ = std::make_unique<PointProblem>(point);
  tensors_ = std::make_unique<Tensors>(point, *problem_, 3, 1);
  std::fill_n(data(LEET_ROLE_Q), 64 * 3000 * 100, 0.0f);  // the right answer is zero then
  gate_ = std::make_unique<Gate>(point, tensors_->pointers(0), pool_);
  EXPECT_LT(gate_->checked(), 1);
  EXPECT_GT(gate_->checked(), 0);
  std::fill_n(data(LEET_ROLE_OUT), 64 * 3000 * 64, 0.0f);
  EXPECT_TRUE(judge().correct) << judge().message;
  data(LEET_ROLE_OUT)[(1 * 3000 + 17) * 64 + 40] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(judge().correct);
  EXPECT_THAT(judge().message, HasSubstr("out[0, 1, 17, 40]"));
}

}  // namespace
}  // namespace leet::bench
