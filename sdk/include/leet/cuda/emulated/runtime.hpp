// SPDX-License-Identifier: Apache-2.0
//
// The part of the CUDA runtime that plugins and tests use, on the emulated device. The functions
// are C++ functions of leet::emulator that CUDA's names refer to: a CUDA runtime in the same
// process, whose symbols are plain C names, can't be bound to them, nor they to it.
//
// As on a device, work on streams is queued. It runs only when something waits for it, as late as
// the CUDA programming model allows, so that a missing synchronisation shows. A kernel's failure is
// sticky: from then on every call returns it, until cudaDeviceReset().
#ifndef LEET_CUDA_EMULATED_RUNTIME_HPP
#define LEET_CUDA_EMULATED_RUNTIME_HPP

#include <leet/cuda/emulated/types.hpp>

#pragma GCC visibility push(default)  // the emulator's library exports what is declared here
namespace leet::emulator {

cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaDeviceSynchronize();
// Frees everything and forgets all errors.
cudaError_t cudaDeviceReset();

cudaError_t cudaGetLastError();
cudaError_t cudaPeekAtLastError();
const char* cudaGetErrorName(cudaError_t error);
const char* cudaGetErrorString(cudaError_t error);

// New memory is filled with NaNs.
cudaError_t cudaMalloc(void** pointer, std::size_t bytes);
cudaError_t cudaFree(void* pointer);
cudaError_t cudaMallocHost(void** pointer, std::size_t bytes);
cudaError_t cudaFreeHost(void* pointer);
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total);
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer);
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind);
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream = nullptr);
cudaError_t cudaMemset(void* to, int value, std::size_t bytes);
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream = nullptr);
template <class T>
cudaError_t cudaMalloc(T** pointer, std::size_t bytes) {
  return cudaMalloc(reinterpret_cast<void**>(pointer), bytes);
}
template <class T>
cudaError_t cudaMallocHost(T** pointer, std::size_t bytes) {
  return cudaMallocHost(reinterpret_cast<void**>(pointer), bytes);
}

cudaError_t cudaStreamCreate(cudaStream_t* stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamQuery(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags = 0);

cudaError_t cudaEventCreate(cudaEvent_t* event);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream = nullptr);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end);

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value);
// By threads, blocks and dynamic shared memory; what registers would allow is not known here.
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* kernel,
                                                          int threads, std::size_t shared_bytes);

}  // namespace leet::emulator
#pragma GCC visibility pop

using leet::emulator::cudaDeviceGetAttribute;
using leet::emulator::cudaDeviceReset;
using leet::emulator::cudaDeviceSynchronize;
using leet::emulator::cudaEventCreate;
using leet::emulator::cudaEventCreateWithFlags;
using leet::emulator::cudaEventDestroy;
using leet::emulator::cudaEventElapsedTime;
using leet::emulator::cudaEventQuery;
using leet::emulator::cudaEventRecord;
using leet::emulator::cudaEventSynchronize;
using leet::emulator::cudaFree;
using leet::emulator::cudaFreeHost;
using leet::emulator::cudaFuncSetAttribute;
using leet::emulator::cudaGetDevice;
using leet::emulator::cudaGetDeviceCount;
using leet::emulator::cudaGetDeviceProperties;
using leet::emulator::cudaGetErrorName;
using leet::emulator::cudaGetErrorString;
using leet::emulator::cudaGetLastError;
using leet::emulator::cudaMalloc;
using leet::emulator::cudaMallocHost;
using leet::emulator::cudaMemcpy;
using leet::emulator::cudaMemcpyAsync;
using leet::emulator::cudaMemGetInfo;
using leet::emulator::cudaMemset;
using leet::emulator::cudaMemsetAsync;
using leet::emulator::cudaOccupancyMaxActiveBlocksPerMultiprocessor;
using leet::emulator::cudaPeekAtLastError;
using leet::emulator::cudaPointerGetAttributes;
using leet::emulator::cudaSetDevice;
using leet::emulator::cudaStreamCreate;
using leet::emulator::cudaStreamCreateWithFlags;
using leet::emulator::cudaStreamDestroy;
using leet::emulator::cudaStreamQuery;
using leet::emulator::cudaStreamSynchronize;
using leet::emulator::cudaStreamWaitEvent;

#endif  // LEET_CUDA_EMULATED_RUNTIME_HPP
