// SPDX-License-Identifier: Apache-2.0
//
// CUDA's types, as far as portable kernels and their host code use them, for compilers that are not
// nvcc: no CUDA header is needed to build an emulated kernel. Numbers are CUDA's, which tests/cuda
// checks against the toolkit where there is one. Everything is defined in leet::emulator, so that
// no symbol can meet CUDA's own in a process that has both, and is visible under CUDA's names.
#ifndef LEET_CUDA_EMULATED_TYPES_HPP
#define LEET_CUDA_EMULATED_TYPES_HPP

#if defined(__DRIVER_TYPES_H__) || defined(__VECTOR_TYPES_H__)
#error "CUDA's headers were included before leet/cuda: emulated sources take their types from here"
#endif

#include <cstddef>
#include <cstdint>

namespace leet::emulator {

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

struct alignas(8) int2 {
  int x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) double2 {
  double x, y;
};
constexpr int2 make_int2(int x, int y) { return {x, y}; }
constexpr int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
constexpr uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
constexpr uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
constexpr float2 make_float2(float x, float y) { return {x, y}; }
constexpr float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
constexpr double2 make_double2(double x, double y) { return {x, y}; }

enum cudaError_t : int {
#define LEET_CUDA_ERROR(name, number, text) name = number,
#include <leet/cuda/emulated/errors.inc>
#undef LEET_CUDA_ERROR
};

enum cudaDeviceAttr : int {
#define LEET_CUDA_ATTRIBUTE(name, number, member) name = number,
#include <leet/cuda/emulated/attributes.inc>
#undef LEET_CUDA_ATTRIBUTE
};

// The members that the emulator fills; CUDA's has more.
struct cudaDeviceProp {
  char name[256];
  std::size_t totalGlobalMem;
  std::size_t sharedMemPerBlock;
  std::size_t sharedMemPerBlockOptin;
  std::size_t sharedMemPerMultiprocessor;
  std::size_t reservedSharedMemPerBlock;
  int warpSize;
  int maxThreadsPerBlock;
  int maxThreadsDim[3];
  int maxGridSize[3];
  int major;
  int minor;
  int multiProcessorCount;
  int maxThreadsPerMultiProcessor;
  int maxBlocksPerMultiProcessor;
  int l2CacheSize;
};

enum cudaMemcpyKind : int {
  cudaMemcpyHostToHost = 0,
  cudaMemcpyHostToDevice = 1,
  cudaMemcpyDeviceToHost = 2,
  cudaMemcpyDeviceToDevice = 3,
  cudaMemcpyDefault = 4
};

enum cudaMemoryType : int {
  cudaMemoryTypeUnregistered = 0,
  cudaMemoryTypeHost = 1,
  cudaMemoryTypeDevice = 2
};
struct cudaPointerAttributes {
  cudaMemoryType type;
  int device;
  void* devicePointer;
  void* hostPointer;
};

enum cudaFuncAttribute : int { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };

// Handles; the null stream is the legacy default stream.
struct StreamHandle;
struct EventHandle;
using cudaStream_t = StreamHandle*;
using cudaEvent_t = EventHandle*;
inline constexpr unsigned cudaStreamDefault = 0;
inline constexpr unsigned cudaStreamNonBlocking = 1;
inline constexpr unsigned cudaEventDefault = 0;
inline constexpr unsigned cudaEventBlockingSync = 1;
inline constexpr unsigned cudaEventDisableTiming = 2;

}  // namespace leet::emulator

using leet::emulator::dim3;
using leet::emulator::double2;
using leet::emulator::float2;
using leet::emulator::float4;
using leet::emulator::int2;
using leet::emulator::int4;
using leet::emulator::make_double2;
using leet::emulator::make_float2;
using leet::emulator::make_float4;
using leet::emulator::make_int2;
using leet::emulator::make_int4;
using leet::emulator::make_uint2;
using leet::emulator::make_uint4;
using leet::emulator::uint2;
using leet::emulator::uint3;
using leet::emulator::uint4;

#define LEET_CUDA_ERROR(name, number, text) using leet::emulator::name;
#include <leet/cuda/emulated/errors.inc>
#undef LEET_CUDA_ERROR
#define LEET_CUDA_ATTRIBUTE(name, number, member) using leet::emulator::name;
#include <leet/cuda/emulated/attributes.inc>
#undef LEET_CUDA_ATTRIBUTE

using leet::emulator::cudaDeviceAttr;
using leet::emulator::cudaDeviceProp;
using leet::emulator::cudaError_t;
using leet::emulator::cudaEvent_t;
using leet::emulator::cudaEventBlockingSync;
using leet::emulator::cudaEventDefault;
using leet::emulator::cudaEventDisableTiming;
using leet::emulator::cudaFuncAttribute;
using leet::emulator::cudaFuncAttributeMaxDynamicSharedMemorySize;
using leet::emulator::cudaMemcpyDefault;
using leet::emulator::cudaMemcpyDeviceToDevice;
using leet::emulator::cudaMemcpyDeviceToHost;
using leet::emulator::cudaMemcpyHostToDevice;
using leet::emulator::cudaMemcpyHostToHost;
using leet::emulator::cudaMemcpyKind;
using leet::emulator::cudaMemoryType;
using leet::emulator::cudaMemoryTypeDevice;
using leet::emulator::cudaMemoryTypeHost;
using leet::emulator::cudaMemoryTypeUnregistered;
using leet::emulator::cudaPointerAttributes;
using leet::emulator::cudaStream_t;
using leet::emulator::cudaStreamDefault;
using leet::emulator::cudaStreamNonBlocking;

#endif  // LEET_CUDA_EMULATED_TYPES_HPP
