// SPDX-License-Identifier: Apache-2.0
//
// The one place where a problem and the tensors of an execute are checked against each other and
// against the operator's rules (leet/plugin.h). Plugins rely on it.
#ifndef LEET_CORE_ARGUMENT_CHECK_HPP
#define LEET_CORE_ARGUMENT_CHECK_HPP

#include <leet/plugin.h>

#include <array>
#include <cstdint>
#include <leet/plugin/shape.hpp>
#include <memory>

#include "core/result.hpp"

namespace leet::core {

// "q", "log_decay", ... for messages.
const char* role_name(int role);

// A problem that passed every check, with its own copy of the specs.
class CheckedProblem {
 public:
  // In the form that plugins see: log_decay's broadcast axes have full extents and strides of 0,
  // alignments are not 0.
  const leet_problem& problem() const { return content_->problem; }
  const sdk::Shape& shape() const { return content_->shape; }
  bool has(int role) const { return content_->pointers[static_cast<std::size_t>(role)] != nullptr; }

  // Null where absent: as plugins see it, and as the caller gave it.
  const leet_tensor_spec* spec(int role) const {
    return content_->pointers[static_cast<std::size_t>(role)];
  }
  const leet_tensor_spec& given(int role) const {
    return content_->given[static_cast<std::size_t>(role)];
  }

 private:
  friend Result<CheckedProblem> check_problem(const leet_problem& problem);

  struct Content {  // on the heap because its parts point at each other
    std::array<leet_tensor_spec, LEET_ROLE_COUNT> given{};
    std::array<leet_tensor_spec, LEET_ROLE_COUNT> specs{};
    std::array<const leet_tensor_spec*, LEET_ROLE_COUNT> pointers{};
    leet_problem problem{};
    sdk::Shape shape;
  };
  std::unique_ptr<Content> content_ = std::make_unique<Content>();
};

// Errors: INVALID_ARGUMENT; UNSUPPORTED for roles, bits and values that this host does not know.
Result<CheckedProblem> check_problem(const leet_problem& problem);

// The tensors of one execute, in the form that plugins see.
struct CheckedTensors {
  CheckedTensors() = default;
  CheckedTensors(const CheckedTensors&) = delete;  // pointers point into tensors
  CheckedTensors& operator=(const CheckedTensors&) = delete;

  std::array<leet_tensor, LEET_ROLE_COUNT> tensors{};
  std::array<const leet_tensor*, LEET_ROLE_COUNT> pointers{};
};

// Whether the tensors lie within the problem: roles, dtypes, maxima, strides, alignment, overlap.
// Writes the checked form to `out`. Allocates nothing when it succeeds. Errors: INVALID_ARGUMENT.
Status check_tensors(const CheckedProblem& problem, const leet_tensor* const* tensors,
                     std::uint32_t count, CheckedTensors& out);

// The values that execute does not look at, for tensors in host memory: log_decay must not be NaN
// or positive; sequence_offsets begin with 0, never decrease and end with N. `tensors` have passed
// check_tensors. Errors: INVALID_ARGUMENT with the first bad element's index and value.
Status check_values(const CheckedTensors& tensors);

}  // namespace leet::core
#endif  // LEET_CORE_ARGUMENT_CHECK_HPP
