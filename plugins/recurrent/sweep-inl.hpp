// SPDX-License-Identifier: Apache-2.0
//
// The inner kernel of the fast path: sweeps the R rows of one panel of the state while the v and
// the o of a few tokens stay in registers. Compiled once for each instruction set (Highway's
// foreach_target), so there is no include guard of the usual kind.
//
//     for a group of tokens c
//       v_c *= exp(-G_c),  o_c = 0
//       for a row r
//         s = S[r]
//         for each c:  s += k_c[r] v_c,  o_c += q_c[r] s
//         S[r] = s
//       out_c = scale exp(G_c) o_c
//
// G_c is the log decay summed from the block's first token to c. The decay is deferred on v and o,
// so that k and q are broadcast from where the caller has them and a row costs nothing but its
// FMAs; where a block begins, the rows are first multiplied by what the block before deferred.
//
// Bound: 2 (1 + heads) FMAs for each row and token, against 2 loads and 2 stores of S a row.
#if defined(LEET_PLUGINS_RECURRENT_SWEEP_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef LEET_PLUGINS_RECURRENT_SWEEP_INL_HPP
#undef LEET_PLUGINS_RECURRENT_SWEEP_INL_HPP
#else
#define LEET_PLUGINS_RECURRENT_SWEEP_INL_HPP
#endif

#include <hwy/highway.h>

#include <cmath>
#include <cstdint>

#define LEET_UNROLL _Pragma("GCC unroll 16")

HWY_BEFORE_NAMESPACE();
namespace leet::plugin_recurrent {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;

constexpr int kVectors = 2;  // a panel's width
inline std::int64_t panel_columns() {
  return kVectors * static_cast<std::int64_t>(hn::Lanes(Floats()));
}

// Query heads served by one sweep, and tokens at a time for so many: what fits into the registers.
constexpr int kMaxHeads = 4;
#if HWY_TARGET <= HWY_AVX3
constexpr int tokens_at_once(int heads) { return heads <= 1 ? 3 : 2; }
#else
constexpr int tokens_at_once(int heads) { return heads <= 2 ? 2 : 1; }
#endif

// s (high + low). An infinite s stays infinite, where low alone would make it NaN.
HWY_INLINE Vector scaled(Vector s, Vector high, Vector low) {
  const Vector rounded = hn::Mul(s, high);
  return hn::IfThenElse(hn::IsFinite(s), hn::MulAdd(s, high, hn::Mul(s, low)), rounded);
}

// to = row (high + low).
inline void scale_row(const float* row, float high, float low, float* to, std::int64_t count) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(scaled(hn::LoadU(d, row + i), hn::Set(d, high), hn::Set(d, low)), d, to + i);
  }
  for (; i < count; ++i) to[i] = row[i] * high + (std::isfinite(row[i]) ? row[i] * low : 0.0F);
}

// Groups of tokens between fetching what a sweep reads and writes and doing so: enough for memory
// to answer, few enough for the first-level cache. The processor's own prefetchers lose count of
// so many streams and stop at the end of a page.
constexpr int kGroupsAhead = 2;

// Rows of the state between two fetches: those whose k and q fill a cache line.
constexpr std::int64_t kFetchRows = 16;

// By integers, since what is ahead may lie past the end of the tensor, where no pointer may point
// and a fetch does no harm.
HWY_INLINE void fetch(const float* from, std::int64_t elements) {
  const auto bytes = static_cast<std::uintptr_t>(elements) * sizeof(float);
  hwy::Prefetch(reinterpret_cast<const float*>(reinterpret_cast<std::uintptr_t>(from) + bytes));
}

// Rows of time are `stride` elements apart.
struct Rows {
  const float* data;
  std::int64_t stride;
};

struct SweepArgs {
  float* state;  // [R, panel]
  std::int64_t R;
  Rows k;                 // [tokens, R]
  Rows q[kMaxHeads];      // [tokens, R]
  Rows v;                 // [tokens, panel]
  float* out[kMaxHeads];  // [tokens, panel]
  std::int64_t out_stride;
  const float* v_weight;    // [tokens]  exp(-G)
  const float* out_weight;  // [tokens]  scale exp(G)
  // What the rows are multiplied by first, as high + low (decay.hpp); [R].
  const float* rescale_high;
  const float* rescale_low;
};

// Of `groups` groups of kTokens tokens, beginning with token `first`; the rows are rescaled in the
// first group if kRescale.
template <int kTokens, int kHeads, bool kRescale>
HWY_NOINLINE void sweep(const SweepArgs& args, std::int64_t first, std::int64_t groups) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t R = args.R;
  for (std::int64_t t = first; t < first + groups * kTokens; t += kTokens) {
    Vector v[kTokens][kVectors];
    Vector o[kTokens][kHeads + 1][kVectors];
    const float* HWY_RESTRICT k[kTokens];
    const float* HWY_RESTRICT q[kTokens][kHeads + 1];
    LEET_UNROLL for (int c = 0; c < kTokens; ++c) {
      const Vector weight = hn::Set(d, args.v_weight[t + c]);
      k[c] = args.k.data + (t + c) * args.k.stride;
      LEET_UNROLL for (int n = 0; n < kVectors; ++n) {
        v[c][n] = hn::Mul(weight, hn::LoadU(d, args.v.data + (t + c) * args.v.stride + n * lanes));
      }
      LEET_UNROLL for (int h = 0; h < kHeads; ++h) {
        q[c][h] = args.q[h].data + (t + c) * args.q[h].stride;
        LEET_UNROLL for (int n = 0; n < kVectors; ++n) o[c][h][n] = hn::Zero(d);
      }
    }

    float* HWY_RESTRICT row = args.state;
    const auto step = [&](std::int64_t r, float* HWY_RESTRICT at) HWY_ATTR
        __attribute__((always_inline)) {
      Vector s[kVectors];
      LEET_UNROLL for (int n = 0; n < kVectors; ++n) {
        s[n] = hn::Load(d, at + n * lanes);
        if constexpr (kRescale) {
          s[n] = scaled(s[n], hn::Set(d, args.rescale_high[r]), hn::Set(d, args.rescale_low[r]));
        }
      }
      LEET_UNROLL for (int c = 0; c < kTokens; ++c) {
        const Vector key = hn::Set(d, k[c][r]);
        LEET_UNROLL for (int n = 0; n < kVectors; ++n) s[n] = hn::MulAdd(key, v[c][n], s[n]);
        LEET_UNROLL for (int h = 0; h < kHeads; ++h) {
          const Vector query = hn::Set(d, q[c][h][r]);
          LEET_UNROLL for (int n = 0; n < kVectors; ++n) {
            o[c][h][n] = hn::MulAdd(query, s[n], o[c][h][n]);
          }
        }
      }
      LEET_UNROLL for (int n = 0; n < kVectors; ++n) hn::Store(s[n], d, at + n * lanes);
    };
    constexpr std::int64_t kAhead = kGroupsAhead * kTokens;
    constexpr auto kFloatsALine = static_cast<int>(64 / sizeof(float));
    LEET_UNROLL for (int c = 0; c < kTokens; ++c) {
      for (int n = 0; n < kVectors * lanes; n += kFloatsALine) {
        fetch(args.v.data, (t + c + kAhead) * args.v.stride + n);
        LEET_UNROLL for (int h = 0; h < kHeads; ++h) {
          fetch(args.out[h], (t + c + kAhead) * args.out_stride + n);
        }
      }
    }
    std::int64_t r = 0;
    while (r + kFetchRows <= R) {
      LEET_UNROLL for (int c = 0; c < kTokens; ++c) {
        fetch(k[c], kAhead * args.k.stride + r);
        LEET_UNROLL for (int h = 0; h < kHeads; ++h) {
          fetch(q[c][h], kAhead * args.q[h].stride + r);
        }
      }
      for (const std::int64_t end = r + kFetchRows; r < end; r += 4, row += 4 * kVectors * lanes) {
        LEET_UNROLL for (int u = 0; u < 4; ++u) step(r + u, row + u * kVectors * lanes);
      }
    }
    for (; r + 4 <= R; r += 4, row += 4 * kVectors * lanes) {
      LEET_UNROLL for (int u = 0; u < 4; ++u) step(r + u, row + u * kVectors * lanes);
    }
    for (; r < R; ++r, row += kVectors * lanes) step(r, row);

    LEET_UNROLL for (int c = 0; c < kTokens; ++c) {
      const Vector weight = hn::Set(d, args.out_weight[t + c]);
      LEET_UNROLL for (int h = 0; h < kHeads; ++h) {
        LEET_UNROLL for (int n = 0; n < kVectors; ++n) {
          hn::StoreU(hn::Mul(weight, o[c][h][n]), d,
                     args.out[h] + (t + c) * args.out_stride + n * lanes);
        }
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace leet::plugin_recurrent
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
