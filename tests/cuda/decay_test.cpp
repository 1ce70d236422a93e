// SPDX-License-Identifier: Apache-2.0
//
// Whole kernels on the emulated device: two correct ones against the oracle, on random shapes and
// in every order of threads and blocks.
#include "tests/cuda/kernels/decay.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <leet/cuda/emulated/control.hpp>
#include <leet/plugin/dtype.hpp>
#include <leet/plugin/half.hpp>
#include <random>
#include <string>
#include <vector>

#include "core/reference/oracle.hpp"
#include "tests/cuda/device_array.hpp"
#include "tests/cuda/emulated_test.hpp"

namespace leet::cuda_test {
namespace {

using emulator::Order;

struct Shape {
  int B, H, N, D;
};

leet_tensor tensor(float* data, std::initializer_list<std::int64_t> extents) {
  leet_tensor result{};
  result.data = data;
  result.spec.dtype = sdk::kF32;
  result.spec.rank = static_cast<std::int32_t>(extents.size());
  std::copy(extents.begin(), extents.end(), result.spec.extent);
  std::int64_t stride = 1;
  for (int axis = result.spec.rank - 1; axis >= 0; --axis) {
    result.spec.stride[axis] = stride;
    stride *= result.spec.extent[axis];
  }
  return result;
}

class Decay : public EmulatedTest {
 protected:
  struct Outcome {
    double relative_error;  // Frobenius
    float largest;
    float largest_expected;
  };

  // Inputs that bf16 represents exactly, so that both kernels can be judged on the same ones.
  Outcome run(cudaError_t (*kernel)(const DecayProblem&, cudaStream_t), bool bf16, Shape shape,
              std::uint64_t seed) {
    const auto [B, H, N, D] = shape;
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal(0.0f, 0.5f);
    const auto numbers = [&](std::int64_t count) {
      std::vector<float> values(static_cast<std::size_t>(count));
      std::generate(values.begin(), values.end(),
                    [&] { return sdk::to_float(sdk::to_bf16(normal(random))); });
      return values;
    };
    const std::int64_t steps = std::int64_t{B} * H * N;
    auto q = numbers(steps * kR), k = numbers(steps * kR), v = numbers(steps * D);
    std::vector<float> log2_decay, log_decay;
    for (int h = 0; h < H; ++h) {
      log2_decay.push_back(std::log2(1.0f - std::exp2(-1.0f - static_cast<float>(h))));
      log_decay.push_back(log2_decay.back() * std::log(2.0f));
    }

    DeviceArray<float> device_out(static_cast<std::size_t>(steps * D)), device_decay(log2_decay);
    DeviceArray<int> device_largest(std::vector<int>{0});
    DecayProblem problem = {};
    problem.out = device_out.data();
    problem.log2_decay = device_decay.data();
    problem.largest_bits = device_largest.data();
    problem.B = B, problem.H = H, problem.N = N, problem.D = D;
    const auto launch = [&](const auto& dq, const auto& dk, const auto& dv) {
      problem.q = dq.data(), problem.k = dk.data(), problem.v = dv.data();
      EXPECT_EQ(kernel(problem, nullptr), cudaSuccess);
      EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    };
    if (bf16) {
      const auto narrow = [](const std::vector<float>& values) {
        std::vector<sdk::Bf16> result(values.size());
        std::transform(values.begin(), values.end(), result.begin(),
                       [](float x) { return sdk::to_bf16(x); });
        return DeviceArray<sdk::Bf16>(result);
      };
      launch(narrow(q), narrow(k), narrow(v));
    } else {
      launch(DeviceArray<float>(q), DeviceArray<float>(k), DeviceArray<float>(v));
    }

    const leet_tensor tq = tensor(q.data(), {B, H, N, kR}), tk = tensor(k.data(), {B, H, N, kR});
    const leet_tensor tv = tensor(v.data(), {B, H, N, D});
    const leet_tensor to = tensor(nullptr, {B, H, N, D});
    leet_tensor tg = tensor(log_decay.data(), {B, H, N, kR});
    tg.spec.stride[0] = 0, tg.spec.stride[1] = 1, tg.spec.stride[2] = 0, tg.spec.stride[3] = 0;
    const leet_tensor* tensors[LEET_ROLE_COUNT] = {};
    tensors[LEET_ROLE_Q] = &tq, tensors[LEET_ROLE_K] = &tk, tensors[LEET_ROLE_V] = &tv;
    tensors[LEET_ROLE_LOG_DECAY] = &tg, tensors[LEET_ROLE_OUT] = &to;
    const std::vector<double> expected = core::run_oracle(tensors, 1.0).out;

    const std::vector<float> out = device_out.to_host();
    double error = 0, norm = 0;
    Outcome outcome = {};
    for (std::size_t i = 0; i < out.size(); ++i) {
      error += (out[i] - expected[i]) * (out[i] - expected[i]);
      norm += expected[i] * expected[i];
      outcome.largest_expected = std::max(outcome.largest_expected, std::fabs(out[i]));
    }
    outcome.relative_error = std::sqrt(error / norm);
    outcome.largest = __int_as_float(device_largest.to_host().at(0));
    return outcome;
  }

  void expect_right(bool bf16, Shape shape, std::uint64_t seed) {
    SCOPED_TRACE("B " + std::to_string(shape.B) + " H " + std::to_string(shape.H) + " N " +
                 std::to_string(shape.N) + " D " + std::to_string(shape.D) + " seed " +
                 std::to_string(seed));
    const Outcome outcome = run(bf16 ? launch_decay_mma : launch_decay_fp32, bf16, shape, seed);
    // The gates of the operator: 2e-6 for fp32, 4e-3 for bf16 storage.
    EXPECT_LE(outcome.relative_error, bf16 ? 4e-3 : 2e-6);
    if (!bf16) {
      EXPECT_EQ(outcome.largest, outcome.largest_expected);
    }
  }
};

TEST_F(Decay, Fp32AtTheChunksEdges) {
  for (const int N : {1, 63, 64, 65, 129}) {
    expect_right(false, {1, 2, N, 33}, 1);
  }
}

TEST_F(Decay, MmaAtTheChunksEdges) {
  for (const int N : {1, 63, 64, 65, 129}) {
    expect_right(true, {1, 2, N, 32}, 1);
  }
}

TEST_F(Decay, RandomShapesInEveryOrder) {
  std::mt19937_64 random(5);
  const auto up_to = [&](int most) { return 1 + static_cast<int>(random() % most); };
  const Order orders[] = {Order::kForward, Order::kReverse, Order::kRandom};
  for (int i = 0; i < 24; ++i) {
    const bool bf16 = i % 2 == 1;
    emulator::Settings settings;
    settings.thread_order = orders[i / 2 % 3];
    settings.block_order = orders[i / 6 % 3];
    settings.seed = static_cast<std::uint64_t>(i);
    settings.resident_blocks = up_to(3);
    emulator::set_settings(settings);
    expect_right(bf16, {up_to(2), up_to(3), up_to(200), bf16 ? 32 * up_to(2) : up_to(70)},
                 static_cast<std::uint64_t>(i));
  }
}

TEST_F(Decay, MmaRefusesColumnsThatAreNoMultipleOf32) {
  DecayProblem problem = {};
  problem.B = problem.H = problem.N = 1;
  problem.D = 33;
  EXPECT_EQ(launch_decay_mma(problem, nullptr), cudaErrorInvalidValue);
}

}  // namespace
}  // namespace leet::cuda_test
