// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <leet/cpu/chunk_weights.hpp>
#include <limits>
#include <memory>
#include <vector>

namespace leet::cpu {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(RoundByTurns, IsExactWhereItCanBe) {
  for (const double total : {0.0, 0x1p-149, 0x1p-30, 0.25, 1 - 0x1p-24, 1.0}) {
    for (std::int64_t c = 0; c < 50; ++c) EXPECT_EQ(round_by_turns(total, turn_of(c)), total);
  }
}

TEST(RoundByTurns, GivesAFloatBesideTheTotal) {
  for (const double total : {0.1, 0.3, 1e-5, 0.99999999, 1e-40, 0.7}) {
    const auto nearest = static_cast<float>(total);
    for (std::int64_t c = 0; c < 50; ++c) {
      const float got = round_by_turns(total, turn_of(c));
      EXPECT_LE(std::abs(std::bit_cast<std::int32_t>(got) - std::bit_cast<std::int32_t>(nearest)),
                1);
      EXPECT_NEAR(got / total, 1, total < 1e-38 ? 1e-4 : 1.2e-7);
    }
  }
}

// From whatever chunk on, and however long.
TEST(RoundByTurns, KeepsProductsOfAConstantRight) {
  for (const double rate : {1.3e-5, 1e-3, 0.11}) {
    for (const std::int64_t first : {0, 7, 1000003}) {
      const double total = std::exp(-24 * rate);
      double error = 0;  // of the product's log
      for (std::int64_t c = 0; c < 300000; ++c) {
        const auto got = static_cast<double>(round_by_turns(total, turn_of(first + c)));
        error += (got - total) / total;
        ASSERT_NEAR(error, 0, 4e-7) << rate << " " << first << " " << c;
      }
    }
  }
}

TEST(SplitBelow, LeavesAPositiveRest) {
  for (const double total : {1.0, 0.5, 0.3, 0.1, 1e-3, 1 - 1e-9}) {
    const sdk::SplitDecay<float> split = split_below(total);
    EXPECT_GT(split.low, 0) << total;
    EXPECT_NEAR((static_cast<double>(split.high) + split.low) / total, 1, 1e-13) << total;
  }
  EXPECT_EQ(split_below(0).high, 0);
  EXPECT_EQ(split_below(0).low, 0);
}

// log_decay of one head, [1, 1, N, 1].
class OneHead {
 public:
  explicit OneHead(std::vector<float> g, int kind) : g_(std::move(g)) {
    const auto N = static_cast<std::int64_t>(g_.size());
    decay_.data = g_.data();
    decay_.spec = {sdk::kF32, 4, 0, 0, {1, 1, N, 1}, {N, N, kind == LEET_DECAY_HEAD ? 0 : 1, 0}};
    q_.spec = {sdk::kF32, 4, 0, 0, {1, 1, N, 1}, {N, N, 1, 1}};
    tensors_[LEET_ROLE_Q] = tensors_[LEET_ROLE_K] = tensors_[LEET_ROLE_V] = &q_;
    tensors_[LEET_ROLE_LOG_DECAY] = &decay_;
    exec_.role_count = LEET_ROLE_COUNT;
    exec_.tensors = tensors_.data();
    wrapped_ = std::make_unique<sdk::Exec>(exec_);
    log_decay_ = std::make_unique<sdk::LogDecay>(*wrapped_, kind);
  }
  const sdk::LogDecay& log_decay() const { return *log_decay_; }

 private:
  std::vector<float> g_;
  leet_tensor decay_{}, q_{};
  std::array<const leet_tensor*, LEET_ROLE_COUNT> tensors_{};
  leet_exec exec_{};
  std::unique_ptr<sdk::Exec> wrapped_;
  std::unique_ptr<sdk::LogDecay> log_decay_;
};

template <class Real>
class Weights {
 public:
  explicit Weights(std::int64_t C)
      : memory_(make_bytes(C)), scratch_(memory_.data()), weights(scratch_, C, C) {}

 private:
  static std::vector<std::byte> make_bytes(std::int64_t C) {
    sdk::Scratch count;
    ChunkWeights<Real>(count, C, C);
    return std::vector<std::byte>(count.bytes() + 64);
  }
  std::vector<std::byte> memory_;
  sdk::Scratch scratch_;

 public:
  ChunkWeights<Real> weights;
};

double sum(const std::vector<float>& g, std::int64_t first, std::int64_t end) {
  double total = 0;
  for (std::int64_t i = first; i < end; ++i)
    total += static_cast<double>(g[static_cast<std::size_t>(i)]);
  return total;
}

void check(const std::vector<float>& g, int kind, std::int64_t t, std::int64_t steps,
           ChunkWeights<float>& weights, double scale) {
  weights.load(t, steps, kForOutput | kForUpdate);
  for (std::int64_t i = 0; i < steps; ++i) {
    EXPECT_FLOAT_EQ(weights.before()[i],
                    static_cast<float>(scale * std::exp(sum(g, t, t + i + 1))));
    EXPECT_FLOAT_EQ(weights.after()[i], static_cast<float>(std::exp(sum(g, t + i + 1, t + steps))));
    for (std::int64_t s = 0; s <= i; ++s) {
      EXPECT_FLOAT_EQ(weights.pair()[i * 16 + s],
                      static_cast<float>(scale * std::exp(sum(g, t + s + 1, t + i + 1))))
          << kind << " " << i << " " << s;
    }
  }
  EXPECT_NEAR(weights.total(), std::exp(sum(g, t, t + steps)), 1e-14);
}

TEST(ChunkWeights, AreProductsOfTheDecaysBetween) {
  std::vector<float> steps(40), constant(40, -0.3F), none(40, 0.0F);
  for (std::size_t i = 0; i < steps.size(); ++i) steps[i] = -0.01F * static_cast<float>(i * i % 37);
  steps[5] = -kInfinity;
  steps[6] = 0;
  steps[20] = -1e30F;
  for (const auto& [g, kind] : {std::pair(steps, static_cast<int>(LEET_DECAY_STEP)),
                                {constant, LEET_DECAY_HEAD},
                                {none, LEET_DECAY_HEAD}}) {
    const OneHead head(g, kind);
    Weights<float> owner(16);
    owner.weights.begin(head.log_decay(), 0.5, 0, 0);
    for (const std::int64_t t : {0, 3, 16, 19}) check(g, kind, t, 16, owner.weights, 0.5);
    // A shorter chunk, as at a sequence's end, and a longer one again.
    check(g, kind, 33, 7, owner.weights, 0.5);
    check(g, kind, 33, 1, owner.weights, 0.5);
    check(g, kind, 4, 12, owner.weights, 0.5);
  }
}

TEST(ChunkWeights, OfForgottenStepsAreZero) {
  std::vector<float> g(8, -0.1F);
  g[3] = -kInfinity;
  const OneHead head(g, LEET_DECAY_STEP);
  Weights<float> owner(16);
  owner.weights.begin(head.log_decay(), 1, 0, 0);
  owner.weights.load(0, 8, kForOutput | kForUpdate);
  EXPECT_EQ(owner.weights.total(), 0);
  EXPECT_EQ(owner.weights.before()[3], 0);
  EXPECT_EQ(owner.weights.after()[2], 0);
  EXPECT_GT(owner.weights.after()[3], 0);
  EXPECT_EQ(owner.weights.pair()[3 * 16 + 2], 0);
  EXPECT_EQ(owner.weights.pair()[3 * 16 + 3], 1);
}

}  // namespace
}  // namespace leet::cpu
