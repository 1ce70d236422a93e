// SPDX-License-Identifier: Apache-2.0
//
// chunked.hpp on the kernels that there are: vectors for the best instruction set of the machine,
// and plain loops.
#ifndef LEET_PLUGINS_CHUNKED_CHUNKED_CPU_HPP
#define LEET_PLUGINS_CHUNKED_CHUNKED_CPU_HPP

#include <cstdint>
#include <leet/plugin/host.hpp>
#include <leet/plugin/problem.hpp>
#include <leet/plugin/shape.hpp>

#include "chunked.hpp"

namespace leet::plugin_chunked {

Config configure_simd(const sdk::Shape& shape, const cpu::ChunkConfig& chunk, std::int64_t workers);
Config configure_plain(const sdk::Shape& shape, const cpu::ChunkConfig& chunk,
                       std::int64_t workers);

void execute_simd(const sdk::Host& host, const sdk::Exec& exec, const Config& config);
void execute_plain(const sdk::Host& host, const sdk::Exec& exec, const Config& config);

// The instruction set that execute_simd uses here ("AVX3", "AVX2", "SSE4", ...).
const char* simd_target();

}  // namespace leet::plugin_chunked
#endif  // LEET_PLUGINS_CHUNKED_CHUNKED_CPU_HPP
