// SPDX-License-Identifier: Apache-2.0
//
// S_t = exp(g_t) S_{t-1} + k_t v_t^T, o_t = scale q_t S_t, in blocks of steps over which the decay
// is deferred (deferral.hpp) and panels of the state's columns that stay in the first-level cache
// (sweep-inl.hpp).
//
//     for a piece of the work: a sequence, a state head, some panels
//       for a block of steps
//         weights of the block; rows of k and q as f32 (the caller's own where they are)
//         for a panel of columns:  sweep the block's steps over it
//
// What is computed for a column is the same whatever the cut into pieces, so the result doesn't
// depend on the threads. Agrees with recurrent_cpu.cpp up to rounding.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "recurrent_simd.cpp"
#include "recurrent_simd.hpp"

#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <leet/cpu/rows-inl.hpp>
#include <leet/plugin/scratch.hpp>

#include "channel_deferral-inl.hpp"
#include "decode-inl.hpp"
#include "deferral.hpp"
#include "sweep-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace leet::plugin_recurrent {
namespace HWY_NAMESPACE {

using cpu::HWY_NAMESPACE::narrow_row;
using cpu::HWY_NAMESPACE::widen_row;

// One worker's scratch.
struct Buffers {
  Buffers(sdk::Scratch& scratch, const sdk::Shape& shape)
      : state(scratch.take<float>((shape.D + panel_columns() - 1) / panel_columns() *
                                  panel_columns() * shape.R)),
        k(scratch.take<float>(kBlockSteps * shape.R)),
        v(scratch.take<float>(kBlockSteps * panel_columns())),
        v_weight(scratch.take<float>(kBlockSteps)),
        out_weight(scratch.take<float>(kBlockSteps)),
        rescale_high(scratch.take<float>(shape.R)),
        rescale_low(scratch.take<float>(shape.R)),
        channel(scratch, shape.R),
        decode(scratch, shape) {
    for (float*& rows : q) rows = scratch.take<float>(kBlockSteps * shape.R);
    for (float*& rows : out) rows = scratch.take<float>(kBlockSteps * panel_columns());
  }

  float* state;         // [panels, R, panel]
  float* k;             // [steps, R]
  float* v;             // [steps, panel]
  float* v_weight;      // [steps]
  float* out_weight;    // [steps]
  float* rescale_high;  // [R]
  float* rescale_low;   // [R]
  ChannelBuffers channel;
  DecodeBuffers decode;
  float* q[kMaxHeads];    // [steps, R] each
  float* out[kMaxHeads];  // [steps, panel] each
};

// A piece of the work. Columns begin at a panel.
struct Piece {
  std::int64_t index;         // of the sequence
  std::int64_t s;             // state head
  std::int64_t first, count;  // columns of D
};

template <int kHeads>
void sweep_block(const SweepArgs& args, std::int64_t steps, bool rescale) {
  constexpr int kTokens = tokens_at_once(kHeads);
  std::int64_t t = 0;
  if (rescale) {
    if (steps >= kTokens) {
      sweep<kTokens, kHeads, true>(args, 0, 1);
      t = kTokens;
    } else {
      sweep<1, kHeads, true>(args, 0, 1);
      t = 1;
    }
  }
  const std::int64_t groups = (steps - t) / kTokens;
  sweep<kTokens, kHeads, false>(args, t, groups);
  t += groups * kTokens;
  sweep<1, kHeads, false>(args, t, steps - t);
}

class Recurrence {
 public:
  Recurrence(const sdk::Exec& exec, const Config& config)
      : exec_(exec),
        shape_(exec.shape()),
        tensors_(exec),
        log_decay_(exec, config.decay_kind),
        by_channel_(config.decay_kind == LEET_DECAY_CHANNEL),
        scale_(config.scale) {}

  void run(const Piece& piece, const Buffers& buffers) const {
    const sdk::Sequence sequence = exec_.sequence(piece.index);
    if (sequence.length() == 1 && tensors_.state_out) {
      decode(piece, sequence, buffers);
      return;
    }
    // The output heads that read this state, a few at a time; each time the state is computed anew.
    // state_out may be state_in's memory, so it is written with the last of them.
    const std::int64_t end = (piece.s + 1) * shape_.group();
    std::int64_t h = piece.s * shape_.group();
    do {
      const int heads = static_cast<int>(std::min<std::int64_t>(kMaxHeads, end - h));
      load_state(piece, buffers);
      walk(piece, sequence, h, tensors_.out ? heads : 0, buffers);
      h += heads;
    } while (tensors_.out && h < end);
    if (tensors_.state_out) store_state(piece, buffers);
  }

 private:
  float* panel(const Buffers& buffers, std::int64_t column) const {
    return buffers.state + column * shape_.R;
  }

  void load_state(const Piece& piece, const Buffers& buffers) const {
    const std::int64_t width = panel_columns();
    for (std::int64_t j = 0; j < piece.count; j += width) {
      const std::int64_t columns = std::min(width, piece.count - j);
      float* row = panel(buffers, j);
      if (!tensors_.state_in || columns < width)
        std::memset(row, 0, sizeof(float) * static_cast<std::size_t>(shape_.R * width));
      for (std::int64_t r = 0; r < shape_.R && tensors_.state_in; ++r, row += width) {
        std::memcpy(row, tensors_.state_in->row(piece.index, piece.s, r) + (piece.first + j) * 4,
                    sizeof(float) * static_cast<std::size_t>(columns));
      }
    }
  }

  void store_state(const Piece& piece, const Buffers& buffers) const {
    const std::int64_t width = panel_columns();
    for (std::int64_t j = 0; j < piece.count; j += width) {
      const std::int64_t columns = std::min(width, piece.count - j);
      const float* row = panel(buffers, j);
      for (std::int64_t r = 0; r < shape_.R; ++r, row += width) {
        const float high = buffers.rescale_high[r];
        const float low = buffers.rescale_low[r];
        auto* to = reinterpret_cast<float*>(tensors_.state_out->row(piece.index, piece.s, r)) +
                   piece.first + j;
        scale_row(row, high, low, to, columns);
      }
    }
  }

  void set_rescale(sdk::SplitDecay<float> factor, const Buffers& buffers) const {
    std::fill(buffers.rescale_high, buffers.rescale_high + shape_.R, factor.high);
    std::fill(buffers.rescale_low, buffers.rescale_low + shape_.R, factor.low);
  }

  // All steps of a sequence for the output heads [h, h + heads). Leaves what the state is still to
  // be multiplied by in the rescale arrays.
  void walk(const Piece& piece, const sdk::Sequence& sequence, std::int64_t h, int heads,
            const Buffers& buffers) const {
    const std::int64_t g = shape_.state_source(piece.s, shape_.Hg);
    if (by_channel_) {
      ChannelDeferral deferral(log_decay_, sequence.batch, g, shape_.R, buffers.channel);
      std::fill(buffers.v_weight, buffers.v_weight + kBlockSteps, 1.0F);
      std::fill(buffers.out_weight, buffers.out_weight + kBlockSteps, static_cast<float>(scale_));
      for (std::int64_t t = sequence.begin; t < sequence.end;) {
        deferral.begin(t, buffers.rescale_high, buffers.rescale_low);
        std::int64_t steps = 0;
        while (steps < kBlockSteps && t + steps < sequence.end && deferral.advance(t + steps)) {
          widen_row(
              tensors_.k.dtype(),
              tensors_.k.row(sequence.batch, shape_.state_source(piece.s, shape_.Hk), t + steps),
              buffers.k + steps * shape_.R, shape_.R);
          deferral.grow(buffers.k + steps * shape_.R);
          for (int i = 0; i < heads; ++i) {
            float* const q = buffers.q[i] + steps * shape_.R;
            widen_row(tensors_.q.dtype(),
                      tensors_.q.row(sequence.batch, shape_.shared(h + i, shape_.Hq), t + steps), q,
                      shape_.R);
            deferral.shrink(q);
          }
          ++steps;
        }
        sweep_panels(piece, sequence.batch, t, steps, h, heads, true, buffers);
        t += steps;
      }
      deferral.remainder(buffers.rescale_high, buffers.rescale_low);
    } else {
      SharedDeferral deferral(log_decay_, sequence.batch, g, scale_, buffers.v_weight,
                              buffers.out_weight);
      for (std::int64_t t = sequence.begin; t < sequence.end;) {
        const std::int64_t steps = deferral.next(t, sequence.end - t);
        const bool rescale = deferral.rescale().high != 1 || deferral.rescale().low != 0;
        if (rescale) set_rescale(deferral.rescale(), buffers);
        widen_block(piece, sequence.batch, t, steps, h, heads, buffers);
        sweep_panels(piece, sequence.batch, t, steps, h, heads, rescale, buffers);
        t += steps;
      }
      set_rescale(deferral.remainder(), buffers);
    }
  }

  // The rows of k and q that are not f32.
  void widen_block(const Piece& piece, std::int64_t b, std::int64_t t, std::int64_t steps,
                   std::int64_t h, int heads, const Buffers& buffers) const {
    const std::int64_t R = shape_.R;
    for (std::int64_t c = 0; c < steps && !is_f32(tensors_.k); ++c) {
      widen_row(tensors_.k.dtype(),
                tensors_.k.row(b, shape_.state_source(piece.s, shape_.Hk), t + c),
                buffers.k + c * R, R);
    }
    for (int i = 0; i < heads && !is_f32(tensors_.q); ++i) {
      for (std::int64_t c = 0; c < steps; ++c) {
        widen_row(tensors_.q.dtype(), tensors_.q.row(b, shape_.shared(h + i, shape_.Hq), t + c),
                  buffers.q[i] + c * R, R);
      }
    }
  }

  static bool is_f32(const sdk::TensorView& tensor) { return sdk::same(tensor.dtype(), sdk::kF32); }

  static Rows rows_of(const sdk::TensorView& tensor, std::int64_t b, std::int64_t head,
                      std::int64_t t, std::int64_t column = 0) {
    return {reinterpret_cast<const float*>(tensor.row(b, head, t)) + column, tensor.stride(2)};
  }

  void sweep_panels(const Piece& piece, std::int64_t b, std::int64_t t, std::int64_t steps,
                    std::int64_t h, int heads, bool rescale, const Buffers& buffers) const {
    const std::int64_t width = panel_columns();
    const std::int64_t kh = shape_.state_source(piece.s, shape_.Hk);
    const std::int64_t vh = shape_.state_source(piece.s, shape_.Hv);
    SweepArgs args{};
    args.R = shape_.R;
    args.k = is_f32(tensors_.k) && !by_channel_ ? rows_of(tensors_.k, b, kh, t)
                                                : Rows{buffers.k, shape_.R};
    for (int i = 0; i < heads; ++i) {
      args.q[i] = is_f32(tensors_.q) && !by_channel_
                      ? rows_of(tensors_.q, b, shape_.shared(h + i, shape_.Hq), t)
                      : Rows{buffers.q[i], shape_.R};
    }
    args.v_weight = buffers.v_weight;
    args.out_weight = buffers.out_weight;
    args.rescale_high = buffers.rescale_high;
    args.rescale_low = buffers.rescale_low;

    for (std::int64_t j = 0; j < piece.count; j += width) {
      const std::int64_t columns = std::min(width, piece.count - j);
      const std::int64_t column = piece.first + j;
      args.state = panel(buffers, j);
      if (is_f32(tensors_.v) && columns == width) {
        args.v = rows_of(tensors_.v, b, vh, t, column);
      } else {
        args.v = {buffers.v, width};
        for (std::int64_t c = 0; c < steps; ++c) {
          float* const to = buffers.v + c * width;
          widen_row(tensors_.v.dtype(),
                    tensors_.v.row(b, vh, t + c) + column * sdk::dtype_bytes(tensors_.v.dtype()),
                    to, columns);
          std::fill(to + columns, to + width, 0.0F);
        }
      }
      const bool direct = tensors_.out && is_f32(*tensors_.out) && columns == width;
      for (int i = 0; i < heads; ++i) {
        args.out[i] = direct ? reinterpret_cast<float*>(tensors_.out->row(b, h + i, t)) + column
                             : buffers.out[i];
      }
      args.out_stride = direct ? tensors_.out->stride(2) : width;
      sweep_heads(args, steps, heads, rescale);
      for (int i = 0; i < heads && !direct; ++i) {
        for (std::int64_t c = 0; c < steps; ++c) {
          narrow_row(
              tensors_.out->dtype(), buffers.out[i] + c * width,
              tensors_.out->row(b, h + i, t + c) + column * sdk::dtype_bytes(tensors_.out->dtype()),
              columns);
        }
      }
    }
  }

  static void sweep_heads(const SweepArgs& args, std::int64_t steps, int heads, bool rescale) {
    switch (heads) {
      case 0:
        return sweep_block<0>(args, steps, rescale);
      case 1:
        return sweep_block<1>(args, steps, rescale);
      case 2:
        return sweep_block<2>(args, steps, rescale);
      case 3:
        return sweep_block<3>(args, steps, rescale);
      default:
        return sweep_block<4>(args, steps, rescale);
    }
  }

  // One step: the state is streamed through once, from state_in to state_out.
  void decode(const Piece& piece, const sdk::Sequence& sequence, const Buffers& buffers) const {
    const std::int64_t b = sequence.batch;
    const std::int64_t t = sequence.begin;
    const std::int64_t R = shape_.R;
    const DecodeBuffers& scratch = buffers.decode;
    widen_row(tensors_.k.dtype(), tensors_.k.row(b, shape_.state_source(piece.s, shape_.Hk), t),
              scratch.k, R);
    widen_row(tensors_.v.dtype(),
              tensors_.v.row(b, shape_.state_source(piece.s, shape_.Hv), t) +
                  piece.first * sdk::dtype_bytes(tensors_.v.dtype()),
              scratch.v, piece.count);
    log_decay_.row(b, shape_.state_source(piece.s, shape_.Hg), t, R, scratch.decay,
                   sdk::split_decay<float>);

    const std::int64_t heads = tensors_.out ? shape_.group() : 0;
    std::fill(scratch.out, scratch.out + heads * piece.count, 0.0F);
    for (std::int64_t i = 0; i < heads; ++i) {
      widen_row(tensors_.q.dtype(),
                tensors_.q.row(b, shape_.shared(piece.s * heads + i, shape_.Hq), t),
                scratch.q + i * R, R);
    }
    for (std::int64_t r = 0; r < R; ++r) {
      const auto* from =
          tensors_.state_in
              ? reinterpret_cast<const float*>(tensors_.state_in->row(piece.index, piece.s, r)) +
                    piece.first
              : nullptr;
      auto* to =
          reinterpret_cast<float*>(tensors_.state_out->row(piece.index, piece.s, r)) + piece.first;
      advance_row(from, scratch.decay[r], scratch.k[r], scratch.v, to, piece.count);
      for (std::int64_t i = 0; i < heads; ++i) {
        read_row(to, scratch.q[i * R + r], scratch.out + i * piece.count, piece.count);
      }
    }
    for (std::int64_t i = 0; i < heads; ++i) {
      float* const out = scratch.out + i * piece.count;
      for (std::int64_t d = 0; d < piece.count; ++d) out[d] *= static_cast<float>(scale_);
      narrow_row(tensors_.out->dtype(), out,
                 tensors_.out->row(b, piece.s * heads + i, t) +
                     piece.first * sdk::dtype_bytes(tensors_.out->dtype()),
                 piece.count);
    }
  }

  const sdk::Exec& exec_;
  sdk::Shape shape_;
  sdk::Operands tensors_;
  sdk::LogDecay log_decay_;
  bool by_channel_;
  double scale_;
};

std::uint64_t bytes_a_worker(const sdk::Shape& shape) {
  sdk::Scratch count;
  Buffers(count, shape);
  return count.bytes();
}

void execute(const sdk::Host& host, const sdk::Exec& exec, const Config& config) {
  const sdk::Shape& shape = exec.shape();
  const Recurrence recurrence(exec, config);
  // Columns are split only as far as it takes to keep every worker busy: each cut reads k and q
  // again.
  const std::int64_t panels = (shape.D + panel_columns() - 1) / panel_columns();
  const std::int64_t heads = shape.sequences * shape.Hs;
  const std::int64_t wanted = heads == 0 ? 1 : (2 * host.concurrency() + heads - 1) / heads;
  const std::int64_t cuts =
      heads >= host.concurrency() && heads % host.concurrency() == 0 ? 1 : std::min(panels, wanted);
  const std::int64_t columns = (panels + cuts - 1) / cuts * panel_columns();
  const std::int64_t pieces = (shape.D + columns - 1) / columns;
  host.parallel_for(
      heads * pieces, 1, [&](std::int64_t begin, std::int64_t end, std::int32_t worker) {
        sdk::Scratch scratch(exec.workspace() +
                             static_cast<std::uint64_t>(worker) * config.bytes_a_worker);
        const Buffers buffers(scratch, shape);
        for (std::int64_t item = begin; item < end; ++item) {
          const std::int64_t first = item % pieces * columns;
          recurrence.run({item / pieces / shape.Hs, item / pieces % shape.Hs, first,
                          std::min(columns, shape.D - first)},
                         buffers);
        }
      });
}

const char* target_name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace HWY_NAMESPACE
}  // namespace leet::plugin_recurrent
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leet::plugin_recurrent {

HWY_EXPORT(bytes_a_worker);
HWY_EXPORT(execute);
HWY_EXPORT(target_name);

std::uint64_t simd_bytes_a_worker(const sdk::Shape& shape) {
  return HWY_DYNAMIC_DISPATCH(bytes_a_worker)(shape);
}

void execute_simd(const sdk::Host& host, const sdk::Exec& exec, const Config& config) {
  HWY_DYNAMIC_DISPATCH(execute)(host, exec, config);
}

const char* simd_target() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

}  // namespace leet::plugin_recurrent
#endif
