// SPDX-License-Identifier: Apache-2.0
//
// The public headers compile alone, without a warning, in every language that they are for.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/process.hpp"

namespace {

namespace fs = std::filesystem;

const fs::path kInclude = fs::path(LEET_SOURCE_DIR) / "sdk/include";

// `command` is a line for the shell, because a compiler's options come as one text.
leet::tests::ProcessResult run(const std::string& command) {
  return leet::tests::run_process({"/bin/sh", "-c", command});
}

// Compiles a file that includes `header` and nothing before it.
void expect_compiles(const std::string& header, const std::string& compiler,
                     const std::string& extension) {
  std::string name = std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) +
                     "_" + header + extension;
  for (char& c : name) {
    if (c == '/') c = '_';
  }
  const fs::path source = fs::path(LEET_BINARY_DIR) / "tests/headers" / name;
  fs::create_directories(source.parent_path());
  std::ofstream(source) << "#include <" << header << ">\n#include <" << header
                        << ">\nint main(void) { return 0; }\n";
  const leet::tests::ProcessResult result =
      run(compiler + " -I '" + kInclude.string() + "' -o /dev/null -c '" + source.string() + "'");
  EXPECT_EQ(result.exit_code, 0) << header << " with " << compiler << ":\n" << result.err;
  EXPECT_EQ(result.out + result.err, "");
}

const std::string kWarnings = " -Wall -Wextra -pedantic -Wshadow -Wconversion -Wundef -Werror";
const std::string kCpp = std::string("'" LEET_CXX_COMPILER "'") + kWarnings;

const std::vector<std::string> kCHeaders = {"leet/plugin.h", "leet/leet.h"};

class C : public testing::TestWithParam<std::string> {};

TEST_P(C, CompilesAsC) {
  for (const std::string& header : kCHeaders) {
    expect_compiles(header,
                    "'" LEET_C_COMPILER "' -std=" + GetParam() + kWarnings +
                        " -Wstrict-prototypes -Wmissing-prototypes",
                    ".c");
  }
}
INSTANTIATE_TEST_SUITE_P(Headers, C, testing::Values("c11", "c17"),
                         [](const auto& instance) { return instance.param; });

class Cpp : public testing::TestWithParam<std::string> {};

TEST_P(Cpp, CompilesAsCpp) {
  for (const std::string& header : kCHeaders) {
    expect_compiles(header, kCpp + " -Wold-style-cast -std=c++" + GetParam(), ".cpp");
  }
}
INSTANTIATE_TEST_SUITE_P(Headers, Cpp, testing::Values("17", "20"),
                         [](const auto& instance) { return instance.param; });

TEST(Headers, TheCppLayerIsSelfContained) {
  expect_compiles("leet/plugin.hpp", kCpp + " -std=c++20", ".cpp");
  expect_compiles("leet/leet.hpp", kCpp + " -std=c++20", ".cpp");
  int files = 0;
  for (const auto& entry : fs::directory_iterator(kInclude / "leet/plugin")) {
    expect_compiles("leet/plugin/" + entry.path().filename().string(), kCpp + " -std=c++20",
                    ".cpp");
    ++files;
  }
  EXPECT_GE(files, 10);
}

class Cuda : public testing::TestWithParam<std::string> {};

TEST_P(Cuda, CompilesAsCuda) {
  const std::string nvcc = LEET_NVCC;
  if (nvcc.empty()) GTEST_SKIP() << "no nvcc was found when the build was configured";
  for (const std::string& header : kCHeaders) {
    expect_compiles(header,
                    "'" + nvcc + "' -ccbin '" LEET_CXX_COMPILER "' -std=c++" + GetParam() +
                        " -Werror all-warnings -Xcompiler -Wall,-Wextra,-Werror",
                    ".cu");
  }
}
INSTANTIATE_TEST_SUITE_P(Headers, Cuda, testing::Values("17", "20"),
                         [](const auto& instance) { return instance.param; });

// The tests above can fail.
TEST(Headers, AWarningIsSeen) {
  const fs::path source = fs::path(LEET_BINARY_DIR) / "tests/headers/warning.cpp";
  fs::create_directories(source.parent_path());
  std::ofstream(source) << "inline int narrow(long x) { return x; }\n";
  EXPECT_NE(run(kCpp + " -std=c++20 -o /dev/null -c '" + source.string() + "'").exit_code, 0);
}

}  // namespace
