// SPDX-License-Identifier: Apache-2.0
#include "allocations.hpp"

#include <cstdlib>
#include <cstring>

namespace leet::emulator {
namespace {

constexpr std::size_t kAlignment = 256;  // CUDA's
constexpr int kNan = 0xff;

}  // namespace

cudaError_t Allocations::allocate(cudaMemoryType type, std::size_t bytes, std::size_t limit,
                                  void** pointer) {
  *pointer = nullptr;
  if (bytes == 0) {
    return cudaSuccess;
  }
  const bool device = type == cudaMemoryTypeDevice;
  if (device && (bytes > limit || device_bytes_ > limit - bytes)) {
    return cudaErrorMemoryAllocation;
  }
  void* memory = nullptr;
  if (posix_memalign(&memory, kAlignment, bytes) != 0) {
    return cudaErrorMemoryAllocation;
  }
  std::memset(memory, kNan, bytes);
  allocations_[reinterpret_cast<std::uintptr_t>(memory)] = {memory, bytes, type};
  device_bytes_ += device ? bytes : 0;
  *pointer = memory;
  return cudaSuccess;
}

cudaError_t Allocations::free(cudaMemoryType type, void* pointer) {
  if (pointer == nullptr) {
    return cudaSuccess;
  }
  const auto found = allocations_.find(reinterpret_cast<std::uintptr_t>(pointer));
  if (found == allocations_.end() || found->second.type != type) {
    return cudaErrorInvalidValue;
  }
  device_bytes_ -= type == cudaMemoryTypeDevice ? found->second.bytes : 0;
  allocations_.erase(found);
  std::free(pointer);
  return cudaSuccess;
}

void Allocations::clear() {
  for (const auto& [address, allocation] : allocations_) {
    std::free(allocation.data);
  }
  allocations_.clear();
  device_bytes_ = 0;
}

const Allocations::Allocation* Allocations::find(const void* address) const {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  auto after = allocations_.upper_bound(at);
  if (after == allocations_.begin()) {
    return nullptr;
  }
  const auto& [start, allocation] = *std::prev(after);
  return at < start + allocation.bytes ? &allocation : nullptr;
}

bool Allocations::contains(cudaMemoryType type, const void* address, std::size_t bytes) const {
  const Allocation* allocation = find(address);
  if (allocation == nullptr || allocation->type != type) {
    return false;
  }
  const std::ptrdiff_t offset =
      static_cast<const char*>(address) - static_cast<const char*>(allocation->data);
  return bytes <= allocation->bytes - static_cast<std::size_t>(offset);
}

}  // namespace leet::emulator
