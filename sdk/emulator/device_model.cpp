// SPDX-License-Identifier: Apache-2.0
#include "device_model.hpp"

#include <algorithm>
#include <cstdio>
#include <limits>

namespace leet::emulator {
namespace {

// CUDA C++ Programming Guide, "Technical Specifications per Compute Capability", and the products'
// numbers of multiprocessors and cache sizes.
struct Model {
  DeviceModel model;
  int major;
  int multiprocessors;
  int threads_per_multiprocessor;
  int blocks_per_multiprocessor;
  int shared_kib_per_multiprocessor;
  int l2_mib;
};
constexpr Model kModels[] = {
    {DeviceModel::kSm80, 8, 108, 2048, 32, 164, 40},
    {DeviceModel::kSm90, 9, 132, 2048, 32, 228, 50},
    {DeviceModel::kSm100, 10, 148, 2048, 32, 228, 126},
    {DeviceModel::kSm120, 12, 170, 1536, 24, 100, 96},
};
constexpr std::size_t kReservedBytes = 1024;  // of shared memory, in each block
constexpr std::size_t kSharedGranularity = 128;
constexpr std::size_t kWarp = 32;

}  // namespace

cudaDeviceProp device_properties(const Settings& settings) {
  const Model& model = *std::find_if(std::begin(kModels), std::end(kModels),
                                     [&](const Model& m) { return m.model == settings.model; });
  cudaDeviceProp device{};
  std::snprintf(device.name, sizeof device.name, "Leet emulated GPU (compute capability %d.0)",
                model.major);
  device.totalGlobalMem = settings.memory_bytes;
  device.sharedMemPerBlock = kStaticSharedBytes;
  device.sharedMemPerMultiprocessor = static_cast<std::size_t>(model.shared_kib_per_multiprocessor)
                                      << 10;
  device.reservedSharedMemPerBlock = kReservedBytes;
  device.sharedMemPerBlockOptin = device.sharedMemPerMultiprocessor - kReservedBytes;
  device.warpSize = kWarp;
  device.maxThreadsPerBlock = 1024;
  device.maxThreadsDim[0] = 1024;
  device.maxThreadsDim[1] = 1024;
  device.maxThreadsDim[2] = 64;
  device.maxGridSize[0] = std::numeric_limits<int>::max();
  device.maxGridSize[1] = 65535;
  device.maxGridSize[2] = 65535;
  device.major = model.major;
  device.multiProcessorCount = model.multiprocessors;
  device.maxThreadsPerMultiProcessor = model.threads_per_multiprocessor;
  device.maxBlocksPerMultiProcessor = model.blocks_per_multiprocessor;
  device.l2CacheSize = model.l2_mib << 20;
  return device;
}

int occupancy(const cudaDeviceProp& device, std::size_t threads, std::size_t shared_bytes) {
  if (threads == 0 || threads > static_cast<std::size_t>(device.maxThreadsPerBlock) ||
      shared_bytes > device.sharedMemPerBlockOptin) {
    return 0;
  }
  const std::size_t warps = (threads + kWarp - 1) / kWarp;
  const std::size_t by_threads =
      static_cast<std::size_t>(device.maxThreadsPerMultiProcessor) / kWarp / warps;
  const std::size_t shared =
      (shared_bytes + device.reservedSharedMemPerBlock + kSharedGranularity - 1) /
      kSharedGranularity * kSharedGranularity;
  const std::size_t by_shared = device.sharedMemPerMultiprocessor / shared;
  return static_cast<int>(std::min(
      {by_threads, by_shared, static_cast<std::size_t>(device.maxBlocksPerMultiProcessor)}));
}

}  // namespace leet::emulator
