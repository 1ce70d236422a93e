// SPDX-License-Identifier: Apache-2.0
//
// O = scale ((Q K^T) o M) V with M[t, s] = the product of the decays of steps s+1 to t, by tiles of
// kTile rows t and kTile columns s <= t; the N x N matrix is never held.
//
// Below the diagonal M factorises at the row tile's first step t0: M[t, s] = a[t] b[s], where a[t]
// is the product over [t0, t] and b[s] over [s+1, t0-1]. Both are at most 1, so nothing overflows
// however long the sequence, and they multiply rows of q and of k; with a decay for each channel
// they are vectors over R. The walk goes from t0 backwards, which makes b a running product. On the
// diagonal M comes pair by pair from a recurrence over t. Running products are kept in a wider type
// and rounded once, because roundings of powers of one gamma all go one way.
//
// Row t's value depends on nothing but rows up to t: lanes of a tile beyond t are computed and
// never read, so that a NaN in the future stays there.
//
// The sums over s are formed in Real within a tile and in fp64 between tiles, so that their error
// does not grow with N.
//
// Bound: N^2 (R + D) flops a head.
#include "naive_cpu.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <leet/plugin/decay.hpp>
#include <leet/plugin/dtype.hpp>
#include <leet/plugin/log_decay.hpp>
#include <leet/plugin/scratch.hpp>

namespace leet::plugin_naive {
namespace {

constexpr std::int64_t kTile = 32;     // time steps
constexpr std::int64_t kColumns = 64;  // of D, for the final state

// One worker's scratch.
template <class Real>
struct Buffers {
  using Wide = sdk::Wide<Real>;

  Buffers(sdk::Scratch& scratch, std::int64_t R, std::int64_t D)
      : gamma(scratch.take<Wide>(R)),
        since(scratch.take<Wide>(R)),
        weights(scratch.take<Wide>(R * kTile)),
        row(scratch.take<Real>(std::max(R, D))),
        q(scratch.take<Real>(R)),
        q_decayed(scratch.take<Real>(kTile * R)),
        k(scratch.take<Real>(R * kTile)),
        v(scratch.take<Real>(kTile * D)),
        scores(scratch.take<Real>(kTile)),
        part(scratch.take<Real>(std::max(D, kColumns))),
        out(scratch.take<double>(kTile * D)),
        state(scratch.take<double>(R * kColumns)) {}

  Wide* gamma;      // [R], of one step
  Wide* since;      // [R], product of gammas
  Wide* weights;    // [R, kTile], M of the diagonal tile's current row
  Real* row;        // [R] or [D], on its way
  Real* q;          // [R]
  Real* q_decayed;  // [kTile, R], a[t] q[t]
  Real* k;          // [R, kTile], transposed, so that scores of one row are lanes
  Real* v;          // [kTile, D]
  Real* scores;     // [kTile]
  Real* part;       // [D] or [kColumns], one tile's share of a row of out or state
  double* out;      // [kTile, D]
  double* state;    // [R, kColumns]
};

// Steps [begin, end) of one sequence.
struct Steps {
  std::int64_t begin;
  std::int64_t end;

  std::int64_t count() const { return end - begin; }
};

// scores[s] = sum over r of q[r] k[r, s].
template <class Real>
void score_row(const Real* q, const Real* k, std::int64_t R, Real* scores) {
  Real sums[kTile] = {};
  for (std::int64_t r = 0; r < R; ++r) {
    for (std::int64_t s = 0; s < kTile; ++s) sums[s] += q[r] * k[r * kTile + s];
  }
  std::copy(sums, sums + kTile, scores);
}

// The same with M inside the sum: scores[s] = sum over r of q[r] weights[r, s] k[r, s].
template <class Real>
void score_row_weighted(const Real* q, const Real* k, const sdk::Wide<Real>* weights,
                        std::int64_t R, Real* scores) {
  Real sums[kTile] = {};
  for (std::int64_t r = 0; r < R; ++r) {
    for (std::int64_t s = 0; s < kTile; ++s) {
      const std::int64_t at = r * kTile + s;
      sums[s] += q[r] * (k[at] * static_cast<Real>(weights[at]));
    }
  }
  std::copy(sums, sums + kTile, scores);
}

// to += sum over s of weights[s] rows[s]; the sum in Real and in the order of s, four rows in one
// pass over `part`.
template <class Real>
void add_rows(double* __restrict to, const Real* weights, const Real* rows, std::int64_t pitch,
              std::int64_t count, std::int64_t width, Real* __restrict part) {
  std::fill(part, part + width, Real(0));
  const std::int64_t fours = count / 4 * 4;
  for (std::int64_t s = 0; s < fours; s += 4) {
    const Real* const row = rows + s * pitch;
    for (std::int64_t d = 0; d < width; ++d) {
      Real sum = part[d];
      sum += weights[s] * row[d];
      sum += weights[s + 1] * row[d + pitch];
      sum += weights[s + 2] * row[d + 2 * pitch];
      sum += weights[s + 3] * row[d + 3 * pitch];
      part[d] = sum;
    }
  }
  for (std::int64_t s = fours; s < count; ++s) {
    for (std::int64_t d = 0; d < width; ++d) part[d] += weights[s] * rows[s * pitch + d];
  }
  for (std::int64_t d = 0; d < width; ++d) to[d] += part[d];
}

// Where each sequence's row tiles lie in one numbering of all of them. Sequence i gets the numbers
// from (its first packed row) / kTile + i on, at least as many as it has tiles; the few without a
// tile are skipped. So a number leads to its sequence by bisection, with no table.
class RowTiles {
 public:
  explicit RowTiles(const sdk::Exec& exec) : exec_(exec) {}

  std::int64_t count() const {
    const sdk::Shape& shape = exec_.shape();
    return shape.B * shape.N / kTile + shape.sequences;
  }

  std::int64_t sequence_of(std::int64_t tile) const {
    std::int64_t low = 0, high = exec_.shape().sequences;
    while (high - low > 1) {
      const std::int64_t middle = low + (high - low) / 2;
      (first(middle) <= tile ? low : high) = middle;
    }
    return low;
  }

  // Empty for a number without a tile.
  Steps steps(std::int64_t tile, std::int64_t index) const {
    const sdk::Sequence sequence = exec_.sequence(index);
    const std::int64_t begin = sequence.begin + (tile - first(index)) * kTile;
    return {begin, std::max(begin, std::min(begin + kTile, sequence.end))};
  }

 private:
  std::int64_t first(std::int64_t index) const {
    const sdk::Sequence sequence = exec_.sequence(index);
    return (sequence.batch * exec_.shape().N + sequence.begin) / kTile + index;
  }

  const sdk::Exec& exec_;
};

// The tensors of one execute, and the two kinds of work on them.
template <class Real>
class MaskedProduct {
 public:
  using Wide = sdk::Wide<Real>;

  MaskedProduct(const sdk::Exec& exec, const Config& config)
      : exec_(exec),
        shape_(exec.shape()),
        tensors_(exec),
        log_decay_(exec, config.decay_kind),
        scale_(config.scale) {}

  // Rows `rows`, at most kTile of sequence `index`, of output head h.
  void write_out(std::int64_t index, std::int64_t h, Steps rows,
                 const Buffers<Real>& buffers) const {
    const sdk::Sequence sequence = exec_.sequence(index);
    const Heads heads{h, shape_.shared(h, shape_.Hk), shape_.shared(h, shape_.Hv),
                      shape_.shared(h, shape_.Hg)};
    std::fill(buffers.out, buffers.out + kTile * shape_.D, 0.0);
    if (shape_.R > 0) {  // otherwise there is nothing to sum
      add_diagonal(sequence.batch, heads, rows, buffers);
      std::fill(buffers.since, buffers.since + shape_.R, Wide(1));
      for (std::int64_t end = rows.begin; end > sequence.begin; end -= kTile) {
        add_older(sequence.batch, heads, rows.count(), {end - kTile, end}, buffers);
      }
      if (tensors_.state_in) add_initial(index, h / shape_.group(), rows.count(), buffers);
    }
    for (std::int64_t t = rows.begin; t < rows.end; ++t) {
      double* const out = buffers.out + (t - rows.begin) * shape_.D;
      for (std::int64_t d = 0; d < shape_.D; ++d) out[d] *= scale_;
      sdk::store_row(tensors_.out->dtype(), out, tensors_.out->row(sequence.batch, h, t), shape_.D);
    }
  }

  // Columns [first, first + width) of state head s: the sum over s of B[s] k[s] v[s]^T, where B[s]
  // is the product of the decays after s, and the initial state times the product of them all.
  void write_state(std::int64_t index, std::int64_t s, std::int64_t first, std::int64_t width,
                   const Buffers<Real>& buffers) const {
    const sdk::Sequence sequence = exec_.sequence(index);
    const Heads heads{0, shape_.state_source(s, shape_.Hk), shape_.state_source(s, shape_.Hv),
                      shape_.state_source(s, shape_.Hg)};
    std::fill(buffers.state, buffers.state + shape_.R * kColumns, 0.0);
    std::fill(buffers.since, buffers.since + shape_.R, Wide(1));
    for (std::int64_t end = sequence.end; end > sequence.begin;) {
      const Steps steps{std::max(sequence.begin, end - kTile), end};
      load_decayed_k(sequence.batch, heads, steps, buffers);
      load_v(sequence.batch, heads, steps, first, width, buffers);
      for (std::int64_t r = 0; r < shape_.R; ++r) {
        add_rows(buffers.state + r * kColumns, buffers.k + r * kTile, buffers.v, width,
                 steps.count(), width, buffers.part);
      }
      end = steps.begin;
    }
    for (std::int64_t r = 0; r < shape_.R; ++r) {
      double* const state = buffers.state + r * kColumns;
      if (tensors_.state_in) {
        load_columns(*tensors_.state_in, index, s, r, first, width, buffers.row);
        const Real total = static_cast<Real>(buffers.since[r]);
        add_rows(state, &total, buffers.row, width, 1, width, buffers.part);
      }
      sdk::store_row(tensors_.state_out->dtype(), state,
                     tensors_.state_out->row(index, s, r) +
                         first * sdk::dtype_bytes(tensors_.state_out->dtype()),
                     width);
    }
  }

 private:
  // The heads that one output or state head reads.
  struct Heads {
    std::int64_t h, k, v, g;
  };

  // Pairs s <= t within `rows`; leaves q_decayed behind.
  void add_diagonal(std::int64_t b, const Heads& heads, Steps rows,
                    const Buffers<Real>& buffers) const {
    const std::int64_t R = shape_.R;
    std::fill(buffers.since, buffers.since + R, Wide(1));
    std::fill(buffers.weights, buffers.weights + R * kTile, Wide(0));
    std::fill(buffers.k, buffers.k + R * kTile, Real(0));
    load_v(b, heads, rows, 0, shape_.D, buffers);
    for (std::int64_t i = 0; i < rows.count(); ++i) {
      const std::int64_t t = rows.begin + i;
      sdk::load_row(tensors_.k.dtype(), tensors_.k.row(b, heads.k, t), buffers.row, R);
      sdk::load_row(tensors_.q.dtype(), tensors_.q.row(b, shape_.shared(heads.h, shape_.Hq), t),
                    buffers.q, R);
      load_gamma(b, heads, t, i == 0, buffers);
      for (std::int64_t r = 0; r < R; ++r) {
        Wide* const weights = buffers.weights + r * kTile;
        for (std::int64_t s = 0; s < i; ++s) weights[s] *= buffers.gamma[r];
        weights[i] = 1;
        buffers.k[r * kTile + i] = buffers.row[r];
        buffers.since[r] *= buffers.gamma[r];
        buffers.q_decayed[i * R + r] = buffers.q[r] * static_cast<Real>(buffers.since[r]);
      }
      score_row_weighted(buffers.q, buffers.k, buffers.weights, R, buffers.scores);
      add_rows(buffers.out + i * shape_.D, buffers.scores, buffers.v, shape_.D, i + 1, shape_.D,
               buffers.part);
    }
  }

  // All pairs of the `count` rows with kTile steps before them; `since` is b and moves on.
  void add_older(std::int64_t b, const Heads& heads, std::int64_t count, Steps steps,
                 const Buffers<Real>& buffers) const {
    load_decayed_k(b, heads, steps, buffers);
    load_v(b, heads, steps, 0, shape_.D, buffers);
    for (std::int64_t i = 0; i < count; ++i) {
      score_row(buffers.q_decayed + i * shape_.R, buffers.k, shape_.R, buffers.scores);
      add_rows(buffers.out + i * shape_.D, buffers.scores, buffers.v, shape_.D, kTile, shape_.D,
               buffers.part);
    }
  }

  // The initial state, decayed by `since` to the rows' first step.
  void add_initial(std::int64_t index, std::int64_t s, std::int64_t count,
                   const Buffers<Real>& buffers) const {
    for (std::int64_t r = 0; r < shape_.R; ++r) {
      load_columns(*tensors_.state_in, index, s, r, 0, shape_.D, buffers.row);
      const Real since = static_cast<Real>(buffers.since[r]);
      for (std::int64_t i = 0; i < count; ++i) {
        const Real q = buffers.q_decayed[i * shape_.R + r] * since;
        add_rows(buffers.out + i * shape_.D, &q, buffers.row, shape_.D, 1, shape_.D, buffers.part);
      }
    }
  }

  // k[s] times the product of the decays after s, for s in `steps` from the last to the first;
  // `since` enters as the product after the last of them and leaves including the first.
  void load_decayed_k(std::int64_t b, const Heads& heads, Steps steps,
                      const Buffers<Real>& buffers) const {
    if (shape_.R == 0) return;  // k may have no memory to point into
    for (std::int64_t s = steps.end - 1; s >= steps.begin; --s) {
      sdk::load_row(tensors_.k.dtype(), tensors_.k.row(b, heads.k, s), buffers.row, shape_.R);
      load_gamma(b, heads, s, s == steps.end - 1, buffers);
      for (std::int64_t r = 0; r < shape_.R; ++r) {
        buffers.k[r * kTile + s - steps.begin] =
            buffers.row[r] * static_cast<Real>(buffers.since[r]);
        buffers.since[r] *= buffers.gamma[r];
      }
    }
  }

  void load_gamma(std::int64_t b, const Heads& heads, std::int64_t t, bool first,
                  const Buffers<Real>& buffers) const {
    if (!first && !log_decay_.varies_in_time()) return;
    log_decay_.row(b, heads.g, t, shape_.R, buffers.gamma,
                   [](double g) { return std::exp(static_cast<Wide>(g)); });
  }

  void load_v(std::int64_t b, const Heads& heads, Steps steps, std::int64_t first,
              std::int64_t width, const Buffers<Real>& buffers) const {
    for (std::int64_t s = steps.begin; s < steps.end; ++s) {
      load_columns(tensors_.v, b, heads.v, s, first, width, buffers.v + (s - steps.begin) * width);
    }
  }

  static void load_columns(const sdk::TensorView& tensor, std::int64_t i, std::int64_t j,
                           std::int64_t k, std::int64_t first, std::int64_t width, Real* to) {
    sdk::load_row(tensor.dtype(), tensor.row(i, j, k) + first * sdk::dtype_bytes(tensor.dtype()),
                  to, width);
  }

  const sdk::Exec& exec_;
  sdk::Shape shape_;
  sdk::Operands tensors_;
  sdk::LogDecay log_decay_;
  double scale_;
};

}  // namespace

template <class Real>
std::uint64_t bytes_a_worker(const sdk::Shape& shape) {
  sdk::Scratch count;
  Buffers<Real>(count, shape.R, shape.D);
  return count.bytes();
}

template <class Real>
void execute_cpu(const sdk::Host& host, const sdk::Exec& exec, const Config& config) {
  const sdk::Shape& shape = exec.shape();
  const MaskedProduct<Real> product(exec, config);
  const auto buffers_of = [&](std::int32_t worker) {
    sdk::Scratch scratch(exec.workspace() +
                         static_cast<std::uint64_t>(worker) * config.bytes_a_worker);
    return Buffers<Real>(scratch, shape.R, shape.D);
  };

  if (exec.has(LEET_ROLE_OUT) && shape.D > 0) {
    const RowTiles tiles(exec);
    host.parallel_for(tiles.count() * shape.H, 1,
                      [&](std::int64_t begin, std::int64_t end, std::int32_t worker) {
                        const Buffers<Real> buffers = buffers_of(worker);
                        for (std::int64_t item = begin; item < end; ++item) {
                          const std::int64_t tile = item / shape.H;
                          const std::int64_t index = tiles.sequence_of(tile);
                          const Steps rows = tiles.steps(tile, index);
                          if (rows.count() == 0) continue;
                          product.write_out(index, item % shape.H, rows, buffers);
                        }
                      });
  }
  // Only now: state_out may be state_in's memory, which every out has read.
  if (exec.has(LEET_ROLE_STATE_OUT)) {
    const std::int64_t blocks = (shape.D + kColumns - 1) / kColumns;
    host.parallel_for(shape.sequences * shape.Hs * blocks, 1,
                      [&](std::int64_t begin, std::int64_t end, std::int32_t worker) {
                        const Buffers<Real> buffers = buffers_of(worker);
                        for (std::int64_t item = begin; item < end; ++item) {
                          const std::int64_t first = item % blocks * kColumns;
                          const std::int64_t head = item / blocks;
                          product.write_state(head / shape.Hs, head % shape.Hs, first,
                                              std::min(kColumns, shape.D - first), buffers);
                        }
                      });
  }
}

template std::uint64_t bytes_a_worker<float>(const sdk::Shape&);
template std::uint64_t bytes_a_worker<double>(const sdk::Shape&);
template void execute_cpu<float>(const sdk::Host&, const sdk::Exec&, const Config&);
template void execute_cpu<double>(const sdk::Host&, const sdk::Exec&, const Config&);

}  // namespace leet::plugin_naive
