// SPDX-License-Identifier: Apache-2.0
//
// O = scale sum_r Q_r o dcumsum(K_r o V) without the intermediate [R, N, D]: tiles of ranks x
// columns of the sums stay in registers (sweep-inl.hpp) while the steps of a block go by.
//
//     for a piece of the work: a sequence, a state head, some panels of columns
//       for a block of steps                        o of the block = 0
//         for a panel
//           v of the block, weighted (head_decay.hpp)
//           for a tile of ranks:  sweep the block
//           out = weighted o
//
// o is summed over the ranks in one order, whatever the cut into pieces, so the result doesn't
// depend on the threads. Agrees with fleet_cpu.cpp up to rounding.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "fleet_simd.cpp"
#include "fleet_simd.hpp"

#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <leet/cpu/rows-inl.hpp>
#include <leet/plugin/log_decay.hpp>
#include <leet/plugin/scratch.hpp>

#include "head_decay.hpp"
#include "sweep-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace leet::plugin_fleet {
namespace HWY_NAMESPACE {

using cpu::HWY_NAMESPACE::narrow_row;
using cpu::HWY_NAMESPACE::widen_row;

// One worker's scratch.
struct Buffers {
  Buffers(sdk::Scratch& scratch, const sdk::Shape& shape)
      : sums(scratch.take<float>((shape.D + panel_columns() - 1) / panel_columns() *
                                 panel_columns() * shape.R)),
        k(scratch.take<float>(kBlockSteps * shape.R)),
        v(scratch.take<float>(kBlockSteps * panel_columns())),
        v_weight(scratch.take<float>(kBlockSteps)),
        out_weight(scratch.take<float>(kBlockSteps)),
        row(scratch.take<float>(panel_columns())) {
    for (float*& rows : q) rows = scratch.take<float>(kBlockSteps * shape.R);
    for (float*& rows : out) rows = scratch.take<float>(kBlockSteps * panel_columns());
  }

  float* sums;            // [panels, R, panel]
  float* k;               // [steps, R], where the caller's is not f32
  float* v;               // [steps, panel], weighted
  float* v_weight;        // [steps]
  float* out_weight;      // [steps]
  float* row;             // [panel]
  float* q[kMaxHeads];    // [steps, R] each, where the caller's is not f32
  float* out[kMaxHeads];  // [steps, panel] each
};

// A piece of the work. Columns begin at a panel.
struct Piece {
  std::int64_t index;         // of the sequence
  std::int64_t s;             // state head
  std::int64_t first, count;  // columns of D
};

// Rows [steps, columns] of a tensor: where the first begins, and the bytes from one to the next.
struct Span {
  std::byte* first;
  std::int64_t stride;
  leet_dtype dtype;

  std::byte* row(std::int64_t t) const { return first + t * stride; }
};

// to = row weight, `count` elements.
inline void weight_row(const float* HWY_RESTRICT row, float weight, float* HWY_RESTRICT to,
                       std::int64_t count) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::Mul(hn::Set(d, weight), hn::LoadU(d, row + i)), d, to + i);
  }
  for (; i < count; ++i) to[i] = row[i] * weight;
}

// to [steps, panel] = from * weight, by rows; zeros beyond `columns`.
HWY_NOINLINE void load_weighted(const Span& from, const float* weight, std::int64_t steps,
                                std::int64_t columns, float* HWY_RESTRICT to, float* row) {
  const std::int64_t width = panel_columns();
  const bool f32 = sdk::same(from.dtype, sdk::kF32);
  for (std::int64_t c = 0; c < steps; ++c, to += width) {
    const auto* source = reinterpret_cast<const float*>(from.row(c));
    if (!f32) {
      widen_row(from.dtype, from.row(c), row, columns);
      source = row;
    }
    weight_row(source, weight[c], to, columns);
    if (columns < width) std::fill(to + columns, to + width, 0.0F);
  }
}

// to = from [steps, panel] * weight, by rows.
HWY_NOINLINE void store_weighted(const float* HWY_RESTRICT from, const float* weight,
                                 std::int64_t steps, std::int64_t columns, const Span& to,
                                 float* row) {
  const bool f32 = sdk::same(to.dtype, sdk::kF32);
  for (std::int64_t c = 0; c < steps; ++c, from += panel_columns()) {
    weight_row(from, weight[c], f32 ? reinterpret_cast<float*>(to.row(c)) : row, columns);
    if (!f32) narrow_row(to.dtype, row, to.row(c), columns);
  }
}

class Fleet {
 public:
  Fleet(const sdk::Exec& exec, const Config& config)
      : exec_(exec),
        shape_(exec.shape()),
        tensors_(exec),
        log_decay_(exec, config.decay_kind),
        scale_(config.scale) {}

  void run(const Piece& piece, const Buffers& buffers) const {
    const sdk::Sequence sequence = exec_.sequence(piece.index);
    const double g = sequence.length() == 0
                         ? 0
                         : log_decay_.at(sequence.batch, shape_.state_source(piece.s, shape_.Hg),
                                         sequence.begin, 0);
    const HeadDecay decay(g, scale_, sequence.length(), buffers.v_weight, buffers.out_weight);
    // The output heads that read these sums, a few at a time; each time the sums are computed anew.
    // state_out may be state_in's memory, so it is written with the last of them.
    const std::int64_t end = (piece.s + 1) * shape_.group();
    std::int64_t h = piece.s * shape_.group();
    std::int64_t since = 0;
    do {
      const int heads = static_cast<int>(std::min<std::int64_t>(kMaxHeads, end - h));
      load_state(piece, buffers);
      since = walk(piece, sequence, decay, h, tensors_.out ? heads : 0, buffers);
      h += heads;
    } while (tensors_.out && h < end);
    if (tensors_.state_out) {
      store_state(piece, since == 0 ? sdk::SplitDecay<float>{1, 0} : decay.leaving(since), buffers);
    }
  }

 private:
  float* panel(const Buffers& buffers, std::int64_t column) const {
    return buffers.sums + column * shape_.R;
  }

  void load_state(const Piece& piece, const Buffers& buffers) const {
    const std::int64_t width = panel_columns();
    for (std::int64_t j = 0; j < piece.count; j += width) {
      const std::int64_t columns = std::min(width, piece.count - j);
      float* row = panel(buffers, j);
      if (!tensors_.state_in || columns < width) {
        std::memset(row, 0, sizeof(float) * static_cast<std::size_t>(shape_.R * width));
      }
      for (std::int64_t r = 0; r < shape_.R && tensors_.state_in; ++r, row += width) {
        const auto* const from =
            reinterpret_cast<const float*>(tensors_.state_in->row(piece.index, piece.s, r));
        std::copy_n(from + piece.first + j, columns, row);
      }
    }
  }

  void store_state(const Piece& piece, sdk::SplitDecay<float> factor,
                   const Buffers& buffers) const {
    const std::int64_t width = panel_columns();
    for (std::int64_t j = 0; j < piece.count; j += width) {
      const float* row = panel(buffers, j);
      for (std::int64_t r = 0; r < shape_.R; ++r, row += width) {
        auto* const to = reinterpret_cast<float*>(tensors_.state_out->row(piece.index, piece.s, r));
        scale_row(row, factor, to + piece.first + j, std::min(width, piece.count - j));
      }
    }
  }

  // All steps of a sequence for the output heads [h, h + heads). Gives the steps of the last block.
  std::int64_t walk(const Piece& piece, const sdk::Sequence& sequence, const HeadDecay& decay,
                    std::int64_t h, int heads, const Buffers& buffers) const {
    SweepArgs args{};
    args.gamma = decay.gamma();
    args.v = buffers.v;
    for (int i = 0; i < heads; ++i) args.out[i] = buffers.out[i];
    const std::int64_t v_head = shape_.state_source(piece.s, shape_.Hv);
    std::int64_t since = 1;
    for (std::int64_t t = sequence.begin; t < sequence.end; t += since) {
      args.rescale = decay.entering(since);
      args.steps = std::min(decay.period(), sequence.end - t);
      args.k = rows(tensors_.k, sequence.batch, shape_.state_source(piece.s, shape_.Hk), t,
                    args.steps, buffers.k);
      for (int i = 0; i < heads; ++i) {
        args.q[i] = rows(tensors_.q, sequence.batch, shape_.shared(h + i, shape_.Hq), t, args.steps,
                         buffers.q[i]);
      }
      Ahead ahead = rows_of_next(piece, sequence.batch, t + args.steps, h, heads);
      for (std::int64_t j = 0; j < piece.count; j += panel_columns()) {
        const std::int64_t column = piece.first + j;
        const std::int64_t columns = std::min(panel_columns(), piece.count - j);
        args.sums = panel(buffers, j);
        load_weighted(span(tensors_.v, sequence.batch, v_head, t, column), buffers.v_weight,
                      args.steps, columns, buffers.v, buffers.row);
        sweep_panel(args, heads, decay.stepwise(), ahead);
        for (int i = 0; i < heads; ++i) {
          store_weighted(buffers.out[i], buffers.out_weight, args.steps, columns,
                         span(*tensors_.out, sequence.batch, h + i, t, column), buffers.row);
        }
      }
      since = args.steps;
    }
    return sequence.length() == 0 ? 0 : since;
  }

  // The rows of a block, the caller's own where they are f32.
  Rows rows(const sdk::TensorView& tensor, std::int64_t b, std::int64_t head, std::int64_t t,
            std::int64_t steps, float* buffer) const {
    if (sdk::same(tensor.dtype(), sdk::kF32)) {
      return {reinterpret_cast<const float*>(tensor.row(b, head, t)), tensor.stride(2)};
    }
    for (std::int64_t c = 0; c < steps; ++c) {
      widen_row(tensor.dtype(), tensor.row(b, head, t + c), buffer + c * shape_.R, shape_.R);
    }
    return {buffer, shape_.R};
  }

  // The rows from step t on of all that this piece reads and writes.
  Ahead rows_of_next(const Piece& piece, std::int64_t b, std::int64_t t, std::int64_t h,
                     int heads) const {
    Ahead ahead;
    const auto add = [&](const sdk::TensorView& tensor, std::int64_t head, std::int64_t first,
                         std::int64_t count) {
      const Span rows = span(tensor, b, head, t, first);
      ahead.add(rows.first, rows.stride, count * sdk::dtype_bytes(rows.dtype));
    };
    add(tensors_.k, shape_.state_source(piece.s, shape_.Hk), 0, shape_.R);
    add(tensors_.v, shape_.state_source(piece.s, shape_.Hv), piece.first, piece.count);
    for (int i = 0; i < heads; ++i) {
      add(tensors_.q, shape_.shared(h + i, shape_.Hq), 0, shape_.R);
      add(*tensors_.out, h + i, piece.first, piece.count);
    }
    return ahead;
  }

  static Span span(const sdk::TensorView& tensor, std::int64_t b, std::int64_t head, std::int64_t t,
                   std::int64_t column) {
    const std::int64_t bytes = sdk::dtype_bytes(tensor.dtype());
    return {tensor.row(b, head, t) + column * bytes, tensor.stride(2) * bytes, tensor.dtype()};
  }

  template <int kHeads>
  void sweep_heads(const SweepArgs& args, bool stepwise, Ahead& ahead) const {
    for (int i = 0; i < kHeads; ++i) {
      std::fill(args.out[i], args.out[i] + args.steps * panel_columns(), 0.0F);
    }
    if (stepwise) {
      sweep_ranks<kHeads, true>(args, shape_.R, ahead);
    } else {
      sweep_ranks<kHeads, false>(args, shape_.R, ahead);
    }
  }

  void sweep_panel(const SweepArgs& args, int heads, bool stepwise, Ahead& ahead) const {
    switch (heads) {
      case 0:
        return sweep_heads<0>(args, stepwise, ahead);
      case 1:
        return sweep_heads<1>(args, stepwise, ahead);
      case 2:
        return sweep_heads<2>(args, stepwise, ahead);
      case 3:
        return sweep_heads<3>(args, stepwise, ahead);
      default:
        return sweep_heads<4>(args, stepwise, ahead);
    }
  }

  const sdk::Exec& exec_;
  sdk::Shape shape_;
  sdk::Operands tensors_;
  sdk::LogDecay log_decay_;
  double scale_;
};

std::uint64_t bytes_a_worker(const sdk::Shape& shape) {
  sdk::Scratch count;
  Buffers(count, shape);
  return count.bytes();
}

void execute(const sdk::Host& host, const sdk::Exec& exec, const Config& config) {
  const sdk::Shape& shape = exec.shape();
  const Fleet fleet(exec, config);
  // Columns are split only as far as it takes to keep every worker busy: each cut reads k and q
  // again.
  const std::int64_t panels = (shape.D + panel_columns() - 1) / panel_columns();
  const std::int64_t heads = shape.sequences * shape.Hs;
  const std::int64_t workers = host.concurrency();
  const bool even = heads >= workers && heads % workers == 0;
  const std::int64_t cuts =
      even || heads == 0 ? 1 : std::min(panels, (2 * workers + heads - 1) / heads);
  const std::int64_t columns = (panels + cuts - 1) / cuts * panel_columns();
  const std::int64_t pieces = (shape.D + columns - 1) / columns;
  host.parallel_for(
      heads * pieces, 1, [&](std::int64_t begin, std::int64_t end, std::int32_t worker) {
        sdk::Scratch scratch(exec.workspace() +
                             static_cast<std::uint64_t>(worker) * config.bytes_a_worker);
        const Buffers buffers(scratch, shape);
        for (std::int64_t item = begin; item < end; ++item) {
          const std::int64_t first = item % pieces * columns;
          fleet.run({item / pieces / shape.Hs, item / pieces % shape.Hs, first,
                     std::min(columns, shape.D - first)},
                    buffers);
        }
      });
}

const char* target_name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace HWY_NAMESPACE
}  // namespace leet::plugin_fleet
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leet::plugin_fleet {

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

}  // namespace leet::plugin_fleet
#endif
