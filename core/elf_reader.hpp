// SPDX-License-Identifier: Apache-2.0
//
// A bounded reader of ELF shared objects. The bytes are untrusted: every offset and size is checked
// against overflow and the end of the file, so that a damaged plugin gives a rule code here instead
// of a SIGBUS inside dlopen. Section headers are not used for anything; they may be stripped.
#ifndef LEET_CORE_ELF_READER_HPP
#define LEET_CORE_ELF_READER_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/load_report.hpp"

namespace leet::core {

struct ElfNote {
  std::string_view owner;  // without its NUL
  std::uint32_t type = 0;
  std::span<const std::byte> desc;
};

struct ElfExport {
  std::string_view name;
  bool function = false;  // and not data
};

// What a loader would act on. The views point into the bytes that were read.
struct ElfFile {
  std::vector<ElfNote> notes;              // of every PT_NOTE segment
  std::vector<ElfExport> exports;          // defined, visible dynamic symbols
  std::vector<std::string_view> needed;    // DT_NEEDED
  std::vector<std::string_view> runpaths;  // DT_RUNPATH and DT_RPATH, as written
};

// Why a file can't be loaded: kTruncated, kNotElf, kArchitecture or kMalformed.
struct ElfFault {
  Rule rule = Rule::kMalformed;
  std::string seen;
};

// Never fails otherwise, whatever the bytes are. An empty file is kTruncated: it is what an
// interrupted copy or a full disk leaves behind.
std::variant<ElfFile, ElfFault> read_elf(std::span<const std::byte> bytes);

}  // namespace leet::core
#endif  // LEET_CORE_ELF_READER_HPP
