// SPDX-License-Identifier: Apache-2.0
//
// leet.fleet: how the decay of a head is applied, on both sides of where that changes.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "plugins/fleet/head_decay.hpp"
#include "tests/plugins/operator_case.hpp"

namespace leet::plugin_tests {
namespace {

using plugin_fleet::HeadDecay;
using plugin_fleet::kBlockSteps;

struct Weights {
  explicit Weights(double g, double scale = 1)
      : v(kBlockSteps, -1),
        out(kBlockSteps, -1),
        decay(g, scale, kBlockSteps, v.data(), out.data()) {}

  std::vector<float> v, out;
  HeadDecay decay;
};

TEST(FleetHeadDecay, WeightsOfABlockUndoEachOther) {
  for (const double g : {0.0, -1e-5, -0.01, -0.2, -0.34}) {
    const Weights weights(g, 3);
    EXPECT_FALSE(weights.decay.stepwise()) << g;
    EXPECT_GE(weights.decay.period(), 48) << g;
    for (std::int64_t c = 0; c < weights.decay.period(); ++c) {
      const auto i = static_cast<std::size_t>(c);
      EXPECT_NEAR(weights.v[i] * weights.out[i], 3, 1e-6) << g << " " << c;
      EXPECT_LE(weights.v[i], 0x1p24F) << g << " " << c;
    }
  }
}

TEST(FleetHeadDecay, StrongDecaysAreAppliedAtEachStep) {
  for (const double g : {-0.4, -1.0, -1e30, -HUGE_VAL}) {
    const Weights weights(g);
    EXPECT_TRUE(weights.decay.stepwise()) << g;
    EXPECT_EQ(weights.decay.period(), kBlockSteps) << g;
    EXPECT_EQ(weights.v.back(), 1) << g;
    EXPECT_EQ(weights.decay.entering(kBlockSteps).high, 1) << g;
    EXPECT_EQ(weights.decay.leaving(kBlockSteps).high, 1) << g;
    EXPECT_EQ(weights.decay.gamma(), static_cast<float>(std::exp(g))) << g;
  }
}

TEST(FleetHeadDecay, ABlockIsEnteredWithAllDecaySinceTheLast) {
  const Weights weights(-0.01);
  EXPECT_FLOAT_EQ(weights.decay.entering(7).high, std::exp(-0.07F));
  EXPECT_FLOAT_EQ(weights.decay.leaving(7).high, std::exp(-0.06F));
  EXPECT_EQ(weights.decay.leaving(1).high, 1);
}

TEST(Fleet, MatchesTheOracleWhereTheWayChanges) {
  for (const double rate : {0.16, 0.3, 0.345, 0.348, 0.36, 0.5}) {
    for (const std::int64_t group : {1, 2, 3, 4, 5}) {
      SCOPED_TRACE(testing::Message() << "rate " << rate << " group " << group);
      Operands operands({.H = group,
                         .N = 300,
                         .R = 21,
                         .D = 37,
                         .Hk = 1,
                         .Hv = 1,
                         .Hg = 1,
                         .rate = rate,
                         .has_state_in = true});
      const core::OracleResult expected = operands.oracle();
      expect_near(operands, expected, run("fleet", operands));
    }
  }
}

}  // namespace
}  // namespace leet::plugin_tests
