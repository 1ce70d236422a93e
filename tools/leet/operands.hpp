// SPDX-License-Identifier: Apache-2.0
//
// The arrays of one run as the operator's tensors: which axis is which, which decay kind the shape
// of log_decay stands for, and which shapes the outputs have. Layouts are strides; nothing is
// copied.
#ifndef LEET_TOOLS_LEET_OPERANDS_HPP
#define LEET_TOOLS_LEET_OPERANDS_HPP

#include <leet/plugin.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <leet/plugin/shape.hpp>
#include <memory>

#include "core/result.hpp"
#include "tools/common/npy.hpp"

namespace leet::tools {

// The order of the axes in the files of q, k, v, out and of log_decay of rank 3 and 4; states are
// always [B, H_s, R, D].
enum class Layout { kBhnd, kBnhd };

class Operands {
 public:
  explicit Operands(Layout layout) : layout_(layout) {}
  Operands(const Operands&) = delete;  // the tensors point to the arrays
  Operands& operator=(const Operands&) = delete;

  // Reads the file of an input. Errors: INVALID_ARGUMENT (the file, or a rank that the role can't
  // have).
  core::Status read(int role, const std::filesystem::path& file);

  // Once the inputs are there: describes the outputs, without memory yet. `heads` 0 stands for the
  // largest number of heads of the inputs.
  void describe_outputs(std::int64_t heads, leet_dtype out_dtype, bool with_state);
  // Gives them memory; the problem has been checked by then.
  void allocate_outputs();

  std::int32_t decay_kind() const { return decay_kind_; }
  sdk::Shape shape() const;
  bool has(int role) const { return present_[static_cast<std::size_t>(role)]; }
  // The shape in the file's own order of axes; of outputs, as it will be written.
  const std::vector<std::int64_t>& extents(int role) const { return array(role).extents; }
  const Array& array(int role) const { return arrays_[static_cast<std::size_t>(role)]; }

  // By role, null where absent; valid until the next change of this object.
  std::array<const leet_tensor_spec*, LEET_ROLE_COUNT> specs() const;
  std::array<const leet_tensor*, LEET_ROLE_COUNT> tensors() const;

  // The core's messages begin with a role; puts the name of the role's file before it.
  core::Error with_file(core::Error error) const;

 private:
  bool swaps_axes(int role) const;
  void describe_decay(const Array& array, leet_tensor_spec& spec);
  void describe(int role);

  Layout layout_;
  std::array<bool, LEET_ROLE_COUNT> present_{};
  std::array<std::filesystem::path, LEET_ROLE_COUNT> files_;
  std::array<Array, LEET_ROLE_COUNT> arrays_;
  std::array<leet_tensor, LEET_ROLE_COUNT> tensors_{};
  std::int32_t decay_kind_ = LEET_DECAY_NONE;
};

}  // namespace leet::tools
#endif  // LEET_TOOLS_LEET_OPERANDS_HPP
