// SPDX-License-Identifier: Apache-2.0
//
// Judges a plugin file by its bytes alone: is it whole, for this machine and this ABI, and who is
// it? Nothing of the file is executed.
#ifndef LEET_CORE_INSPECTION_HPP
#define LEET_CORE_INSPECTION_HPP

#include <leet/plugin.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "core/load_report.hpp"

namespace leet::core {

struct Inspection {
  Rule rule = Rule::kOk;
  std::string seen;  // the values found; with kOk too
  // Where the note could be read. Its texts are NUL-ended and printable, its counts in range.
  std::optional<leet_note_desc> identity;
};

// `path` is where the bytes come from: a RUNPATH may be relative to it. It need not exist.
Inspection inspect(std::span<const std::byte> bytes, const std::filesystem::path& path);

// Reads the whole regular file first, so that one that shrinks meanwhile can't hurt.
Inspection inspect_file(const std::filesystem::path& path);

}  // namespace leet::core
#endif  // LEET_CORE_INSPECTION_HPP
