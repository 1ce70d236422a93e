// SPDX-License-Identifier: Apache-2.0
//
// A well-formed problem that a test then bends.
#ifndef LEET_TESTS_SDK_PROBLEM_BUILDER_HPP
#define LEET_TESTS_SDK_PROBLEM_BUILDER_HPP

#include <leet/plugin.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <leet/plugin/dtype.hpp>

namespace leet::sdk_test {

inline leet_tensor_spec contiguous(leet_dtype dtype, std::initializer_list<std::int64_t> extents) {
  leet_tensor_spec spec{};
  spec.dtype = dtype;
  spec.rank = static_cast<std::int32_t>(extents.size());
  std::int64_t stride = 1;
  for (int axis = spec.rank; axis-- > 0;) {
    spec.extent[axis] = extents.begin()[axis];
    spec.stride[axis] = stride;
    stride *= spec.extent[axis];
  }
  return spec;
}

// f32, no decay, q, k, v and out contiguous with equal heads.
class ProblemBuilder {
 public:
  explicit ProblemBuilder(std::int64_t B = 2, std::int64_t H = 4, std::int64_t N = 5,
                          std::int64_t R = 3, std::int64_t D = 6) {
    set(LEET_ROLE_Q, contiguous(sdk::kF32, {B, H, N, R}));
    set(LEET_ROLE_K, contiguous(sdk::kF32, {B, H, N, R}));
    set(LEET_ROLE_V, contiguous(sdk::kF32, {B, H, N, D}));
    set(LEET_ROLE_OUT, contiguous(sdk::kF32, {B, H, N, D}));
    raw.struct_size = sizeof raw;
    raw.decay_kind = LEET_DECAY_NONE;
    raw.lowest_precision = LEET_PRECISION_EXACT;
    raw.role_count = LEET_ROLE_COUNT;
    raw.scale = 1;
    raw.specs = pointers_.data();
  }
  ProblemBuilder(const ProblemBuilder&) = delete;
  ProblemBuilder& operator=(const ProblemBuilder&) = delete;

  void set(int role, const leet_tensor_spec& spec) {
    specs_[static_cast<std::size_t>(role)] = spec;
    pointers_[static_cast<std::size_t>(role)] = &specs_[static_cast<std::size_t>(role)];
  }
  void clear(int role) { pointers_[static_cast<std::size_t>(role)] = nullptr; }
  leet_tensor_spec& at(int role) { return specs_[static_cast<std::size_t>(role)]; }

  leet_problem raw{};

 private:
  // Two more than there are roles, for what a later host may send.
  std::array<leet_tensor_spec, LEET_ROLE_COUNT + 2> specs_{};
  std::array<const leet_tensor_spec*, LEET_ROLE_COUNT + 2> pointers_{};
};

}  // namespace leet::sdk_test
#endif  // LEET_TESTS_SDK_PROBLEM_BUILDER_HPP
