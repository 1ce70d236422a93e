// SPDX-License-Identifier: Apache-2.0
//
// S_t = exp(g_t) S_{t-1} + k_t v_t^T, o_t = scale q_t S_t, literally.
//
// The plain kernel: f64 tensors, and whatever recurrent_simd.cpp does not take. The arithmetic is
// fp64 whatever the tensors, so that the error of a long memory, which grows with sqrt(N) because
// the state is rounded at every step, stays far below that of the fp32 kernel.
//
// The columns of S do not depend on each other, so the work is cut into (sequence, state head,
// kColumns columns); each piece keeps its tile of S, [R, kColumns], in the worker's scratch, walks
// through all of its sequence, and serves every output head that reads this state. What is computed
// for a column is the same whatever the cut and the number of workers.
//
// Bound: 4 R D flops for each step and head on a tile that stays in the first-level cache; for
// N = 1, reading and writing the state.
#include "recurrent_cpu.hpp"

#include <algorithm>
#include <cstddef>
#include <leet/plugin/decay.hpp>
#include <leet/plugin/dtype.hpp>
#include <leet/plugin/log_decay.hpp>
#include <leet/plugin/scratch.hpp>

namespace leet::plugin_recurrent {
namespace {

constexpr std::int64_t kColumns = 32;  // with R = 128 a tile is 32 KiB

// One worker's scratch.
struct Buffers {
  Buffers(sdk::Scratch& scratch, std::int64_t R)
      : state(scratch.take<double>(R * kColumns)),
        gamma(scratch.take<sdk::SplitDecay<double>>(R)),
        q(scratch.take<double>(R)),
        k(scratch.take<double>(R)),
        v(scratch.take<double>(kColumns)),
        out(scratch.take<double>(kColumns)) {}

  double* row(std::int64_t r) const { return state + r * kColumns; }

  double* state;                   // [R, kColumns]
  sdk::SplitDecay<double>* gamma;  // [R], of the current step
  double* q;                       // [R]
  double* k;                       // [R]
  double* v;                       // [kColumns]
  double* out;                     // [kColumns]
};

// Columns [first, first + count) of D.
struct Columns {
  std::int64_t first;
  std::int64_t count;

  std::byte* of(const sdk::TensorView& tensor, std::int64_t i, std::int64_t j,
                std::int64_t k) const {
    return tensor.row(i, j, k) + first * sdk::dtype_bytes(tensor.dtype());
  }
};

// s = gamma s + k v over one row of the tile. All loops over a tile's columns have kColumns turns,
// known to the compiler; the columns beyond D are zeros and are not stored.
void advance_row(double* __restrict s, const double* __restrict v, double k,
                 sdk::SplitDecay<double> gamma) {
  if (gamma.low == 0) {  // exact; and an infinite s does not become NaN
    for (std::int64_t d = 0; d < kColumns; ++d) s[d] = s[d] * gamma.high + k * v[d];
  } else {
    for (std::int64_t d = 0; d < kColumns; ++d) s[d] = sdk::advance(s[d], gamma, k * v[d]);
  }
}

// out = scale q S over the tile. Rows are added in the order of r, four in one pass over out.
void read_state(const Buffers& buffers, std::int64_t R, double scale) {
  const double* const q = buffers.q;
  double out[kColumns] = {};
  const std::int64_t fours = R / 4 * 4;
  for (std::int64_t r = 0; r < fours; r += 4) {
    const double* const s = buffers.row(r);
    for (std::int64_t d = 0; d < kColumns; ++d) {
      double sum = out[d];
      sum += q[r] * s[d];
      sum += q[r + 1] * s[d + kColumns];
      sum += q[r + 2] * s[d + 2 * kColumns];
      sum += q[r + 3] * s[d + 3 * kColumns];
      out[d] = sum;
    }
  }
  for (std::int64_t r = fours; r < R; ++r) {
    const double* const s = buffers.row(r);
    for (std::int64_t d = 0; d < kColumns; ++d) out[d] += q[r] * s[d];
  }
  for (std::int64_t d = 0; d < kColumns; ++d) buffers.out[d] = scale * out[d];
}

// The tensors of one execute, and the walk of one piece of the work through them.
class Recurrence {
 public:
  Recurrence(const sdk::Exec& exec, const Config& config)
      : exec_(exec),
        shape_(exec.shape()),
        tensors_(exec),
        log_decay_(exec, config.decay_kind),
        scale_(config.scale) {}

  // `index` counts sequences, `s` state heads.
  void run(std::int64_t index, std::int64_t s, Columns columns, const Buffers& buffers) const {
    const sdk::Sequence sequence = exec_.sequence(index);
    load_state(index, s, columns, buffers);
    std::fill(buffers.v, buffers.v + kColumns, 0.0);
    for (std::int64_t t = sequence.begin; t < sequence.end; ++t) {
      if (t == sequence.begin || log_decay_.varies_in_time()) {
        load_decay(sequence.batch, s, t, buffers);
      }
      advance(sequence.batch, s, t, columns, buffers);
      if (tensors_.out) write_out(sequence.batch, s, t, columns, buffers);
    }
    if (tensors_.state_out) store_state(index, s, columns, buffers);
  }

 private:
  void load_state(std::int64_t index, std::int64_t s, Columns columns,
                  const Buffers& buffers) const {
    for (std::int64_t r = 0; r < shape_.R; ++r) {
      double* const row = buffers.row(r);
      std::int64_t loaded = 0;
      if (tensors_.state_in) {
        loaded = columns.count;
        sdk::load_row(tensors_.state_in->dtype(), columns.of(*tensors_.state_in, index, s, r), row,
                      loaded);
      }
      std::fill(row + loaded, row + kColumns, 0.0);
    }
  }

  void store_state(std::int64_t index, std::int64_t s, Columns columns,
                   const Buffers& buffers) const {
    for (std::int64_t r = 0; r < shape_.R; ++r) {
      sdk::store_row(tensors_.state_out->dtype(), buffers.row(r),
                     columns.of(*tensors_.state_out, index, s, r), columns.count);
    }
  }

  void load_decay(std::int64_t b, std::int64_t s, std::int64_t t, const Buffers& buffers) const {
    const std::int64_t h = shape_.state_source(s, shape_.Hg);
    log_decay_.row(b, h, t, shape_.R, buffers.gamma, sdk::split_decay<double>);
  }

  void advance(std::int64_t b, std::int64_t s, std::int64_t t, Columns columns,
               const Buffers& buffers) const {
    if (shape_.R == 0) return;  // k may have no memory to point into
    sdk::load_row(tensors_.k.dtype(), tensors_.k.row(b, shape_.state_source(s, shape_.Hk), t),
                  buffers.k, shape_.R);
    sdk::load_row(tensors_.v.dtype(),
                  columns.of(tensors_.v, b, shape_.state_source(s, shape_.Hv), t), buffers.v,
                  columns.count);
    for (std::int64_t r = 0; r < shape_.R; ++r) {
      advance_row(buffers.row(r), buffers.v, buffers.k[r], buffers.gamma[r]);
    }
  }

  void write_out(std::int64_t b, std::int64_t s, std::int64_t t, Columns columns,
                 const Buffers& buffers) const {
    for (std::int64_t h = s * shape_.group(); h < (s + 1) * shape_.group(); ++h) {
      if (shape_.R > 0) {
        sdk::load_row(tensors_.q.dtype(), tensors_.q.row(b, shape_.shared(h, shape_.Hq), t),
                      buffers.q, shape_.R);
      }
      read_state(buffers, shape_.R, scale_);
      sdk::store_row(tensors_.out->dtype(), buffers.out, columns.of(*tensors_.out, b, h, t),
                     columns.count);
    }
  }

  const sdk::Exec& exec_;
  sdk::Shape shape_;
  sdk::Operands tensors_;
  sdk::LogDecay log_decay_;
  double scale_;
};

}  // namespace

std::uint64_t bytes_a_worker(const sdk::Shape& shape) {
  sdk::Scratch count;
  Buffers(count, shape.R);
  return count.bytes();
}

void execute_cpu(const sdk::Host& host, const sdk::Exec& exec, const Config& config) {
  const sdk::Shape& shape = exec.shape();
  const Recurrence recurrence(exec, config);
  const std::int64_t blocks = (shape.D + kColumns - 1) / kColumns;
  host.parallel_for(shape.sequences * shape.Hs * blocks, 1,
                    [&](std::int64_t begin, std::int64_t end, std::int32_t worker) {
                      sdk::Scratch scratch(exec.workspace() + static_cast<std::uint64_t>(worker) *
                                                                  config.bytes_a_worker);
                      const Buffers buffers(scratch, shape.R);
                      for (std::int64_t item = begin; item < end; ++item) {
                        const std::int64_t first = item % blocks * kColumns;
                        const std::int64_t head = item / blocks;
                        recurrence.run(head / shape.Hs, head % shape.Hs,
                                       {first, std::min(kColumns, shape.D - first)}, buffers);
                      }
                    });
}

}  // namespace leet::plugin_recurrent
