// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <leet/cuda/emulated/runtime.hpp>
#include <memory>
#include <vector>

#include "device.hpp"

namespace leet::emulator {
namespace {

cudaError_t allocate(cudaMemoryType type, void** pointer, std::size_t bytes) {
  return runtime_call([=](Device& device) {
    return device.memory.allocate(type, bytes, device.settings.memory_bytes, pointer);
  });
}

// Whoever frees waits for everything that might still use it.
cudaError_t release(cudaMemoryType type, void* pointer) {
  return runtime_call([=](Device& device) {
    device.streams.run_all();
    return device.failure != cudaSuccess ? device.failure : device.memory.free(type, pointer);
  });
}

cudaMemoryType type_of(const Device& device, const void* pointer) {
  const auto* allocation = device.memory.find(pointer);
  return allocation != nullptr ? allocation->type : cudaMemoryTypeUnregistered;
}

struct Copy {
  void* to;
  const void* from;
  std::size_t bytes;
  cudaMemcpyKind kind;
};

// Finds the direction that cudaMemcpyDefault stands for. Device memory has to be within one
// allocation; what isn't device memory is the host's.
cudaError_t check(const Device& device, Copy& copy) {
  const bool from_device = type_of(device, copy.from) == cudaMemoryTypeDevice;
  const bool to_device = type_of(device, copy.to) == cudaMemoryTypeDevice;
  const auto actual = static_cast<cudaMemcpyKind>((from_device ? 2 : 0) + (to_device ? 1 : 0));
  if (copy.kind == cudaMemcpyDefault) {
    copy.kind = actual;
  }
  if (copy.kind < cudaMemcpyHostToHost || copy.kind > cudaMemcpyDefault) {
    return cudaErrorInvalidMemcpyDirection;
  }
  if (copy.kind != actual) {
    return cudaErrorInvalidValue;
  }
  const auto within = [&](const void* address) {
    return device.memory.contains(cudaMemoryTypeDevice, address, copy.bytes);
  };
  if ((from_device && !within(copy.from)) || (to_device && !within(copy.to))) {
    return cudaErrorInvalidValue;
  }
  return cudaSuccess;
}

// Work that a failure has not made pointless.
template <class Work>
Stream::Work unless_failed(Device& device, Work work) {
  return [&device, work = std::move(work)] {
    if (device.failure == cudaSuccess) {
      work();
    }
  };
}

cudaError_t put_memset(Device& device, void* to, int value, std::size_t bytes,
                       cudaStream_t handle) {
  const auto stream = device.streams.find(handle);
  if (stream == nullptr) {
    return cudaErrorInvalidResourceHandle;
  }
  if (bytes == 0) {
    return cudaSuccess;
  }
  if (!device.memory.contains(cudaMemoryTypeDevice, to, bytes)) {
    return cudaErrorInvalidValue;
  }
  device.streams.put(stream, unless_failed(device, [=] { std::memset(to, value, bytes); }));
  return cudaSuccess;
}

}  // namespace

cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  return allocate(cudaMemoryTypeDevice, pointer, bytes);
}
cudaError_t cudaFree(void* pointer) { return release(cudaMemoryTypeDevice, pointer); }
cudaError_t cudaMallocHost(void** pointer, std::size_t bytes) {
  return allocate(cudaMemoryTypeHost, pointer, bytes);
}
cudaError_t cudaFreeHost(void* pointer) { return release(cudaMemoryTypeHost, pointer); }

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  return runtime_call([=](Device& device) {
    *total = device.settings.memory_bytes;
    *free = *total - device.memory.device_bytes();
    return cudaSuccess;
  });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  return runtime_call([=](Device& device) {
    const cudaMemoryType type = type_of(device, pointer);
    auto* const address = const_cast<void*>(pointer);
    *attributes = {type, type == cudaMemoryTypeUnregistered ? -2 : 0,
                   type == cudaMemoryTypeUnregistered ? nullptr : address,
                   type == cudaMemoryTypeDevice ? nullptr : address};
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return runtime_call([=](Device& device) {
    Copy copy = {to, from, bytes, kind};
    if (bytes == 0) {
      return cudaSuccess;
    }
    if (const cudaError_t error = check(device, copy); error != cudaSuccess) {
      return error;
    }
    const auto stream = device.streams.find(cudaStream_t{nullptr});
    device.streams.put(stream, unless_failed(device, [=] { std::memcpy(to, from, bytes); }));
    if (copy.kind != cudaMemcpyDeviceToDevice) {  // which is asynchronous to the host
      stream->run_up_to(stream->put_so_far());
    }
    return device.failure;
  });
}

// Pageable host memory is read before the call returns, and written before it returns.
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t handle) {
  return runtime_call([=](Device& device) {
    const auto stream = device.streams.find(handle);
    if (stream == nullptr) {
      return cudaErrorInvalidResourceHandle;
    }
    Copy copy = {to, from, bytes, kind};
    if (bytes == 0) {
      return cudaSuccess;
    }
    if (const cudaError_t error = check(device, copy); error != cudaSuccess) {
      return error;
    }
    if (type_of(device, from) == cudaMemoryTypeUnregistered) {
      const auto* const first = static_cast<const char*>(from);
      auto staged = std::make_shared<const std::vector<char>>(first, first + bytes);
      device.streams.put(stream, unless_failed(device, [to, staged] {
                           std::memcpy(to, staged->data(), staged->size());
                         }));
    } else {
      device.streams.put(stream, unless_failed(device, [=] { std::memcpy(to, from, bytes); }));
    }
    if (type_of(device, to) == cudaMemoryTypeUnregistered) {
      stream->run_up_to(stream->put_so_far());
    }
    return device.failure;
  });
}

cudaError_t cudaMemset(void* to, int value, std::size_t bytes) {
  return runtime_call(
      [=](Device& device) { return put_memset(device, to, value, bytes, nullptr); });
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  return runtime_call([=](Device& device) { return put_memset(device, to, value, bytes, stream); });
}

}  // namespace leet::emulator
