// SPDX-License-Identifier: Apache-2.0
//
// The weights of chunk_weights.hpp for a decay that differs by key channel. They are rows over R
// that go into q and k themselves.
//
// M[t, s] does not factorise over a whole chunk without growing: it is split into blocks of rows,
// and for the rows t of a block that begins at step f
//
//     M[t, s] = exp(G_t) exp(-G_s)            s >= f, with G_t = g_{f+1} + ... + g_t
//     M[t, s] = exp(G_t) exp(g_{s+1} + ... + g_f)   s < f
//
// A block ends before some channel's -G passes kLargest, so that the one growing factor stays below
// 2^24, and a block of one step is always right: nothing overflows for any decay. Mild decays have
// one block a chunk, and its factors then serve `before` and `after` as well.
#if defined(LEET_CPU_CHANNEL_WEIGHTS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef LEET_CPU_CHANNEL_WEIGHTS_INL_HPP
#undef LEET_CPU_CHANNEL_WEIGHTS_INL_HPP
#else
#define LEET_CPU_CHANNEL_WEIGHTS_INL_HPP
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <leet/cpu/chunk_weights.hpp>
#include <leet/cpu/rows-inl.hpp>
#include <leet/plugin/problem.hpp>
#include <leet/plugin/scratch.hpp>
#include <optional>

HWY_BEFORE_NAMESPACE();
namespace leet::cpu::HWY_NAMESPACE {

class ChannelWeights {
 public:
  static constexpr double kLargest = 24 * 0.69314718055994531;  // keys up to 2^104 do not overflow

  ChannelWeights(sdk::Scratch& scratch, std::int64_t C, std::int64_t R)
      : R_(R),
        sum_(scratch.take<double>(R)),
        total_(scratch.take<double>(R)),
        low_(scratch.take<float>(R)),
        row_(scratch.take<float>(R)),
        gathered_(scratch.take<float>(C * R)),
        within_(scratch.take<float>(C * R)),
        before_(scratch.take<float>(C * R)),
        blocks_(scratch.take<std::int64_t>(C + 1)) {}

  // A sequence of batch b and a head of log_decay, which is f32.
  void begin(const sdk::TensorView& log_decay, std::int64_t b, std::int64_t h) {
    log_decay_ = log_decay;
    b_ = b;
    h_ = h;
  }

  // The chunk [t, t + steps).
  void load(std::int64_t t, std::int64_t steps, unsigned use) {
    steps_ = steps;
    locate(t);
    block_count_ = 0;
    for (std::int64_t i = 0; i < steps; ++i) {
      if (i == 0 || !extends(g_.row(i))) {
        blocks_[block_count_++] = i;
        std::fill(sum_, sum_ + R_, 0.0);
        std::fill(within_ + i * R_, within_ + (i + 1) * R_, 1.0F);
      } else {
        exponentials(within_ + i * R_);
      }
    }
    blocks_[block_count_] = steps;
    for (std::int64_t r = 0; r < R_; ++r) total_[r] = sum_[r] + static_cast<double>(g_.data[r]);
    if ((use & kForOutput) != 0) load_before();
  }

  // Blocks of rows; the steps [first(i), first(i + 1)).
  std::int64_t blocks() const { return block_count_; }
  std::int64_t first(std::int64_t block) const { return blocks_[block]; }

  // exp(G_t) in t's block, on q_t. [R]
  const float* within(std::int64_t t) const { return within_ + t * R_; }
  // The decays of the chunk's first step to t, on q_t. [R]
  const float* before(std::int64_t t) const { return before_ + t * R_; }

  // keys[s] times the weight of k_s in the scores of a block, for s before the block's end.
  void weigh_for_block(std::int64_t block, Rows keys, float* to) {
    const std::int64_t f = first(block);
    for (std::int64_t s = f; s < first(block + 1); ++s) divide(keys.row(s), within(s), to + s * R_);
    clear_sum();
    for (std::int64_t s = f - 1; s >= 0; --s) {
      add(g_.row(s + 1));
      exponentials(row_);
      multiply_row(keys.row(s), row_, to + s * R_, R_);
    }
  }

  // keys[s] times the decays after s; total gets all of them. [R]
  void weigh_for_update(Rows keys, float* to, double* total) {
    if (block_count_ == 1) {
      for (std::int64_t s = 0; s < steps_; ++s) {
        weigh_by_ratio(keys.row(s), within(steps_ - 1), within(s), to + s * R_);
      }
      std::copy_n(total_, R_, total);
    } else {
      clear_sum();
      for (std::int64_t s = steps_ - 1; s >= 0; --s) {
        exponentials(row_);
        multiply_row(keys.row(s), row_, to + s * R_, R_);
        add(g_.row(s));
      }
      std::copy_n(sum_, R_, total);
    }
    const hn::ScalableTag<double> d;
    const auto width = static_cast<std::int64_t>(hn::Lanes(d));
    std::int64_t r = 0;
    for (; r + width <= R_; r += width) {
      hn::StoreU(hn::Exp(d, hn::LoadU(d, total + r)), d, total + r);
    }
    for (; r < R_; ++r) total[r] = std::exp(total[r]);
  }

 private:
  // The chunk's rows of log_decay, where they are or gathered.
  void locate(std::int64_t t) {
    if (log_decay_->stride(3) == 1 || R_ == 1) {
      g_ = {reinterpret_cast<const float*>(log_decay_->row(b_, h_, t)), log_decay_->stride(2)};
      return;
    }
    for (std::int64_t i = 0; i < steps_; ++i) {
      const auto* const row = reinterpret_cast<const float*>(log_decay_->row(b_, h_, t + i));
      for (std::int64_t r = 0; r < R_; ++r) gathered_[i * R_ + r] = row[r * log_decay_->stride(3)];
    }
    g_ = {gathered_, R_};
  }

  // Adds a step to the sum; false if some channel has then decayed too far for the block.
  bool extends(const float* g) {
    int beyond = 0;
    for (std::int64_t r = 0; r < R_; ++r) {
      sum_[r] += static_cast<double>(g[r]);
      beyond |= sum_[r] >= -kLargest ? 0 : 1;
    }
    return beyond == 0;
  }

  void clear_sum() { std::fill(sum_, sum_ + R_, 0.0); }
  void add(const float* g) {
    for (std::int64_t r = 0; r < R_; ++r) sum_[r] += static_cast<double>(g[r]);
  }

  void load_before() {
    clear_sum();
    for (std::int64_t t = 0; t < steps_; ++t) {
      if (t == 0 || block_count_ > 1) {
        add(g_.row(t));
        exponentials(before_ + t * R_);
      } else {
        multiply_row(within(t), before_, before_ + t * R_, R_);
      }
    }
  }

  // to = exp(sum). exp(high + low) = exp(high) (1 + low): high alone would lose what sum has.
  void exponentials(float* to) {
    constexpr double kSmallest = -200;  // exp of it is 0 in f32; and -inf would make low NaN
    for (std::int64_t r = 0; r < R_; ++r) {
      const double x = std::max(sum_[r], kSmallest);
      const auto high = static_cast<float>(x);
      to[r] = high;
      low_[r] = static_cast<float>(x - static_cast<double>(high));
    }
    const Floats d;
    std::int64_t r = 0;
    for (; r + lanes() <= R_; r += lanes()) {
      const Vector power = hn::Exp(d, hn::LoadU(d, to + r));
      hn::StoreU(hn::MulAdd(power, hn::LoadU(d, low_ + r), power), d, to + r);
    }
    for (; r < R_; ++r) {
      const float power = std::exp(to[r]);
      to[r] = power + power * low_[r];
    }
  }

  void divide(const float* row, const float* by, float* to) const {
    const Floats d;
    std::int64_t r = 0;
    for (; r + lanes() <= R_; r += lanes()) {
      hn::StoreU(hn::Div(hn::LoadU(d, row + r), hn::LoadU(d, by + r)), d, to + r);
    }
    for (; r < R_; ++r) to[r] = row[r] / by[r];
  }

  // to = row (above / below), where the ratio is at most 1.
  void weigh_by_ratio(const float* row, const float* above, const float* below, float* to) const {
    const Floats d;
    std::int64_t r = 0;
    for (; r + lanes() <= R_; r += lanes()) {
      const Vector ratio = hn::Div(hn::LoadU(d, above + r), hn::LoadU(d, below + r));
      hn::StoreU(hn::Mul(hn::LoadU(d, row + r), ratio), d, to + r);
    }
    for (; r < R_; ++r) to[r] = row[r] * (above[r] / below[r]);
  }

  std::int64_t R_;
  double* sum_;           // [R]
  double* total_;         // [R], logs, where there is one block
  float* low_;            // [R]
  float* row_;            // [R]
  float* gathered_;       // [C, R]
  float* within_;         // [C, R]
  float* before_;         // [C, R]
  std::int64_t* blocks_;  // [C + 1]
  std::optional<sdk::TensorView> log_decay_;
  Rows g_{};  // [C, R]
  std::int64_t b_ = 0, h_ = 0, steps_ = 0, block_count_ = 0;
};

}  // namespace leet::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
