// SPDX-License-Identifier: Apache-2.0
//
// The header of a .npy file: a Python dictionary literal of three keys, read by a grammar no larger
// than what NumPy writes.
#ifndef LEET_TOOLS_COMMON_NPY_HEADER_HPP
#define LEET_TOOLS_COMMON_NPY_HEADER_HPP

#include <leet/plugin.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace leet::tools {

struct NpyHeader {
  leet_dtype dtype{};
  std::vector<std::int64_t> extents;
  std::int64_t elements = 0;  // their product; times the dtype's size it fits int64
};

// `text` is what lies between the header's length and the data. Errors: INVALID_ARGUMENT with what
// is wrong and what would be right, without the file's name.
core::Result<NpyHeader> parse_npy_header(std::string_view text);

// The product of the extents; nullopt where its bytes would not fit int64.
std::optional<std::int64_t> element_count(std::span<const std::int64_t> extents,
                                          std::int64_t element_bytes);

// Everything before the data, from the magic on, padded as NumPy does.
std::string npy_preamble(leet_dtype dtype, std::span<const std::int64_t> extents);

inline constexpr std::string_view kNpyMagic = "\x93NUMPY";

}  // namespace leet::tools
#endif  // LEET_TOOLS_COMMON_NPY_HEADER_HPP
