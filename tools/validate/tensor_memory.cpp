// SPDX-License-Identifier: Apache-2.0
#include "tools/validate/tensor_memory.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <leet/plugin/dtype.hpp>

#include "core/argument_check.hpp"

namespace leet::validate {
namespace {

constexpr std::size_t kGuard = 256;
constexpr std::size_t kAlignment = 64;
// Read as f16, bf16, or in pairs and fours as f32 and f64, this is a NaN.
constexpr std::uint16_t kPoison = 0x7fc5;

std::size_t aligned_index(const std::vector<std::byte>& storage, std::size_t from,
                          std::size_t alignment) {
  const auto address = reinterpret_cast<std::uintptr_t>(storage.data()) + from;
  return from + (alignment - address % alignment) % alignment;
}

std::int64_t span_of(const leet_tensor_spec& spec) {
  std::int64_t last = 0;
  for (int axis = 0; axis < spec.rank; ++axis) {
    if (spec.extent[axis] == 0) return 0;
    last += (spec.extent[axis] - 1) * spec.stride[axis];
  }
  return last + 1;
}

// Calls visit(element offset of the row, index of its first element in the order of the axes).
template <class Visit>
void for_each_row(const leet_tensor_spec& spec, Visit&& visit) {
  std::int64_t index = 0;
  for (std::int64_t i = 0; i < spec.extent[0]; ++i) {
    for (std::int64_t j = 0; j < spec.extent[1]; ++j) {
      for (std::int64_t k = 0; k < spec.extent[2]; ++k) {
        visit(i * spec.stride[0] + j * spec.stride[1] + k * spec.stride[2], index);
        index += spec.extent[3];
      }
    }
  }
}

}  // namespace

void poison(std::span<std::byte> bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(i % 2 == 0 ? kPoison & 0xff : kPoison >> 8);
  }
}

GuardedBlock::GuardedBlock(std::size_t bytes, std::size_t alignment)
    : storage_(bytes + 2 * kGuard + 3 * std::max<std::size_t>(alignment, 1)), size_(bytes) {
  alignment = std::max<std::size_t>(alignment, 1);
  poison(storage_);
  begin_ = aligned_index(storage_, kGuard, 2 * alignment) + alignment;
}

std::optional<std::int64_t> GuardedBlock::damage() const {
  std::vector<std::byte> clean(storage_.size());
  poison(clean);
  for (std::size_t i = 0; i < storage_.size(); ++i) {
    const bool inside = i >= begin_ && i < begin_ + size_;
    if (!inside && storage_[i] != clean[i]) {
      return static_cast<std::int64_t>(i) - static_cast<std::int64_t>(begin_);
    }
  }
  return std::nullopt;
}

TensorMemory::TensorMemory(const Description& description, const Specs& specs, const Inputs& inputs)
    : in_place_(description.in_place) {
  for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
    const auto index = static_cast<std::size_t>(role);
    if (!specs[index]) continue;
    leet_tensor& tensor = tensors_[index];
    tensor.spec = *specs[index];
    pointers_[index] = &tensor;
    if (role == LEET_ROLE_STATE_OUT && in_place_) {
      tensor.data = tensors_[LEET_ROLE_STATE_IN].data;
      continue;
    }
    allocate(buffers_[index], tensor.spec, description.layout);
    tensor.data = buffers_[index].first;
    if (role == LEET_ROLE_SEQUENCE_OFFSETS) {
      auto* offsets = reinterpret_cast<std::int64_t*>(tensor.data);
      offsets[0] = 0;
      for (std::size_t i = 0; i < description.lengths.size(); ++i) {
        offsets[i + 1] = offsets[i] + description.lengths[i];
      }
    } else if (role == LEET_ROLE_OUT || role == LEET_ROLE_STATE_OUT) {
      for_each_row(tensor.spec, [&](std::int64_t row, std::int64_t) {
        const auto bytes = static_cast<std::size_t>(tensor.spec.dtype.bits / 8);
        poison({buffers_[index].first + row * static_cast<std::int64_t>(bytes),
                static_cast<std::size_t>(tensor.spec.extent[3]) * bytes});
      });
    } else {
      write(tensor, inputs.by_role(role));
    }
    buffers_[index].snapshot = buffers_[index].heap;
  }
}

TensorMemory::~TensorMemory() {
  for (Buffer& buffer : buffers_) {
    if (buffer.mapped != nullptr) munmap(buffer.mapped, buffer.mapped_bytes);
  }
}

void TensorMemory::allocate(Buffer& buffer, const leet_tensor_spec& spec, Layout layout) {
  const auto bytes = static_cast<std::size_t>(sdk::dtype_bytes(spec.dtype));
  const std::size_t span = static_cast<std::size_t>(span_of(spec)) * bytes;
  if (layout == Layout::kHuge && span > (std::size_t{1} << 30)) {
    void* mapped = mmap(nullptr, span, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) {
      throw Unavailable(
          fmt::format("no address space for {} GiB: {}", span >> 30, std::strerror(errno)));
    }
    buffer.mapped = static_cast<std::byte*>(mapped);
    buffer.mapped_bytes = span;
    buffer.first = buffer.mapped;
    return;
  }
  buffer.heap.resize(span + 2 * kGuard + 2 * kAlignment);
  poison(buffer.heap);
  std::size_t first = aligned_index(buffer.heap, kGuard, kAlignment);
  if (layout == Layout::kUnaligned) first += bytes;
  buffer.first = buffer.heap.data() + first;
}

void TensorMemory::write(const leet_tensor& tensor, const std::vector<double>& values) {
  auto* data = static_cast<std::byte*>(tensor.data);
  for_each_row(tensor.spec, [&](std::int64_t row, std::int64_t index) {
    sdk::store_row(tensor.spec.dtype, values.data() + index,
                   data + row * sdk::dtype_bytes(tensor.spec.dtype), tensor.spec.extent[3]);
  });
}

bool TensorMemory::is_output(int role) const {
  return role == LEET_ROLE_OUT || role == LEET_ROLE_STATE_OUT ||
         (role == LEET_ROLE_STATE_IN && in_place_);
}

std::optional<Violation> TensorMemory::check_writes() const {
  for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
    const Buffer& buffer = buffers_[static_cast<std::size_t>(role)];
    if (buffer.snapshot.empty()) continue;
    const leet_tensor_spec& spec = tensors_[static_cast<std::size_t>(role)].spec;
    const std::int64_t bytes = sdk::dtype_bytes(spec.dtype);
    const auto first = buffer.first - buffer.heap.data();
    std::vector<std::byte> expected = buffer.snapshot;
    if (is_output(role)) {
      for_each_row(spec, [&](std::int64_t row, std::int64_t) {
        std::copy_n(buffer.first + row * bytes, spec.extent[3] * bytes,
                    expected.begin() + first + row * bytes);
      });
    }
    const auto changed = std::ranges::mismatch(expected, buffer.heap).in1;
    if (changed == expected.end()) continue;
    const std::int64_t offset = (changed - expected.begin()) - first;
    const std::int64_t element = offset >= 0 ? offset / bytes : (offset - bytes + 1) / bytes;
    const std::int64_t span = span_of(spec);
    if (!is_output(role) && element >= 0 && element < span) {
      return Violation{"inputs-unchanged",
                       fmt::format("{} was modified at element {} of its memory",
                                   core::role_name(role), element)};
    }
    return Violation{
        "no-write-outside",
        fmt::format("{}: element {} of its memory was written, {}", core::role_name(role), element,
                    element < 0       ? std::string("before its first")
                    : element >= span ? fmt::format("past its last, {}", span - 1)
                                      : std::string("in a gap between its rows"))};
  }
  return std::nullopt;
}

bool TensorMemory::outputs_touched() const {
  for (const int role : {LEET_ROLE_OUT, LEET_ROLE_STATE_OUT}) {
    const Buffer& buffer = buffers_[static_cast<std::size_t>(role)];
    if (buffer.snapshot != buffer.heap) return true;
  }
  return false;
}

std::vector<double> TensorMemory::read(int role) const {
  const leet_tensor* tensor = pointers_[static_cast<std::size_t>(role)];
  if (tensor == nullptr) return {};
  const leet_tensor_spec& spec = tensor->spec;
  std::vector<double> values(
      static_cast<std::size_t>(spec.extent[0] * spec.extent[1] * spec.extent[2] * spec.extent[3]));
  const auto* data = static_cast<const std::byte*>(tensor->data);
  for_each_row(spec, [&](std::int64_t row, std::int64_t index) {
    sdk::load_row(spec.dtype, data + row * sdk::dtype_bytes(spec.dtype), values.data() + index,
                  spec.extent[3]);
  });
  return values;
}

}  // namespace leet::validate
