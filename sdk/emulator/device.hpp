// SPDX-License-Identifier: Apache-2.0
#ifndef LEET_EMULATOR_DEVICE_HPP
#define LEET_EMULATOR_DEVICE_HPP

#include <cstddef>
#include <leet/cuda/emulated/control.hpp>
#include <leet/cuda/emulated/execution.hpp>
#include <map>
#include <memory>
#include <mutex>

#include "allocations.hpp"
#include "streams.hpp"
#include "worker_pool.hpp"

namespace leet::emulator {

// The one emulated device of the process. Calls of the runtime are serialised by its mutex.
class Device {
 public:
  static Device& instance();

  std::mutex mutex;
  Settings settings;
  Allocations memory;
  Streams streams;
  // The first failure of a kernel. From then on nothing is done any more.
  cudaError_t failure = cudaSuccess;
  Statistics counts = {};

  // Refuses at once what CUDA refuses at once; else puts the launch into its stream.
  cudaError_t launch(const KernelLaunch& launch);
  cudaError_t allow_shared_memory(const void* kernel, int bytes);
  void reset();
  std::uint64_t switches() const { return pool_.switches(); }

 private:
  cudaError_t refuse(const KernelLaunch& launch, cudaError_t error, const std::string& why) const;
  cudaError_t check(const KernelLaunch& launch) const;
  void run(const KernelLaunch& launch);

  std::map<const void*, std::size_t> allowed_shared_bytes_;
  WorkerPool pool_;
};

// The error that the host thread's next cudaGetLastError() gives.
cudaError_t& last_error();

// What every call of the runtime does: takes its turn, returns a kernel's failure instead of doing
// anything, and remembers its error.
template <class Body>
cudaError_t runtime_call(Body body) {
  Device& device = Device::instance();
  const std::lock_guard lock(device.mutex);
  cudaError_t error = device.failure;
  if (error == cudaSuccess) {
    error = body(device);
  }
  if (error != cudaSuccess) {
    last_error() = error;
  }
  return error;
}

}  // namespace leet::emulator
#endif  // LEET_EMULATOR_DEVICE_HPP
