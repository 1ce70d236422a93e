// SPDX-License-Identifier: Apache-2.0
#include "stacks.hpp"

#include <sys/mman.h>

#include "sanitizer.hpp"

namespace leet::emulator {
namespace {

// Linux allows 65530 mappings, and a guard page makes two of one.
constexpr std::size_t kMaxGuarded = 16384;
constexpr std::size_t kGuardBytes = 4096;

}  // namespace

bool Stacks::reserve(std::size_t count) {
  if (count <= count_) {
    return true;
  }
  release();
  const std::size_t bytes = (count + 1) * kStackBytes;
  void* const mapping = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) {
    return false;
  }
  mapping_ = static_cast<char*>(mapping);
  mapping_bytes_ = bytes;
  const auto address = reinterpret_cast<std::uintptr_t>(mapping);
  first_ = mapping_ + (kStackBytes - address % kStackBytes) % kStackBytes;
  count_ = count;
  for (std::size_t i = 0; i < count && i < kMaxGuarded; ++i) {
    mprotect(low(i), kGuardBytes, PROT_NONE);
  }
  return true;
}

void Stacks::release() {
  if (mapping_ != nullptr) {
    sanitizer::unpoison(mapping_, mapping_bytes_);
    munmap(mapping_, mapping_bytes_);
  }
  mapping_ = nullptr;
  count_ = 0;
}

}  // namespace leet::emulator
