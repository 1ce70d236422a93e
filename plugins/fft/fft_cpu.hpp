// SPDX-License-Identifier: Apache-2.0
//
// The partitioned convolution without vector types, in fp64 whatever the tensors.
#ifndef LEET_PLUGINS_FFT_FFT_CPU_HPP
#define LEET_PLUGINS_FFT_FFT_CPU_HPP

#include <cstdint>
#include <leet/plugin/host.hpp>
#include <leet/plugin/problem.hpp>

#include "convolution.hpp"

namespace leet::plugin_fft {

std::uint64_t bytes_a_worker(std::int64_t R, std::int64_t block);

void execute_cpu(const sdk::Host& host, const sdk::Exec& exec, const Config<double>& config);

}  // namespace leet::plugin_fft
#endif  // LEET_PLUGINS_FFT_FFT_CPU_HPP
