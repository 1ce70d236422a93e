// SPDX-License-Identifier: Apache-2.0
//
// The emulated part of the CUDA runtime: memory, streams, events, limits and errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <leet/cuda/kernel.hpp>
#include <string>
#include <vector>

#include "tests/cuda/device_array.hpp"
#include "tests/cuda/emulated_test.hpp"

namespace leet::cuda_test {
namespace {

using emulator::DeviceModel;
using emulator::ReportKind;
using testing::Each;
using testing::HasSubstr;

__global__ void add(int* data, int amount) { data[threadIdx.x] += amount; }
__global__ void multiply(int* data, int factor) { data[threadIdx.x] *= factor; }
__global__ void fail_at_once() {
  if (threadIdx.x == 0) {
    __syncthreads();
  }
}
__global__ void nothing() {}

cuda::LaunchConfig shape(dim3 grid, dim3 block, cudaStream_t stream = nullptr) {
  cuda::LaunchConfig config;
  config.grid = grid;
  config.block = block;
  config.stream = stream;
  return config;
}

class Runtime : public EmulatedTest {
 protected:
  static cudaStream_t stream(unsigned flags = cudaStreamDefault) {
    cudaStream_t result = nullptr;
    EXPECT_EQ(cudaStreamCreateWithFlags(&result, flags), cudaSuccess);
    return result;
  }
  static cudaEvent_t event(unsigned flags = cudaEventDefault) {
    cudaEvent_t result = nullptr;
    EXPECT_EQ(cudaEventCreateWithFlags(&result, flags), cudaSuccess);
    return result;
  }
  // Looks into device memory without waiting for anything.
  static int peek(const DeviceArray<int>& array) { return *array.data(); }
};

// ---- Memory ----

TEST_F(Runtime, NewMemoryHoldsNans) {
  DeviceArray<float> memory(100);
  for (const float x : memory.to_host()) {
    EXPECT_NE(x, x);
  }
}

TEST_F(Runtime, MemoryIsCopiedSetAndCounted) {
  const auto before = emulator::statistics();
  {
    DeviceArray<int> a(std::vector<int>{1, 2, 3, 4}), b(4);
    EXPECT_EQ(emulator::statistics().live_bytes, before.live_bytes + 32);
    EXPECT_EQ(cudaMemset(b.data(), 0, 16), cudaSuccess);
    EXPECT_EQ(cudaMemcpy(b.data() + 1, a.data(), 8, cudaMemcpyDeviceToDevice), cudaSuccess);
    EXPECT_EQ(b.to_host(), (std::vector<int>{0, 1, 2, 0}));
  }
  EXPECT_EQ(emulator::statistics().live_allocations, before.live_allocations);
}

TEST_F(Runtime, WrongMemoryArgumentsAreRefused) {
  DeviceArray<int> a(4);
  std::vector<int> host(8);
  EXPECT_EQ(cudaMemcpy(host.data(), a.data(), 16, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpy(host.data(), a.data(), 20, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpy(host.data(), a.data(), 4, static_cast<cudaMemcpyKind>(9)),
            cudaErrorInvalidMemcpyDirection);
  EXPECT_EQ(cudaMemset(host.data(), 0, 4), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(a.data() + 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFreeHost(a.data()), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(nullptr), cudaSuccess);

  void* pointer = nullptr;
  ASSERT_EQ(cudaMalloc(&pointer, 16), cudaSuccess);
  EXPECT_EQ(cudaFree(pointer), cudaSuccess);
  EXPECT_EQ(cudaFree(pointer), cudaErrorInvalidValue);  // twice
}

TEST_F(Runtime, MemoryRunsOut) {
  emulator::Settings settings = emulator::settings();
  settings.memory_bytes = 1 << 20;
  emulator::set_settings(settings);
  void* pointer = nullptr;
  EXPECT_EQ(cudaMalloc(&pointer, (1 << 20) + 1), cudaErrorMemoryAllocation);
  EXPECT_EQ(pointer, nullptr);
  EXPECT_EQ(cudaMalloc(&pointer, 1 << 19), cudaSuccess);
  std::size_t free = 0, total = 0;
  EXPECT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
  EXPECT_EQ(free, std::size_t{1} << 19);
  EXPECT_EQ(total, std::size_t{1} << 20);
}

TEST_F(Runtime, PointersHaveAttributes) {
  DeviceArray<int> device(4);
  int* pinned = nullptr;
  ASSERT_EQ(cudaMallocHost(&pinned, 16), cudaSuccess);
  int host = 0;
  cudaPointerAttributes attributes;
  ASSERT_EQ(cudaPointerGetAttributes(&attributes, device.data() + 3), cudaSuccess);
  EXPECT_EQ(attributes.type, cudaMemoryTypeDevice);
  EXPECT_EQ(attributes.hostPointer, nullptr);
  ASSERT_EQ(cudaPointerGetAttributes(&attributes, device.data() + 4), cudaSuccess);
  EXPECT_EQ(attributes.type, cudaMemoryTypeUnregistered);
  ASSERT_EQ(cudaPointerGetAttributes(&attributes, pinned), cudaSuccess);
  EXPECT_EQ(attributes.type, cudaMemoryTypeHost);
  ASSERT_EQ(cudaPointerGetAttributes(&attributes, &host), cudaSuccess);
  EXPECT_EQ(attributes.type, cudaMemoryTypeUnregistered);
  EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
}

// ---- Streams: nothing is done before somebody waits for it ----

TEST_F(Runtime, LaunchesWaitUntilTheirStreamIsWaitedFor) {
  DeviceArray<int> data(std::vector<int>{1});
  const cudaStream_t a = stream(), b = stream();
  ASSERT_EQ(cuda::launch<add>(shape(1, 1, a), data.data(), 10), cudaSuccess);
  EXPECT_EQ(peek(data), 1);
  EXPECT_EQ(cudaStreamSynchronize(b), cudaSuccess);  // of another stream
  EXPECT_EQ(peek(data), 1);
  EXPECT_EQ(cudaStreamSynchronize(a), cudaSuccess);
  EXPECT_EQ(peek(data), 11);
}

TEST_F(Runtime, ACopyDoesNotWaitForANonBlockingStream) {
  DeviceArray<int> data(std::vector<int>{1});
  const cudaStream_t a = stream(cudaStreamNonBlocking);
  ASSERT_EQ(cuda::launch<add>(shape(1, 1, a), data.data(), 10), cudaSuccess);
  EXPECT_EQ(data.to_host()[0], 1);  // the missing synchronisation shows
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(data.to_host()[0], 11);
}

TEST_F(Runtime, TheNullStreamIsOrderedWithBlockingStreams) {
  DeviceArray<int> data(std::vector<int>{1});
  const cudaStream_t a = stream(), b = stream();
  ASSERT_EQ(cuda::launch<add>(shape(1, 1, a), data.data(), 10), cudaSuccess);
  ASSERT_EQ(cuda::launch<multiply>(shape(1, 1), data.data(), 3), cudaSuccess);
  ASSERT_EQ(cuda::launch<add>(shape(1, 1, b), data.data(), 5), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(b), cudaSuccess);  // which takes all three
  EXPECT_EQ(peek(data), 38);
}

TEST_F(Runtime, AStreamKeepsItsOrder) {
  DeviceArray<int> data(std::vector<int>{1});
  const cudaStream_t a = stream();
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(cuda::launch<multiply>(shape(1, 1, a), data.data(), 2), cudaSuccess);
    ASSERT_EQ(cuda::launch<add>(shape(1, 1, a), data.data(), 1), cudaSuccess);
  }
  EXPECT_EQ(cudaStreamDestroy(a), cudaSuccess);  // what is in it is still done
  EXPECT_EQ(peek(data), 1);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(peek(data), 63);
}

TEST_F(Runtime, AFullStreamMakesTheHostWait) {
  DeviceArray<int> data(std::vector<int>{0});
  const cudaStream_t a = stream();
  for (int i = 0; i < 1100; ++i) {
    ASSERT_EQ(cuda::launch<add>(shape(1, 1, a), data.data(), 1), cudaSuccess);
  }
  EXPECT_EQ(peek(data), 1100 - 1024);
  EXPECT_EQ(cudaStreamSynchronize(a), cudaSuccess);
  EXPECT_EQ(peek(data), 1100);
}

TEST_F(Runtime, QueriesGetThere) {
  DeviceArray<int> data(std::vector<int>{0});
  const cudaStream_t a = stream();
  EXPECT_EQ(cudaStreamQuery(a), cudaSuccess);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(cuda::launch<add>(shape(1, 1, a), data.data(), 1), cudaSuccess);
  }
  int asked = 1;
  while (cudaStreamQuery(a) == cudaErrorNotReady) {
    ++asked;
  }
  EXPECT_EQ(asked, 4);
  EXPECT_EQ(peek(data), 3);
  EXPECT_EQ(cudaGetLastError(), cudaErrorNotReady);
}

TEST_F(Runtime, PageableMemoryIsReadAtOnceAndPinnedMemoryLater) {
  DeviceArray<int> pageable_target(1), pinned_target(1);
  const cudaStream_t a = stream();
  int pageable = 1;
  int* pinned = nullptr;
  ASSERT_EQ(cudaMallocHost(&pinned, sizeof(int)), cudaSuccess);
  *pinned = 1;
  EXPECT_EQ(cudaMemcpyAsync(pageable_target.data(), &pageable, 4, cudaMemcpyHostToDevice, a),
            cudaSuccess);
  EXPECT_EQ(cudaMemcpyAsync(pinned_target.data(), pinned, 4, cudaMemcpyDefault, a), cudaSuccess);
  pageable = *pinned = 2;
  EXPECT_EQ(cudaStreamSynchronize(a), cudaSuccess);
  EXPECT_EQ(peek(pageable_target), 1);
  EXPECT_EQ(peek(pinned_target), 2);

  *pinned = pageable = 0;
  EXPECT_EQ(cudaMemcpyAsync(pinned, pinned_target.data(), 4, cudaMemcpyDeviceToHost, a),
            cudaSuccess);
  EXPECT_EQ(*pinned, 0);
  EXPECT_EQ(cudaMemcpyAsync(&pageable, pinned_target.data(), 4, cudaMemcpyDeviceToHost, a),
            cudaSuccess);  // waits
  EXPECT_EQ(pageable, 2);
  EXPECT_EQ(*pinned, 2);
  EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
}

TEST_F(Runtime, DestroyedHandlesAreRefused) {
  const cudaStream_t a = stream();
  const cudaEvent_t e = event();
  EXPECT_EQ(cudaStreamDestroy(a), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(e), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(a), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaStreamSynchronize(a), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cuda::launch<nothing>(shape(1, 1, a)), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaEventRecord(e), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaEventDestroy(e), cudaErrorInvalidResourceHandle);
}

// ---- Events ----

TEST_F(Runtime, EventsOrderStreams) {
  DeviceArray<int> data(std::vector<int>{1});
  const cudaStream_t a = stream(cudaStreamNonBlocking), b = stream(cudaStreamNonBlocking);
  const cudaEvent_t e = event();
  EXPECT_EQ(cudaStreamWaitEvent(b, e), cudaSuccess);  // not recorded: nothing to wait for
  ASSERT_EQ(cuda::launch<add>(shape(1, 1, a), data.data(), 10), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(e, a), cudaSuccess);
  ASSERT_EQ(cuda::launch<add>(shape(1, 1, a), data.data(), 100), cudaSuccess);
  EXPECT_EQ(cudaStreamWaitEvent(b, e), cudaSuccess);
  ASSERT_EQ(cuda::launch<multiply>(shape(1, 1, b), data.data(), 2), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(b), cudaSuccess);
  EXPECT_EQ(peek(data), 22);  // without what came after the event
  EXPECT_EQ(cudaStreamSynchronize(a), cudaSuccess);
  EXPECT_EQ(peek(data), 122);
}

TEST_F(Runtime, EventsAreDoneWhenWhatIsBeforeThemIs) {
  DeviceArray<int> data(std::vector<int>{1});
  const cudaStream_t a = stream();
  const cudaEvent_t start = event(), end = event(), untimed = event(cudaEventDisableTiming);
  float milliseconds = -1;
  EXPECT_EQ(cudaEventQuery(start), cudaSuccess);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, end), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaEventRecord(start, a), cudaSuccess);
  ASSERT_EQ(cuda::launch<add>(shape(1, 1, a), data.data(), 10), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(end, a), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(untimed, a), cudaSuccess);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, end), cudaErrorNotReady);
  EXPECT_EQ(cudaEventQuery(end), cudaErrorNotReady);
  EXPECT_EQ(cudaEventSynchronize(end), cudaSuccess);
  EXPECT_EQ(peek(data), 11);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, end), cudaSuccess);
  EXPECT_GE(milliseconds, 0.0f);
  EXPECT_EQ(cudaEventSynchronize(untimed), cudaSuccess);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, untimed), cudaErrorInvalidResourceHandle);
}

// ---- Errors ----

TEST_F(Runtime, AKernelsFailureShowsAtTheNextSynchronisationAndStays) {
  DeviceArray<int> data(std::vector<int>{1});
  ASSERT_EQ(cuda::launch<fail_at_once>(shape(1, 64)), cudaSuccess);
  ASSERT_EQ(cuda::launch<add>(shape(1, 1), data.data(), 10), cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure);
  EXPECT_EQ(peek(data), 1);  // nothing is done any more
  expect_report(ReportKind::kBarrierDivergence);
  void* pointer = nullptr;
  EXPECT_EQ(cudaMalloc(&pointer, 4), cudaErrorLaunchFailure);
  EXPECT_EQ(cuda::launch<nothing>(shape(1, 1)), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaDeviceReset(), cudaSuccess);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&pointer, 4), cudaSuccess);
}

TEST_F(Runtime, OtherErrorsAreForgottenOnceAsked) {
  EXPECT_EQ(cudaSetDevice(1), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaPeekAtLastError(), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_STREQ(cudaGetErrorName(cudaErrorInvalidDevice), "cudaErrorInvalidDevice");
  EXPECT_STREQ(cudaGetErrorString(cudaErrorNotReady), "device not ready");
  EXPECT_STREQ(cudaGetErrorName(static_cast<cudaError_t>(12345)), "unrecognized error code");
}

TEST_F(Runtime, LaunchesBeyondTheLimitsAreRefusedWithTheReason) {
  const struct {
    dim3 grid, block;
    std::size_t shared_bytes;
    cudaError_t error;
    const char* reason;
  } cases[] = {
      {dim3(1, 70000), 32, 0, cudaErrorInvalidConfiguration, "grid.y has to be 1 to 65535"},
      {0, 32, 0, cudaErrorInvalidConfiguration, "grid.x"},
      {1, 0, 0, cudaErrorInvalidConfiguration, "block.x"},
      {1, dim3(32, 1, 65), 0, cudaErrorInvalidConfiguration, "block.z has to be 1 to 64"},
      {1, dim3(64, 32), 0, cudaErrorInvalidConfiguration, "at most 1024 threads"},
      {1, 32, 48 * 1024 + 1, cudaErrorInvalidValue, "at most 49152 bytes"},
  };
  for (const auto& bad : cases) {
    cuda::LaunchConfig config = shape(bad.grid, bad.block);
    config.shared_bytes = bad.shared_bytes;
    EXPECT_EQ(cuda::launch<nothing>(config), bad.error);
    EXPECT_THAT(expect_report(ReportKind::kLaunch), HasSubstr(bad.reason));
    EXPECT_EQ(cudaGetLastError(), bad.error);
  }
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

TEST_F(Runtime, MoreSharedMemoryNeedsPermission) {
  cuda::LaunchConfig config = shape(1, 32);
  config.shared_bytes = 160 * 1024;
  EXPECT_EQ(cuda::allow_shared_memory<nothing>(163 * 1024), cudaSuccess);
  EXPECT_EQ(cuda::launch<nothing>(config), cudaSuccess);
  EXPECT_EQ(cuda::allow_shared_memory<nothing>(163 * 1024 + 1), cudaErrorInvalidValue);
}

TEST_F(Runtime, DevicesHaveTheLimitsOfTheirModel) {
  const struct {
    DeviceModel model;
    int major, shared_kib, blocks_of_68_kib, multiprocessors;
  } models[] = {{DeviceModel::kSm80, 8, 163, 2, 108},
                {DeviceModel::kSm90, 9, 227, 3, 132},
                {DeviceModel::kSm100, 10, 227, 3, 148},
                {DeviceModel::kSm120, 12, 99, 1, 170}};
  for (const auto& expected : models) {
    emulator::Settings settings = emulator::settings();
    settings.model = expected.model;
    emulator::set_settings(settings);
    cudaDeviceProp properties;
    ASSERT_EQ(cudaGetDeviceProperties(&properties, 0), cudaSuccess);
    EXPECT_EQ(properties.major, expected.major);
    int value = 0;
    ASSERT_EQ(cudaDeviceGetAttribute(&value, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0),
              cudaSuccess);
    EXPECT_EQ(value, expected.shared_kib * 1024);
    ASSERT_EQ(cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, 0), cudaSuccess);
    EXPECT_EQ(value, expected.multiprocessors);
    int blocks = 0;
    ASSERT_EQ(cuda::blocks_per_multiprocessor<nothing>(&blocks, 256, 68 * 1024), cudaSuccess);
    EXPECT_EQ(blocks, expected.blocks_of_68_kib);
    ASSERT_EQ(cuda::blocks_per_multiprocessor<nothing>(&blocks, 1024, 0), cudaSuccess);
    EXPECT_EQ(blocks, properties.maxThreadsPerMultiProcessor / 1024);
    ASSERT_EQ(cuda::blocks_per_multiprocessor<nothing>(&blocks, 32, 0), cudaSuccess);
    EXPECT_EQ(blocks, properties.maxBlocksPerMultiProcessor);
  }
}

TEST_F(Runtime, CooperativeLaunchesHaveToFit) {
  cuda::LaunchConfig config = shape(108 * 2 + 1, 1024);
  config.cooperative = true;
  EXPECT_EQ(cuda::launch<nothing>(config), cudaErrorCooperativeLaunchTooLarge);
  EXPECT_THAT(expect_report(ReportKind::kLaunch), HasSubstr("at most 216 such blocks"));
}

}  // namespace
}  // namespace leet::cuda_test
