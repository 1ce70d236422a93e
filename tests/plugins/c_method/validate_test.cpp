// SPDX-License-Identifier: Apache-2.0
//
// The method in C comes out clean from `leet validate`: it ran every combination that its note
// claims, and nothing failed.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/process.hpp"

namespace leet::tests {
namespace {

TEST(CMethod, IsCleanInTheValidator) {
  const ProcessResult result = run_leet({"--plugins", LEET_BINARY_DIR "/test_plugins/c_method",
                                         "validate", "test.c_method", "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto record = nlohmann::json::parse(result.out);
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
}  // namespace leet::tests
