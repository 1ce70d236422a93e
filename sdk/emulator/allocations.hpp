// SPDX-License-Identifier: Apache-2.0
#ifndef LEET_EMULATOR_ALLOCATIONS_HPP
#define LEET_EMULATOR_ALLOCATIONS_HPP

#include <cstddef>
#include <cstdint>
#include <leet/cuda/emulated/types.hpp>
#include <map>

namespace leet::emulator {

// The device's memory and the pinned host memory. Each allocation is one of the C library's, so
// that AddressSanitizer knows its bounds.
class Allocations {
 public:
  struct Allocation {
    void* data;
    std::size_t bytes;
    cudaMemoryType type;
  };

  Allocations() = default;
  ~Allocations() { clear(); }
  Allocations(const Allocations&) = delete;
  Allocations& operator=(const Allocations&) = delete;

  // Filled with NaNs. cudaErrorMemoryAllocation beyond `limit` bytes of device memory.
  cudaError_t allocate(cudaMemoryType type, std::size_t bytes, std::size_t limit, void** pointer);
  // cudaErrorInvalidValue unless the pointer is an allocation of that type.
  cudaError_t free(cudaMemoryType type, void* pointer);
  void clear();

  // The allocation that the address is in, or null.
  const Allocation* find(const void* address) const;
  // Whether all bytes are in one allocation of that type.
  bool contains(cudaMemoryType type, const void* address, std::size_t bytes) const;

  std::size_t count() const { return allocations_.size(); }
  std::size_t device_bytes() const { return device_bytes_; }

 private:
  std::map<std::uintptr_t, Allocation> allocations_;
  std::size_t device_bytes_ = 0;
};

}  // namespace leet::emulator
#endif  // LEET_EMULATOR_ALLOCATIONS_HPP
