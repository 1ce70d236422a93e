// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/tensors.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>

#include "core/argument_check.hpp"

namespace leet::bench {
namespace {

constexpr Point kSmall = {.B = 2, .H = 3, .N = 5, .R = 4, .D = 6};

Point step_of(Point point) {
  point.N = 1;
  return point;
}

TEST(PointProblem, PassesTheCoresCheck) {
  for (const std::int32_t decay :
       {LEET_DECAY_NONE, LEET_DECAY_HEAD, LEET_DECAY_STEP, LEET_DECAY_CHANNEL}) {
    for (const leet_dtype dtype : {sdk::kF16, sdk::kBf16, sdk::kF32, sdk::kF64}) {
      for (Point point : {kSmall, step_of(kSmall)}) {
        point.decay_kind = decay;
        point.dtype = dtype;
        const PointProblem problem(point);
        const auto checked = core::check_problem(problem.problem());
        ASSERT_TRUE(checked.ok()) << checked.error().message;
        Tensors tensors(point, problem, 1, 2);
        core::CheckedTensors given;
        const core::Status status =
            core::check_tensors(*checked, tensors.pointers(1), LEET_ROLE_COUNT, given);
        EXPECT_TRUE(status.ok()) << status.error().message;
        EXPECT_TRUE(core::check_values(given).ok());
      }
    }
  }
}

TEST(PointProblem, CountsTheBytesThatMustMove) {
  const PointProblem prefill(kSmall);
  const double q = 2 * 3 * 5 * 4 * 4, v = 2 * 3 * 5 * 6 * 4, g = 3 * 4;
  EXPECT_EQ(prefill.bytes_min(), 2 * q + 2 * v + g);
  EXPECT_EQ(prefill.footprint(), prefill.bytes_min());
  // A state in place is read and written, and there once.
  const PointProblem step(step_of(kSmall));
  const double state = 2 * 3 * 4 * 6 * 4;
  EXPECT_EQ(step.bytes_min(), (2 * q + 2 * v) / 5 + g + 2 * state);
  EXPECT_EQ(step.footprint(), step.bytes_min() - state);
}

TEST(Copies, FillTwiceTheCache) {
  EXPECT_EQ(copies_for(10, 100, 1e9), 20);
  EXPECT_EQ(copies_for(30, 100, 1e9), 7);
  EXPECT_EQ(copies_for(1000, 100, 1e9), 1);
  EXPECT_EQ(copies_for(1, 1e6, 1e9), 1024);
}

TEST(Copies, LeaveHalfOfTheMemory) {
  EXPECT_EQ(copies_for(10, 100, 100), 5);
  EXPECT_EQ(copies_for(10, 100, 19), 0);
}

TEST(Tensors, CopiesHaveTheSameValuesInOtherMemory) {
  const Point point = step_of(kSmall);
  const PointProblem problem(point);
  const Tensors tensors(point, problem, 7, 2);
  for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
    const leet_tensor* const first = tensors.pointers(0)[role];
    if (first == nullptr) continue;
    const leet_tensor* const second = tensors.pointers(1)[role];
    EXPECT_NE(first->data, second->data);
    EXPECT_EQ(std::memcmp(first->data, second->data, static_cast<std::size_t>(problem.bytes(role))),
              0);
  }
  EXPECT_EQ(tensors.pointers(0)[LEET_ROLE_STATE_IN]->data,
            tensors.pointers(0)[LEET_ROLE_STATE_OUT]->data);
}

TEST(Tensors, RowsDifferAndOutIsPoisoned) {
  const Point point = {.B = 1, .H = 2, .N = 40000, .R = 4, .D = 4};
  const PointProblem problem(point);
  const Tensors tensors(point, problem, 7, 1);
  const auto* const q = static_cast<const float*>(tensors.pointers(0)[LEET_ROLE_Q]->data);
  std::set<float> firsts;
  for (int row = 0; row < 80000; ++row) firsts.insert(q[row * 4]);
  EXPECT_GT(firsts.size(), 60000u);  // as many as the table has, but for equal values
  EXPECT_NE(std::memcmp(q, tensors.pointers(0)[LEET_ROLE_K]->data, 64), 0);
  EXPECT_TRUE(std::isnan(*static_cast<const float*>(tensors.pointers(0)[LEET_ROLE_OUT]->data)));
}

TEST(Decays, AreRetNets) {
  EXPECT_DOUBLE_EQ(std::exp(head_log_decay(0, 8)), 1 - 0x1p-5);
  EXPECT_DOUBLE_EQ(std::exp(head_log_decay(7, 8)), 1 - 0x1p-9);
  EXPECT_DOUBLE_EQ(std::exp(head_log_decay(0, 1)), 1 - 0x1p-5);
}

}  // namespace
}  // namespace leet::bench
