// SPDX-License-Identifier: Apache-2.0
//
// core/elf_reader on a good plugin, on copies with one damaged field, and on every prefix and many
// single-byte corruptions of it. Spans have the exact size of their allocation, so that a
// sanitizer sees a read beyond.
#include "core/elf_reader.hpp"

#include <dlfcn.h>
#include <elf.h>
#include <gmock/gmock.h>
#include <gnu/libc-version.h>
#include <gtest/gtest.h>
#include <leet/plugin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <ostream>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tests/hostile/elf_patch.hpp"
#include "tests/support/temporary_directory.hpp"

namespace leet::core {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using tests::ElfPatch;

std::string good_plugin(const char* name = "good") {
  return tests::read_bytes(std::string(LEET_BINARY_DIR "/hostile/leet_hostile_") + name + ".so");
}

// A copy with nothing readable behind it. The result's views point into the copy, which is gone:
// only its counts may be used.
std::variant<ElfFile, ElfFault> read_exact(std::string_view bytes) {
  const auto copy = std::make_unique<std::byte[]>(bytes.size());
  std::copy_n(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size(), copy.get());
  return read_elf({copy.get(), bytes.size()});
}

ElfFile read_good(const std::string& bytes) {
  auto result = read_elf(std::as_bytes(std::span(bytes)));
  if (const auto* fault = std::get_if<ElfFault>(&result)) {
    throw std::runtime_error(std::string(rule_code(fault->rule)) + ": " + fault->seen);
  }
  return std::get<ElfFile>(result);
}

void expect_good(const ElfFile& elf) {
  ASSERT_THAT(elf.exports, SizeIs(1));
  EXPECT_EQ(elf.exports[0].name, LEET_ENTRY_SYMBOL);
  EXPECT_TRUE(elf.exports[0].function);
  const auto note = std::find_if(elf.notes.begin(), elf.notes.end(),
                                 [](const ElfNote& n) { return n.owner == LEET_NOTE_OWNER; });
  ASSERT_NE(note, elf.notes.end());
  EXPECT_EQ(note->type, LEET_NOTE_TYPE);
  ASSERT_EQ(note->desc.size(), sizeof(leet_note_desc));
  leet_note_desc identity;
  std::memcpy(&identity, note->desc.data(), sizeof identity);
  EXPECT_STREQ(identity.id, "test.method");
}

TEST(ElfReader, ReadsNotesAndExports) {
  const std::string bytes = good_plugin();
  expect_good(read_good(bytes));
}

TEST(ElfReader, CountsSymbolsByTheSysvHashTable) {
  const std::string bytes = good_plugin("sysv_hash");
  EXPECT_THROW(ElfPatch(bytes).dynamic_offset(DT_GNU_HASH), std::runtime_error);
  expect_good(read_good(bytes));
}

TEST(ElfReader, NeedsNoSectionHeaders) {
  const std::string whole = good_plugin();
  const auto header = ElfPatch(whole).read<Elf64_Ehdr>(0);
  const std::string stripped =
      ElfPatch(whole.substr(0, header.e_shoff))
          .header([](Elf64_Ehdr& h) { h.e_shoff = h.e_shnum = h.e_shstrndx = 0; })
          .bytes();
  expect_good(read_good(stripped));
}

TEST(ElfReader, SeesExtraExportsDataAndNeededLibraries) {
  const std::string extra = good_plugin("extra_export");
  EXPECT_THAT(read_good(extra).exports, Contains(Field(&ElfExport::name, "leaked_helper")));
  const std::string data = good_plugin("data_entry");
  EXPECT_THAT(read_good(data).exports, Each(Field(&ElfExport::function, false)));
  const std::string needs = good_plugin("needs_library");
  EXPECT_THAT(read_good(needs).needed, Contains("libleet_hostile_absent.so"));
}

// A large library that the linker made otherwise: versions, weak and indirect functions, thousands
// of symbols.
TEST(ElfReader, ReadsTheCLibrary) {
  const std::string bytes = tests::read_bytes("/proc/self/exe");
  const ElfFile self = read_good(bytes);  // a position-independent executable is ET_DYN too
  EXPECT_THAT(self.needed, Contains("libc.so.6"));

  Dl_info info{};
  ASSERT_NE(dladdr(reinterpret_cast<void*>(&gnu_get_libc_version), &info), 0);
  const std::string library = tests::read_bytes(info.dli_fname);
  const ElfFile libc = read_good(library);
  EXPECT_GT(libc.exports.size(), 2000u);
  for (const char* name : {"malloc", "memcpy", "environ", "strtol"}) {
    EXPECT_THAT(libc.exports, Contains(Field(&ElfExport::name, name)));
  }
  EXPECT_THAT(libc.exports, Not(Contains(Field(&ElfExport::name, "__libc_enable_secure"))))
      << "undefined there, defined by the dynamic linker";
}

TEST(ElfReader, CallsEveryPrefixTruncated) {
  const std::string whole = good_plugin();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto result = read_exact(std::string_view(whole).substr(0, size));
    const auto* fault = std::get_if<ElfFault>(&result);
    ASSERT_NE(fault, nullptr) << size << " of " << whole.size() << " bytes";
    ASSERT_EQ(fault->rule, Rule::kTruncated) << size << " bytes: " << fault->seen;
  }
}

TEST(ElfReader, SurvivesAnyDamagedByte) {
  for (const char* plugin : {"good", "sysv_hash"}) {
    const std::string whole = good_plugin(plugin);
    const std::unique_ptr<std::byte[]> bytes(new std::byte[whole.size()]);
    std::memcpy(bytes.get(), whole.data(), whole.size());
    std::size_t refused = 0;
    for (std::size_t at = 0; at < whole.size(); ++at) {
      const std::byte original = bytes[at];
      for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
        bytes[at] = std::byte(value);
        const auto result = read_elf({bytes.get(), whole.size()});
        if (const auto* fault = std::get_if<ElfFault>(&result)) {
          ++refused;
          ASSERT_THAT(fault->rule, ::testing::AnyOf(Rule::kTruncated, Rule::kNotElf,
                                                    Rule::kArchitecture, Rule::kMalformed));
          ASSERT_FALSE(fault->seen.empty());
        }
      }
      bytes[at] = original;
    }
    EXPECT_GT(refused, 500u) << "most bytes of the headers matter";
  }
}

struct Damage {
  const char* name;
  std::function<void(ElfPatch&)> apply;
  Rule rule;
  const char* seen;
  const char* plugin = "good";
};

void PrintTo(const Damage& damage, std::ostream* out) { *out << damage.name; }

class ElfReaderDamage : public ::testing::TestWithParam<Damage> {};

TEST_P(ElfReaderDamage, IsNamed) {
  ElfPatch patch(good_plugin(GetParam().plugin));
  GetParam().apply(patch);
  const auto result = read_exact(patch.bytes());
  const auto* fault = std::get_if<ElfFault>(&result);
  ASSERT_NE(fault, nullptr);
  EXPECT_STREQ(rule_code(fault->rule), rule_code(GetParam().rule)) << fault->seen;
  EXPECT_THAT(fault->seen, HasSubstr(GetParam().seen));
}

using Header = Elf64_Ehdr;
using Segment = Elf64_Phdr;
using Entry = Elf64_Dyn;

const Damage kDamages[] = {
    {"Magic", [](ElfPatch& e) { e.write<char>(0, 'M'); }, Rule::kNotElf, "4d 45 4c 46"},
    {"Class", [](ElfPatch& e) { e.write<char>(EI_CLASS, 9); }, Rule::kArchitecture, "ELF class 9"},
    {"Executable", [](ElfPatch& e) { e.header([](Header& h) { h.e_type = ET_EXEC; }); },
     Rule::kNotElf, "type 2"},
    {"Machine", [](ElfPatch& e) { e.header([](Header& h) { h.e_machine = EM_RISCV; }); },
     Rule::kArchitecture, "ELF machine 243"},
    {"Version", [](ElfPatch& e) { e.header([](Header& h) { h.e_version = 5; }); }, Rule::kMalformed,
     "ELF version 5"},
    {"NoSegments", [](ElfPatch& e) { e.header([](Header& h) { h.e_phnum = 0; }); },
     Rule::kMalformed, "0 program headers"},
    {"SegmentHeaderSize", [](ElfPatch& e) { e.header([](Header& h) { h.e_phentsize = 55; }); },
     Rule::kMalformed, "55 bytes each"},
    {"SegmentTableOverflows",
     [](ElfPatch& e) { e.header([](Header& h) { h.e_phoff = UINT64_MAX - 1; }); }, Rule::kMalformed,
     "overflows"},
    {"SegmentTableOutside", [](ElfPatch& e) { e.header([](Header& h) { h.e_phoff = 1u << 30; }); },
     Rule::kTruncated, "program header table ends at byte 107374"},
    {"SegmentOverflows",
     [](ElfPatch& e) {
       e.segment(
           PT_LOAD, [](Segment& s) { s.p_filesz = UINT64_MAX; }, 1);
     },
     Rule::kMalformed, "overflows"},
    {"SegmentOutside",
     [](ElfPatch& e) {
       e.segment(
           PT_LOAD, [](Segment& s) { s.p_memsz = s.p_filesz = 1 << 30; }, 1);
     },
     Rule::kTruncated, "segment 1 (type 0x1)"},
    {"OtherSegmentOutside",
     [](ElfPatch& e) { e.segment(PT_GNU_EH_FRAME, [](Segment& s) { s.p_offset = 1 << 30; }); },
     Rule::kTruncated, "(type 0x6474e550)"},
    {"LessInMemoryThanInFile",
     [](ElfPatch& e) { e.segment(PT_LOAD, [](Segment& s) { s.p_memsz = 1; }); }, Rule::kMalformed,
     "only 1 in memory"},
    {"AddressOverflows",
     [](ElfPatch& e) {
       e.segment(
           PT_LOAD, [](Segment& s) { s.p_memsz = UINT64_MAX - 5; }, 1);
     },
     Rule::kMalformed, "overflows"},
    {"Alignment", [](ElfPatch& e) { e.segment(PT_LOAD, [](Segment& s) { s.p_align = 3; }); },
     Rule::kMalformed, "alignment 0x3"},
    {"SegmentsOverlap",
     [](ElfPatch& e) { e.segment(PT_LOAD, [](Segment& s) { s.p_memsz = 0x10000; }); },
     Rule::kMalformed, "before the previous one's end"},
    {"NothingToLoad",
     [](ElfPatch& e) {
       for (int i = 0; i < 4; ++i) e.segment(PT_LOAD, [](Segment& s) { s.p_type = PT_NULL; });
     },
     Rule::kMalformed, "no segment to load"},
    {"NoDynamicSegment",
     [](ElfPatch& e) { e.segment(PT_DYNAMIC, [](Segment& s) { s.p_type = PT_NULL; }); },
     Rule::kMalformed, "0 dynamic segments"},
    {"TwoDynamicSegments",
     [](ElfPatch& e) { e.segment(PT_GNU_STACK, [](Segment& s) { s.p_type = PT_DYNAMIC; }); },
     Rule::kMalformed, "2 dynamic segments"},
    {"DynamicAddressNowhere",
     [](ElfPatch& e) { e.segment(PT_DYNAMIC, [](Segment& s) { s.p_vaddr = 1u << 30; }); },
     Rule::kMalformed, "in no segment"},
    {"DynamicWithoutEnd",
     [](ElfPatch& e) {
       const auto table = e.read<Segment>(e.segment_offset(PT_DYNAMIC));
       const auto load = e.read<Segment>(e.segment_offset(PT_LOAD, 3));
       const std::size_t end = load.p_offset + load.p_filesz;
       for (std::size_t at = table.p_offset; at + sizeof(Entry) <= end; at += sizeof(Entry)) {
         if (e.read<Entry>(at).d_tag == DT_NULL) e.write(at, Entry{DT_DEBUG, {1}});
       }
     },
     Rule::kMalformed, "the dynamic section"},
    {"NoSymbolTable",
     [](ElfPatch& e) { e.dynamic(DT_SYMTAB, [](Entry& d) { d.d_tag = DT_DEBUG; }); },
     Rule::kMalformed, "names no symbol table"},
    {"NoHashTable",
     [](ElfPatch& e) { e.dynamic(DT_GNU_HASH, [](Entry& d) { d.d_tag = DT_DEBUG; }); },
     Rule::kMalformed, "no symbol hash table"},
    {"StringTableTooLong",
     [](ElfPatch& e) { e.dynamic(DT_STRSZ, [](Entry& d) { d.d_un.d_val = UINT64_MAX; }); },
     Rule::kMalformed, "the dynamic string table"},
    {"NameOutside", [](ElfPatch& e) { e.dynamic(DT_STRSZ, [](Entry& d) { d.d_un.d_val = 1; }); },
     Rule::kMalformed, "string table of 1 bytes"},
    {"NameWithoutEnd",
     [](ElfPatch& e) {
       const std::size_t strings = e.table_offset(DT_STRTAB);
       const auto size = e.read<Entry>(e.dynamic_offset(DT_STRSZ)).d_un.d_val;
       for (std::size_t i = 0; i < size; ++i) e.write<char>(strings + i, 'x');
     },
     Rule::kMalformed, "does not end"},
    {"GnuHashBuckets",
     [](ElfPatch& e) { e.write<std::uint32_t>(e.table_offset(DT_GNU_HASH), 0xffffffff); },
     Rule::kMalformed, "GNU symbol hash table"},
    {"GnuHashBloom",
     [](ElfPatch& e) { e.write<std::uint32_t>(e.table_offset(DT_GNU_HASH) + 8, 0xffffffff); },
     Rule::kMalformed, "GNU symbol hash table"},
    {"SysvHashCount",
     [](ElfPatch& e) { e.write<std::uint32_t>(e.table_offset(DT_HASH) + 4, 0xffffffff); },
     Rule::kMalformed, "the dynamic symbol table", "sysv_hash"},
    {"NoteOwnerSize", [](ElfPatch& e) { e.note([](leet_note& n) { n.name_size = 0xfffffffe; }); },
     Rule::kMalformed, "a note's owner"},
    {"NoteDescriptionSize",
     [](ElfPatch& e) { e.note([](leet_note& n) { n.desc_size = 0xfffffffe; }); }, Rule::kMalformed,
     "a note's description"},
};

INSTANTIATE_TEST_SUITE_P(Fields, ElfReaderDamage, ::testing::ValuesIn(kDamages),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace leet::core
