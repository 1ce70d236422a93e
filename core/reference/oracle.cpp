// SPDX-License-Identifier: Apache-2.0
#include "core/reference/oracle.hpp"

#include <cmath>
#include <cstddef>
#include <cstring>
#include <leet/plugin/dtype.hpp>
#include <leet/plugin/shape.hpp>
#include <span>

namespace leet::core {
namespace {

// Row [i, j, k, :] of a rank-4 tensor, widened to double. log_decay's rows may have a stride of 0.
void load(const leet_tensor& tensor, std::int64_t i, std::int64_t j, std::int64_t k,
          std::span<double> row) {
  const leet_tensor_spec& spec = tensor.spec;
  const std::int64_t bytes = sdk::dtype_bytes(spec.dtype);
  const std::int64_t first = i * spec.stride[0] + j * spec.stride[1] + k * spec.stride[2];
  const auto* data = static_cast<const std::byte*>(tensor.data) + first * bytes;
  if (spec.stride[3] == 1) {
    sdk::load_row(spec.dtype, data, row.data(), static_cast<std::int64_t>(row.size()));
    return;
  }
  for (std::size_t r = 0; r < row.size(); ++r) {
    sdk::load_row(spec.dtype, data + static_cast<std::int64_t>(r) * spec.stride[3] * bytes, &row[r],
                  1);
  }
}

// One recurrence: the state of one sequence and state head, advanced a step at a time, and the same
// with absolute values.
class Recurrence {
 public:
  Recurrence(std::span<double> state, std::span<double> magnitude, std::int64_t R, std::int64_t D)
      : state_(state), magnitude_(magnitude), R_(R), D_(D) {}

  // S = exp(g) S + k v^T
  void step(std::span<const double> g, std::span<const double> k, std::span<const double> v) {
    for (std::int64_t r = 0; r < R_; ++r) {
      const double gamma = g.empty() ? 1.0 : std::exp(g[r]);  // exp(-inf) = 0
      for (std::int64_t d = 0; d < D_; ++d) {
        double& s = state_[r * D_ + d];
        double& m = magnitude_[r * D_ + d];
        s = gamma * s + k[r] * v[d];
        m = gamma * m + std::abs(k[r] * v[d]);
      }
    }
  }

  // out += scale * q S
  void read(double scale, std::span<const double> q, double* out, double* out_magnitude) const {
    for (std::int64_t r = 0; r < R_; ++r) {
      const double weight = scale * q[r];
      for (std::int64_t d = 0; d < D_; ++d) {
        out[d] += weight * state_[r * D_ + d];
        out_magnitude[d] += std::abs(weight) * magnitude_[r * D_ + d];
      }
    }
  }

 private:
  std::span<double> state_;      // [R, D]
  std::span<double> magnitude_;  // [R, D]
  std::int64_t R_;
  std::int64_t D_;
};

}  // namespace

OracleResult run_oracle(const leet_tensor* const* tensors, double scale) {
  const sdk::Shape shape = sdk::shape_of([&](int role) -> const leet_tensor_spec* {
    return tensors[role] != nullptr ? &tensors[role]->spec : nullptr;
  });
  const leet_tensor* log_decay = tensors[LEET_ROLE_LOG_DECAY];
  const leet_tensor* state_in = tensors[LEET_ROLE_STATE_IN];
  const leet_tensor* offsets = tensors[LEET_ROLE_SEQUENCE_OFFSETS];
  const auto offset = [&](std::int64_t i) {
    std::int64_t value;  // by memcpy: the tensor may begin at any byte that its spec allows
    std::memcpy(&value,
                static_cast<const std::byte*>(offsets->data) +
                    i * offsets->spec.stride[0] * static_cast<std::int64_t>(sizeof value),
                sizeof value);
    return value;
  };

  const std::int64_t R = shape.R;
  const std::int64_t D = shape.D;
  OracleResult result;
  const auto out_size = static_cast<std::size_t>(shape.B * shape.H * shape.N * D);
  const auto state_size = static_cast<std::size_t>(shape.sequences * shape.Hs * R * D);
  result.out.assign(out_size, 0);
  result.out_magnitude.assign(out_size, 0);
  result.state_out.assign(state_size, 0);
  result.state_magnitude.assign(state_size, 0);

  std::vector<double> q(R), k(R), v(D), g(log_decay != nullptr ? R : 0), initial(D);
  for (std::int64_t sequence = 0; sequence < shape.sequences; ++sequence) {
    const std::int64_t batch = offsets != nullptr ? 0 : sequence;
    const std::int64_t begin = offsets != nullptr ? offset(sequence) : 0;
    const std::int64_t end = offsets != nullptr ? offset(sequence + 1) : shape.N;
    for (std::int64_t s = 0; s < shape.Hs; ++s) {
      const auto first = static_cast<std::size_t>((sequence * shape.Hs + s) * R * D);
      const auto size = static_cast<std::size_t>(R * D);
      const auto state = std::span(result.state_out).subspan(first, size);
      const auto magnitude = std::span(result.state_magnitude).subspan(first, size);
      for (std::int64_t r = 0; r < R && state_in != nullptr; ++r) {
        load(*state_in, sequence, s, r, initial);
        for (std::int64_t d = 0; d < D; ++d) {
          state[r * D + d] = initial[d];
          magnitude[r * D + d] = std::abs(initial[d]);
        }
      }

      Recurrence recurrence(state, magnitude, R, D);
      for (std::int64_t t = begin; t < end; ++t) {
        load(*tensors[LEET_ROLE_K], batch, shape.state_source(s, shape.Hk), t, k);
        load(*tensors[LEET_ROLE_V], batch, shape.state_source(s, shape.Hv), t, v);
        if (log_decay != nullptr) load(*log_decay, batch, shape.state_source(s, shape.Hg), t, g);
        recurrence.step(g, k, v);
        for (std::int64_t h = s * shape.group(); h < (s + 1) * shape.group(); ++h) {
          load(*tensors[LEET_ROLE_Q], batch, shape.shared(h, shape.Hq), t, q);
          const std::int64_t row = ((batch * shape.H + h) * shape.N + t) * D;
          recurrence.read(scale, q, result.out.data() + row, result.out_magnitude.data() + row);
        }
      }
    }
  }
  return result;
}

}  // namespace leet::core
