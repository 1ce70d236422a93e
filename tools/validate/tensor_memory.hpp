// SPDX-License-Identifier: Apache-2.0
//
// The memory of one execute: every tensor in a buffer of its own, with poisoned outputs, gaps and
// guards, and a snapshot that shows afterwards what was written where it should not have been.
#ifndef LEET_TOOLS_VALIDATE_TENSOR_MEMORY_HPP
#define LEET_TOOLS_VALIDATE_TENSOR_MEMORY_HPP

#include <leet/plugin.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "tools/validate/description.hpp"

namespace leet::validate {

// The machine can't do what a case needs; the case is skipped with this reason.
struct Unavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Fills with a pattern that is NaN in every float dtype and that no computation gives.
void poison(std::span<std::byte> bytes);

// A block whose start is exactly at `alignment`, no better, with poison inside and guards around.
class GuardedBlock {
 public:
  GuardedBlock(std::size_t bytes, std::size_t alignment);

  std::byte* data() { return storage_.data() + begin_; }
  std::size_t size() const { return size_; }
  // The offset of the first byte outside that was changed, negative before the start.
  std::optional<std::int64_t> damage() const;

 private:
  std::vector<std::byte> storage_;
  std::size_t begin_ = 0;
  std::size_t size_ = 0;
};

// A check that a run broke, and how.
struct Violation {
  std::string check;
  std::string message;
};

class TensorMemory {
 public:
  // Throws Unavailable where Layout::kHuge finds no address space.
  TensorMemory(const Description& description, const Specs& specs, const Inputs& inputs);
  ~TensorMemory();
  TensorMemory(const TensorMemory&) = delete;
  TensorMemory& operator=(const TensorMemory&) = delete;

  const leet_tensor* const* pointers() const { return pointers_.data(); }
  // For callers that bend a tensor on purpose.
  leet_tensor& tensor(int role) { return tensors_[static_cast<std::size_t>(role)]; }

  // What a run wrote outside its outputs.
  std::optional<Violation> check_writes() const;
  // Whether an output's elements differ from their poison anywhere.
  bool outputs_touched() const;

  // In the order of the axes, widened to double; empty when the tensor is absent.
  std::vector<double> read(int role) const;

 private:
  struct Buffer {
    std::vector<std::byte> heap;
    std::byte* mapped = nullptr;
    std::size_t mapped_bytes = 0;
    std::byte* first = nullptr;  // element 0
    std::vector<std::byte> snapshot;
  };
  void allocate(Buffer& buffer, const leet_tensor_spec& spec, Layout layout);
  void write(const leet_tensor& tensor, const std::vector<double>& values);
  bool is_output(int role) const;

  std::array<Buffer, LEET_ROLE_COUNT> buffers_;
  std::array<leet_tensor, LEET_ROLE_COUNT> tensors_{};
  std::array<const leet_tensor*, LEET_ROLE_COUNT> pointers_{};
  bool in_place_ = false;
};

}  // namespace leet::validate
#endif  // LEET_TOOLS_VALIDATE_TENSOR_MEMORY_HPP
