// SPDX-License-Identifier: Apache-2.0
//
// The inner kernel of the fast path: a tile of ranks x columns of sums stays in registers while the
// steps of a block go by. Compiled once for each instruction set (Highway's foreach_target), so
// there is no include guard of the usual kind.
//
//     s = sums of the tile
//     for a step t
//       for a rank i of the tile:  s_i = [gamma] s_i + k_t[i] v_t,  o_t += q_t[i] s_i
//     sums of the tile = s
//
// Bound: (1 + heads) FMAs for each rank, column and step (one more multiplication where gamma is
// applied at each step), against one load of v and a load and a store of o a tile.
#if defined(LEET_PLUGINS_FLEET_SWEEP_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef LEET_PLUGINS_FLEET_SWEEP_INL_HPP
#undef LEET_PLUGINS_FLEET_SWEEP_INL_HPP
#else
#define LEET_PLUGINS_FLEET_SWEEP_INL_HPP
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <leet/plugin/decay.hpp>

#define LEET_UNROLL _Pragma("GCC unroll 32")

HWY_BEFORE_NAMESPACE();
namespace leet::plugin_fleet {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;

constexpr int kVectors = 2;  // a panel's width
inline std::int64_t panel_columns() {
  return kVectors * static_cast<std::int64_t>(hn::Lanes(Floats()));
}

// Query heads served by one sweep, and ranks in a tile for so many: what fits into the registers.
constexpr int kMaxHeads = 4;
#if HWY_TARGET <= HWY_AVX3
constexpr int ranks_at_once(int) { return 8; }
#else
constexpr int ranks_at_once(int heads) { return heads <= 1 ? 6 : 6 - heads; }
#endif

// s (high + low). An infinite s stays infinite, where low alone would make it NaN.
HWY_INLINE Vector scaled(Vector s, Vector high, Vector low) {
  const Vector rounded = hn::Mul(s, high);
  return hn::IfThenElse(hn::IsFinite(s), hn::MulAdd(s, high, hn::Mul(s, low)), rounded);
}

// to = row (high + low).
inline void scale_row(const float* row, sdk::SplitDecay<float> by, float* to, std::int64_t count) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(scaled(hn::LoadU(d, row + i), hn::Set(d, by.high), hn::Set(d, by.low)), d, to + i);
  }
  for (; i < count; ++i) to[i] = row[i] * by.high + (std::isfinite(row[i]) ? row[i] * by.low : 0);
}

// Rows of time are `stride` elements apart.
struct Rows {
  const float* data;
  std::int64_t stride;
};

struct SweepArgs {
  float* sums;            // [R, panel]
  Rows k;                 // [steps, R]
  Rows q[kMaxHeads];      // [steps, R]
  const float* v;         // [steps, panel]
  float* out[kMaxHeads];  // [steps, panel], added to
  std::int64_t steps;
  sdk::SplitDecay<float> rescale;  // what the sums are multiplied by first
  float gamma;                     // and at each step, if stepwise
};

// A cache line of each row, `stride` bytes apart.
struct Lines {
  const std::byte* first;
  std::int64_t stride;
};

// The rows of the next block, which the sweeps of this one fetch: a line of each row a sweep, until
// all are on their way. The hardware does not see these streams coming, because their rows are far
// apart and only a part of each is read at a time.
class Ahead {
 public:
  void add(const std::byte* first, std::int64_t stride, std::int64_t bytes) {
    streams_[count_++] = {{first, stride}, (bytes + kLine - 1) / kLine};
  }

  Lines next() {
    while (stream_ < count_ && line_ == streams_[stream_].lines) {
      ++stream_;
      line_ = 0;
    }
    if (stream_ == count_) return {streams_[0].rows.first, 0};
    const Lines rows = streams_[stream_].rows;
    return {rows.first + kLine * line_++, rows.stride};
  }

 private:
  static constexpr std::int64_t kLine = 64;
  struct Stream {
    Lines rows;
    std::int64_t lines;  // of a row
  };

  Stream streams_[2 + 2 * kMaxHeads];
  int count_ = 0;
  int stream_ = 0;
  std::int64_t line_ = 0;
};

// Ranks [first, first + kRanks).
template <int kRanks, int kHeads, bool kStepwise>
HWY_NOINLINE void sweep(const SweepArgs& args, std::int64_t first, Lines ahead) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  float* const sums = args.sums + first * kVectors * lanes;
  const bool rescales = args.rescale.high != 1 || args.rescale.low != 0;

  Vector s[kRanks][kVectors];
  LEET_UNROLL for (int i = 0; i < kRanks; ++i) {
    LEET_UNROLL for (int n = 0; n < kVectors; ++n) {
      s[i][n] = hn::Load(d, sums + (i * kVectors + n) * lanes);
      if (rescales) {
        s[i][n] = scaled(s[i][n], hn::Set(d, args.rescale.high), hn::Set(d, args.rescale.low));
      }
    }
  }

  const std::int64_t steps = args.steps, k_stride = args.k.stride;
  const float* HWY_RESTRICT v = args.v;
  const float* HWY_RESTRICT k = args.k.data + first;
  const float* HWY_RESTRICT q[kHeads + 1];
  std::int64_t q_stride[kHeads + 1];
  float* HWY_RESTRICT out[kHeads + 1];
  LEET_UNROLL for (int h = 0; h < kHeads; ++h) {
    q[h] = args.q[h].data + first;
    q_stride[h] = args.q[h].stride;
    out[h] = args.out[h];
  }
  for (std::int64_t t = 0; t < steps; ++t) {
    hwy::Prefetch(ahead.first);
    ahead.first += ahead.stride;
    Vector value[kVectors];
    Vector o[kHeads + 1][kVectors];
    LEET_UNROLL for (int n = 0; n < kVectors; ++n) {
      value[n] = hn::Load(d, v + n * lanes);
      LEET_UNROLL for (int h = 0; h < kHeads; ++h) o[h][n] = hn::Load(d, out[h] + n * lanes);
    }
    LEET_UNROLL for (int i = 0; i < kRanks; ++i) {
      const Vector key = hn::Set(d, k[i]);
      LEET_UNROLL for (int n = 0; n < kVectors; ++n) {
        if constexpr (kStepwise) {
          s[i][n] = hn::MulAdd(hn::Set(d, args.gamma), s[i][n], hn::Mul(key, value[n]));
        } else {
          s[i][n] = hn::MulAdd(key, value[n], s[i][n]);
        }
      }
      LEET_UNROLL for (int h = 0; h < kHeads; ++h) {
        const Vector query = hn::Set(d, q[h][i]);
        LEET_UNROLL for (int n = 0; n < kVectors; ++n) {
          o[h][n] = hn::MulAdd(query, s[i][n], o[h][n]);
        }
      }
    }
    LEET_UNROLL for (int h = 0; h < kHeads; ++h) {
      LEET_UNROLL for (int n = 0; n < kVectors; ++n) hn::Store(o[h][n], d, out[h] + n * lanes);
      out[h] += kVectors * lanes;
      q[h] += q_stride[h];
    }
    v += kVectors * lanes;
    k += k_stride;
  }

  LEET_UNROLL for (int i = 0; i < kRanks; ++i) {
    LEET_UNROLL for (int n = 0; n < kVectors; ++n) {
      hn::Store(s[i][n], d, sums + (i * kVectors + n) * lanes);
    }
  }
}

// All R ranks.
template <int kHeads, bool kStepwise>
void sweep_ranks(const SweepArgs& args, std::int64_t R, Ahead& ahead) {
  constexpr int kRanks = ranks_at_once(kHeads);
  constexpr int kRest = kRanks > 4 ? 4 : 1;  // ranks that fill no tile
  std::int64_t r = 0;
  for (; r + kRanks <= R; r += kRanks) sweep<kRanks, kHeads, kStepwise>(args, r, ahead.next());
  for (; r + kRest <= R; r += kRest) sweep<kRest, kHeads, kStepwise>(args, r, ahead.next());
  for (; r < R; ++r) sweep<1, kHeads, kStepwise>(args, r, ahead.next());
}

}  // namespace HWY_NAMESPACE
}  // namespace leet::plugin_fleet
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
