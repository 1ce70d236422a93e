// SPDX-License-Identifier: Apache-2.0
//
// The order of the checks decides which rule a file with several faults earns: the file itself,
// then who it is, then whether this host can serve it, then what it exports and needs. A newer ABI
// major has another entry symbol, so the major is judged before the entry.
#include "core/inspection.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/elf_reader.hpp"
#include "core/needed_libraries.hpp"
#include "core/printable.hpp"
#include "core/registry.hpp"

namespace leet::core {
namespace {

// Far above any plugin; keeps a sparse file of terabytes out of memory.
constexpr off_t kMaxFileSize = off_t{1} << 30;

template <class... Args>
Inspection judged(Rule rule, fmt::format_string<Args...> format, Args&&... args) {
  return {rule, fmt::format(format, std::forward<Args>(args)...), std::nullopt};
}

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool legal_in_id(char c) { return is_lower_or_digit(c) || c == '_' || c == '.'; }

bool legal_in_version(char c) {
  return legal_in_id(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '+';
}

std::string in_quotes(std::string_view text) { return fmt::format("'{}'", printable(text, 64)); }

template <std::size_t Size>
std::string check_text(const char (&field)[Size], const char* name, bool (*legal)(char),
                       const char* what_is_legal, bool may_be_empty) {
  const std::string_view text(field, strnlen(field, Size));
  if (text.size() == Size) return fmt::format("its {} does not end within {} bytes", name, Size);
  if (text.empty() && !may_be_empty) return fmt::format("its {} is empty", name);
  if (!std::all_of(text.begin(), text.end(), legal)) {
    return fmt::format("its {} is {}, not {}", name, in_quotes(text), what_is_legal);
  }
  return {};
}

// "" or what makes the note unusable for everyone who would print or index it.
std::string check_fields(const leet_note_desc& note) {
  if (std::string fault = check_text(note.id, "id", legal_in_id, "[a-z0-9_.]+", false);
      !fault.empty()) {
    return fault;
  }
  const std::string_view id(note.id);
  if (id.front() == '.' || id.back() == '.') {
    return fmt::format("its id {} begins or ends with a dot", in_quotes(id));
  }
  if (std::string fault =
          check_text(note.version, "version", legal_in_version, "[a-zA-Z0-9_.+-]+", false);
      !fault.empty()) {
    return fault;
  }
  if (std::string fault = check_text(note.build_id, "build_id", is_printable, "printable", true);
      !fault.empty()) {
    return fault;
  }
  if (note.device_types[0] == 0) return "it serves no device";
  if (note.sm_count > std::size(note.sm)) {
    return fmt::format("it lists {} SM versions in room for {}", note.sm_count, std::size(note.sm));
  }
  return {};
}

// Fills `note`, or says why there is none.
Inspection read_identity(const ElfFile& elf, leet_note_desc& note) {
  const auto is_ours = [](const ElfNote& n) {
    return n.owner == LEET_NOTE_OWNER && n.type == LEET_NOTE_TYPE;
  };
  const auto count = std::count_if(elf.notes.begin(), elf.notes.end(), is_ours);
  if (count == 0) {
    return judged(Rule::kNoNote, "none of its {} notes has the owner {}", elf.notes.size(),
                  LEET_NOTE_OWNER);
  }
  if (count > 1) {
    return judged(Rule::kMalformed, "{} {} notes; one file holds one method", count,
                  LEET_NOTE_OWNER);
  }
  const auto desc = std::find_if(elf.notes.begin(), elf.notes.end(), is_ours)->desc;
  std::uint32_t version = 0;
  if (desc.size() >= sizeof version) std::memcpy(&version, desc.data(), sizeof version);
  if (version != LEET_NOTE_VERSION || desc.size() != sizeof note) {
    return judged(Rule::kNoNote,
                  "its note has version {} and {} bytes; this host reads version {} of {} bytes",
                  version, desc.size(), LEET_NOTE_VERSION, sizeof note);
  }
  std::memcpy(&note, desc.data(), sizeof note);
  if (std::string fault = check_fields(note); !fault.empty()) {
    return judged(Rule::kNoNote, "its note can't be used: {}", fault);
  }
  return {};
}

Inspection check_abi(const leet_note_desc& note) {
  if (note.abi_major != LEET_ABI_MAJOR) {
    return judged(Rule::kAbiMajor, "ABI major {}; this host has {}", note.abi_major,
                  LEET_ABI_MAJOR);
  }
  if (note.abi_minor_built < LEET_ABI_OLDEST_MINOR) {
    return judged(Rule::kAbiOld, "built with ABI {}.{}; the oldest that this host serves is {}.{}",
                  note.abi_major, note.abi_minor_built, LEET_ABI_MAJOR, LEET_ABI_OLDEST_MINOR);
  }
  if (note.abi_minor_required > LEET_ABI_MINOR) {
    return judged(Rule::kAbiMinor, "requires ABI {}.{}; this host has {}.{}", note.abi_major,
                  note.abi_minor_required, LEET_ABI_MAJOR, LEET_ABI_MINOR);
  }
  return {};
}

Inspection check_exports(const ElfFile& elf) {
  const auto entry =
      std::find_if(elf.exports.begin(), elf.exports.end(),
                   [](const ElfExport& symbol) { return symbol.name == LEET_ENTRY_SYMBOL; });
  if (entry == elf.exports.end()) {
    return judged(Rule::kNoEntry, "none of its {} exported symbols is {}", elf.exports.size(),
                  LEET_ENTRY_SYMBOL);
  }
  if (!entry->function) {
    return judged(Rule::kNoEntry, "its {} is not a function", LEET_ENTRY_SYMBOL);
  }
  if (elf.exports.size() == 1) return {};

  constexpr std::size_t kNamed = 3;
  std::vector<std::string> names;
  for (const ElfExport& symbol : elf.exports) {
    if (symbol.name != LEET_ENTRY_SYMBOL && names.size() < kNamed) {
      names.push_back(in_quotes(symbol.name));
    }
  }
  const std::size_t extra = elf.exports.size() - 1;
  return judged(Rule::kExports, "exports {} symbol{} besides {}: {}{}", extra,
                extra == 1 ? "" : "s", LEET_ENTRY_SYMBOL, fmt::join(names, ", "),
                extra > names.size() ? ", ..." : "");
}

Inspection check_needed(const ElfFile& elf, const std::filesystem::path& path) {
  std::vector<std::string> missing = missing_libraries(elf.needed, elf.runpaths, path);
  if (missing.empty()) return {};
  for (std::string& name : missing) name = in_quotes(name);
  return judged(Rule::kNeeded, "needs {}, which can't be found", fmt::join(missing, ", "));
}

std::string summary(const leet_note_desc& note) {
  std::vector<std::string> devices;
  for (const std::int32_t type : note.device_types) {
    if (type == 0) break;
    devices.push_back(device_name(type));
  }
  return fmt::format("{} {} for {}", note.id, note.version, fmt::join(devices, ", "));
}

Inspection unreadable(std::string seen) { return {Rule::kUnreadable, std::move(seen), {}}; }

}  // namespace

Inspection inspect(std::span<const std::byte> bytes, const std::filesystem::path& path) {
  const std::variant<ElfFile, ElfFault> read = read_elf(bytes);
  if (const auto* fault = std::get_if<ElfFault>(&read)) {
    return {fault->rule, fault->seen, std::nullopt};
  }
  const ElfFile& elf = std::get<ElfFile>(read);
  leet_note_desc note{};
  Inspection result = read_identity(elf, note);
  if (result.rule != Rule::kOk) return result;
  result = check_abi(note);
  if (result.rule == Rule::kOk) result = check_exports(elf);
  if (result.rule == Rule::kOk) result = check_needed(elf, path);
  if (result.rule == Rule::kOk) result.seen = summary(note);
  result.identity = note;
  return result;
}

Inspection inspect_file(const std::filesystem::path& path) {
  // O_NONBLOCK: a FIFO of that name must not hang the host.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return unreadable(std::strerror(errno));
  struct Closer {
    int file;
    ~Closer() { close(file); }
  } closer{file};

  struct stat status {};
  if (fstat(file, &status) != 0) return unreadable(std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return unreadable("not a regular file");
  if (status.st_size > kMaxFileSize) {
    return unreadable(
        fmt::format("{} bytes; a plugin has at most {}", status.st_size, kMaxFileSize));
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(status.st_size));
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = read(file, bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(std::strerror(errno));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return inspect(bytes, path);
}

}  // namespace leet::core
