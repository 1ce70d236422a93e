// SPDX-License-Identifier: Apache-2.0
#include "tools/leet/operands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <leet/plugin/dtype.hpp>
#include <limits>
#include <string>
#include <utility>

#include "core/argument_check.hpp"
#include "tools/common/names.hpp"

namespace leet::tools {
namespace {

// What a file of this role looks like, for messages.
const char* shape_of_role(int role, Layout layout) {
  const bool bhnd = layout == Layout::kBhnd;
  switch (role) {
    case LEET_ROLE_Q:
    case LEET_ROLE_K:
      return bhnd ? "[B, H, N, R]" : "[B, N, H, R]";
    case LEET_ROLE_V:
      return bhnd ? "[B, H, N, D]" : "[B, N, H, D]";
    case LEET_ROLE_LOG_DECAY:
      return bhnd ? "[H], [B, H, N] or [B, H, N, R]" : "[H], [B, N, H] or [B, N, H, R]";
    case LEET_ROLE_SEQUENCE_OFFSETS:
      return "[sequences + 1]";
    default:
      return "[B or sequences, H_s, R, D]";
  }
}

bool has_rank(int role, std::size_t rank) {
  if (role == LEET_ROLE_LOG_DECAY) return rank == 1 || rank == 3 || rank == 4;
  return rank == (role == LEET_ROLE_SEQUENCE_OFFSETS ? 1u : 4u);
}

// Arrays without elements may have extents whose products leave int64; their strides mean nothing.
std::int64_t saturating_product(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<std::int64_t>::max()
                                                : product;
}

}  // namespace

bool Operands::swaps_axes(int role) const {
  switch (role) {
    case LEET_ROLE_Q:
    case LEET_ROLE_K:
    case LEET_ROLE_V:
    case LEET_ROLE_OUT:
      return layout_ == Layout::kBnhd;
    case LEET_ROLE_LOG_DECAY:
      return layout_ == Layout::kBnhd && array(role).extents.size() >= 3;
    default:
      return false;
  }
}

core::Status Operands::read(int role, const std::filesystem::path& file) {
  const auto index = static_cast<std::size_t>(role);
  core::Result<Array> array = read_npy(file);
  if (!array) return array.error();
  if (!has_rank(role, array->extents.size())) {
    return core::Error{
        LEET_STATUS_INVALID_ARGUMENT,
        fmt::format("{}: {}: shape {}; needs {}", file.string(), core::role_name(role),
                    extents_text(array->extents), shape_of_role(role, layout_))};
  }
  files_[index] = file;
  arrays_[index] = std::move(*array);
  describe(role);
  return {};
}

void Operands::describe(int role) {
  const auto index = static_cast<std::size_t>(role);
  const Array& array = arrays_[index];
  leet_tensor_spec& spec = tensors_[index].spec;
  spec = {};
  spec.dtype = array.dtype;
  spec.rank = static_cast<std::int32_t>(array.extents.size());
  std::int64_t stride = 1;
  for (std::size_t axis = array.extents.size(); axis-- > 0;) {
    spec.extent[axis] = array.extents[axis];
    spec.stride[axis] = stride;
    stride = saturating_product(stride, array.extents[axis]);
  }
  if (swaps_axes(role)) {
    std::swap(spec.extent[1], spec.extent[2]);
    std::swap(spec.stride[1], spec.stride[2]);
  }
  if (role == LEET_ROLE_LOG_DECAY) describe_decay(array, spec);
  // Empty arrays may have no memory.
  tensors_[index].data = const_cast<std::byte*>(array.data.data());
  present_[index] = true;
}

// Brings it to rank 4; an extent of 1 broadcasts.
void Operands::describe_decay(const Array& array, leet_tensor_spec& spec) {
  if (array.extents.size() == 1) {
    spec.extent[1] = std::exchange(spec.extent[0], 1);
    spec.extent[2] = 1;
    spec.stride[1] = 1;
  }
  if (array.extents.size() < 4) spec.extent[3] = 1;
  spec.rank = 4;
  if (spec.extent[3] != 1) {
    decay_kind_ = LEET_DECAY_CHANNEL;
  } else {
    decay_kind_ = spec.extent[2] == 1 ? LEET_DECAY_HEAD : LEET_DECAY_STEP;
  }
}

sdk::Shape Operands::shape() const {
  const auto pointers = specs();
  return sdk::shape_of([&](int role) { return pointers[static_cast<std::size_t>(role)]; });
}

void Operands::describe_outputs(std::int64_t heads, leet_dtype out_dtype, bool with_state) {
  const sdk::Shape inputs = shape();
  const std::int64_t H = heads == 0 ? inputs.H : heads;
  Array& out = arrays_[LEET_ROLE_OUT];
  out.dtype = out_dtype;
  out.extents = layout_ == Layout::kBhnd
                    ? std::vector<std::int64_t>{inputs.B, H, inputs.N, inputs.D}
                    : std::vector<std::int64_t>{inputs.B, inputs.N, H, inputs.D};
  describe(LEET_ROLE_OUT);
  if (!with_state) return;

  const sdk::Shape all = shape();  // H_s depends on the heads of out
  bool wide = false;
  for (const int role : {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_OUT}) {
    wide = wide || sdk::same(array(role).dtype, sdk::kF64);
  }
  Array& state = arrays_[LEET_ROLE_STATE_OUT];
  state.dtype = wide ? sdk::kF64 : sdk::kF32;
  state.extents = {all.sequences, all.Hs, all.R, all.D};
  describe(LEET_ROLE_STATE_OUT);
}

void Operands::allocate_outputs() {
  for (const int role : {LEET_ROLE_OUT, LEET_ROLE_STATE_OUT}) {
    if (!has(role)) continue;
    Array& output = arrays_[static_cast<std::size_t>(role)];
    output = Array::zeros(output.dtype, std::move(output.extents));
    tensors_[static_cast<std::size_t>(role)].data = output.data.data();
  }
}

std::array<const leet_tensor_spec*, LEET_ROLE_COUNT> Operands::specs() const {
  std::array<const leet_tensor_spec*, LEET_ROLE_COUNT> specs{};
  for (std::size_t role = 0; role < specs.size(); ++role) {
    if (present_[role]) specs[role] = &tensors_[role].spec;
  }
  return specs;
}

std::array<const leet_tensor*, LEET_ROLE_COUNT> Operands::tensors() const {
  std::array<const leet_tensor*, LEET_ROLE_COUNT> tensors{};
  for (std::size_t role = 0; role < tensors.size(); ++role) {
    if (present_[role]) tensors[role] = &tensors_[role];
  }
  return tensors;
}

core::Error Operands::with_file(core::Error error) const {
  for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
    const std::string_view name = core::role_name(role);
    const std::string& file = files_[static_cast<std::size_t>(role)].native();
    if (file.empty() || !error.message.starts_with(name)) continue;
    const char next = error.message.c_str()[name.size()];
    if (next != ':' && next != '[') continue;
    error.message = fmt::format("{}: {}", file, error.message);
    break;
  }
  return error;
}

}  // namespace leet::tools
