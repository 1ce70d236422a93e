// SPDX-License-Identifier: Apache-2.0
//
// The partitioned convolution in vector registers: the fast path. It must agree with fft_cpu.hpp,
// which takes everything else. Real is float, for f32 and the 16-bit types, or double.
#ifndef LEET_PLUGINS_FFT_FFT_SIMD_HPP
#define LEET_PLUGINS_FFT_FFT_SIMD_HPP

#include <cstdint>
#include <leet/plugin/host.hpp>
#include <leet/plugin/problem.hpp>

#include "convolution.hpp"

namespace leet::plugin_fft {

// Of workspace, for the best instruction set of this machine.
template <class Real>
std::uint64_t simd_bytes_a_worker(std::int64_t R, std::int64_t block);

template <class Real>
void execute_simd(const sdk::Host& host, const sdk::Exec& exec, const Config<Real>& config);

// The instruction set that execute_simd uses here: "AVX3", "AVX2", "SSE4", ...
const char* simd_target();

}  // namespace leet::plugin_fft
#endif  // LEET_PLUGINS_FFT_FFT_SIMD_HPP
