// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <leet/plugin/method.hpp>
#include <leet/plugin/options.hpp>
#include <string>

namespace leet::sdk {
namespace {

constexpr leet_option kChunk = option("chunk", "64", "tokens in a chunk");
constexpr leet_option kChunks = option("chunks", "auto", "how many");
constexpr leet_option kMode = option("mode", "", "empty by default");
constexpr const leet_option* kTable[] = {&kChunk, &kChunks, &kMode, nullptr};

// The error that `text` earns, or "" when it is in order.
std::string refusal(const char* text, const leet_option* const* table = kTable) {
  try {
    const Options options(text, table);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), LEET_STATUS_INVALID_ARGUMENT);
    return error.what();
  }
}

TEST(Options, GivesDefaultsWithoutAString) {
  for (const char* none : {static_cast<const char*>(nullptr), ""}) {
    const Options options(none, kTable);
    EXPECT_EQ(options.get("chunk"), "64");
    EXPECT_EQ(options.get("chunks"), "auto");
    EXPECT_EQ(options.get("mode"), "");
    EXPECT_EQ(options.get_int("chunk", 1, 1024), 64);
  }
}

TEST(Options, ReadsWhatIsGiven) {
  const Options options("chunks=a=b;mode=;chunk=-7;", kTable);
  EXPECT_EQ(options.get("chunk"), "-7");  // not the value of `chunks`, which begins alike
  EXPECT_EQ(options.get("chunks"), "a=b");
  EXPECT_EQ(options.get("mode"), "");
  EXPECT_EQ(options.get_int("chunk", -10, 10), -7);
}

TEST(Options, RefusesMalformedStrings) {
  using testing::HasSubstr;
  EXPECT_THAT(refusal("chunk"), HasSubstr("'chunk': write it as key=value"));
  EXPECT_THAT(refusal("=64"), HasSubstr("'=64': write it as key=value"));
  EXPECT_THAT(refusal(";"), HasSubstr("write it as key=value"));
  EXPECT_THAT(refusal("chunk=1;;mode=x"), HasSubstr("write it as key=value"));
  EXPECT_THAT(refusal("Chunk=1"), HasSubstr("unknown option 'Chunk'"));
  EXPECT_THAT(refusal("chunk =1"), HasSubstr("unknown option 'chunk '"));
  EXPECT_THAT(refusal("chun=1"), HasSubstr("unknown option 'chun'"));
  EXPECT_THAT(refusal("chunk=1;chunk=2"), HasSubstr("'chunk' is given twice"));
  EXPECT_THAT(refusal("chunk=1;mode=;chunk=1"), HasSubstr("'chunk' is given twice"));
  EXPECT_THAT(refusal("chunk=1", nullptr), HasSubstr("unknown option 'chunk'"));
  EXPECT_EQ(refusal("chunk=1;chunks=2;mode=3"), "");
  EXPECT_EQ(refusal("", nullptr), "");
}

TEST(Options, RefusesNumbersThatAreNone) {
  for (const char* value :
       {"", "x", "1x", " 1", "1 ", "+1", "1.0", "0x10", "9223372036854775808"}) {
    const std::string text = std::string("chunk=") + value;
    const Options options(text.c_str(), kTable);
    try {
      options.get_int("chunk", INT64_MIN, INT64_MAX);
      ADD_FAILURE() << '\'' << value << "' was taken for a number";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), LEET_STATUS_INVALID_ARGUMENT);
      EXPECT_THAT(error.what(), testing::HasSubstr("option chunk=" + std::string(value)));
    }
  }
}

TEST(Options, HoldsNumbersToTheirRange) {
  const Options options("chunk=65", kTable);
  EXPECT_EQ(options.get_int("chunk", 65, 65), 65);
  EXPECT_THROW(options.get_int("chunk", 1, 64), Error);
  EXPECT_THROW(options.get_int("chunk", 66, 100), Error);
  try {
    options.get_int("chunk", 1, 64);
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "option chunk=65: needs a whole number from 1 to 64");
  }
}

}  // namespace
}  // namespace leet::sdk
