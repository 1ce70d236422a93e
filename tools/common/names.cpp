// SPDX-License-Identifier: Apache-2.0
#include "tools/common/names.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <leet/plugin/dtype.hpp>

#include "core/registry.hpp"

namespace leet::tools {
namespace {

constexpr std::array kDtypes = {"f16", "bf16", "f32", "f64"};
constexpr std::array kDecayKinds = {"none", "head", "step", "channel"};
constexpr std::array kFeatures = {"states",      "varlen",       "shared_heads",
                                  "any_strides", "dynamic_axes", "f32_out"};
constexpr std::array kPrecisions = {"exact", "tf32"};

template <std::size_t Size>
const char* name_of(const std::array<const char*, Size>& names, std::int32_t value) {
  return value >= 0 && value < static_cast<std::int32_t>(Size)
             ? names[static_cast<std::size_t>(value)]
             : "unknown";
}

// A bit without a name comes from a newer minor, and is shown rather than lost.
template <std::size_t Size>
std::vector<std::string> bits_of(const std::array<const char*, Size>& names, std::uint32_t mask) {
  std::vector<std::string> found;
  for (std::uint32_t bit = 0; bit < 32; ++bit) {
    if ((mask >> bit & 1u) == 0) continue;
    found.push_back(bit < Size ? names[bit] : fmt::format("bit{}", bit));
  }
  return found;
}

}  // namespace

const char* decay_kind_name(std::int32_t decay_kind) { return name_of(kDecayKinds, decay_kind); }
const char* precision_name(std::int32_t precision) { return name_of(kPrecisions, precision); }

std::optional<leet_dtype> parse_float_dtype(std::string_view name) {
  for (const leet_dtype dtype : {sdk::kF16, sdk::kBf16, sdk::kF32, sdk::kF64}) {
    if (name == sdk::dtype_name(dtype)) return dtype;
  }
  return std::nullopt;
}

std::vector<std::string> dtype_names(std::uint32_t dtypes) { return bits_of(kDtypes, dtypes); }
std::vector<std::string> decay_kind_names(std::uint32_t decay_kinds) {
  return bits_of(kDecayKinds, decay_kinds);
}
std::vector<std::string> feature_names(std::uint32_t features) {
  return bits_of(kFeatures, features);
}

std::vector<std::string> device_names(std::span<const std::int32_t> device_types) {
  std::vector<std::string> names;
  for (const std::int32_t type : device_types) {
    if (type == 0) break;
    names.push_back(core::device_name(type));
  }
  return names;
}

std::string extents_text(std::span<const std::int64_t> extents) {
  return fmt::format("[{}]", fmt::join(extents, ", "));
}

}  // namespace leet::tools
