// SPDX-License-Identifier: Apache-2.0
//
// The binary layout of the public structs and the values of the public constants, compared with the
// committed list of this ABI version.
#include <cxxabi.h>
#include <gtest/gtest.h>
#include <leet/leet.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <typeinfo>
#include <vector>

namespace {

struct Field {
  const char* name;
  std::size_t offset;
  std::size_t size;
  std::string type;
};

struct Struct {
  const char* name;
  std::size_t size;
  std::size_t alignment;
  std::vector<Field> fields;
};

struct Constant {
  const char* name;
  long long value;
};

std::string demangled(const std::type_info& type) {
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, nullptr), &std::free);
  return name.get();
}

#define STRUCT(type, ...)                               \
  Struct {                                              \
#type, sizeof(type), alignof(type), { __VA_ARGS__ } \
  }
#define FIELD(type, field)                                                                       \
  Field {                                                                                        \
#field, offsetof(type, field), sizeof(type::field), demangled(typeid(decltype(type::field))) \
  }
#define CONSTANT(name) \
  Constant { #name, static_cast < long long>(name) }

#include "structs.inc"

const Constant kConstants[] = {
#include "constants.inc"
};

std::string describe() {
  std::ostringstream text;
  for (const Struct& type : structs()) {
    text << type.name << ": " << type.size << " bytes, aligned to " << type.alignment << '\n';
    for (const Field& field : type.fields) {
      text << type.name << '.' << field.name << ": " << field.size << " bytes at " << field.offset
           << ", " << field.type << '\n';
    }
  }
  for (const Constant& constant : kConstants) {
    text << constant.name << " = " << constant.value << '\n';
  }
  text << LEET_ENTRY_SYMBOL << ": " << demangled(typeid(leet_plugin_entry_v0)) << '\n';
  return text.str();
}

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << "can't read " << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::set<std::string> lines(const std::string& text) {
  std::set<std::string> result;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) result.insert(line);
  return result;
}

TEST(AbiLayout, IsTheCommittedOne) {
  const std::string name =
      "layout_" + std::to_string(LEET_ABI_MAJOR) + "_" + std::to_string(LEET_ABI_MINOR) + ".txt";
  const std::string committed = read(std::string(LEET_SOURCE_DIR) + "/tests/abi/" + name);
  const std::string actual = describe();
  if (actual == committed) return;

  const std::string written = std::string(LEET_BINARY_DIR) + "/tests/" + name;
  std::ofstream(written, std::ios::binary) << actual;
  std::string difference;
  for (const std::string& line : lines(committed)) {
    if (lines(actual).count(line) == 0) difference += "  - " + line + '\n';
  }
  for (const std::string& line : lines(actual)) {
    if (lines(committed).count(line) == 0) difference += "  + " + line + '\n';
  }
  FAIL() << "The ABI differs from tests/abi/" << name << ":\n"
         << difference
         << "If that is meant: raise LEET_ABI_MINOR, raise LEET_ABI_OLDEST_MINOR too unless all of "
            "it is growth at a tail, add a line to plugin.h's history and to CHANGELOG.md, and "
            "commit the new list, which is "
         << written << " as tests/abi/layout_<major>_<minor>.txt";
}

// No implicit padding; and a new field can't be left out of the list, because it would be a gap.
TEST(AbiLayout, FieldsFillTheirStructs) {
  for (const Struct& type : structs()) {
    std::size_t end = 0;
    for (const Field& field : type.fields) {
      EXPECT_EQ(field.offset, end) << type.name << ": a gap before " << field.name
                                   << " (padding, or a field that structs.inc lacks)";
      end = field.offset + field.size;
    }
    EXPECT_EQ(end, type.size) << type.name
                              << ": a gap at the end (padding, or a field that structs.inc lacks)";
  }
}

TEST(AbiLayout, ListsEveryStructAndConstantOfTheHeaders) {
  std::set<std::string> listed;
  for (const Struct& type : structs()) listed.insert(type.name);
  for (const Constant& constant : kConstants) listed.insert(constant.name);

  const std::regex declaration(
      "typedef struct (leet_\\w+) \\{"              // a struct
      "|(LEET_\\w+) = -?\\w+"                       // an enumerator
      "|#define (LEET_\\w+) (?:0x|\\d)\\w*u?\\s");  // a number
  int seen = 0;
  for (const char* header : {"plugin.h", "leet.h"}) {
    const std::string text = read(std::string(LEET_SOURCE_DIR) + "/sdk/include/leet/" + header);
    for (std::sregex_iterator match(text.begin(), text.end(), declaration), end; match != end;
         ++match) {
      const std::string name = (*match)[1].str() + (*match)[2].str() + (*match)[3].str();
      EXPECT_EQ(listed.count(name), 1u)
          << name << " of " << header << " is missing in structs.inc or constants.inc";
      ++seen;
    }
  }
  EXPECT_EQ(static_cast<std::size_t>(seen), listed.size());
}

}  // namespace
