// SPDX-License-Identifier: Apache-2.0
//
// The workspace of an execute, cut into one region a worker and each region into arrays.
#ifndef LEET_PLUGIN_SCRATCH_HPP
#define LEET_PLUGIN_SCRATCH_HPP

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace leet::sdk {

// Two workers never write to one cache line. Also the workspace_alignment that Scratch relies on.
inline constexpr std::uint64_t kCacheLine = 64;

// Hands out arrays one after the other, each beginning on a cache line. Without memory it only
// counts, so that the code which places a worker's arrays also tells the plan how large they are:
//
//     struct Buffers {
//       explicit Buffers(Scratch& scratch, const Shape& shape) : q(scratch.take<float>(shape.R)) {}
//       float* q;
//     };
//     Scratch count; Buffers(count, shape);                         // plan: count.bytes() a worker
//     Scratch scratch(exec.workspace() + worker * bytes_a_worker);  // execute
//     Buffers buffers(scratch, shape);
//
// The contents are undefined.
class Scratch {
 public:
  explicit Scratch(std::byte* begin = nullptr) : begin_(begin) {}

  template <class T>
  T* take(std::int64_t count) {
    static_assert(std::is_trivial_v<T> && alignof(T) <= kCacheLine);
    const std::uint64_t offset = bytes_;
    const std::uint64_t size = static_cast<std::uint64_t>(count) * sizeof(T);
    bytes_ += (size + kCacheLine - 1) / kCacheLine * kCacheLine;
    return begin_ == nullptr ? nullptr : reinterpret_cast<T*>(begin_ + offset);
  }

  std::uint64_t bytes() const { return bytes_; }

 private:
  std::byte* begin_;
  std::uint64_t bytes_ = 0;
};

}  // namespace leet::sdk
#endif  // LEET_PLUGIN_SCRATCH_HPP
