// SPDX-License-Identifier: Apache-2.0
//
// Discounted cumulative sums, rank by rank, on the CPU without vector types.
#ifndef LEET_PLUGINS_FLEET_FLEET_CPU_HPP
#define LEET_PLUGINS_FLEET_FLEET_CPU_HPP

#include <cstdint>
#include <leet/plugin/host.hpp>
#include <leet/plugin/problem.hpp>
#include <leet/plugin/shape.hpp>

namespace leet::plugin_fleet {

// What a plan fixes.
struct Config {
  int decay_kind;
  double scale;
  std::uint64_t bytes_a_worker;  // of workspace
};

std::uint64_t bytes_a_worker(const sdk::Shape& shape);

void execute_cpu(const sdk::Host& host, const sdk::Exec& exec, const Config& config);

}  // namespace leet::plugin_fleet
#endif  // LEET_PLUGINS_FLEET_FLEET_CPU_HPP
