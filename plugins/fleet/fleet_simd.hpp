// SPDX-License-Identifier: Apache-2.0
//
// Discounted cumulative sums of many ranks at once, in vector registers: the fast path for f32, f16
// and bf16. It must agree with fleet_cpu.hpp, which takes everything else.
#ifndef LEET_PLUGINS_FLEET_FLEET_SIMD_HPP
#define LEET_PLUGINS_FLEET_FLEET_SIMD_HPP

#include <cstdint>
#include <leet/plugin/host.hpp>
#include <leet/plugin/problem.hpp>
#include <leet/plugin/shape.hpp>

#include "fleet_cpu.hpp"

namespace leet::plugin_fleet {

// Of workspace, for the best instruction set of this machine.
std::uint64_t simd_bytes_a_worker(const sdk::Shape& shape);

// Needs R > 0 and D > 0, and no f64 tensor.
void execute_simd(const sdk::Host& host, const sdk::Exec& exec, const Config& config);

// The instruction set that execute_simd uses here: "AVX3", "AVX2", "SSE4", ...
const char* simd_target();

}  // namespace leet::plugin_fleet
#endif  // LEET_PLUGINS_FLEET_FLEET_SIMD_HPP
