// SPDX-License-Identifier: Apache-2.0
//
// The masked product on the CPU, tile by tile.
#ifndef LEET_PLUGINS_NAIVE_NAIVE_CPU_HPP
#define LEET_PLUGINS_NAIVE_NAIVE_CPU_HPP

#include <cstdint>
#include <leet/plugin/host.hpp>
#include <leet/plugin/problem.hpp>
#include <leet/plugin/shape.hpp>

namespace leet::plugin_naive {

// What a plan fixes. Real is the type of the arithmetic: float, or double for f64 tensors.
struct Config {
  int decay_kind;
  double scale;
  std::uint64_t bytes_a_worker;  // of workspace
};

template <class Real>
std::uint64_t bytes_a_worker(const sdk::Shape& shape);

template <class Real>
void execute_cpu(const sdk::Host& host, const sdk::Exec& exec, const Config& config);

}  // namespace leet::plugin_naive
#endif  // LEET_PLUGINS_NAIVE_NAIVE_CPU_HPP
