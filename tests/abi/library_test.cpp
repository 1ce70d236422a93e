// SPDX-License-Identifier: Apache-2.0
//
// What libleet shows to the linker: its soname, and exactly the functions of leet.h.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/process.hpp"

namespace {

std::string output_of(const std::vector<std::string>& command) {
  const leet::tests::ProcessResult result = leet::tests::run_process(command);
  EXPECT_EQ(result.exit_code, 0) << command[0] << ": " << result.err;
  return result.out;
}

// The functions that leet.h declares.
std::set<std::string> declared() {
  std::ifstream file(LEET_SOURCE_DIR "/sdk/include/leet/leet.h");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::regex function("LEET_API [\\w\\s*]*?\\b(leet_\\w+)\\(");
  std::set<std::string> names;
  for (std::sregex_iterator match(text.begin(), text.end(), function), end; match != end; ++match) {
    names.insert((*match)[1]);
  }
  return names;
}

// The dynamic symbols that the library defines.
std::set<std::string> exported() {
  std::istringstream lines(output_of({LEET_NM, "-D", "--defined-only", LEET_LIBRARY}));
  std::set<std::string> names;
  for (std::string address, kind, name; lines >> address >> kind >> name;) {
    names.insert(kind + " " + name);
  }
  return names;
}

TEST(Library, ExportsExactlyTheFunctionsOfItsHeader) {
  std::set<std::string> expected;
  for (const std::string& name : declared()) expected.insert("T " + name);
  EXPECT_GE(expected.size(), 10u);
  EXPECT_EQ(exported(), expected);
}

TEST(Library, HasTheSonameOfItsMajor) {
  EXPECT_THAT(output_of({LEET_READELF, "-d", LEET_LIBRARY}),
              testing::HasSubstr("soname: [libleet.so.0]"));
}

}  // namespace
