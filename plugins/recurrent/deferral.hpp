// SPDX-License-Identifier: Apache-2.0
//
// Blocks of time steps over which the decay is deferred, and the weights that make up for it.
//
// Inside a block that begins at step a, with G_t = g_{a+1} + ... + g_t, the state is kept as
// exp(-G_t) S_t: a step then adds k_t (exp(-G_t) v_t)^T and multiplies nothing, and o_t = scale
// exp(G_t) q_t (kept state). exp(-G_t) must not overflow, so a block ends before -G_t exceeds
// kLargest; where the next one begins, the state is multiplied by exp(G_last + g_a), which is at
// most 1. That holds for any decay: with gamma = 0 every block has one step and the multiplier is
// exactly 0.
#ifndef LEET_PLUGINS_RECURRENT_DEFERRAL_HPP
#define LEET_PLUGINS_RECURRENT_DEFERRAL_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <leet/plugin/decay.hpp>
#include <leet/plugin/log_decay.hpp>

namespace leet::plugin_recurrent {

// Steps in a block at most: their rows of k and q stay in the second-level cache while the panels
// of the state go by.
inline constexpr std::int64_t kBlockSteps = 96;

// 2^24: products k v up to 2^104, 2e31, do not overflow. More would lengthen the blocks of strong
// decays (above 0.17 a step) only.
inline constexpr double kLargest = 24 * 0.69314718055994531;

// For decays that the key channels share (none, head, step).
class SharedDeferral {
 public:
  // Weights are written to v_weight and out_weight, [kBlockSteps] each.
  SharedDeferral(const sdk::LogDecay& log_decay, std::int64_t b, std::int64_t h, double scale,
                 float* v_weight, float* out_weight)
      : log_decay_(log_decay),
        b_(b),
        h_(h),
        scale_(scale),
        v_weight_(v_weight),
        out_weight_(out_weight) {}

  // The steps of the block that begins at t, at most `left`; fills their weights and rescale().
  std::int64_t next(std::int64_t t, std::int64_t left) {
    const double g = log_decay_.at(b_, h_, t, 0);
    rescale_ = sdk::split_decay<float>(carried_ + g);
    left = std::min(left, kBlockSteps);
    if (log_decay_.varies_in_time() || filled_ == 0) fill(t, left);
    const std::int64_t count = std::min(left, filled_);
    carried_ = log_decay_.varies_in_time() ? last_
               : count == 1                ? 0
                                           : static_cast<double>(count - 1) * g;
    return count;
  }

  // What the state is multiplied by where the block begins.
  sdk::SplitDecay<float> rescale() const { return rescale_; }
  // What the state is multiplied by after the last block.
  sdk::SplitDecay<float> remainder() const { return sdk::split_decay<float>(carried_); }

 private:
  void fill(std::int64_t t, std::int64_t left) {
    double sum = 0;
    const std::int64_t most = log_decay_.varies_in_time() ? left : kBlockSteps;
    std::int64_t c = 0;
    for (; c < most; ++c) {
      const double next =
          c == 0 ? 0 : sum + log_decay_.at(b_, h_, log_decay_.varies_in_time() ? t + c : t, 0);
      if (!(-next <= kLargest)) break;
      sum = next;
      v_weight_[c] = static_cast<float>(std::exp(-sum));
      out_weight_[c] = static_cast<float>(scale_ * std::exp(sum));
    }
    filled_ = c;
    last_ = sum;
  }

  const sdk::LogDecay& log_decay_;
  std::int64_t b_, h_;
  double scale_;
  float* v_weight_;
  float* out_weight_;
  sdk::SplitDecay<float> rescale_{1, 0};
  double carried_ = 0;       // G of the last step of the block before
  double last_ = 0;          // G of the last step filled
  std::int64_t filled_ = 0;  // steps whose weights stand in the arrays
};

}  // namespace leet::plugin_recurrent
#endif  // LEET_PLUGINS_RECURRENT_DEFERRAL_HPP
