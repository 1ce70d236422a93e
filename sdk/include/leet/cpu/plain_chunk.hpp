// SPDX-License-Identifier: Apache-2.0
//
// Chunk (chunk-inl.hpp, which states the interface) in plain loops and fp64, for every dtype, R, D
// and alignment: what the vector kernel does not take, and the simpler code that it is compared
// with. Sums are in f64, weights in the wider type of the machine.
#ifndef LEET_CPU_PLAIN_CHUNK_HPP
#define LEET_CPU_PLAIN_CHUNK_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <leet/cpu/chunk_weights.hpp>
#include <leet/plugin/dtype.hpp>
#include <leet/plugin/log_decay.hpp>
#include <leet/plugin/problem.hpp>
#include <leet/plugin/scratch.hpp>
#include <leet/plugin/shape.hpp>

namespace leet::cpu {

class PlainChunk {
 public:
  using Real = double;
  using Factor = sdk::Wide<double>;

  static constexpr std::int64_t panel_columns() { return 32; }
  static std::int64_t panels(const sdk::Shape& shape) {
    return (shape.D + panel_columns() - 1) / panel_columns();
  }
  static std::int64_t panel_size(const sdk::Shape& shape) { return shape.R * panel_columns(); }

  static std::uint64_t bytes(const sdk::Shape& shape, const ChunkConfig& config) {
    sdk::Scratch count;
    Buffers(count, shape, config);
    return count.bytes();
  }

  PlainChunk(const sdk::Exec& exec, const ChunkConfig& config, sdk::Scratch scratch)
      : exec_(exec),
        shape_(exec.shape()),
        tensors_(exec),
        log_decay_(exec, config.decay_kind),
        by_channel_(config.decay_kind == LEET_DECAY_CHANNEL),
        scale_(config.scale),
        C_(config.C),
        buffers_(scratch, exec.shape(), config) {}

  std::int64_t panels() const { return panels(shape_); }
  std::int64_t panel_size() const { return panel_size(shape_); }

  void begin(std::int64_t index, std::int64_t s, std::int64_t first_panel,
             std::int64_t last_panel) {
    index_ = index;
    s_ = s;
    batch_ = exec_.sequence(index).batch;
    first_column_ = first_panel * panel_columns();
    columns_ = std::min(last_panel * panel_columns(), shape_.D) - first_column_;
    buffers_.weights.begin(log_decay_, scale_, batch_, decay_head());
  }

  void load_state(std::int64_t panel, double* to) const {
    const std::int64_t width = panel_columns();
    std::fill(to, to + panel_size(), 0.0);
    for (std::int64_t r = 0; r < shape_.R && tensors_.state_in; ++r) {
      sdk::load_row(tensors_.state_in->dtype(), columns(*tensors_.state_in, index_, s_, r, panel),
                    to + r * width, columns_of(panel));
    }
  }

  void store_state(std::int64_t panel, const double* from) const {
    for (std::int64_t r = 0; r < shape_.R && tensors_.state_out; ++r) {
      sdk::store_row(tensors_.state_out->dtype(), from + r * panel_columns(),
                     columns(*tensors_.state_out, index_, s_, r, panel), columns_of(panel));
    }
  }

  void load(std::int64_t t, std::int64_t steps, unsigned use) {
    t_ = t;
    steps_ = steps;
    for (std::int64_t i = 0; i < steps; ++i) {
      if (shape_.R > 0) {  // otherwise k may have no memory to point into
        sdk::load_row(tensors_.k.dtype(),
                      tensors_.k.row(batch_, shape_.state_source(s_, shape_.Hk), t + i),
                      buffers_.k + i * shape_.R, shape_.R);
      }
      const std::int64_t offset = first_column_ * sdk::dtype_bytes(tensors_.v.dtype());
      if (columns_ > 0) {
        sdk::load_row(tensors_.v.dtype(),
                      tensors_.v.row(batch_, shape_.state_source(s_, shape_.Hv), t + i) + offset,
                      buffers_.v + i * columns_, columns_);
      }
    }
    if (shape_.R == 0) return;
    if (by_channel_) return load_channels(use);
    buffers_.weights.load(t, steps, use);
    std::fill(buffers_.total, buffers_.total + shape_.R, buffers_.weights.total());
    for (std::int64_t i = 0; i < steps * shape_.R; ++i) {
      buffers_.k_weighted[i] = buffers_.k[i] * buffers_.weights.after()[i / shape_.R];
    }
  }

  void update(std::int64_t panel, const double* from, double* to) const {
    const std::int64_t width = panel_columns();
    const double* const v = buffers_.v + panel * width - first_column_;
    for (std::int64_t r = 0; r < shape_.R; ++r) {
      double sum[panel_columns()] = {};
      for (std::int64_t i = 0; i < steps_; ++i) {
        const double k = buffers_.k_weighted[i * shape_.R + r];
        for (std::int64_t d = 0; d < columns_of(panel); ++d) sum[d] += k * v[i * columns_ + d];
      }
      for (std::int64_t d = 0; d < width; ++d) {
        const std::int64_t at = r * width + d;
        to[at] = from == nullptr ? sum[d] : decayed(from[at], buffers_.total[r], sum[d]);
      }
    }
  }

  void query(std::int64_t h) {
    h_ = h;
    const std::int64_t R = shape_.R;
    for (std::int64_t t = 0; t < steps_ && R > 0; ++t) {
      double* const q = buffers_.q + t * R;
      sdk::load_row(tensors_.q.dtype(), tensors_.q.row(batch_, shape_.shared(h, shape_.Hq), t_ + t),
                    q, R);
      if (by_channel_) {
        score_by_channel(t, q);
        continue;
      }
      for (std::int64_t s = 0; s <= t; ++s) {
        double sum = 0;
        for (std::int64_t r = 0; r < R; ++r) sum += q[r] * buffers_.k[s * R + r];
        buffers_.scores[t * C_ + s] = sum * buffers_.weights.pair()[t * C_ + s];
      }
      for (std::int64_t r = 0; r < R; ++r) q[r] *= buffers_.weights.before()[t];
    }
  }

  void output(std::int64_t panel, const double* state) const {
    output(panel, &state, state == nullptr ? 0 : 1);
  }

  void output(std::int64_t panel, const double* const* states, std::int64_t state_count) const {
    const std::int64_t width = panel_columns();
    const double* const v = buffers_.v + panel * width - first_column_;
    for (std::int64_t t = 0; t < steps_; ++t) {
      double out[panel_columns()] = {};
      for (std::int64_t i = 0; i < state_count; ++i) {
        for (std::int64_t r = 0; r < shape_.R; ++r) {
          const double q = buffers_.q[t * shape_.R + r];
          for (std::int64_t d = 0; d < width; ++d) out[d] += q * states[i][r * width + d];
        }
      }
      for (std::int64_t s = 0; s <= t && shape_.R > 0; ++s) {
        const double p = buffers_.scores[t * C_ + s];
        for (std::int64_t d = 0; d < columns_of(panel); ++d) out[d] += p * v[s * columns_ + d];
      }
      sdk::store_row(tensors_.out->dtype(), out, columns(*tensors_.out, batch_, h_, t_ + t, panel),
                     columns_of(panel));
    }
  }

  const Factor* total() const { return buffers_.total; }

  static void multiply(const Factor* first, const Factor* second, Factor* to, std::int64_t R) {
    for (std::int64_t r = 0; r < R; ++r) to[r] = first[r] * second[r];
  }

  static void add_decayed(const Factor* total, const double* from, const double* add, double* to,
                          std::int64_t R) {
    for (std::int64_t i = 0; i < R * panel_columns(); ++i) {
      to[i] = decayed(from[i], total[i / panel_columns()], add[i]);
    }
  }

 private:
  struct Buffers {
    Buffers(sdk::Scratch& scratch, const sdk::Shape& shape, const ChunkConfig& config)
        : weights(scratch, config.C, config.C),
          total(scratch.take<Factor>(shape.R)),
          gamma(scratch.take<Factor>(config.C * shape.R)),
          wide(scratch.take<Factor>(shape.R)),
          k(scratch.take<double>(config.C * shape.R)),
          k_weighted(scratch.take<double>(config.C * shape.R)),
          q(scratch.take<double>(config.C * shape.R)),
          scores(scratch.take<double>(config.C * config.C)),
          v(scratch.take<double>(config.C * shape.D)) {}

    ChunkWeights<double> weights;
    Factor* total;       // [R]
    Factor* gamma;       // [C, R], by channel
    Factor* wide;        // [R]
    double* k;           // [C, R]
    double* k_weighted;  // [C, R]
    double* q;           // [C, R]; times the weights of the state once the scores are there
    double* scores;      // [C, C]
    double* v;           // [C, columns]
  };

  static double decayed(double s, Factor total, double add) {
    return static_cast<double>(static_cast<Factor>(s) * total + static_cast<Factor>(add));
  }

  std::int64_t decay_head() const { return shape_.state_source(s_, shape_.Hg); }
  std::int64_t columns_of(std::int64_t panel) const {
    return std::min(panel_columns(), shape_.D - panel * panel_columns());
  }
  static std::byte* columns(const sdk::TensorView& tensor, std::int64_t i, std::int64_t j,
                            std::int64_t k, std::int64_t panel) {
    return tensor.row(i, j, k) + panel * panel_columns() * sdk::dtype_bytes(tensor.dtype());
  }

  void load_channels(unsigned use) {
    const std::int64_t R = shape_.R;
    for (std::int64_t i = 0; i < steps_; ++i) {
      log_decay_.row(batch_, decay_head(), t_ + i, R, buffers_.gamma + i * R,
                     [](double g) { return std::exp(static_cast<Factor>(g)); });
    }
    std::fill(buffers_.total, buffers_.total + R, Factor(1));
    for (std::int64_t i = steps_ - 1; i >= 0 && (use & kForUpdate) != 0; --i) {
      for (std::int64_t r = 0; r < R; ++r) {
        const std::int64_t at = i * R + r;
        buffers_.k_weighted[at] = buffers_.k[at] * static_cast<double>(buffers_.total[r]);
        buffers_.total[r] *= buffers_.gamma[at];
      }
    }
  }

  // Scores of row t, and its q times the weights of the state: the decays after s run from t down.
  void score_by_channel(std::int64_t t, double* q) {
    const std::int64_t R = shape_.R;
    Factor* const weights = buffers_.wide;
    std::fill(weights, weights + R, static_cast<Factor>(scale_));
    for (std::int64_t s = t; s >= 0; --s) {
      double sum = 0;
      for (std::int64_t r = 0; r < R; ++r) {
        sum += q[r] * (buffers_.k[s * R + r] * static_cast<double>(weights[r]));
        weights[r] *= buffers_.gamma[s * R + r];
      }
      buffers_.scores[t * C_ + s] = sum;
    }
    for (std::int64_t r = 0; r < R; ++r) q[r] *= static_cast<double>(weights[r]);
  }

  const sdk::Exec& exec_;
  sdk::Shape shape_;
  sdk::Operands tensors_;
  sdk::LogDecay log_decay_;
  bool by_channel_;
  double scale_;
  std::int64_t C_;
  Buffers buffers_;

  std::int64_t index_ = 0, s_ = 0, batch_ = 0;
  std::int64_t first_column_ = 0, columns_ = 0;
  std::int64_t t_ = 0, steps_ = 0, h_ = 0;
};

}  // namespace leet::cpu
#endif  // LEET_CPU_PLAIN_CHUNK_HPP
