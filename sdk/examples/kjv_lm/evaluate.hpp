// SPDX-License-Identifier: Apache-2.0
//
// How well the model predicts a text.
#ifndef KJV_LM_EVALUATE_HPP
#define KJV_LM_EVALUATE_HPP

#include <cstdint>
#include <span>

#include "model.hpp"

namespace kjv_lm {

// The mean of -log2 p(byte | all bytes before it) over the bytes after the first, as one sequence.
// The text has at least 2 bytes. Resets the model.
double bits_per_byte(Model& model, std::span<const std::uint8_t> text);

}  // namespace kjv_lm
#endif  // KJV_LM_EVALUATE_HPP
