// SPDX-License-Identifier: Apache-2.0
//
// The method in C comes out clean from `leet validate`: it ran every combination that its note
// claims, and nothing failed.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

namespace {

TEST(CMethod, IsCleanInTheValidator) {
  const std::string command = "'" LEET_BINARY_DIR "/bin/leet' --plugins '" LEET_BINARY_DIR
                              "/test_plugins/c_method' validate test.c_method --json";
  FILE* pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string text;
  std::array<char, 4096> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    text.append(buffer.data(), got);
  }
  const int status = pclose(pipe);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0) << text;
  const auto record = nlohmann::json::parse(text);
  ASSERT_EQ(record.at("methods").size(), 1u);
  const auto& method = record.at("methods")[0];
  EXPECT_EQ(method.at("id"), "test.c_method");
  const auto& f32 = method.at("combinations").at("f32/channel");
  EXPECT_GT(f32.at("claimed"), 20);
  EXPECT_EQ(f32.at("run"), f32.at("claimed"));
  EXPECT_EQ(method.at("counts").at("run"), method.at("counts").at("claimed"));
  for (const auto& check : method.at("checks")) {
    EXPECT_TRUE(check.at("failures").empty()) << check;
    EXPECT_TRUE(check.at("warnings").empty()) << check;
  }
}

}  // namespace
