// SPDX-License-Identifier: Apache-2.0
//
// The ABI's numbers and masks as the words that options, tables and JSON use.
#ifndef LEET_TOOLS_COMMON_NAMES_HPP
#define LEET_TOOLS_COMMON_NAMES_HPP

#include <leet/plugin.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace leet::tools {

const char* decay_kind_name(std::int32_t decay_kind);  // none, head, step, channel
const char* precision_name(std::int32_t precision);    // exact, tf32

std::optional<leet_dtype> parse_float_dtype(std::string_view name);  // f16, bf16, f32, f64

// The bits of leet_note_desc's masks, in order.
std::vector<std::string> dtype_names(std::uint32_t dtypes);
std::vector<std::string> decay_kind_names(std::uint32_t decay_kinds);
std::vector<std::string> feature_names(std::uint32_t features);
std::vector<std::string> device_names(
    std::span<const std::int32_t> device_types);  // 0-ended or full

// "[2, 3, 4]".
std::string extents_text(std::span<const std::int64_t> extents);

}  // namespace leet::tools
#endif  // LEET_TOOLS_COMMON_NAMES_HPP
