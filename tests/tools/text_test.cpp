// SPDX-License-Identifier: Apache-2.0
#include "tools/common/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace leet::tools {
namespace {

using testing::ElementsAre;

TEST(Text, BytesHaveAUnit) {
  EXPECT_EQ(bytes_text(0), "0 bytes");
  EXPECT_EQ(bytes_text(1023), "1023 bytes");
  EXPECT_EQ(bytes_text(1024), "1.0 KiB");
  EXPECT_EQ(bytes_text(1.5 * 0x1p30), "1.5 GiB");
  EXPECT_EQ(bytes_text(0x1p70), "1024.0 EiB");
}

TEST(Text, WrapsAtSpaces) {
  EXPECT_THAT(wrap("", 10), ElementsAre(""));
  EXPECT_THAT(wrap("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(wrap("a longword b", 4), ElementsAre("a", "longword", "b"));
  EXPECT_THAT(wrap("  spaced  out ", 40), ElementsAre("spaced out"));
}

TEST(Text, TablesWrapTheirLastColumn) {
  const std::vector<std::vector<std::string>> rows = {{"A", "LONG HEAD", "LAST"},
                                                      {"wide cell", "b", ""}};
  EXPECT_THAT(table_lines(rows), ElementsAre("A          LONG HEAD  LAST", "wide cell  b"));

  std::string words;
  for (int i = 0; i < 60; ++i) words += "word ";
  const auto lines = table_lines(std::vector<std::vector<std::string>>{{"name", words}});
  EXPECT_EQ(lines.size(), 4u);
  for (const std::string& line : lines) EXPECT_LE(line.size(), kTextWidth);
  EXPECT_EQ(lines[1].substr(0, 10), "      word");
  EXPECT_TRUE(table_lines({}).empty());
}

}  // namespace
}  // namespace leet::tools
