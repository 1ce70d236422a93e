// SPDX-License-Identifier: Apache-2.0
//
// recursive.hpp on the kernels that there are: vectors for the best instruction set of the machine,
// and plain loops.
#ifndef LEET_PLUGINS_RECURSIVE_RECURSIVE_CPU_HPP
#define LEET_PLUGINS_RECURSIVE_RECURSIVE_CPU_HPP

#include <cstdint>
#include <leet/plugin/host.hpp>
#include <leet/plugin/problem.hpp>
#include <leet/plugin/shape.hpp>

#include "recursive.hpp"

namespace leet::plugin_recursive {

std::uint64_t simd_bytes_a_worker(const sdk::Shape& shape, const cpu::ChunkConfig& config);
std::uint64_t plain_bytes_a_worker(const sdk::Shape& shape, const cpu::ChunkConfig& config);

void execute_simd(const sdk::Host& host, const sdk::Exec& exec, const Config& config);
void execute_plain(const sdk::Host& host, const sdk::Exec& exec, const Config& config);

// The instruction set that execute_simd uses here ("AVX3", "AVX2", "SSE4", ...).
const char* simd_target();

}  // namespace leet::plugin_recursive
#endif  // LEET_PLUGINS_RECURSIVE_RECURSIVE_CPU_HPP
