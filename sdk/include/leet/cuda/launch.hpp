// SPDX-License-Identifier: Apache-2.0
//
// Launching a kernel: <<<>>> is not C++, and the emulator wants the kernel's name. The kernel is a
// template argument:
//   launch<scale<float>>({.grid = 10, .block = 128, .stream = stream}, data, factor)
#ifndef LEET_CUDA_LAUNCH_HPP
#define LEET_CUDA_LAUNCH_HPP

#include <cstddef>
#include <leet/cuda/language.hpp>
#include <tuple>
#include <type_traits>
#include <utility>

namespace leet::cuda {

struct LaunchConfig {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;  // dynamic shared memory
  cudaStream_t stream = nullptr;
  bool cooperative = false;  // all blocks at once, for grid_sync
};

namespace detail {

template <class... Parameters>
constexpr bool portable_parameters(void (*)(Parameters...)) {
  return (std::is_trivially_copyable_v<Parameters> && ...) &&
         (sizeof(Parameters) + ... + 0) <= 4096;
}

#if LEET_CUDA_EMULATED
template <auto Kernel>
const char* kernel_name() {
  return __PRETTY_FUNCTION__;
}
template <auto Kernel, class... Parameters, class... Arguments>
cudaError_t emulated_launch(void (*)(Parameters...), const LaunchConfig& config,
                            Arguments&&... arguments) {
  emulator::KernelLaunch kernel;
  kernel.grid = config.grid;
  kernel.block = config.block;
  kernel.shared_bytes = config.shared_bytes;
  kernel.stream = config.stream;
  kernel.cooperative = config.cooperative;
  kernel.kernel = reinterpret_cast<const void*>(Kernel);
  kernel.name = kernel_name<Kernel>();
  kernel.run_thread = [values = std::tuple<Parameters...>(std::forward<Arguments>(arguments)...)] {
    std::apply(Kernel, values);
  };
  return emulator::enqueue_kernel(kernel);
}
#endif

}  // namespace detail

template <auto Kernel, class... Arguments>
cudaError_t launch(const LaunchConfig& config, Arguments&&... arguments) {
  static_assert(detail::portable_parameters(Kernel),
                "kernel parameters are trivially copyable and take up to 4096 bytes");
#if LEET_CUDA_EMULATED
  return detail::emulated_launch<Kernel>(Kernel, config, std::forward<Arguments>(arguments)...);
#else
  cudaLaunchAttribute cooperative{};
  cooperative.id = cudaLaunchAttributeCooperative;
  cooperative.val.cooperative = config.cooperative;
  cudaLaunchConfig_t native{};
  native.gridDim = config.grid;
  native.blockDim = config.block;
  native.dynamicSmemBytes = config.shared_bytes;
  native.stream = config.stream;
  native.attrs = &cooperative;
  native.numAttrs = 1;
  return cudaLaunchKernelEx(&native, Kernel, std::forward<Arguments>(arguments)...);
#endif
}

// Dynamic shared memory beyond 48 KiB needs this once before the launch.
template <auto Kernel>
cudaError_t allow_shared_memory(std::size_t bytes) {
  return cudaFuncSetAttribute(reinterpret_cast<const void*>(Kernel),
                              cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes));
}

// Blocks of a kernel that fit on one multiprocessor at once.
template <auto Kernel>
cudaError_t blocks_per_multiprocessor(int* blocks, int threads, std::size_t shared_bytes) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessor(
      blocks, reinterpret_cast<const void*>(Kernel), threads, shared_bytes);
}

}  // namespace leet::cuda
#endif  // LEET_CUDA_LAUNCH_HPP
