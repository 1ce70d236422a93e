// SPDX-License-Identifier: Apache-2.0
//
// What is to be measured: the axes of `leet bench -a NAME=VALUE,VALUE`, and the points that they
// span.
#ifndef LEET_TOOLS_BENCH_AXES_HPP
#define LEET_TOOLS_BENCH_AXES_HPP

#include <leet/plugin.h>

#include <cstdint>
#include <leet/plugin/dtype.hpp>
#include <span>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace leet::bench {

// One problem: prefill without states, or for N = 1 a decoding step with its state in place.
struct Point {
  std::int64_t B = 1, H = 8, N = 4096, R = 128, D = 128;
  leet_dtype dtype = sdk::kF32;  // of q, k, v and out
  std::int32_t decay_kind = LEET_DECAY_HEAD;
  int threads = 1;

  double cells() const;  // B H N R D
};

struct Axes {
  std::vector<std::int64_t> B = {1}, H = {8}, N = {4096}, R = {128};
  std::vector<std::int64_t> D = {};  // empty: as R, point by point
  std::vector<leet_dtype> dtype = {sdk::kF32};
  std::vector<std::int32_t> decay = {LEET_DECAY_HEAD};
  std::vector<int> threads;
};

// Reads "N=1024,4096" and the like; axes that are not named keep their default, and threads is
// `available`, which is also the most that it may be. Errors: INVALID_ARGUMENT.
core::Result<Axes> parse_axes(std::span<const std::string> texts, int available_threads);

// Every combination, threads slowest and N fastest.
std::vector<Point> points_of(const Axes& axes);

}  // namespace leet::bench
#endif  // LEET_TOOLS_BENCH_AXES_HPP
