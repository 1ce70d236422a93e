// SPDX-License-Identifier: Apache-2.0
//
// core/inspection on randomly damaged plugins. Most damage hits the tables that a loader follows:
// a random byte of the whole file is nearly always code or padding. Every file has an allocation
// of its exact size, so that a sanitizer sees a read beyond.
//
//     LEET_FUZZ_FILES=100000 LEET_FUZZ_SEED=7 build/tests/inspection_fuzz_test
#include <elf.h>
#include <gtest/gtest.h>
#include <leet/plugin.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/inspection.hpp"
#include "core/printable.hpp"
#include "tests/hostile/elf_patch.hpp"
#include "tests/support/temporary_directory.hpp"

namespace leet::core {
namespace {

using tests::ElfPatch;

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::stoull(text);
}

// A good file and the stretches of it that hold tables.
struct Sample {
  explicit Sample(std::string file) : bytes(std::move(file)) {
    const ElfPatch elf(bytes);
    const auto header = elf.read<Elf64_Ehdr>(0);
    add(0, sizeof header);
    add(header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr));
    for (std::size_t i = 0; i < header.e_phnum; ++i) {
      const auto segment = elf.read<Elf64_Phdr>(header.e_phoff + i * sizeof(Elf64_Phdr));
      if (segment.p_type == PT_DYNAMIC || segment.p_type == PT_NOTE) {
        add(segment.p_offset, segment.p_filesz);
      }
    }
    const std::size_t symbols = elf.table_offset(DT_SYMTAB);
    const std::size_t strings = elf.table_offset(DT_STRTAB);
    add(symbols, strings - symbols);  // linkers put the names behind the symbols
    add(strings, elf.read<Elf64_Dyn>(elf.dynamic_offset(DT_STRSZ)).d_un.d_val);
  }

  void add(std::size_t offset, std::size_t size) {
    if (size > 0) tables.push_back({offset, size});
  }

  struct Table {
    std::size_t offset, size;
  };
  std::string bytes;
  std::vector<Table> tables;
};

class Damage {
 public:
  explicit Damage(std::uint64_t seed) : random_(seed) {}

  std::string operator()(const std::vector<Sample>& samples) {
    const Sample& sample = samples[below(samples.size())];
    std::string bytes = sample.bytes;
    for (std::size_t count = 1 + below(4); count > 0 && !bytes.empty(); --count) {
      switch (below(8)) {
        case 0:
          bytes[below(bytes.size())] = static_cast<char>(random_());
          break;
        case 1:
          bytes.resize(below(bytes.size()));
          break;
        case 2:
          bytes.resize(bytes.size() + below(4096));
          break;
        case 3:
          copy_block(samples[below(samples.size())].bytes, bytes);
          break;
        default:
          write_field(sample.tables[below(sample.tables.size())], bytes);
      }
    }
    return bytes;
  }

 private:
  std::size_t below(std::size_t bound) { return random_() % bound; }

  void copy_block(const std::string& from, std::string& to) {
    const std::size_t begin = below(from.size());
    const std::size_t at = below(to.size());
    const std::size_t count = std::min({below(256), from.size() - begin, to.size() - at});
    std::copy_n(from.data() + begin, count, to.data() + at);
  }

  // One aligned field of 1, 2, 4 or 8 bytes gets a value at which arithmetic goes wrong.
  void write_field(const Sample::Table& table, std::string& to) {
    const std::size_t width = std::size_t{1} << below(4);
    const std::size_t at = table.offset + below(table.size) / width * width;
    if (at + width > to.size()) return;
    std::uint64_t old = 0;
    std::memcpy(&old, to.data() + at, width);
    const std::uint64_t values[] = {0,
                                    1,
                                    old + 1,
                                    old - 1,
                                    old << 1,
                                    to.size(),
                                    to.size() - 1,
                                    to.size() - at,
                                    std::numeric_limits<std::uint64_t>::max(),
                                    std::numeric_limits<std::uint64_t>::max() - below(64),
                                    std::uint64_t{1} << 63,
                                    std::uint64_t{1} << 31,
                                    std::uint64_t{1} << below(64),
                                    below(to.size()),
                                    random_()};
    const std::uint64_t value = values[below(std::size(values))];
    std::memcpy(to.data() + at, &value, width);
  }

  std::mt19937_64 random_;
};

Inspection inspect_exact(const std::string& bytes) {
  const auto copy = std::make_unique<std::byte[]>(bytes.size());
  std::copy_n(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size(), copy.get());
  return inspect({copy.get(), bytes.size()}, "/nowhere/leet_damaged.so");
}

// What callers rely on, whatever the file was.
void expect_sound(const Inspection& inspection) {
  const auto text_is_printable = [](std::string_view text) {
    return std::all_of(text.begin(), text.end(), is_printable);
  };
  EXPECT_FALSE(inspection.seen.empty()) << "a verdict without what was seen";
  EXPECT_TRUE(text_is_printable(inspection.seen)) << inspection.seen;
  EXPECT_TRUE(inspection.identity || inspection.rule != Rule::kOk);
  if (!inspection.identity) return;
  const leet_note_desc& note = *inspection.identity;
  for (const std::string_view field : {std::string_view(note.id, sizeof note.id),
                                       std::string_view(note.version, sizeof note.version),
                                       std::string_view(note.build_id, sizeof note.build_id)}) {
    const std::size_t end = field.find('\0');
    ASSERT_NE(end, std::string_view::npos) << "a text of the note that does not end";
    EXPECT_TRUE(text_is_printable(field.substr(0, end)));
  }
  EXPECT_LE(note.sm_count, std::size(note.sm));
}

TEST(InspectionFuzz, JudgesAnyDamagedFile) {
  std::vector<Sample> samples;
  for (const char* const name : {"good", "sysv_hash", "needs_library", "extra_export"}) {
    samples.emplace_back(
        tests::read_bytes(std::string(LEET_BINARY_DIR "/hostile/leet_hostile_") + name + ".so"));
  }
  const std::uint64_t files = setting("LEET_FUZZ_FILES", 5000);
  const std::uint64_t seed = setting("LEET_FUZZ_SEED", 20260101);
  std::map<std::string, std::uint64_t> earned;
  for (std::uint64_t i = 0; i < files; ++i) {
    SCOPED_TRACE("LEET_FUZZ_FILES=1 LEET_FUZZ_SEED=" + std::to_string(seed + i));
    const std::string bytes = Damage(seed + i)(samples);
    const Inspection inspection = inspect_exact(bytes);
    expect_sound(inspection);
    const Inspection again = inspect_exact(bytes);
    EXPECT_EQ(inspection.rule, again.rule);
    EXPECT_EQ(inspection.seen, again.seen);
    ++earned[rule_code(inspection.rule)];
    if (::testing::Test::HasFailure()) return;
  }
  std::printf("%llu files from seed %llu:", static_cast<unsigned long long>(files),
              static_cast<unsigned long long>(seed));
  for (const auto& [rule, count] : earned) {
    std::printf(" %s %llu", rule.c_str(), static_cast<unsigned long long>(count));
  }
  std::printf("\n");
  if (files < 5000) return;
  // The damage must reach behind the first check, or the test shows nothing.
  for (const char* const rule : {"OK", "E-TRUNCATED", "E-NOT-ELF", "E-ARCH", "E-MALFORMED",
                                 "E-NO-NOTE", "E-ABI-MAJOR", "E-NO-ENTRY", "E-EXPORTS"}) {
    EXPECT_GT(earned[rule], 0u) << rule << " never came up";
  }
}

}  // namespace
}  // namespace leet::core
