// SPDX-License-Identifier: Apache-2.0
//
// O = scale sum_r Q_r o dcumsum(K_r o V), with the discounted cumulative sum
// dcumsum(x)_t = exp(g) dcumsum(x)_{t-1} + x_t, one rank r after the other.
//
// The plain kernel: f64 tensors, and whatever fleet_simd.cpp does not take. The arithmetic is fp64
// whatever the tensors. The work is cut into (sequence, state head, kColumns columns); a piece goes
// through its sequence by blocks of kSteps, and each of its ranks sweeps a block with the sums of
// the columns at hand. What is computed for a column is the same whatever the cut.
//
// Bound: 4 R D flops for each step and output head; heads that share a state each sum it anew.
#include "fleet_cpu.hpp"

#include <algorithm>
#include <cstddef>
#include <leet/plugin/decay.hpp>
#include <leet/plugin/dtype.hpp>
#include <leet/plugin/log_decay.hpp>
#include <leet/plugin/scratch.hpp>

namespace leet::plugin_fleet {
namespace {

constexpr std::int64_t kColumns = 16;
constexpr std::int64_t kSteps = 64;

// One worker's scratch.
struct Buffers {
  Buffers(sdk::Scratch& scratch, std::int64_t R)
      : state(scratch.take<double>(R * kColumns)),
        sums(scratch.take<double>(R * kColumns)),
        q(scratch.take<double>(kSteps * R)),
        k(scratch.take<double>(kSteps * R)),
        v(scratch.take<double>(kSteps * kColumns)),
        out(scratch.take<double>(kSteps * kColumns)) {}

  double* state;  // [R, kColumns] where the block begins
  double* sums;   // [R, kColumns]
  double* q;      // [kSteps, R]
  double* k;      // [kSteps, R]
  double* v;      // [kSteps, kColumns], zeros beyond D
  double* out;    // [kSteps, kColumns]
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

// One rank over the steps of a block; q and k are this rank's first elements. Without out the sums
// alone are advanced.
void sweep_rank(double* __restrict sums, sdk::SplitDecay<double> gamma, const double* q,
                const double* k, std::int64_t R, const double* __restrict v, double* __restrict out,
                std::int64_t steps) {
  for (std::int64_t t = 0; t < steps; ++t, k += R, v += kColumns) {
    if (gamma.low == 0) {  // exact; and an infinite sum does not become NaN
      for (std::int64_t d = 0; d < kColumns; ++d) sums[d] = sums[d] * gamma.high + *k * v[d];
    } else {
      for (std::int64_t d = 0; d < kColumns; ++d) sums[d] = sdk::advance(sums[d], gamma, *k * v[d]);
    }
    if (out == nullptr) continue;
    for (std::int64_t d = 0; d < kColumns; ++d) out[d] += *q * sums[d];
    q += R;
    out += kColumns;
  }
}

// The tensors of one execute, and the walk of one piece of the work through them.
class Fleet {
 public:
  Fleet(const sdk::Exec& exec, const Config& config)
      : exec_(exec),
        shape_(exec.shape()),
        tensors_(exec),
        log_decay_(exec, config.decay_kind),
        scale_(config.scale) {}

  // `index` counts sequences, `s` state heads.
  void run(std::int64_t index, std::int64_t s, Columns columns, const Buffers& buffers) const {
    const sdk::Sequence sequence = exec_.sequence(index);
    load_state(index, s, columns, buffers);
    sdk::SplitDecay<double> gamma{1, 0};
    if (sequence.length() > 0 && shape_.R > 0) {
      gamma = sdk::split_decay<double>(
          log_decay_.at(sequence.batch, shape_.state_source(s, shape_.Hg), sequence.begin, 0));
    }
    for (std::int64_t t = sequence.begin; t < sequence.end; t += kSteps) {
      const std::int64_t steps = std::min(kSteps, sequence.end - t);
      load_k_and_v(sequence.batch, s, t, steps, columns, buffers);
      if (tensors_.out) {
        for (std::int64_t h = s * shape_.group(); h < (s + 1) * shape_.group(); ++h) {
          write_out(sequence.batch, h, t, steps, columns, gamma, buffers);
        }
      } else {
        sweep(gamma, steps, nullptr, buffers);
      }
      std::swap_ranges(buffers.state, buffers.state + shape_.R * kColumns, buffers.sums);
    }
    if (tensors_.state_out) store_state(index, s, columns, buffers);
  }

 private:
  void load_state(std::int64_t index, std::int64_t s, Columns columns,
                  const Buffers& buffers) const {
    std::fill(buffers.state, buffers.state + shape_.R * kColumns, 0.0);
    for (std::int64_t r = 0; r < shape_.R && tensors_.state_in; ++r) {
      sdk::load_row(tensors_.state_in->dtype(), columns.of(*tensors_.state_in, index, s, r),
                    buffers.state + r * kColumns, columns.count);
    }
  }

  void store_state(std::int64_t index, std::int64_t s, Columns columns,
                   const Buffers& buffers) const {
    for (std::int64_t r = 0; r < shape_.R; ++r) {
      sdk::store_row(tensors_.state_out->dtype(), buffers.state + r * kColumns,
                     columns.of(*tensors_.state_out, index, s, r), columns.count);
    }
  }

  void load_k_and_v(std::int64_t b, std::int64_t s, std::int64_t t, std::int64_t steps,
                    Columns columns, const Buffers& buffers) const {
    std::fill(buffers.v, buffers.v + steps * kColumns, 0.0);
    for (std::int64_t c = 0; c < steps && shape_.R > 0; ++c) {  // else k may have no memory
      sdk::load_row(tensors_.k.dtype(), tensors_.k.row(b, shape_.state_source(s, shape_.Hk), t + c),
                    buffers.k + c * shape_.R, shape_.R);
      sdk::load_row(tensors_.v.dtype(),
                    columns.of(tensors_.v, b, shape_.state_source(s, shape_.Hv), t + c),
                    buffers.v + c * kColumns, columns.count);
    }
  }

  // All ranks, from the state where the block begins into the sums where it ends.
  void sweep(sdk::SplitDecay<double> gamma, std::int64_t steps, double* out,
             const Buffers& buffers) const {
    std::copy(buffers.state, buffers.state + shape_.R * kColumns, buffers.sums);
    for (std::int64_t r = 0; r < shape_.R; ++r) {
      sweep_rank(buffers.sums + r * kColumns, gamma, buffers.q + r, buffers.k + r, shape_.R,
                 buffers.v, out, steps);
    }
  }

  void write_out(std::int64_t b, std::int64_t h, std::int64_t t, std::int64_t steps,
                 Columns columns, sdk::SplitDecay<double> gamma, const Buffers& buffers) const {
    for (std::int64_t c = 0; c < steps && shape_.R > 0; ++c) {
      sdk::load_row(tensors_.q.dtype(), tensors_.q.row(b, shape_.shared(h, shape_.Hq), t + c),
                    buffers.q + c * shape_.R, shape_.R);
    }
    std::fill(buffers.out, buffers.out + steps * kColumns, 0.0);
    sweep(gamma, steps, buffers.out, buffers);
    for (std::int64_t c = 0; c < steps; ++c) {
      double* const out = buffers.out + c * kColumns;
      for (std::int64_t d = 0; d < kColumns; ++d) out[d] *= scale_;
      sdk::store_row(tensors_.out->dtype(), out, columns.of(*tensors_.out, b, h, t + c),
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
  const Fleet fleet(exec, config);
  const std::int64_t blocks = (shape.D + kColumns - 1) / kColumns;
  host.parallel_for(shape.sequences * shape.Hs * blocks, 1,
                    [&](std::int64_t begin, std::int64_t end, std::int32_t worker) {
                      sdk::Scratch scratch(exec.workspace() + static_cast<std::uint64_t>(worker) *
                                                                  config.bytes_a_worker);
                      const Buffers buffers(scratch, shape.R);
                      for (std::int64_t item = begin; item < end; ++item) {
                        const std::int64_t first = item % blocks * kColumns;
                        const std::int64_t head = item / blocks;
                        fleet.run(head / shape.Hs, head % shape.Hs,
                                  {first, std::min(kColumns, shape.D - first)}, buffers);
                      }
                    });
}

}  // namespace leet::plugin_fleet
