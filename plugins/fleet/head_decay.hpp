// SPDX-License-Identifier: Apache-2.0
//
// How the constant decay of a head is applied to sums that live in registers.
//
// Deferred: in a block that begins at step a, the sums are kept as exp(-(t - a) g) S_t. A step then
// adds k_t (exp(-(t - a) g) v_t)^T and multiplies nothing, and o_t = scale exp((t - a) g) q_t (kept
// sums); where the next block begins, they are multiplied once. A block ends before exp(-(t - a) g)
// passes kLargest.
//
// Stepwise, where that would make blocks too short: the sums are multiplied by gamma at each step.
// gamma in one float is biased, but a memory that decays so fast forgets that too: its weights err
// by at most eps/2 gamma / (1 - gamma) together, under 2e-7.
#ifndef LEET_PLUGINS_FLEET_HEAD_DECAY_HPP
#define LEET_PLUGINS_FLEET_HEAD_DECAY_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <leet/plugin/decay.hpp>

namespace leet::plugin_fleet {

// Steps in a block at most: the panel's v and o stay in the first-level cache while the ranks go
// by.
inline constexpr std::int64_t kBlockSteps = 96;

class HeadDecay {
 public:
  // g <= 0; a sequence of `steps` steps. Writes the weights of the steps of a block to v_weight and
  // out_weight, [kBlockSteps] each.
  HeadDecay(double g, double scale, std::int64_t steps, float* v_weight, float* out_weight)
      : g_(g), stepwise_(-g > kSteepest) {
    if (!stepwise_ && g < 0) {
      period_ = std::min(kBlockSteps, 1 + static_cast<std::int64_t>(kLargest / -g));
    }
    for (std::int64_t c = 0; c < std::min(period_, steps); ++c) {
      const double sum = stepwise_ ? 0 : static_cast<double>(c) * g;
      v_weight[c] = static_cast<float>(std::exp(-sum));
      out_weight[c] = static_cast<float>(scale * std::exp(sum));
    }
  }

  bool stepwise() const { return stepwise_; }
  float gamma() const { return static_cast<float>(std::exp(g_)); }
  std::int64_t period() const { return period_; }

  // What the sums are multiplied by where a block begins, `since` steps after the one before it (or
  // 1 for the first block), and after the last block, which had `since` steps.
  sdk::SplitDecay<float> entering(std::int64_t since) const { return power(since); }
  sdk::SplitDecay<float> leaving(std::int64_t since) const { return power(since - 1); }

 private:
  static constexpr double kLargest = 24 * 0.69314718055994531;  // 2^24: k v up to 2^104 stay finite
  static constexpr double kSteepest = kLargest / 48;

  sdk::SplitDecay<float> power(std::int64_t steps) const {
    if (stepwise_ || steps == 0) return {1, 0};
    return sdk::split_decay<float>(static_cast<double>(steps) * g_);
  }

  double g_;
  bool stepwise_;
  std::int64_t period_ = kBlockSteps;
};

}  // namespace leet::plugin_fleet
#endif  // LEET_PLUGINS_FLEET_HEAD_DECAY_HPP
