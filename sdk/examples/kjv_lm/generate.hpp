// SPDX-License-Identifier: Apache-2.0
//
// Continues a text, one byte a step.
#ifndef KJV_LM_GENERATE_HPP
#define KJV_LM_GENERATE_HPP

#include <cstdint>
#include <span>
#include <string>

#include "model.hpp"

namespace kjv_lm {

// Which of a prompt's logits are wanted: all need 1 KiB for each byte of it.
enum class Rows { kAll, kLast };

// Feeds the prompt (at least 1 byte) to a reset model and gives its logits, [bytes, 256] or, of its
// last byte alone, [1, 256].
Matrix read_prompt(Model& model, std::span<const std::uint8_t> prompt, Rows rows);

// The `count` likeliest next bytes, each chosen with those before it. `logits` [256] are those of
// the last byte that the model has seen. `count` - 1 steps of one byte, because the last one chosen
// is not fed.
std::string generate_greedily(Model& model, const Eigen::Ref<const RowVector>& logits,
                              std::int64_t count);

}  // namespace kjv_lm
#endif  // KJV_LM_GENERATE_HPP
