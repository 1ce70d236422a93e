// SPDX-License-Identifier: Apache-2.0
//
// Whether a set of tensor specs describes one problem: the part of the argument check that plans
// and executes have in common.
#ifndef LEET_CORE_SPEC_CHECK_HPP
#define LEET_CORE_SPEC_CHECK_HPP

#include <leet/plugin.h>

#include <array>
#include <cstdint>
#include <leet/plugin/shape.hpp>

#include "core/result.hpp"

namespace leet::core {

using SpecPointers = std::array<const leet_tensor_spec*, LEET_ROLE_COUNT>;  // null = absent

// Checks every spec and all of them against each other; gives the shape that they agree on.
// Allocates nothing when it succeeds. Errors: INVALID_ARGUMENT.
Status check_specs(const SpecPointers& specs, std::int32_t decay_kind, sdk::Shape& shape);

// The spec as plugins see it, of one that passed.
leet_tensor_spec canonical_spec(int role, const leet_tensor_spec& spec, const sdk::Shape& shape);

}  // namespace leet::core
#endif  // LEET_CORE_SPEC_CHECK_HPP
