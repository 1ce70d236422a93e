// SPDX-License-Identifier: Apache-2.0
#include "shared_arena.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "block.hpp"
#include "device_model.hpp"
#include "report.hpp"
#include "sanitizer.hpp"
#include "worker.hpp"

namespace leet::emulator {
namespace {

constexpr std::size_t kArenaBytes = std::size_t{512} << 10;  // 227 KiB and what lies between
constexpr std::size_t kAlignment = 128;
constexpr std::size_t kGap = 64;
constexpr int kNan = 0xff;

std::size_t round_up(std::size_t bytes, std::size_t multiple) {
  return (bytes + multiple - 1) / multiple * multiple;
}

}  // namespace

SharedArena::SharedArena()
    : memory_(static_cast<char*>(std::aligned_alloc(4096, kArenaBytes)),
              [](char* memory) { std::free(memory); }) {
  clear();
}

SharedArena::~SharedArena() { sanitizer::unpoison(memory_.get(), kArenaBytes); }

void SharedArena::clear() {
  used_ = 0;
  static_bytes_ = 0;
  dynamic_bytes_ = 0;
  statics_.clear();
  pieces_.clear();
  sanitizer::poison(memory_.get(), kArenaBytes);
}

const SharedArena::Array* SharedArena::find(const void* key) const {
  const auto found = std::find_if(statics_.begin(), statics_.end(),
                                  [key](const Array& array) { return array.key == key; });
  return found != statics_.end() ? &*found : nullptr;
}

const SharedArena::Array* SharedArena::add(const void* key, std::size_t bytes,
                                           std::size_t alignment, const char* name) {
  const std::size_t start = round_up(used_ + kGap, std::max(alignment, kAlignment));
  if (start + bytes + kGap > kArenaBytes) {
    return nullptr;
  }
  used_ = start + bytes;
  char* const data = memory_.get() + start;
  sanitizer::unpoison(data, bytes);
  std::memset(data, kNan, bytes);
  std::size_t& total = key != nullptr ? static_bytes_ : dynamic_bytes_;
  total = round_up(total, alignment) + bytes;
  auto& arrays = key != nullptr ? statics_ : pieces_;
  return &arrays.emplace_back(Array{key, data, bytes, name});
}

bool SharedArena::contains(const void* address, std::size_t bytes) const {
  const auto begin = reinterpret_cast<std::uintptr_t>(memory_.get());
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  return at >= begin && at + bytes <= begin + used_;
}

void* static_shared(const void* key, std::size_t bytes, std::size_t alignment, const char* name) {
  Thread& me = current();
  SharedArena& shared = me.block->shared;
  if (const auto* array = shared.find(key)) {
    return array->data;
  }
  const auto* array = shared.add(key, bytes, alignment, name);
  if (array == nullptr || shared.static_bytes() > kStaticSharedBytes) {
    me.worker->fail(me, cudaErrorLaunchFailure, ReportKind::kSharedMemory,
                    format("with the array %s the kernel has %zu bytes of LEET_SHARED arrays; at "
                           "most %zu are allowed",
                           name, shared.static_bytes(), kStaticSharedBytes));
  }
  return array->data;
}

void* take_shared(std::size_t bytes, std::size_t alignment, const char* name) {
  Thread& me = current();
  SharedArena& shared = me.block->shared;
  const std::uint32_t index = me.pieces_taken++;
  if (const auto* piece = shared.piece(index)) {
    if (piece->bytes != bytes || std::strcmp(piece->name, name) != 0) {
      me.worker->fail(me, cudaErrorLaunchFailure, ReportKind::kSharedMemory,
                      format("takes %zu bytes as '%s' where another thread of its block took %zu "
                             "bytes as '%s'; all threads have to take the same pieces in order",
                             bytes, name, piece->bytes, piece->name));
    }
    return piece->data;
  }
  const auto* piece = shared.add(nullptr, bytes, alignment, name);
  const std::size_t available = me.block->launch->shared_bytes;
  if (piece == nullptr || shared.dynamic_bytes() > available) {
    me.worker->fail(me, cudaErrorIllegalAddress, ReportKind::kSharedMemory,
                    format("the piece '%s' of shared memory ends at byte %zu, but the launch gave "
                           "%zu bytes of dynamic shared memory",
                           name, shared.dynamic_bytes(), available));
  }
  return piece->data;
}

}  // namespace leet::emulator
