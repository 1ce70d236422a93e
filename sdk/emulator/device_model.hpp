// SPDX-License-Identifier: Apache-2.0
#ifndef LEET_EMULATOR_DEVICE_MODEL_HPP
#define LEET_EMULATOR_DEVICE_MODEL_HPP

#include <cstddef>
#include <leet/cuda/emulated/control.hpp>
#include <leet/cuda/emulated/types.hpp>

namespace leet::emulator {

inline constexpr std::size_t kStaticSharedBytes = std::size_t{48} << 10;  // also the default limit

// The model's properties, with settings().memory_bytes of memory.
cudaDeviceProp device_properties(const Settings& settings);

// Blocks on one multiprocessor, by threads, blocks and shared memory. [pure]
int occupancy(const cudaDeviceProp& device, std::size_t threads, std::size_t shared_bytes);

}  // namespace leet::emulator
#endif  // LEET_EMULATOR_DEVICE_MODEL_HPP
