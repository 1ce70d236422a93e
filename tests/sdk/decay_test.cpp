// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <leet/plugin/decay.hpp>
#include <limits>
#include <random>
#include <utility>

namespace leet::sdk {
namespace {

TEST(SplitDecay, IsExactAtTheEnds) {
  const double minus_infinity = -std::numeric_limits<double>::infinity();
  for (const auto& [g, gamma] : {std::pair{0.0, 1.0}, {minus_infinity, 0.0}, {-1e6, 0.0}}) {
    EXPECT_EQ(split_decay<float>(g).high, gamma);
    EXPECT_EQ(split_decay<float>(g).low, 0);
    EXPECT_EQ(split_decay<double>(g).high, gamma);
    EXPECT_EQ(split_decay<double>(g).low, 0);
  }
}

TEST(SplitDecay, HoldsGammaToTwiceThePrecision) {
  for (double g = -1e-7; g > -20; g *= 1.37) {
    const long double gamma = std::exp(static_cast<long double>(g));
    const auto narrow = split_decay<float>(g);
    EXPECT_EQ(narrow.high, static_cast<float>(std::exp(g))) << g;
    EXPECT_LE(std::fabs((static_cast<long double>(narrow.high) + narrow.low) / gamma - 1), 0x1p-47L)
        << g;
    const auto wide = split_decay<double>(g);
    EXPECT_LE(std::fabs((static_cast<long double>(wide.high) + wide.low) / gamma - 1), 0x1p-62L)
        << g;
  }
}

// Why gamma is split, and why advance() adds in the order that it does: recurrences in fp32 against
// one in long double. 2e-6 is the operator's gate for fp32.
TEST(SplitDecay, KeepsLongRecurrencesWithinTheGateThatOneRealMisses) {
  constexpr double kGate = 2e-6;
  constexpr int kRuns = 50;
  struct Case {
    double g;
    int n;
  };
  for (const Case& c : {Case{-1e-5, 1000}, Case{-1e-4, 2000}, Case{-1e-3, 2000}}) {
    const auto gamma = split_decay<float>(c.g);
    const long double exact_gamma = std::exp(static_cast<long double>(c.g));
    long double one_error = 0, wrong_order_error = 0, split_error = 0, norm = 0;
    std::mt19937 random(7);
    for (int run = 0; run < kRuns; ++run) {
      float one = 0, wrong_order = 0, split = 0;
      long double exact = 0;
      for (int i = 0; i < c.n; ++i) {
        // Uniform on [-1, 1), by hand: the library's distributions differ between platforms.
        const float term = static_cast<float>(static_cast<std::int32_t>(random())) * 0x1p-31f;
        // Volatile: contraction into fused multiply-adds would hide what the order does.
        volatile float high_part = one * gamma.high;
        one = high_part + term;
        high_part = wrong_order * gamma.high;
        volatile float low_part = wrong_order * gamma.low;
        volatile float decayed = high_part + low_part;
        wrong_order = decayed + term;
        split = advance(split, gamma, term);
        exact = exact * exact_gamma + term;
      }
      one_error += (one - exact) * (one - exact);
      wrong_order_error += (wrong_order - exact) * (wrong_order - exact);
      split_error += (split - exact) * (split - exact);
      norm += exact * exact;
    }
    EXPECT_GT(std::sqrt(one_error / norm), kGate) << "g " << c.g << ", n " << c.n;
    EXPECT_GT(std::sqrt(wrong_order_error / norm), kGate) << "g " << c.g << ", n " << c.n;
    EXPECT_LT(std::sqrt(split_error / norm), kGate) << "g " << c.g << ", n " << c.n;
  }
}

// The weight gamma^n itself, without the state's roundings.
TEST(SplitDecay, WeightsDoNotDrift) {
  const double g = -1e-5;
  const int n = 257;
  const auto gamma = split_decay<float>(g);
  const auto weight_error = [&](long double base) {
    return std::fabs(std::pow(base, n) / std::exp(static_cast<long double>(g) * n) - 1);
  };
  EXPECT_GT(weight_error(gamma.high), 3e-6L);
  EXPECT_LT(weight_error(static_cast<long double>(gamma.high) + gamma.low), n * 0x1p-47L);
}

}  // namespace
}  // namespace leet::sdk
