// SPDX-License-Identifier: Apache-2.0
//
// Whether strided tensors share memory, exactly: interleaved slices of one buffer that share no
// element are told apart from tensors that do.
#ifndef LEET_CORE_OVERLAP_HPP
#define LEET_CORE_OVERLAP_HPP

#include <leet/plugin.h>

#include <cstdint>

namespace leet::core {

// Whether any byte belongs to an element of both. Two specs whose spans (see byte_span) are below
// 2^60. Allocates nothing. The question is a bounded linear Diophantine equation; layouts so
// contrived that a fixed amount of search doesn't settle it count as sharing.
bool share_memory(const leet_tensor& a, const leet_tensor& b);

// Whether two different indices of one tensor reach a common byte. The same limits.
bool overlaps_itself(const leet_tensor_spec& spec);

// The distance in bytes from the first byte of the first element to the end of the farthest one; 0
// without elements, -1 if it is 2^60 or more. Extents and strides are not negative.
std::int64_t byte_span(const leet_tensor_spec& spec);

}  // namespace leet::core
#endif  // LEET_CORE_OVERLAP_HPP
