// SPDX-License-Identifier: Apache-2.0
//
// scan.hpp on the kernels that there are: vectors for the best instruction set of the machine, and
// plain loops.
#ifndef LEET_PLUGINS_SCAN_SCAN_CPU_HPP
#define LEET_PLUGINS_SCAN_SCAN_CPU_HPP

#include <cstdint>
#include <leet/plugin/host.hpp>
#include <leet/plugin/problem.hpp>
#include <leet/plugin/shape.hpp>

#include "scan.hpp"

namespace leet::plugin_scan {

// `wave` is the number of chunks in a wave, or 0 for the method's own choice.
Config configure_simd(const sdk::Shape& shape, const cpu::ChunkConfig& chunk, std::int64_t wave,
                      std::int64_t workers);
Config configure_plain(const sdk::Shape& shape, const cpu::ChunkConfig& chunk, std::int64_t wave,
                       std::int64_t workers);

void execute_simd(const sdk::Host& host, const sdk::Exec& exec, const Config& config);
void execute_plain(const sdk::Host& host, const sdk::Exec& exec, const Config& config);

// The instruction set that execute_simd uses here ("AVX3", "AVX2", "SSE4", ...).
const char* simd_target();

}  // namespace leet::plugin_scan
#endif  // LEET_PLUGINS_SCAN_SCAN_CPU_HPP
