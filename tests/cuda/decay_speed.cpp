// SPDX-License-Identifier: Apache-2.0
//
// How fast the emulator runs the two kernels, in blocks a second; best of several tries. Not a
// test:
//   cmake --build build --target cuda_decay_speed && build/tests/cuda_decay_speed
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <leet/cuda/emulated/control.hpp>

#include "tests/cuda/kernels/decay.hpp"

namespace leet::cuda_test {
namespace {

bool measure(const char* name, cudaError_t (*launch)(const DecayProblem&, cudaStream_t)) {
  constexpr int kTries = 20;
  DecayProblem problem = {};
  problem.B = 4, problem.H = 2, problem.N = 333, problem.D = 64;
  const std::size_t steps = std::size_t{8} * 333;
  void *q = nullptr, *k = nullptr, *v = nullptr;
  float* decay = nullptr;
  for (void** array : {&q, &k, &v}) {
    if (cudaMalloc(array, steps * kR * sizeof(float)) != cudaSuccess) {
      return false;
    }
    cudaMemset(*array, 0, steps * kR * sizeof(float));
  }
  cudaMalloc(&problem.out, steps * 64 * sizeof(float));
  cudaMalloc(&decay, 2 * sizeof(float));
  cudaMemset(decay, 0, 2 * sizeof(float));
  cudaMalloc(&problem.largest_bits, sizeof(int));
  cudaMemset(problem.largest_bits, 0, sizeof(int));
  problem.q = q, problem.k = k, problem.v = v, problem.log2_decay = decay;

  double best = 1e9, best_cpu = 1e9;
  const emulator::Statistics before = emulator::statistics();
  for (int i = 0; i < kTries; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t cpu_start = std::clock();
    if (launch(problem, nullptr) != cudaSuccess || cudaDeviceSynchronize() != cudaSuccess) {
      return false;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count());
    best_cpu = std::min(best_cpu, static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC);
  }
  const emulator::Statistics after = emulator::statistics();
  const auto blocks = static_cast<double>(after.blocks - before.blocks) / kTries;
  const double switches = static_cast<double>(after.switches - before.switches) / kTries / blocks;
  std::printf(
      "%s: %.0f blocks/s; a block of 6 chunks takes %.2f ms of one core and %.0f switches\n", name,
      blocks / best, 1e3 * best_cpu / blocks, switches);
  return cudaDeviceReset() == cudaSuccess;
}

}  // namespace
}  // namespace leet::cuda_test

int main() {
  using namespace leet::cuda_test;
  return measure("decay_fp32", launch_decay_fp32) && measure("decay_mma", launch_decay_mma) ? 0 : 1;
}
