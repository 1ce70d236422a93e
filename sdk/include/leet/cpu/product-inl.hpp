// SPDX-License-Identifier: Apache-2.0
//
// The matrix products of chunk-wise methods, by tiles that stay in registers:
//
//     scores   P  = (Q K^T) o W          rows of Q broadcast, K transposed in vectors
//     outputs  O  = w (Q S) + tril(P) V  rows of Q and of P broadcast
//     update   S' = gamma S + K^T V      columns of K broadcast
//
// A tile is kTileRows x kPanelVectors vectors, as many as the registers hold; all three are one
// loop, add_product, with other ends. Rows left over take tiles of 4, 2 and 1. Columns come in
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
#include <leet/plugin/decay.hpp>
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

// Steps in a chunk, the fastest for R and D around 128: more steps have more scores to compute,
// fewer read and write the state more often. A multiple of kTileRows.
#if HWY_TARGET == HWY_AVX2
inline constexpr std::int64_t kBestChunk = 24;
#else
inline constexpr std::int64_t kBestChunk = 32;
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

// sum += A B over K terms; B's rows are `stride` apart, the vectors of a row `apart`.
template <int kRows, int kVectors, class Broadcast>
HWY_INLINE void add_product(Vector (&sum)[kRows][kVectors], Broadcast a,
                            const float* HWY_RESTRICT b, std::int64_t stride, std::int64_t apart,
                            std::int64_t K) {
  const Floats d;
  for (std::int64_t k = 0; k < K; ++k) {
    Vector row[kVectors];
    LEET_CPU_UNROLL for (int j = 0; j < kVectors; ++j) row[j] = hn::LoadU(d, b + j * apart);
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
  std::int64_t R;
  const float* k;  // [vectors of columns, R, lanes]: K transposed
  Rows weights;    // W [rows, columns]
  float* scores;   // [rows, columns]
  std::int64_t scores_stride;
};

template <int kRows, int kVectors>
HWY_NOINLINE void score_tile(const ScoreArgs& args, std::int64_t t, std::int64_t s) {
  const Floats d;
  Vector sum[kRows][kVectors];
  set_zero(sum);
  const std::int64_t apart = args.R * lanes();
  add_product(sum, ByRow{args.q.row(t), args.q.stride}, args.k + s * args.R, lanes(), apart,
              args.R);
  float* HWY_RESTRICT to = args.scores + t * args.scores_stride + s;
  const float* HWY_RESTRICT weights = args.weights.row(t) + s;
  LEET_CPU_UNROLL for (int i = 0; i < kRows; ++i) {
    LEET_CPU_UNROLL for (int j = 0; j < kVectors; ++j) {
      hn::StoreU(hn::Mul(sum[i][j], hn::LoadU(d, weights + j * lanes())), d, to + j * lanes());
    }
    to += args.scores_stride;
    weights += args.weights.stride;
  }
}

// Rows [first, end), the columns up to each row's own; beyond them, up to the next whole vector,
// values without meaning.
inline void scores(const ScoreArgs& args, std::int64_t first, std::int64_t end) {
  by_tiles(end - first, [&](auto rows, std::int64_t i) {
    constexpr int kRows = decltype(rows)::value;
    const std::int64_t t = first + i;
    std::int64_t s = 0;
    for (; s + lanes() < t + kRows; s += 2 * lanes()) score_tile<kRows, 2>(args, t, s);
    if (s < t + kRows) score_tile<kRows, 1>(args, t, s);
  });
}

// ---- O = w (Q S) + tril(P) V -------------------------------------------------------------------

struct OutputArgs {
  Rows q;                // [rows, R]
  std::int64_t R;        // 0: no state
  const float* state;    // [R, panel]
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
  add_product(sum, ByRow{args.q.row(t), args.q.stride}, args.state, panel_columns(), lanes(),
              args.R);
  LEET_CPU_UNROLL for (int i = 0; i < kRows; ++i) {
    const Vector weight = hn::Set(d, args.weights[t + i]);
    LEET_CPU_UNROLL for (int j = 0; j < kPanelVectors; ++j) {
      sum[i][j] = hn::Mul(sum[i][j], weight);
    }
  }
  const float* HWY_RESTRICT p = args.scores.row(t);
  add_product(sum, ByRow{p, args.scores.stride}, args.v.data, args.v.stride, lanes(), t + 1);
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
  const float* from;                    // S [R, panel]; null: zero
  float* to;                            // S' [R, panel]; may be `from`
  const sdk::SplitDecay<float>* gamma;  // [R]
};

// The chunk's sum is formed alone and added to the state once, so that the state is rounded once a
// chunk.
template <int kRows>
HWY_NOINLINE void update_tile(const UpdateArgs& args, std::int64_t r) {
  const Floats d;
  Vector sum[kRows][kPanelVectors];
  set_zero(sum);
  add_product(sum, ByColumn{args.k.data + r, args.k.stride}, args.v.data, args.v.stride, lanes(),
              args.steps);
  float* to = args.to + r * panel_columns();
  if (args.from != nullptr) {
    const float* const from = args.from + r * panel_columns();
    LEET_CPU_UNROLL for (int i = 0; i < kRows; ++i) {
      const Vector high = hn::Set(d, args.gamma[r + i].high);
      const Vector low = hn::Set(d, args.gamma[r + i].low);
      LEET_CPU_UNROLL for (int j = 0; j < kPanelVectors; ++j) {
        const Vector s = hn::LoadU(d, from + (i * kPanelVectors + j) * lanes());
        sum[i][j] = hn::MulAdd(s, high, hn::MulAdd(s, low, sum[i][j]));
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

// ---- Transposing -------------------------------------------------------------------------------

// to[column][i] = rows[first + i][column] for i in [0, 4), `width` apart.
inline void transpose_4(Rows rows, std::int64_t first, std::int64_t columns, float* to,
                        std::int64_t width) {
  std::int64_t c = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::FixedTag<float, 4> d;
  const hn::Repartition<std::uint64_t, decltype(d)> pairs;
  for (const float* row = rows.row(first); c + 4 <= columns; c += 4, row += 4) {
    const auto a0 = hn::LoadU(d, row);
    const auto a1 = hn::LoadU(d, row + rows.stride);
    const auto a2 = hn::LoadU(d, row + 2 * rows.stride);
    const auto a3 = hn::LoadU(d, row + 3 * rows.stride);
    const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, a0, a1));
    const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, a0, a1));
    const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, a2, a3));
    const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, a2, a3));
    float* const at = to + c * width;
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23)), d, at);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23)), d, at + width);
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23)), d, at + 2 * width);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23)), d, at + 3 * width);
  }
#endif
  for (; c < columns; ++c) {
    for (std::int64_t i = 0; i < 4; ++i) to[c * width + i] = rows.row(first + i)[c];
  }
}

// to[vector of rows][column][lane] = rows[row][column], with zeros for the rows that fill up the
// last vector.
inline void transpose(Rows rows, std::int64_t count, std::int64_t columns, float* to) {
  const std::int64_t width = lanes();
  for (std::int64_t first = 0; first < count; first += width, to += columns * width) {
    for (std::int64_t i = 0; i < width;) {
      if (i + 4 <= width && first + i + 4 <= count) {
        transpose_4(rows, first + i, columns, to + i, width);
        i += 4;
      } else {
        for (std::int64_t c = 0; c < columns; ++c) {
          to[c * width + i] = first + i < count ? rows.row(first + i)[c] : 0.0F;
        }
        ++i;
      }
    }
  }
}

}  // namespace leet::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
