// SPDX-License-Identifier: Apache-2.0
#include <leet/cuda/emulated/runtime.hpp>
#include <memory>

#include "device.hpp"
#include "device_model.hpp"

namespace leet::emulator {

cudaError_t& last_error() {
  static thread_local cudaError_t error = cudaSuccess;
  return error;
}

// ---- The device ----

cudaError_t cudaGetDeviceCount(int* count) {
  return runtime_call([=](Device&) {
    *count = 1;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDevice(int* device) {
  return runtime_call([=](Device&) {
    *device = 0;
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int device) {
  return runtime_call([=](Device&) { return device == 0 ? cudaSuccess : cudaErrorInvalidDevice; });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return runtime_call([=](Device& self) {
    if (device != 0) {
      return cudaErrorInvalidDevice;
    }
    const cudaDeviceProp properties = device_properties(self.settings);
    switch (attribute) {
#define LEET_CUDA_ATTRIBUTE(name, number, member) \
  case name:                                      \
    *value = static_cast<int>(properties.member); \
    return cudaSuccess;
#include <leet/cuda/emulated/attributes.inc>
#undef LEET_CUDA_ATTRIBUTE
    }
    return cudaErrorInvalidValue;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return runtime_call([=](Device& self) {
    if (device != 0) {
      return cudaErrorInvalidDevice;
    }
    *properties = device_properties(self.settings);
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceSynchronize() {
  return runtime_call([](Device& device) {
    device.streams.run_all();
    return device.failure;
  });
}

cudaError_t cudaDeviceReset() {
  Device& device = Device::instance();
  const std::lock_guard lock(device.mutex);
  device.reset();
  last_error() = cudaSuccess;
  return cudaSuccess;
}

// ---- Errors ----

cudaError_t cudaGetLastError() {
  const cudaError_t error = cudaPeekAtLastError();
  last_error() = cudaSuccess;
  return error;
}

cudaError_t cudaPeekAtLastError() {
  Device& device = Device::instance();
  const std::lock_guard lock(device.mutex);
  return device.failure != cudaSuccess ? device.failure : last_error();
}

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define LEET_CUDA_ERROR(name, number, text) \
  case name:                                \
    return #name;
#include <leet/cuda/emulated/errors.inc>
#undef LEET_CUDA_ERROR
  }
  return "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
#define LEET_CUDA_ERROR(name, number, text) \
  case name:                                \
    return text;
#include <leet/cuda/emulated/errors.inc>
#undef LEET_CUDA_ERROR
  }
  return "unrecognized error code";
}

// ---- Streams ----

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return runtime_call([=](Device& device) {
    if (flags != cudaStreamDefault && flags != cudaStreamNonBlocking) {
      return cudaErrorInvalidValue;
    }
    *stream = device.streams.create_stream(flags == cudaStreamDefault);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return runtime_call([=](Device& device) {
    return device.streams.destroy(stream) ? cudaSuccess : cudaErrorInvalidResourceHandle;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  return runtime_call([=](Device& device) {
    const auto stream = device.streams.find(handle);
    if (stream == nullptr) {
      return cudaErrorInvalidResourceHandle;
    }
    stream->run_up_to(stream->put_so_far());
    return device.failure;
  });
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  return runtime_call([=](Device& device) {
    const auto stream = device.streams.find(handle);
    if (stream == nullptr) {
      return cudaErrorInvalidResourceHandle;
    }
    if (stream->done(stream->put_so_far())) {
      return cudaSuccess;
    }
    stream->run_one();  // so that who asks again and again gets there
    return device.failure != cudaSuccess ? device.failure : cudaErrorNotReady;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event_handle, unsigned flags) {
  return runtime_call([=](Device& device) {
    const auto stream = device.streams.find(handle);
    const Event* event = device.streams.find(event_handle);
    if (stream == nullptr || event == nullptr) {
      return cudaErrorInvalidResourceHandle;
    }
    if (flags != 0) {
      return cudaErrorInvalidValue;
    }
    if (event->recorded) {
      stream->put_wait(event->point);
    }
    return cudaSuccess;
  });
}

// ---- Events ----

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return runtime_call([=](Device& device) {
    if ((flags & ~(cudaEventBlockingSync | cudaEventDisableTiming)) != 0) {
      return cudaErrorInvalidValue;
    }
    *event = device.streams.create_event((flags & cudaEventDisableTiming) == 0);
    return cudaSuccess;
  });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return runtime_call([=](Device& device) {
    return device.streams.destroy(event) ? cudaSuccess : cudaErrorInvalidResourceHandle;
  });
}

cudaError_t cudaEventRecord(cudaEvent_t handle, cudaStream_t stream_handle) {
  return runtime_call([=](Device& device) {
    const auto stream = device.streams.find(stream_handle);
    Event* event = device.streams.find(handle);
    if (stream == nullptr || event == nullptr) {
      return cudaErrorInvalidResourceHandle;
    }
    event->time = std::make_shared<Event::Time>();
    device.streams.put(stream, [time = event->time] { *time = std::chrono::steady_clock::now(); });
    event->point = {stream, stream->put_so_far()};
    event->recorded = true;
    return cudaSuccess;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t handle) {
  return runtime_call([=](Device& device) {
    const Event* event = device.streams.find(handle);
    if (event == nullptr) {
      return cudaErrorInvalidResourceHandle;
    }
    if (event->recorded) {
      event->point.stream->run_up_to(event->point.position);
    }
    return device.failure;
  });
}

cudaError_t cudaEventQuery(cudaEvent_t handle) {
  return runtime_call([=](Device& device) {
    const Event* event = device.streams.find(handle);
    if (event == nullptr) {
      return cudaErrorInvalidResourceHandle;
    }
    if (event->done()) {
      return cudaSuccess;
    }
    event->point.stream->run_one();
    return device.failure != cudaSuccess ? device.failure : cudaErrorNotReady;
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  return runtime_call([=](Device& device) {
    const Event* first = device.streams.find(start);
    const Event* second = device.streams.find(end);
    for (const Event* event : {first, second}) {
      if (event == nullptr || !event->recorded || !event->timing) {
        return cudaErrorInvalidResourceHandle;
      }
    }
    if (!first->done() || !second->done()) {
      return cudaErrorNotReady;
    }
    *milliseconds = std::chrono::duration<float, std::milli>(*second->time - *first->time).count();
    return cudaSuccess;
  });
}

// ---- Kernels ----

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  return runtime_call([=](Device& device) {
    return attribute == cudaFuncAttributeMaxDynamicSharedMemorySize
               ? device.allow_shared_memory(kernel, value)
               : cudaErrorInvalidValue;
  });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* kernel,
                                                          int threads, std::size_t shared_bytes) {
  return runtime_call([=](Device& device) {
    if (kernel == nullptr || threads <= 0) {
      return cudaErrorInvalidValue;
    }
    *blocks = occupancy(device_properties(device.settings), static_cast<std::size_t>(threads),
                        shared_bytes);
    return cudaSuccess;
  });
}

}  // namespace leet::emulator
