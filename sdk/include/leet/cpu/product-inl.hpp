// SPDX-License-Identifier: Apache-2.0
//
// The matrix products of chunk-wise methods, by tiles that stay in registers:
//
//     scores   P  = (Q K^T) o W          rows of Q and of K in vectors, summed by lanes
//     outputs  O  = w (Q S) + tril(P) V  rows of Q and of P broadcast
//     update   S' = gamma S + K^T V      columns of K broadcast
//
// A tile of the last two is kTileRows x kPanelVectors vectors, as many as the registers hold; they
// are one loop, add_product, with other ends. Rows left over take tiles of 4, 2 and 1. Scores are
// formed by 4 x 4 or 2 x 4 sums over lanes, which needs no transposed K and computes little beyond
// the diagonal. Columns come in
// panels of kPanelVectors vectors, padded with zeros by the caller. The functions that hold a tile
// are not inlined, because GCC 12 spills arrays of vectors in larger functions.
//
// Bound: FMAs; a turn of the inner loop has kTileRows * kPanelVectors of them, kPanelVectors loads
// and kTileRows broadcasts.
#if defined(LEET_CPU_PRODUCT_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef LEET_CPU_PRODUCT_INL_HPP
#undef LEET_CPU_PRODUCT_INL_HPP
#else
#define LEET_CPU_PRODUCT_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <leet/cpu/prefetch.hpp>
#include <leet/cpu/rows-inl.hpp>
#include <type_traits>

#ifndef LEET_CPU_UNROLL
#define LEET_CPU_UNROLL _Pragma("GCC unroll 16")
#endif

HWY_BEFORE_NAMESPACE();
namespace leet::cpu::HWY_NAMESPACE {

inline constexpr int kPanelVectors = 2;
inline std::int64_t panel_columns() { return kPanelVectors * lanes(); }

#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM
inline constexpr int kTileRows = 8;  // 32 registers
#elif HWY_TARGET == HWY_AVX2
inline constexpr int kTileRows = 6;  // 16 registers
#else
inline constexpr int kTileRows = 4;  // 16 registers, one more for a product without FMA
#endif

template <int kRows>
using TileRows = std::integral_constant<int, kRows>;

// Calls tile(TileRows<n>, first row) until `count` rows are covered.
template <class Tile>
void by_tiles(std::int64_t count, Tile&& tile) {
  for (std::int64_t i = 0; i < count;) {
    const std::int64_t left = count - i;
    // Two tiles of 4 rather than one of 6 and one of 2, which would wait for its own sums.
    if (left >= kTileRows && (kTileRows == 4 || left != kTileRows + 2)) {
      tile(TileRows<kTileRows>(), i);
      i += kTileRows;
    } else if (left >= 4) {
      tile(TileRows<4>(), i);
      i += 4;
    } else if (left >= 2) {
      tile(TileRows<2>(), i);
      i += 2;
    } else {
      tile(TileRows<1>(), i);
      i += 1;
    }
  }
}

// The broadcast operand: element (i, k) of a tile that begins at its first row.
struct ByRow {  // rows are `stride` apart
  const float* data;
  std::int64_t stride;

  HWY_INLINE float at(int i) const { return data[i * stride]; }
  HWY_INLINE void next() { ++data; }
};
struct ByColumn {  // columns are
  const float* data;
  std::int64_t stride;

  HWY_INLINE float at(int i) const { return data[i]; }
  HWY_INLINE void next() { data += stride; }
};

// sum += A B over K terms; B's rows are `stride` apart.
template <int kRows, int kVectors, class Broadcast>
HWY_INLINE void add_product(Vector (&sum)[kRows][kVectors], Broadcast a,
                            const float* HWY_RESTRICT b, std::int64_t stride, std::int64_t K) {
  const Floats d;
  for (std::int64_t k = 0; k < K; ++k) {
    Vector row[kVectors];
    LEET_CPU_UNROLL for (int j = 0; j < kVectors; ++j) row[j] = hn::LoadU(d, b + j * lanes());
    LEET_CPU_UNROLL for (int i = 0; i < kRows; ++i) {
      const Vector x = hn::Set(d, a.at(i));
      LEET_CPU_UNROLL for (int j = 0; j < kVectors; ++j) {
        sum[i][j] = hn::MulAdd(x, row[j], sum[i][j]);
      }
    }
    a.next();
    b += stride;
  }
}

template <int kRows, int kVectors>
HWY_INLINE void set_zero(Vector (&sum)[kRows][kVectors]) {
  LEET_CPU_UNROLL for (int i = 0; i < kRows; ++i) {
    LEET_CPU_UNROLL for (int j = 0; j < kVectors; ++j) sum[i][j] = hn::Zero(Floats());
  }
}

// ---- P = (Q K^T) o W ---------------------------------------------------------------------------

struct ScoreArgs {
  Rows q;  // [rows, R]
  Rows k;  // [rows, R]
  std::int64_t R;
  Rows weights;   // W [rows, columns]
  float* scores;  // [rows, columns], columns up to a multiple of kScoreKeys
  std::int64_t scores_stride;
};

// A tile of scores: so many rows of Q and of K, whose products are summed over R by lanes.
inline constexpr int kScoreKeys = 4;
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM
inline constexpr int kScoreQueries = 4;
#elif HWY_TARGET == HWY_AVX2
inline constexpr int kScoreQueries = 3;
#else
inline constexpr int kScoreQueries = 2;
#endif

#if HWY_TARGET != HWY_SCALAR
using Quad = hn::Vec<hn::FixedTag<float, 4>>;

// The sum of a vector's blocks of four lanes.
template <class D>
HWY_INLINE Quad add_blocks(D d, hn::Vec<D> x) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    return x;
  } else {
    const hn::Half<D> half;
    return add_blocks(half, hn::Add(hn::LowerHalf(half, x), hn::UpperHalf(half, x)));
  }
}

// The sums of the lanes of four vectors.
HWY_INLINE Quad add_lanes(Vector a, Vector b, Vector c, Vector e) {
  const Floats d;
  const hn::Repartition<std::uint64_t, Floats> pairs;
  const auto ab =
      hn::BitCast(pairs, hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b)));
  const auto ce =
      hn::BitCast(pairs, hn::Add(hn::InterleaveLower(d, c, e), hn::InterleaveUpper(d, c, e)));
  return add_blocks(d, hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, ab, ce)),
                               hn::BitCast(d, hn::InterleaveUpper(pairs, ab, ce))));
}
#endif

#if HWY_TARGET != HWY_SCALAR
// The first `count` elements, 0 < count < lanes(), and zeros; reads no others.
HWY_INLINE Vector load_first(const float* from, std::int64_t count) {
  const Floats d;
#if HWY_TARGET <= HWY_AVX2
  return hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count)), d, from);
#else  // whose masked loads read all and want them aligned
  HWY_ALIGN float padded[HWY_MAX_BYTES / sizeof(float)] = {};
  std::copy_n(from, count, padded);
  return hn::Load(d, padded);
#endif
}
#endif

// Rows [t, t + kScoreQueries) and columns [s, s + kScoreKeys); those from `end` on are computed
// from row end - 1, because there may be no others, and mean nothing.
HWY_NOINLINE void score_tile(const ScoreArgs& args, std::int64_t t, std::int64_t s,
                             std::int64_t end) {
  const float* HWY_RESTRICT q[kScoreQueries];
  const float* HWY_RESTRICT k[kScoreKeys];
  LEET_CPU_UNROLL for (int i = 0; i < kScoreQueries; ++i) q[i] =
      args.q.row(std::min(t + i, end - 1));
  LEET_CPU_UNROLL for (int j = 0; j < kScoreKeys; ++j) k[j] = args.k.row(std::min(s + j, end - 1));
#if HWY_TARGET == HWY_SCALAR
  for (int i = 0; i < kScoreQueries && t + i < end; ++i) {
    for (int j = 0; j < kScoreKeys; ++j) {
      float sum = 0;
      for (std::int64_t r = 0; r < args.R; ++r) sum += q[i][r] * k[j][r];
      args.scores[(t + i) * args.scores_stride + s + j] = sum * args.weights.row(t + i)[s + j];
    }
  }
#else
  const Floats d;
  Vector sum[kScoreQueries][kScoreKeys];
  set_zero(sum);
  std::int64_t r = 0;
  for (; r + lanes() <= args.R; r += lanes()) {
    Vector query[kScoreQueries];
    LEET_CPU_UNROLL for (int i = 0; i < kScoreQueries; ++i) query[i] = hn::LoadU(d, q[i] + r);
    LEET_CPU_UNROLL for (int j = 0; j < kScoreKeys; ++j) {
      const Vector key = hn::LoadU(d, k[j] + r);
      LEET_CPU_UNROLL for (int i = 0; i < kScoreQueries; ++i) {
        sum[i][j] = hn::MulAdd(query[i], key, sum[i][j]);
      }
    }
  }
  if (r < args.R) {
    LEET_CPU_UNROLL for (int j = 0; j < kScoreKeys; ++j) {
      const Vector key = load_first(k[j] + r, args.R - r);
      LEET_CPU_UNROLL for (int i = 0; i < kScoreQueries; ++i) {
        sum[i][j] = hn::MulAdd(load_first(q[i] + r, args.R - r), key, sum[i][j]);
      }
    }
  }
  const hn::FixedTag<float, 4> quad;
  LEET_CPU_UNROLL for (int i = 0; i < kScoreQueries; ++i) {
    if (t + i >= end) return;
    const Quad weights = hn::LoadU(quad, args.weights.row(t + i) + s);
    hn::StoreU(hn::Mul(add_lanes(sum[i][0], sum[i][1], sum[i][2], sum[i][3]), weights), quad,
               args.scores + (t + i) * args.scores_stride + s);
  }
#endif
}

// Rows [first, end), the columns up to each row's own; a few more have values without meaning.
inline void scores(const ScoreArgs& args, std::int64_t first, std::int64_t end) {
  for (std::int64_t t = first; t < end; t += kScoreQueries) {
    const std::int64_t last = std::min(t + kScoreQueries, end);
    for (std::int64_t s = 0; s < last; s += kScoreKeys) score_tile(args, t, s, end);
  }
}

// ---- O = w (Q S) + tril(P) V -------------------------------------------------------------------

struct OutputArgs {
  Rows q;  // [rows, R]
  std::int64_t R;
  const float* const* states;  // S is the sum of `count` of them, each [R, panel]
  std::int64_t count;
  const float* weights;  // w [rows]
  Rows scores;           // P [rows, rows]
  Rows v;                // [rows, panel]
  float* out;            // [rows, panel]
  std::int64_t out_stride;
};

// Row t sums the v of steps up to t and does not touch later ones: 0 NaN would not be 0.
template <int kRows>
HWY_NOINLINE void output_tile(const OutputArgs& args, std::int64_t t) {
  const Floats d;
  Vector sum[kRows][kPanelVectors];
  set_zero(sum);
  for (std::int64_t i = 0; i < args.count; ++i) {
    add_product(sum, ByRow{args.q.row(t), args.q.stride}, args.states[i], panel_columns(), args.R);
  }
  LEET_CPU_UNROLL for (int i = 0; i < kRows; ++i) {
    const Vector weight = hn::Set(d, args.weights[t + i]);
    LEET_CPU_UNROLL for (int j = 0; j < kPanelVectors; ++j) {
      sum[i][j] = hn::Mul(sum[i][j], weight);
    }
  }
  const float* HWY_RESTRICT p = args.scores.row(t);
  add_product(sum, ByRow{p, args.scores.stride}, args.v.data, args.v.stride, t + 1);
  p += t;
  LEET_CPU_UNROLL for (int s = 1; s < kRows; ++s) {
    const float* const v = args.v.row(t + s);
    LEET_CPU_UNROLL for (int i = s; i < kRows; ++i) {
      const Vector x = hn::Set(d, p[i * args.scores.stride + s]);
      LEET_CPU_UNROLL for (int j = 0; j < kPanelVectors; ++j) {
        sum[i][j] = hn::MulAdd(x, hn::LoadU(d, v + j * lanes()), sum[i][j]);
      }
    }
  }
  float* HWY_RESTRICT to = args.out + t * args.out_stride;
  LEET_CPU_UNROLL for (int i = 0; i < kRows; ++i, to += args.out_stride) {
    LEET_CPU_UNROLL for (int j = 0; j < kPanelVectors; ++j) {
      hn::StoreU(sum[i][j], d, to + j * lanes());
    }
  }
}

inline void outputs(const OutputArgs& args, std::int64_t rows, Prefetcher& next) {
  by_tiles(rows, [&](auto n, std::int64_t t) {
    output_tile<decltype(n)::value>(args, t);
    next.step();
  });
}

// ---- S' = gamma S + K^T V ----------------------------------------------------------------------

struct UpdateArgs {
  Rows k;  // [steps, R]
  Rows v;  // [steps, panel]
  std::int64_t steps;
  std::int64_t R;
  const float* from;   // S [R, panel]; null: zero
  float* to;           // S' [R, panel]; may be `from`
  const float* gamma;  // [R]
};

// The chunk's sum is formed alone and added to the state once, so that the state is rounded once a
// chunk.
template <int kRows>
HWY_NOINLINE void update_tile(const UpdateArgs& args, std::int64_t r) {
  const Floats d;
  Vector sum[kRows][kPanelVectors];
  set_zero(sum);
  add_product(sum, ByColumn{args.k.data + r, args.k.stride}, args.v.data, args.v.stride,
              args.steps);
  float* to = args.to + r * panel_columns();
  if (args.from != nullptr) {
    const float* const from = args.from + r * panel_columns();
    LEET_CPU_UNROLL for (int i = 0; i < kRows; ++i) {
      const Vector gamma = hn::Set(d, args.gamma[r + i]);
      LEET_CPU_UNROLL for (int j = 0; j < kPanelVectors; ++j) {
        const Vector s = hn::LoadU(d, from + (i * kPanelVectors + j) * lanes());
        sum[i][j] = hn::MulAdd(s, gamma, sum[i][j]);
      }
    }
  }
  LEET_CPU_UNROLL for (int i = 0; i < kRows; ++i) {
    LEET_CPU_UNROLL for (int j = 0; j < kPanelVectors; ++j) {
      hn::StoreU(sum[i][j], d, to + (i * kPanelVectors + j) * lanes());
    }
  }
}

inline void update(const UpdateArgs& args, Prefetcher& next) {
  by_tiles(args.R, [&](auto n, std::int64_t r) {
    update_tile<decltype(n)::value>(args, r);
    next.step();
  });
}

}  // namespace leet::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
