// SPDX-License-Identifier: Apache-2.0
//
// That the emulator's numbers are CUDA's: this only has to compile, with the toolkit's own headers.
#include <leet/cuda/kernel.hpp>

#define LEET_CUDA_ERROR(name, number, text) static_assert(static_cast<int>(name) == number);
#include <leet/cuda/emulated/errors.inc>
#undef LEET_CUDA_ERROR

#define LEET_CUDA_ATTRIBUTE(name, number, member) static_assert(static_cast<int>(name) == number);
#include <leet/cuda/emulated/attributes.inc>
#undef LEET_CUDA_ATTRIBUTE

static_assert(cudaMemcpyHostToHost == 0 && cudaMemcpyHostToDevice == 1 &&
              cudaMemcpyDeviceToHost == 2 && cudaMemcpyDeviceToDevice == 3 &&
              cudaMemcpyDefault == 4);
static_assert(cudaMemoryTypeUnregistered == 0 && cudaMemoryTypeHost == 1 &&
              cudaMemoryTypeDevice == 2);
static_assert(cudaStreamDefault == 0 && cudaStreamNonBlocking == 1);
static_assert(cudaEventDefault == 0 && cudaEventBlockingSync == 1 && cudaEventDisableTiming == 2);
static_assert(cudaFuncAttributeMaxDynamicSharedMemorySize == 8);
static_assert(sizeof(leet::cuda::F16) == sizeof(leet::sdk::F16) &&
              sizeof(leet::cuda::Bf16) == sizeof(leet::sdk::Bf16));

// What no other kernel of the tests uses, for every architecture.
namespace {

__global__ void use_the_rest(unsigned* flags, float* out) {
  LEET_SHARED(float, shared, [32]);
  shared[threadIdx.x] = out[threadIdx.x];
  leet::cuda::named_barrier(1, 32);
  while (leet::cuda::load_acquire(flags) == 0) {
    leet::cuda::spin_pause();
  }
  leet::cuda::store_release(flags + 1, 1);
  leet::cuda::grid_sync();
  const float sum = static_cast<float>(__reduce_add_sync(0xffffffffu, threadIdx.x));
  out[threadIdx.x] = leet::cuda::exp2_approximately(sum + shared[31 - threadIdx.x]);
  atomicAdd(flags + 2, static_cast<unsigned>(__syncthreads_count(1)));
}

}  // namespace

cudaError_t launch_the_rest(unsigned* flags, float* out) {
  int blocks = 0;
  leet::cuda::blocks_per_multiprocessor<use_the_rest>(&blocks, 32, 0);
  leet::cuda::LaunchConfig config;
  config.grid = dim3(static_cast<unsigned>(blocks));
  config.block = dim3(32);
  config.cooperative = true;
  return leet::cuda::launch<use_the_rest>(config, flags, out);
}
