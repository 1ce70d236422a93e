// SPDX-License-Identifier: Apache-2.0
//
// The walk of the partitioned convolution (partition.hpp) through a sequence, for any kernel.
//
//     for a piece of the work: a sequence, a state head, a panel of columns
//       for a span of blocks          q and k by rank, v by step, the block before the span too
//         for a rank
//           for a block:  convolve the block before with the decay, out += q (that)
//         for a block:    out += its own steps, the initial state
//
// What is computed for a column is the same whatever the cut into pieces, so the result doesn't
// depend on the threads. Workspace: the length of a transform a rank and column of a panel, and a
// span; whatever N is.
//
// A Kernel has Real, columns() of a panel, load_row, store_row, convolve, add_diagonal, add_state
// and advance_state.
#ifndef LEET_PLUGINS_FFT_CONVOLUTION_HPP
#define LEET_PLUGINS_FFT_CONVOLUTION_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <leet/plugin/host.hpp>
#include <leet/plugin/log_decay.hpp>
#include <leet/plugin/problem.hpp>
#include <leet/plugin/scratch.hpp>
#include <leet/plugin/shape.hpp>
#include <vector>

#include "partition.hpp"

namespace leet::plugin_fft {

// What a plan fixes.
template <class Real>
struct Config {
  int decay_kind;
  double scale;
  std::uint64_t bytes_a_worker;  // of workspace
  std::int64_t block;
  std::vector<Real> twiddles;
};

template <class Kernel>
class Convolution {
 public:
  using Real = typename Kernel::Real;

  // Blocks of a span.
  static constexpr std::int64_t kSpan = 4;
  // From a rank's steps to the next rank's: the block before and the span; not a power of two, so
  // that ranks don't fall into the same cache set.
  static constexpr std::int64_t stride_of(std::int64_t block) { return (1 + kSpan) * block + 16; }

  // One worker's scratch.
  struct Buffers {
    Buffers(sdk::Scratch& scratch, std::int64_t R, std::int64_t block)
        : k(scratch.take<Real>(R * stride_of(block))),
          v(scratch.take<Real>((1 + kSpan) * block * Kernel::columns())),
          row(scratch.take<Real>(std::max(R, Kernel::columns()))),
          state_in(scratch.take<Real>(R * Kernel::columns())),
          state(scratch.take<Real>(R * Kernel::columns())),
          carry(scratch.take<Real>(R * length_of(block) * Kernel::columns())),
          work(scratch.take<Real>(length_of(block) * Kernel::columns())),
          scores(scratch.take<Real>(4 * scores_stride(block))),
          spectrum(scratch.take<Real>(2 * length_of(block))),
          weights(scratch.take<Real>(block)),
          since(scratch.take<Real>(kSpan * block)) {
      for (Real*& rows : q) rows = scratch.take<Real>(R * stride_of(block));
      for (Real*& rows : out) rows = scratch.take<Real>((1 + kSpan) * block * Kernel::columns());
    }

    Real* k;               // [R, stride]: the steps of the block before and of the span
    Real* v;               // [block + span, panel]
    Real* row;             // a row of any tensor
    Real* state_in;        // [R, panel]
    Real* state;           // [R, panel]
    Real* carry;           // [R, length, panel]
    Real* work;            // [length, panel]
    Real* scores;          // [4, scores_stride]
    Real* spectrum;        // [length] pairs
    Real* weights;         // [block]: gamma^lag
    Real* since;           // [span]: gamma^(steps since the sequence began, and 1)
    Real* q[kMaxHeads];    // as k
    Real* out[kMaxHeads];  // as v
  };

  // A vector of scores may be longer than a block.
  static std::int64_t scores_stride(std::int64_t block) {
    return std::max(block, Kernel::columns());
  }

  static std::uint64_t bytes_a_worker(std::int64_t R, std::int64_t block) {
    sdk::Scratch count;
    Buffers(count, R, block);
    return count.bytes();
  }

  Convolution(const sdk::Exec& exec, const Config<Real>& config)
      : exec_(exec),
        shape_(exec.shape()),
        tensors_(exec),
        log_decay_(exec, config.decay_kind),
        config_(config),
        block_(config.block),
        span_(kSpan * config.block),
        stride_(stride_of(config.block)) {}

  static void execute(const sdk::Host& host, const sdk::Exec& exec, const Config<Real>& config) {
    const Convolution convolution(exec, config);
    const sdk::Shape& shape = convolution.shape_;
    const std::int64_t panels = (shape.D + Kernel::columns() - 1) / Kernel::columns();
    host.parallel_for(shape.sequences * shape.Hs * panels, 1,
                      [&](std::int64_t begin, std::int64_t end, std::int32_t worker) {
                        sdk::Scratch scratch(exec.workspace() + static_cast<std::uint64_t>(worker) *
                                                                    config.bytes_a_worker);
                        const Buffers buffers(scratch, shape.R, config.block);
                        for (std::int64_t item = begin; item < end; ++item) {
                          const std::int64_t first = item % panels * Kernel::columns();
                          convolution.run({item / panels / shape.Hs, item / panels % shape.Hs,
                                           first, std::min(Kernel::columns(), shape.D - first)},
                                          buffers);
                        }
                      });
  }

 private:
  // A piece of the work.
  struct Piece {
    std::int64_t index;         // of the sequence
    std::int64_t s;             // state head
    std::int64_t first, count;  // columns of D
  };

  // The steps [begin, begin + count) of the batch entry b: a span.
  struct Span {
    std::int64_t b, begin, count;
    std::int64_t blocks;  // that they fill or begin
    bool is_first;        // of its sequence: no block before it
  };

  // The output heads [first, first + count).
  struct Heads {
    std::int64_t first;
    int count;
  };

  void run(const Piece& piece, const Buffers& buffers) const {
    const sdk::Sequence sequence = exec_.sequence(piece.index);
    const bool has_decay = sequence.length() > 0 && shape_.R > 0;
    const double g = has_decay
                         ? log_decay_.at(sequence.batch, shape_.state_source(piece.s, shape_.Hg),
                                         sequence.begin, 0)
                         : 0;
    load_state(piece, buffers);
    for (std::int64_t lag = 0; lag < block_; ++lag) buffers.weights[lag] = power(g, lag);
    if (std::isfinite(g)) decay_spectrum(g, length_of(block_), buffers.spectrum);

    // The output heads that read this state, a few at a time; each time it is convolved anew.
    // state_out may be state_in's memory, which has been read.
    const std::int64_t group = tensors_.out ? shape_.group() : 0;
    std::int64_t done = 0;
    do {
      const Heads heads{piece.s * shape_.group() + done,
                        static_cast<int>(std::min<std::int64_t>(kMaxHeads, group - done))};
      for (std::int64_t t = sequence.begin; t < sequence.end; t += span_) {
        const Span span = span_at(sequence, t);
        load_k_and_v(piece, span, buffers);
        if (heads.count > 0) write_out(piece, span, heads, g, t - sequence.begin, buffers);
        if (done == 0 && tensors_.state_out) advance_state(span, g, buffers);
      }
      done += heads.count;
    } while (done < group);
    if (tensors_.state_out) store_state(piece, buffers);
  }

  Span span_at(const sdk::Sequence& sequence, std::int64_t t) const {
    const std::int64_t count = std::min(span_, sequence.end - t);
    return {sequence.batch, t, count, (count + block_ - 1) / block_, t == sequence.begin};
  }

  // gamma^steps; gamma = 0 has the power 0, too.
  static Real power(double g, std::int64_t steps) {
    using Wide = sdk::Wide<Real>;
    return steps == 0
               ? Real(1)
               : static_cast<Real>(std::exp(static_cast<Wide>(steps) * static_cast<Wide>(g)));
  }

  static sdk::SplitDecay<Real> split_power(double g, std::int64_t steps) {
    using Wide = sdk::Wide<Real>;
    const Wide whole = std::exp(static_cast<Wide>(steps) * static_cast<Wide>(g));
    const auto high = static_cast<Real>(whole);
    return {high, static_cast<Real>(whole - static_cast<Wide>(high))};
  }

  static std::byte* columns_of(const Piece& piece, const sdk::TensorView& tensor, std::int64_t i,
                               std::int64_t j, std::int64_t k) {
    return tensor.row(i, j, k) + piece.first * sdk::dtype_bytes(tensor.dtype());
  }

  void load_state(const Piece& piece, const Buffers& buffers) const {
    const std::int64_t width = Kernel::columns();
    std::fill(buffers.state_in, buffers.state_in + shape_.R * width, Real(0));
    for (std::int64_t r = 0; r < shape_.R && tensors_.state_in; ++r) {
      sdk::load_row(tensors_.state_in->dtype(),
                    columns_of(piece, *tensors_.state_in, piece.index, piece.s, r),
                    buffers.state_in + r * width, piece.count);
    }
    std::copy(buffers.state_in, buffers.state_in + shape_.R * width, buffers.state);
  }

  void store_state(const Piece& piece, const Buffers& buffers) const {
    for (std::int64_t r = 0; r < shape_.R; ++r) {
      sdk::store_row(tensors_.state_out->dtype(), buffers.state + r * Kernel::columns(),
                     columns_of(piece, *tensors_.state_out, piece.index, piece.s, r), piece.count);
    }
  }

  // to [R, stride] = the span's steps of a head, by rank, from block_ on, and zeros to the end of
  // the last block.
  void load_by_rank(const sdk::TensorView& tensor, const Span& span, std::int64_t head,
                    const Buffers& buffers, Real* to) const {
    const std::int64_t R = shape_.R;
    if (R == 0) return;  // the tensor may have no memory to point into
    for (std::int64_t t = 0; t < span.count; ++t) {
      Kernel::load_row(tensor.dtype(), tensor.row(span.b, head, span.begin + t), buffers.row, R);
      Real* const at = to + block_ + t;
      for (std::int64_t r = 0; r < R; ++r) at[r * stride_] = buffers.row[r];
    }
    for (std::int64_t r = 0; r < R; ++r) {
      Real* const row = to + r * stride_ + block_;
      std::fill(row + span.count, row + span.blocks * block_, Real(0));
    }
  }

  // After the last block of the span before, which was full.
  void load_k_and_v(const Piece& piece, const Span& span, const Buffers& buffers) const {
    const std::int64_t width = Kernel::columns();
    if (!span.is_first) {
      for (std::int64_t r = 0; r < shape_.R; ++r) {
        std::copy_n(buffers.k + r * stride_ + span_, block_, buffers.k + r * stride_);
      }
      std::copy_n(buffers.v + span_ * width, block_ * width, buffers.v);
    }
    load_by_rank(tensors_.k, span, shape_.state_source(piece.s, shape_.Hk), buffers, buffers.k);
    const std::int64_t head = shape_.state_source(piece.s, shape_.Hv);
    Real* at = buffers.v + block_ * width;
    for (std::int64_t t = 0; t < span.count; ++t, at += width) {
      Kernel::load_row(tensors_.v.dtype(),
                       columns_of(piece, tensors_.v, span.b, head, span.begin + t), at,
                       piece.count);
      std::fill(at + piece.count, at + width, Real(0));
    }
    std::fill(at, buffers.v + (1 + span.blocks) * block_ * width, Real(0));
  }

  // `since` steps of the sequence lie before the span.
  void write_out(const Piece& piece, const Span& span, const Heads& heads, double g,
                 std::int64_t since, const Buffers& buffers) const {
    const std::int64_t width = Kernel::columns();
    for (int i = 0; i < heads.count; ++i) {
      load_by_rank(tensors_.q, span, shape_.shared(heads.first + i, shape_.Hq), buffers,
                   buffers.q[i]);
      std::fill(buffers.out[i], buffers.out[i] + span.blocks * block_ * width, Real(0));
    }
    // gamma = 0 forgets the past exactly, however large it is.
    if (std::exp(g) > 0) convolve(span, heads, g, buffers);
    if (tensors_.state_in) {
      for (std::int64_t t = 0; t < span_; ++t) {
        buffers.since[t] = t < span.count ? power(g, since + t + 1) : Real(0);
      }
    }
    for (int i = 0; i < heads.count; ++i) {
      // Without ranks out is 0, whatever v holds.
      for (std::int64_t block = 0; block < span.blocks && shape_.R > 0; ++block) {
        const DirectArgs<Real> args = direct(block, i, buffers);
        if (tensors_.state_in) {
          Kernel::add_state(args, buffers.state_in, buffers.since + block * block_);
        }
        Kernel::add_diagonal(args, std::min(block_, span.count - block * block_));
      }
      store_out(piece, span, heads.first + i, buffers.out[i]);
    }
  }

  void store_out(const Piece& piece, const Span& span, std::int64_t h, Real* out) const {
    const auto scale = static_cast<Real>(config_.scale);
    for (std::int64_t t = 0; t < span.count; ++t, out += Kernel::columns()) {
      for (std::int64_t d = 0; d < piece.count; ++d) out[d] *= scale;
      Kernel::store_row(tensors_.out->dtype(), out,
                        columns_of(piece, *tensors_.out, span.b, h, span.begin + t), piece.count);
    }
  }

  void convolve(const Span& span, const Heads& heads, double g, const Buffers& buffers) const {
    const std::int64_t width = Kernel::columns();
    BlockArgs<Real> args{};
    args.length = length_of(block_);
    args.heads = heads.count;
    args.twiddles = config_.twiddles.data();
    args.spectrum = buffers.spectrum;
    args.decay = split_power(g, block_);
    args.work = buffers.work;
    for (std::int64_t r = 0; r < shape_.R; ++r) {
      args.carry = buffers.carry + r * length_of(block_) * width;
      args.first = span.is_first;
      for (std::int64_t block = span.is_first ? 1 : 0; block < span.blocks; ++block) {
        args.k = buffers.k + r * stride_ + block * block_;
        args.v = buffers.v + block * block_ * width;
        for (int i = 0; i < heads.count; ++i) {
          args.q[i] = buffers.q[i] + r * stride_ + (block + 1) * block_;
          args.out[i] = buffers.out[i] + block * block_ * width;
        }
        Kernel::convolve(args);
        args.first = false;
      }
    }
  }

  void advance_state(const Span& span, double g, const Buffers& buffers) const {
    for (std::int64_t block = 0; block < span.blocks; ++block) {
      const std::int64_t steps = std::min(block_, span.count - block * block_);
      Kernel::advance_state(direct(block, 0, buffers), steps, split_power(g, steps), buffers.state);
    }
  }

  DirectArgs<Real> direct(std::int64_t block, int i, const Buffers& buffers) const {
    return {.block = block_,
            .k = buffers.k + (block + 1) * block_,
            .q = buffers.q[i] + (block + 1) * block_,
            .stride = stride_,
            .R = shape_.R,
            .v = buffers.v + (block + 1) * block_ * Kernel::columns(),
            .out = buffers.out[i] + block * block_ * Kernel::columns(),
            .weights = buffers.weights,
            .work = buffers.scores,
            .work_stride = scores_stride(block_)};
  }

  const sdk::Exec& exec_;
  sdk::Shape shape_;
  sdk::Operands tensors_;
  sdk::LogDecay log_decay_;
  const Config<Real>& config_;
  std::int64_t block_;   // steps of a block,
  std::int64_t span_;    // of a span
  std::int64_t stride_;  // and between ranks
};

}  // namespace leet::plugin_fft
#endif  // LEET_PLUGINS_FFT_CONVOLUTION_HPP
