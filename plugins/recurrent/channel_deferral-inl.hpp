// SPDX-License-Identifier: Apache-2.0
//
// Deferral (deferral.hpp) of a decay that differs by key channel: exp(-G) goes into k and exp(G)
// into q, row by row.
#if defined(LEET_PLUGINS_RECURRENT_CHANNEL_DEFERRAL_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef LEET_PLUGINS_RECURRENT_CHANNEL_DEFERRAL_INL_HPP
#undef LEET_PLUGINS_RECURRENT_CHANNEL_DEFERRAL_INL_HPP
#else
#define LEET_PLUGINS_RECURRENT_CHANNEL_DEFERRAL_INL_HPP
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <cmath>
#include <cstdint>
#include <leet/plugin/scratch.hpp>

#include "deferral.hpp"

HWY_BEFORE_NAMESPACE();
namespace leet::plugin_recurrent {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct ChannelBuffers {
  ChannelBuffers(sdk::Scratch& scratch, std::int64_t R)
      : sum(scratch.take<double>(R)),
        grow(scratch.take<float>(R)),
        shrink(scratch.take<float>(R)) {}

  double* sum;    // [R]  G of the step before
  float* grow;    // [R]  exp(-G) of the current step
  float* shrink;  // [R]  exp(G)
};

class ChannelDeferral {
 public:
  ChannelDeferral(const sdk::LogDecay& log_decay, std::int64_t b, std::int64_t h, std::int64_t R,
                  const ChannelBuffers& buffers)
      : log_decay_(log_decay), b_(b), h_(h), R_(R), buffers_(buffers) {
    std::fill(buffers.sum, buffers.sum + R, 0.0);
  }

  // Begins a block at step t; gives what the state's rows are multiplied by, [R].
  void begin(std::int64_t t, float* rescale_high, float* rescale_low) {
    for (std::int64_t r = 0; r < R_; ++r) {
      const auto factor = sdk::split_decay<float>(buffers_.sum[r] + log_decay_.at(b_, h_, t, r));
      rescale_high[r] = factor.high;
      rescale_low[r] = factor.low;
      buffers_.sum[r] = 0;
    }
    first_ = true;
  }

  // Takes step t into the block, unless some channel has decayed too far: false, and nothing has
  // changed.
  bool advance(std::int64_t t) {
    if (first_) {
      first_ = false;
    } else {
      for (std::int64_t r = 0; r < R_; ++r) {
        if (!(-(buffers_.sum[r] + log_decay_.at(b_, h_, t, r)) <= kLargest)) return false;
      }
      for (std::int64_t r = 0; r < R_; ++r) buffers_.sum[r] += log_decay_.at(b_, h_, t, r);
    }
    exponentials();
    return true;
  }

  void grow(float* row) const { multiply(row, buffers_.grow); }
  void shrink(float* row) const { multiply(row, buffers_.shrink); }

  // What the state's rows are multiplied by after the last block, [R].
  void remainder(float* rescale_high, float* rescale_low) const {
    for (std::int64_t r = 0; r < R_; ++r) {
      const auto factor = sdk::split_decay<float>(buffers_.sum[r]);
      rescale_high[r] = factor.high;
      rescale_low[r] = factor.low;
    }
  }

 private:
  // exp(high + low) = exp(high) (1 + low): a float alone would lose what the sum in double has.
  void exponentials() {
    const hn::ScalableTag<float> d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    for (std::int64_t r = 0; r < R_; ++r) {
      const auto high = static_cast<float>(buffers_.sum[r]);
      buffers_.grow[r] = high;
      buffers_.shrink[r] = static_cast<float>(buffers_.sum[r] - high);
    }
    std::int64_t r = 0;
    for (; r + lanes <= R_; r += lanes) {
      const auto high = hn::LoadU(d, buffers_.grow + r);
      const auto low = hn::LoadU(d, buffers_.shrink + r);
      const auto shrink = hn::Exp(d, high);
      const auto grow = hn::Exp(d, hn::Neg(high));
      hn::StoreU(hn::NegMulAdd(grow, low, grow), d, buffers_.grow + r);
      hn::StoreU(hn::MulAdd(shrink, low, shrink), d, buffers_.shrink + r);
    }
    for (; r < R_; ++r) {
      buffers_.grow[r] = static_cast<float>(std::exp(-buffers_.sum[r]));
      buffers_.shrink[r] = static_cast<float>(std::exp(buffers_.sum[r]));
    }
  }

  void multiply(float* HWY_RESTRICT row, const float* HWY_RESTRICT by) const {
    const hn::ScalableTag<float> d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    std::int64_t r = 0;
    for (; r + lanes <= R_; r += lanes) {
      hn::StoreU(hn::Mul(hn::LoadU(d, row + r), hn::LoadU(d, by + r)), d, row + r);
    }
    for (; r < R_; ++r) row[r] *= by[r];
  }

  const sdk::LogDecay& log_decay_;
  std::int64_t b_, h_, R_;
  const ChannelBuffers& buffers_;
  bool first_ = true;
};

}  // namespace HWY_NAMESPACE
}  // namespace leet::plugin_recurrent
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
