// SPDX-License-Identifier: Apache-2.0
//
// The options string of the ABI, "key=value;key=value", read against a method's static table.
#ifndef LEET_PLUGIN_OPTIONS_HPP
#define LEET_PLUGIN_OPTIONS_HPP

#include <leet/plugin.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <leet/plugin/error.hpp>
#include <optional>
#include <string_view>

namespace leet::sdk {

// A view of the caller's string; lives no longer than the call that brought it. Allocates nothing.
class Options {
 public:
  // Throws INVALID_ARGUMENT when the string is malformed, names a key that is not in `table` (a
  // null-ended array, or null) or names one twice.
  Options(const char* text, const leet_option* const* table)
      : text_(text == nullptr ? "" : text), table_(table) {
    for (std::string_view rest = text_; !rest.empty();) {
      const std::string_view entry = take_entry(rest);
      const auto equals = entry.find('=');
      if (equals == std::string_view::npos || equals == 0) {
        throw Error(LEET_STATUS_INVALID_ARGUMENT, "option '%.*s': write it as key=value",
                    static_cast<int>(entry.size()), entry.data());
      }
      const std::string_view key = entry.substr(0, equals);
      if (declared(key) == nullptr) {
        throw Error(LEET_STATUS_INVALID_ARGUMENT,
                    "unknown option '%.*s': `leet info` lists this method's options",
                    static_cast<int>(key.size()), key.data());
      }
      if (find(key, rest)) {
        throw Error(LEET_STATUS_INVALID_ARGUMENT, "option '%.*s' is given twice",
                    static_cast<int>(key.size()), key.data());
      }
    }
  }

  // The value given, else the table's default. `key` must be in the table.
  std::string_view get(std::string_view key) const {
    return find(key, text_).value_or(declared(key)->default_value);
  }

  // Throws INVALID_ARGUMENT unless the value is a whole number in [lowest, highest].
  std::int64_t get_int(std::string_view key, std::int64_t lowest, std::int64_t highest) const {
    const std::string_view value = get(key);
    std::int64_t number = 0;
    const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (failure != std::errc() || end != value.data() + value.size() || number < lowest ||
        number > highest) {
      throw Error(LEET_STATUS_INVALID_ARGUMENT,
                  "option %.*s=%.*s: needs a whole number from %lld to %lld",
                  static_cast<int>(key.size()), key.data(), static_cast<int>(value.size()),
                  value.data(), static_cast<long long>(lowest), static_cast<long long>(highest));
    }
    return number;
  }

 private:
  static std::string_view take_entry(std::string_view& rest) {
    const auto end = rest.find(';');
    const std::string_view entry = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    return entry;
  }

  const leet_option* declared(std::string_view key) const {
    for (auto option = table_; option != nullptr && *option != nullptr; ++option) {
      if (key == (*option)->name) return *option;
    }
    return nullptr;
  }

  static std::optional<std::string_view> find(std::string_view key, std::string_view entries) {
    while (!entries.empty()) {
      const std::string_view entry = take_entry(entries);
      if (entry.size() > key.size() && entry.starts_with(key) && entry[key.size()] == '=') {
        return entry.substr(key.size() + 1);
      }
    }
    return std::nullopt;
  }

  std::string_view text_;
  const leet_option* const* table_;
};

}  // namespace leet::sdk
#endif  // LEET_PLUGIN_OPTIONS_HPP
