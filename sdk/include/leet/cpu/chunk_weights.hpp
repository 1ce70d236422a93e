// SPDX-License-Identifier: Apache-2.0
//
// The decays inside a chunk of steps as weights that the matrix products of a chunk are multiplied
// by, for decays that the key channels share (none, head, step). With the products taken over the
// chunk's own steps:
//
//     before[t]   the decays of the first step to t      on what the state before the chunk gives
//     pair[t, s]  the decays after s, to t               on q_t k_s, s <= t
//     after[s]    the decays after s, to the last step   on k_s v_s in the state after the chunk
//     total       all of them                            on the state itself
//
// All are products of factors of at most 1, so nothing overflows, and none is a quotient, so that
// gamma = 0 gives 0. They are formed in a wider type and rounded once: roundings of powers of one
// gamma all go the same way.
#ifndef LEET_CPU_CHUNK_WEIGHTS_HPP
#define LEET_CPU_CHUNK_WEIGHTS_HPP

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <leet/plugin/decay.hpp>
#include <leet/plugin/log_decay.hpp>
#include <leet/plugin/scratch.hpp>

namespace leet::cpu {

// What a plan of a chunk-wise method fixes.
struct ChunkConfig {
  int decay_kind;
  double scale;
  std::int64_t C;  // steps in a chunk at most
};

// What a chunk is loaded for; bits.
enum ChunkUse : unsigned { kForUpdate = 1, kForOutput = 2 };

// `total`, 0 <= total <= 1, as a float that is rounded up or down by turns: up in that share of the
// chunks that makes up for rounding down in the others, whether total changes or not. Rounded to
// nearest, the totals of a constant decay would err in the same direction in every chunk, and their
// products without bound. Exact where total is a float. `turn` is turn_of(the chunk's number).
inline float round_by_turns(double total, double turn) {
  const auto nearest = static_cast<float>(total);
  const std::uint32_t above = static_cast<double>(nearest) > total ? 1 : 0;
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(nearest) - above;
  const auto low = static_cast<double>(std::bit_cast<float>(bits));
  const auto high = static_cast<double>(std::bit_cast<float>(bits + 1));
  return static_cast<float>(total - low > turn * (high - low) ? high : low);
}

// Multiples of the golden ratio fill [0, 1) evenly, from any of them on.
inline double turn_of(std::int64_t chunk) {
  const double turns = static_cast<double>(chunk) * 0.61803398874989485;
  return turns - std::floor(turns);
}

// total = high + low with low > 0 unless total is 0, so that an infinite s stays infinite in
// s high + s low, and a total of 1 changes nothing where that is computed with fused operations.
inline sdk::SplitDecay<float> split_below(double total) {
  auto high = static_cast<float>(total);
  if (high >= total && high > 0) {
    // std::nextafter(high, 0), without a call for each row of a state.
    high = std::bit_cast<float>(std::bit_cast<std::uint32_t>(high) - 1);
  }
  return {high, static_cast<float>(total - high)};
}

template <class Real>
class ChunkWeights {
 public:
  using Wide = sdk::Wide<Real>;

  // `stride` is that of pair's rows.
  ChunkWeights(sdk::Scratch& scratch, std::int64_t C, std::int64_t stride)
      : C_(C),
        stride_(stride),
        gamma_(scratch.take<Wide>(C)),
        wide_(scratch.take<Wide>(C)),
        before_(scratch.take<Real>(C)),
        after_(scratch.take<Real>(C)),
        pair_(scratch.take<Real>(C * stride)) {}

  // A sequence of batch b and a head of log_decay.
  void begin(const sdk::LogDecay& log_decay, double scale, std::int64_t b, std::int64_t h) {
    if (log_decay_ == &log_decay && b_ == b && h_ == h) return;  // what is known stays right
    log_decay_ = &log_decay;
    scale_ = scale;
    b_ = b;
    h_ = h;
    steps_ = 0;
    pairs_ = 0;
  }

  // The chunk [t, t + steps).
  void load(std::int64_t t, std::int64_t steps, unsigned use) {
    const bool varies = log_decay_->varies_in_time();
    if (varies || steps != steps_) {
      for (std::int64_t i = 0; i < steps; ++i) {
        const bool known = !varies && i > 0;
        gamma_[i] =
            known ? gamma_[0] : std::exp(static_cast<Wide>(log_decay_->at(b_, h_, t + i, 0)));
      }
      Wide product = 1;
      for (std::int64_t i = 0; i < steps; ++i) {
        product *= gamma_[i];
        before_[i] = static_cast<Real>(product * static_cast<Wide>(scale_));
      }
      total_ = product;
      product = 1;
      for (std::int64_t i = steps - 1; i >= 0; --i) {
        after_[i] = static_cast<Real>(product);
        product *= gamma_[i];
      }
      steps_ = steps;
      if (varies) pairs_ = 0;
    }
    if ((use & kForOutput) != 0 && pairs_ < steps) load_pairs();
  }

  const Real* before() const { return before_; }  // [steps], times scale
  const Real* after() const { return after_; }    // [steps]
  const Real* pair() const { return pair_; }      // [steps, stride], times scale; 0 for s > t
  Wide total() const { return total_; }

 private:
  void load_pairs() {
    for (std::int64_t t = 0; t < steps_; ++t) {
      for (std::int64_t s = 0; s < t; ++s) wide_[s] *= gamma_[t];
      wide_[t] = static_cast<Wide>(scale_);
      Real* const row = pair_ + t * stride_;
      for (std::int64_t s = 0; s <= t; ++s) row[s] = static_cast<Real>(wide_[s]);
      std::fill(row + t + 1, row + stride_, Real(0));
    }
    pairs_ = steps_;
  }

  std::int64_t C_, stride_;
  Wide* gamma_;  // [C]
  Wide* wide_;   // [C]
  Real* before_;
  Real* after_;
  Real* pair_;
  const sdk::LogDecay* log_decay_ = nullptr;
  double scale_ = 1;
  std::int64_t b_ = 0, h_ = 0;
  std::int64_t steps_ = 0;  // whose weights stand in the arrays
  std::int64_t pairs_ = 0;  // rows of pair_ that are right
  Wide total_ = 1;
};

}  // namespace leet::cpu
#endif  // LEET_CPU_CHUNK_WEIGHTS_HPP
