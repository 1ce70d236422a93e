// SPDX-License-Identifier: Apache-2.0
#include "device.hpp"

#include <algorithm>
#include <thread>

#include "device_model.hpp"
#include "report.hpp"

namespace leet::emulator {
namespace {

std::uint64_t volume(const dim3& size) { return std::uint64_t{size.x} * size.y * size.z; }

}  // namespace

Device& Device::instance() {
  static Device device;
  return device;
}

cudaError_t Device::refuse(const KernelLaunch& launch, cudaError_t error,
                           const std::string& why) const {
  add_report(ReportKind::kLaunch,
             "kernel " + kernel_name(launch.name) +
                 format(", grid (%u,%u,%u), block (%u,%u,%u), %zu bytes of dynamic shared memory: ",
                        launch.grid.x, launch.grid.y, launch.grid.z, launch.block.x, launch.block.y,
                        launch.block.z, launch.shared_bytes) +
                 why);
  return error;
}

cudaError_t Device::check(const KernelLaunch& launch) const {
  const cudaDeviceProp device = device_properties(settings);
  const unsigned grid[] = {launch.grid.x, launch.grid.y, launch.grid.z};
  const unsigned block[] = {launch.block.x, launch.block.y, launch.block.z};
  for (int axis = 0; axis < 3; ++axis) {
    const char name = "xyz"[axis];
    const auto most_blocks = static_cast<unsigned>(device.maxGridSize[axis]);
    const auto most_threads = static_cast<unsigned>(device.maxThreadsDim[axis]);
    if (grid[axis] == 0 || grid[axis] > most_blocks) {
      return refuse(launch, cudaErrorInvalidConfiguration,
                    format("grid.%c has to be 1 to %u", name, most_blocks));
    }
    if (block[axis] == 0 || block[axis] > most_threads) {
      return refuse(launch, cudaErrorInvalidConfiguration,
                    format("block.%c has to be 1 to %u", name, most_threads));
    }
  }
  const std::uint64_t threads = volume(launch.block);
  if (threads > static_cast<std::uint64_t>(device.maxThreadsPerBlock)) {
    return refuse(launch, cudaErrorInvalidConfiguration,
                  format("a block has at most %d threads", device.maxThreadsPerBlock));
  }
  const auto allowed = allowed_shared_bytes_.find(launch.kernel);
  const std::size_t limit =
      allowed != allowed_shared_bytes_.end() ? allowed->second : device.sharedMemPerBlock;
  if (launch.shared_bytes > limit) {
    return refuse(launch, cudaErrorInvalidValue,
                  format("at most %zu bytes are allowed; allow_shared_memory() raises that to %zu",
                         limit, device.sharedMemPerBlockOptin));
  }
  if (launch.cooperative) {
    const std::uint64_t fit =
        static_cast<std::uint64_t>(occupancy(device, threads, launch.shared_bytes)) *
        static_cast<std::uint64_t>(device.multiProcessorCount);
    if (volume(launch.grid) > fit) {
      return refuse(launch, cudaErrorCooperativeLaunchTooLarge,
                    format("the device runs at most %llu such blocks at once",
                           static_cast<unsigned long long>(fit)));
    }
  }
  return cudaSuccess;
}

cudaError_t Device::launch(const KernelLaunch& launch) {
  const auto stream = streams.find(launch.stream);
  if (stream == nullptr) {
    return cudaErrorInvalidResourceHandle;
  }
  if (const cudaError_t error = check(launch); error != cudaSuccess) {
    return error;
  }
  streams.put(stream, [this, launch] { run(launch); });
  return cudaSuccess;
}

void Device::run(const KernelLaunch& launch) {
  if (failure != cudaSuccess) {
    return;
  }
  const std::size_t available = settings.os_threads > 0
                                    ? static_cast<std::size_t>(settings.os_threads)
                                    : std::max(std::thread::hardware_concurrency(), 1u);
  const std::uint64_t blocks = volume(launch.grid);
  Grid grid(launch, settings, launch.cooperative ? 1 : std::min<std::uint64_t>(available, blocks));
  pool_.run(grid);
  failure = grid.error;
  ++counts.launches;
  counts.blocks += blocks;
  counts.threads += blocks * volume(launch.block);
}

cudaError_t Device::allow_shared_memory(const void* kernel, int bytes) {
  const std::size_t most = device_properties(settings).sharedMemPerBlockOptin;
  if (kernel == nullptr || bytes < 0 || static_cast<std::size_t>(bytes) > most) {
    return cudaErrorInvalidValue;
  }
  allowed_shared_bytes_[kernel] = static_cast<std::size_t>(bytes);
  return cudaSuccess;
}

void Device::reset() {
  streams.clear();
  memory.clear();
  failure = cudaSuccess;
  allowed_shared_bytes_.clear();
}

cudaError_t enqueue_kernel(const KernelLaunch& launch) {
  return runtime_call([&](Device& device) { return device.launch(launch); });
}

Settings settings() {
  Device& device = Device::instance();
  const std::lock_guard lock(device.mutex);
  return device.settings;
}

void set_settings(const Settings& settings) {
  Device& device = Device::instance();
  const std::lock_guard lock(device.mutex);
  device.streams.run_all();  // what was launched before is run as was set before
  device.settings = settings;
}

Statistics statistics() {
  Device& device = Device::instance();
  const std::lock_guard lock(device.mutex);
  Statistics statistics = device.counts;
  statistics.switches = device.switches();
  statistics.live_allocations = device.memory.count();
  statistics.live_bytes = device.memory.device_bytes();
  return statistics;
}

}  // namespace leet::emulator
