// SPDX-License-Identifier: Apache-2.0
//
// A third party's application:  host METHOD [PLUGINS]
// Computes a small problem by the method and compares it with the recurrence written out here.
#include <cmath>
#include <cstdint>
#include <iostream>
#include <leet/leet.hpp>
#include <string>
#include <vector>

namespace {

constexpr std::int64_t H = 2, N = 65, R = 3, D = 5;

std::vector<double> recurrence(const std::vector<float>& q, const std::vector<float>& k,
                               const std::vector<float>& v, const std::vector<float>& log_decay) {
  std::vector<double> out;
  for (std::int64_t h = 0; h < H; ++h) {
    std::vector<double> state(R * D);
    for (std::int64_t t = 0; t < N; ++t) {
      for (std::int64_t d = 0; d < D; ++d) {
        double sum = 0;
        for (std::int64_t r = 0; r < R; ++r) {
          const std::int64_t row = (h * N + t) * R + r;
          double& s = state[r * D + d];
          s = s * std::exp(static_cast<double>(log_decay[h])) +
              static_cast<double>(k[row]) * v[(h * N + t) * D + d];
          sum += q[row] * s;
        }
        out.push_back(sum);
      }
    }
  }
  return out;
}

std::vector<float> waves(std::int64_t count, double frequency) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) {
    values.push_back(static_cast<float>(std::sin(frequency * static_cast<double>(i + 1))));
  }
  return values;
}

int run(const std::string& method, const std::vector<std::string>& plugins) {
  const std::vector<float> q = waves(H * N * R, 0.7), k = waves(H * N * R, 1.3);
  const std::vector<float> v = waves(H * N * D, 2.1), log_decay = {-0.01f, -0.5f};
  std::vector<float> out(H * N * D);

  leet::Context context({.plugin_paths = plugins});
  leet::Tensors tensors;
  tensors.set(LEET_ROLE_Q, leet::tensor(q.data(), {1, H, N, R}));
  tensors.set(LEET_ROLE_K, leet::tensor(k.data(), {1, H, N, R}));
  tensors.set(LEET_ROLE_V, leet::tensor(v.data(), {1, H, N, D}));
  tensors.set(LEET_ROLE_LOG_DECAY, leet::tensor(log_decay.data(), {1, H, 1, 1}));
  tensors.set(LEET_ROLE_OUT, leet::tensor(out.data(), {1, H, N, D}));
  context.plan(method, tensors, {.decay_kind = LEET_DECAY_HEAD}).execute(tensors);

  const std::vector<double> expected = recurrence(q, k, v, log_decay);
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    difference += (out[i] - expected[i]) * (out[i] - expected[i]);
    norm += expected[i] * expected[i];
  }
  const double error = std::sqrt(difference / norm);
  std::cout << method << ": relative error " << error << "\n";
  return error <= 2e-6 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: host METHOD [PLUGINS]\n";
    return 2;
  }
  try {
    return run(argv[1], {argv + 2, argv + argc});
  } catch (const std::exception& e) {
    std::cerr << "host: " << e.what() << "\n";
    return 3;
  }
}
