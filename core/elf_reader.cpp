// SPDX-License-Identifier: Apache-2.0
//
// Follows the file as the dynamic linker does: program headers, PT_DYNAMIC, and from there the
// tables by virtual address. Faults travel as an exception inside this file only, which keeps the
// checks on the line of the read that needs them.
#include "core/elf_reader.hpp"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <type_traits>
#include <utility>

namespace leet::core {
namespace {

#if defined(__x86_64__)
constexpr std::uint16_t kHostMachine = EM_X86_64;
constexpr const char* kHostMachineName = "x86-64";
#elif defined(__aarch64__)
constexpr std::uint16_t kHostMachine = EM_AARCH64;
constexpr const char* kHostMachineName = "AArch64";
#else
#error "The ABI is for 64-bit little-endian machines; name this one's ELF machine number here"
#endif

// Longer names are no symbol's; the bound keeps the work linear in the size of the file.
constexpr std::uint64_t kMaxNameLength = 65536;

struct Fault {
  ElfFault fault;
};

template <class... Args>
[[noreturn]] void fail(Rule rule, fmt::format_string<Args...> format, Args&&... args) {
  throw Fault{{rule, fmt::format(format, std::forward<Args>(args)...)}};
}

// Bytes of the file, of a segment or of a table.
class Region {
 public:
  Region() = default;
  explicit Region(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint64_t size() const { return bytes_.size(); }
  bool contains(std::uint64_t offset, std::uint64_t length) const {
    return offset <= size() && length <= size() - offset;
  }
  std::span<const std::byte> slice(std::uint64_t offset, std::uint64_t length,
                                   const char* what) const {
    if (!contains(offset, length)) {
      fail(Rule::kMalformed, "{}: {} bytes at offset {} of a table of {} bytes", what, length,
           offset, size());
    }
    return bytes_.subspan(offset, length);
  }
  template <class T>
  T read(std::uint64_t offset, const char* what) const {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;  // copied: nothing in a file has to be aligned
    std::memcpy(&value, slice(offset, sizeof(T), what).data(), sizeof(T));
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
};

// Whether offset + length overflows or passes the end of a file of `size` bytes. The first can't be
// the fault of an interrupted copy.
void require_inside(std::uint64_t offset, std::uint64_t length, std::uint64_t size,
                    const std::string& what) {
  if (offset > UINT64_MAX - length) {
    fail(Rule::kMalformed, "{}: offset {:#x} plus size {:#x} overflows", what, offset, length);
  }
  if (offset + length > size) {
    fail(Rule::kTruncated, "{} ends at byte {}, the file at {}", what, offset + length, size);
  }
}

Elf64_Ehdr read_header(const Region& file, std::span<const std::byte> bytes) {
  if (bytes.empty()) fail(Rule::kTruncated, "an empty file");
  if (std::memcmp(bytes.data(), ELFMAG, std::min<std::size_t>(bytes.size(), SELFMAG)) != 0) {
    std::string start;
    for (const std::byte byte : bytes.first(std::min<std::size_t>(bytes.size(), SELFMAG))) {
      start += fmt::format("{}{:02x}", start.empty() ? "" : " ", std::to_integer<unsigned>(byte));
    }
    fail(Rule::kNotElf, "begins with the bytes {}, not 7f 45 4c 46", start);
  }
  if (bytes.size() < EI_NIDENT) {
    fail(Rule::kTruncated, "{} bytes, less than an ELF identification", bytes.size());
  }
  const auto ident = [&](int i) { return std::to_integer<unsigned>(bytes[std::size_t(i)]); };
  if (ident(EI_CLASS) != ELFCLASS64 || ident(EI_DATA) != ELFDATA2LSB) {
    fail(Rule::kArchitecture, "{}, {}; this machine is 64-bit little-endian",
         ident(EI_CLASS) == ELFCLASS64   ? std::string("64-bit")
         : ident(EI_CLASS) == ELFCLASS32 ? std::string("32-bit")
                                         : fmt::format("ELF class {}", ident(EI_CLASS)),
         ident(EI_DATA) == ELFDATA2LSB   ? std::string("little-endian")
         : ident(EI_DATA) == ELFDATA2MSB ? std::string("big-endian")
                                         : fmt::format("ELF data encoding {}", ident(EI_DATA)));
  }
  if (bytes.size() < sizeof(Elf64_Ehdr)) {
    fail(Rule::kTruncated, "{} bytes, less than an ELF header of {}", bytes.size(),
         sizeof(Elf64_Ehdr));
  }
  const auto header = file.read<Elf64_Ehdr>(0, "ELF header");
  if (header.e_machine != kHostMachine) {
    fail(Rule::kArchitecture, "ELF machine {}; this one is {} ({})", header.e_machine, kHostMachine,
         kHostMachineName);
  }
  if (header.e_type != ET_DYN) {
    fail(Rule::kNotElf, "ELF, but of type {}, not a shared object (type {})", header.e_type,
         ET_DYN);
  }
  if (ident(EI_VERSION) != EV_CURRENT || header.e_version != EV_CURRENT) {
    fail(Rule::kMalformed, "ELF version {}, not {}", header.e_version, EV_CURRENT);
  }
  return header;
}

void check_segment(const Elf64_Phdr& segment, int index, std::uint64_t file_size) {
  const std::string what = fmt::format("segment {} (type {:#x})", index, segment.p_type);
  if (segment.p_filesz != 0) require_inside(segment.p_offset, segment.p_filesz, file_size, what);
  if (segment.p_type != PT_LOAD) return;
  if (segment.p_memsz < segment.p_filesz) {
    fail(Rule::kMalformed, "{} has {} bytes in the file and only {} in memory", what,
         segment.p_filesz, segment.p_memsz);
  }
  if (segment.p_vaddr > UINT64_MAX - segment.p_memsz) {
    fail(Rule::kMalformed, "{}: address {:#x} plus size {:#x} overflows", what, segment.p_vaddr,
         segment.p_memsz);
  }
  if (segment.p_align > 1 && (!std::has_single_bit(segment.p_align) ||
                              (segment.p_vaddr - segment.p_offset) % segment.p_align != 0)) {
    fail(Rule::kMalformed, "{}: address {:#x} and offset {:#x} differ modulo its alignment {:#x}",
         what, segment.p_vaddr, segment.p_offset, segment.p_align);
  }
}

std::vector<Elf64_Phdr> read_segments(const Region& file, const Elf64_Ehdr& header) {
  if (header.e_phnum == 0 || header.e_phnum == PN_XNUM ||
      header.e_phentsize != sizeof(Elf64_Phdr)) {
    fail(Rule::kMalformed, "{} program headers of {} bytes each, not 1 to {} of {}", header.e_phnum,
         header.e_phentsize, PN_XNUM - 1, sizeof(Elf64_Phdr));
  }
  require_inside(header.e_phoff, std::uint64_t{header.e_phnum} * sizeof(Elf64_Phdr), file.size(),
                 "the program header table");
  // Not read, but they come last in a file: a cut that spares the segments shows here.
  if (header.e_shoff != 0) {
    require_inside(header.e_shoff, std::uint64_t{header.e_shnum} * header.e_shentsize, file.size(),
                   "the section header table");
  }

  std::vector<Elf64_Phdr> segments;
  std::uint64_t loaded_end = 0;
  bool any_loaded = false;
  for (int i = 0; i < header.e_phnum; ++i) {
    segments.push_back(file.read<Elf64_Phdr>(header.e_phoff + std::uint64_t(i) * sizeof(Elf64_Phdr),
                                             "program header"));
    const Elf64_Phdr& segment = segments.back();
    check_segment(segment, i, file.size());
    if (segment.p_type != PT_LOAD) continue;
    if (any_loaded && segment.p_vaddr < loaded_end) {
      fail(Rule::kMalformed,
           "segment {} begins at address {:#x}, before the previous one's end "
           "at {:#x}",
           i, segment.p_vaddr, loaded_end);
    }
    any_loaded = true;
    loaded_end = segment.p_vaddr + segment.p_memsz;
  }
  if (!any_loaded) fail(Rule::kMalformed, "no segment to load");
  return segments;
}

void read_notes(const Region& segment, std::uint64_t alignment, std::vector<ElfNote>& notes) {
  // Fields are padded to 4 bytes, or to 8 in the segments that gcc makes for its own properties.
  const auto padded = [unit = alignment == 8 ? 8u : 4u](std::uint64_t n) {
    return (n + unit - 1) / unit * unit;
  };
  std::uint64_t offset = 0;
  while (segment.contains(offset, sizeof(Elf64_Nhdr))) {
    const auto header = segment.read<Elf64_Nhdr>(offset, "note header");
    const std::uint64_t name = offset + sizeof(Elf64_Nhdr);
    // 32-bit sizes in 64-bit sums: no overflow.
    const std::uint64_t desc = offset + padded(sizeof(Elf64_Nhdr) + header.n_namesz);
    const auto owner = segment.slice(name, header.n_namesz, "a note's owner");
    std::string_view text(reinterpret_cast<const char*>(owner.data()), owner.size());
    if (text.ends_with('\0')) text.remove_suffix(1);
    notes.push_back(
        {text, header.n_type, segment.slice(desc, header.n_descsz, "a note's description")});
    offset = desc + padded(header.n_descsz);
  }
}

// The tables that PT_DYNAMIC names.
struct Dynamic {
  std::optional<std::uint64_t> symbols, strings, strings_size, hash, gnu_hash;
  std::vector<std::uint64_t> needed, runpaths;  // offsets into the strings
};

class DynamicReader {
 public:
  DynamicReader(const Region& file, const std::vector<Elf64_Phdr>& segments)
      : file_(file), segments_(segments) {}

  void read(ElfFile& out) {
    const Dynamic dynamic = read_entries();
    if (!dynamic.strings || !dynamic.strings_size || !dynamic.symbols) {
      fail(Rule::kMalformed, "the dynamic section names no symbol table or no string table");
    }
    strings_ = Region(from_address(*dynamic.strings, "the dynamic string table")
                          .slice(0, *dynamic.strings_size, "the dynamic string table"));
    for (const std::uint64_t name : dynamic.needed) out.needed.push_back(string(name));
    for (const std::uint64_t name : dynamic.runpaths) out.runpaths.push_back(string(name));
    read_exports(dynamic, out.exports);
  }

 private:
  // From a virtual address to the end of what the file holds of its segment.
  Region from_address(std::uint64_t address, const char* what) const {
    for (const Elf64_Phdr& segment : segments_) {
      if (segment.p_type != PT_LOAD || address < segment.p_vaddr) continue;
      const std::uint64_t skip = address - segment.p_vaddr;
      if (skip >= segment.p_filesz) continue;
      return Region(file_.slice(segment.p_offset + skip, segment.p_filesz - skip, what));
    }
    fail(Rule::kMalformed, "{} is at address {:#x}, in no segment", what, address);
  }

  Dynamic read_entries() const {
    const auto is_dynamic = [](const Elf64_Phdr& s) { return s.p_type == PT_DYNAMIC; };
    const auto segment = std::find_if(segments_.begin(), segments_.end(), is_dynamic);
    if (segment == segments_.end() ||
        std::find_if(segment + 1, segments_.end(), is_dynamic) != segments_.end()) {
      fail(Rule::kMalformed, "{} dynamic segments, not 1",
           std::count_if(segments_.begin(), segments_.end(), is_dynamic));
    }
    // By address, as the dynamic linker finds it.
    const Region table = from_address(segment->p_vaddr, "the dynamic section");
    Dynamic dynamic;
    for (std::uint64_t offset = 0;; offset += sizeof(Elf64_Dyn)) {
      const auto entry = table.read<Elf64_Dyn>(offset, "the dynamic section");
      const std::uint64_t value = entry.d_un.d_val;
      switch (entry.d_tag) {
        case DT_NULL:
          return dynamic;
        case DT_SYMTAB:
          dynamic.symbols = value;
          break;
        case DT_STRTAB:
          dynamic.strings = value;
          break;
        case DT_STRSZ:
          dynamic.strings_size = value;
          break;
        case DT_HASH:
          dynamic.hash = value;
          break;
        case DT_GNU_HASH:
          dynamic.gnu_hash = value;
          break;
        case DT_NEEDED:
          dynamic.needed.push_back(value);
          break;
        case DT_RPATH:
        case DT_RUNPATH:
          dynamic.runpaths.push_back(value);
          break;
        default:
          break;
      }
    }
  }

  std::string_view string(std::uint64_t offset) const {
    if (offset >= strings_.size()) {
      fail(Rule::kMalformed, "a name at offset {} of a string table of {} bytes", offset,
           strings_.size());
    }
    const std::uint64_t limit = std::min(strings_.size() - offset, kMaxNameLength);
    const auto* start =
        reinterpret_cast<const char*>(strings_.slice(offset, limit, "a name").data());
    const std::size_t length = strnlen(start, limit);
    if (length == limit) fail(Rule::kMalformed, "a name at offset {} does not end", offset);
    return {start, length};
  }

  // The dynamic symbol table does not say how long it is; its hash tables do.
  std::uint64_t count_symbols(const Dynamic& dynamic) const {
    if (!dynamic.hash && !dynamic.gnu_hash) {
      fail(Rule::kMalformed, "no symbol hash table (DT_GNU_HASH or DT_HASH)");
    }
    std::uint64_t count = 0;
    if (dynamic.hash) {
      const Region table = from_address(*dynamic.hash, "the symbol hash table");
      count = table.read<std::uint32_t>(sizeof(std::uint32_t), "the symbol hash table");
    }
    if (dynamic.gnu_hash) count = std::max(count, count_gnu_hash(*dynamic.gnu_hash));
    return count;
  }

  std::uint64_t count_gnu_hash(std::uint64_t address) const {
    constexpr const char* kWhat = "the GNU symbol hash table";
    constexpr std::uint64_t kWord = sizeof(std::uint32_t);
    const Region table = from_address(address, kWhat);
    const auto word = [&](std::uint64_t offset) {
      return table.read<std::uint32_t>(offset, kWhat);
    };
    const std::uint64_t bucket_count = word(0);
    const std::uint64_t first_symbol = word(kWord);
    const std::uint64_t bloom_words = word(2 * kWord);
    const std::uint64_t buckets = 4 * kWord + bloom_words * sizeof(std::uint64_t);
    std::uint64_t last_chain = 0;
    for (std::uint64_t i = 0; i < bucket_count; ++i) {
      last_chain = std::max<std::uint64_t>(last_chain, word(buckets + i * kWord));
    }
    if (last_chain < first_symbol) return first_symbol;  // nothing is exported
    // The chain that begins last holds the last symbol; bit 0 marks a chain's end.
    const std::uint64_t chains = buckets + bucket_count * kWord;
    while ((word(chains + (last_chain - first_symbol) * kWord) & 1) == 0) ++last_chain;
    return last_chain + 1;
  }

  void read_exports(const Dynamic& dynamic, std::vector<ElfExport>& exports) const {
    const std::uint64_t count = count_symbols(dynamic);
    const Region table = from_address(*dynamic.symbols, "the dynamic symbol table");
    for (std::uint64_t i = 1; i < count; ++i) {  // entry 0 is reserved
      const auto symbol = table.read<Elf64_Sym>(i * sizeof(Elf64_Sym), "the dynamic symbol table");
      const unsigned binding = ELF64_ST_BIND(symbol.st_info);
      const unsigned visibility = ELF64_ST_VISIBILITY(symbol.st_other);
      if (symbol.st_shndx == SHN_UNDEF) continue;
      if (binding != STB_GLOBAL && binding != STB_WEAK && binding != STB_GNU_UNIQUE) continue;
      if (visibility != STV_DEFAULT && visibility != STV_PROTECTED) continue;
      const unsigned type = ELF64_ST_TYPE(symbol.st_info);
      exports.push_back({string(symbol.st_name), type == STT_FUNC || type == STT_GNU_IFUNC});
    }
  }

  const Region& file_;
  const std::vector<Elf64_Phdr>& segments_;
  Region strings_;
};

}  // namespace

std::variant<ElfFile, ElfFault> read_elf(std::span<const std::byte> bytes) {
  try {
    const Region file(bytes);
    const Elf64_Ehdr header = read_header(file, bytes);
    const std::vector<Elf64_Phdr> segments = read_segments(file, header);
    ElfFile out;
    for (const Elf64_Phdr& segment : segments) {
      if (segment.p_type != PT_NOTE || segment.p_filesz == 0) continue;
      read_notes(Region(file.slice(segment.p_offset, segment.p_filesz, "a note segment")),
                 segment.p_align, out.notes);
    }
    DynamicReader(file, segments).read(out);
    return out;
  } catch (const Fault& fault) {
    return fault.fault;
  }
}

}  // namespace leet::core
