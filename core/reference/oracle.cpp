// SPDX-License-Identifier: Apache-2.0
#include "core/reference/oracle.hpp"

#include <algorithm>
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

// What the sums are kept in. gamma above all: rounded to a double it errs by up to eps/2 in the
// same direction at every step, which after 4096 steps is more than a good fp64 method errs by.
using Sum = long double;

// One recurrence: the state of one sequence and state head, advanced a step at a time, and the same
// with absolute values, where a double is exact enough.
class Recurrence {
 public:
  Recurrence(std::int64_t R, std::int64_t D) : state_(R * D), magnitude_(R * D), R_(R), D_(D) {}

  void set_row(std::int64_t r, std::span<const double> initial) {
    for (std::int64_t d = 0; d < D_; ++d) {
      state_[r * D_ + d] = initial[d];
      magnitude_[r * D_ + d] = std::abs(initial[d]);
    }
  }

  // S = exp(g) S + k v^T
  void step(std::span<const double> g, std::span<const double> k, std::span<const double> v) {
    Sum gamma = 1;
    for (std::int64_t r = 0; r < R_; ++r) {
      // exp(-inf) = 0. Most channels have their neighbour's decay, and an exponential is slow.
      if (!g.empty() && (r == 0 || g[r] != g[r - 1])) gamma = std::exp(static_cast<Sum>(g[r]));
      const auto weight = static_cast<double>(gamma);
      for (std::int64_t d = 0; d < D_; ++d) {
        Sum& s = state_[r * D_ + d];
        double& m = magnitude_[r * D_ + d];
        s = gamma * s + static_cast<Sum>(k[r]) * v[d];
        m = weight * m + std::abs(k[r] * v[d]);
      }
    }
  }

  // out = scale * q S
  void read(double scale, std::span<const double> q, double* out, double* out_magnitude) const {
    for (std::int64_t d = 0; d < D_; ++d) {
      Sum sum = 0;
      double magnitude = 0;
      for (std::int64_t r = 0; r < R_; ++r) {
        sum += q[r] * state_[r * D_ + d];
        magnitude += std::abs(q[r]) * magnitude_[r * D_ + d];
      }
      out[d] = static_cast<double>(scale * sum);
      out_magnitude[d] = std::abs(scale) * magnitude;
    }
  }

  void store(std::span<double> state, std::span<double> magnitude) const {
    std::ranges::transform(state_, state.begin(), [](Sum s) { return static_cast<double>(s); });
    std::ranges::copy(magnitude_, magnitude.begin());
  }

 private:
  std::vector<Sum> state_;         // [R, D]
  std::vector<double> magnitude_;  // [R, D]
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
      Recurrence recurrence(R, D);
      for (std::int64_t r = 0; r < R && state_in != nullptr; ++r) {
        load(*state_in, sequence, s, r, initial);
        recurrence.set_row(r, initial);
      }
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
      const auto first = static_cast<std::size_t>((sequence * shape.Hs + s) * R * D);
      const auto size = static_cast<std::size_t>(R * D);
      recurrence.store(std::span(result.state_out).subspan(first, size),
                       std::span(result.state_magnitude).subspan(first, size));
    }
  }
  return result;
}

}  // namespace leet::core
