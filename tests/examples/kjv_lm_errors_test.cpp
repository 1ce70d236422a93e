// SPDX-License-Identifier: Apache-2.0
//
// What kjv_lm says and returns when it can't do what it was asked: one line on stderr, nothing on
// stdout, the right exit code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

#include "tests/support/process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace leet::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::filesystem::path kData = LEET_SOURCE_DIR "/tests/data/kjv_lm";
const std::string kProgram = LEET_BINARY_DIR "/bin/kjv_lm";
const std::string kCountingPlugins = LEET_BINARY_DIR "/tests/example_plugins";

void expect_failure(const ProcessResult& outcome, int code, const std::string& says) {
  EXPECT_EQ(outcome.exit_code, code) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(count_lines(outcome.err), 1) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(StartsWith("kjv_lm: "), HasSubstr(says)));
}

TEST(KjvLmErrors, HelpShowsAnExample) {
  const ProcessResult outcome = run_process({kProgram, "--help"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("Example:"), HasSubstr("--method recurrent")));
}

TEST(KjvLmErrors, UnknownMethodIsNothingToRun) {
  expect_failure(run_process({kProgram, "--method", "no_such_method"}), 3, "no_such_method");
}

TEST(KjvLmErrors, OptionsAreUsage) {
  expect_failure(run_process({kProgram}), 2, "--method");
  expect_failure(run_process({kProgram, "--method", "naive", "--no-such-option"}), 2,
                 "--no-such-option");
  expect_failure(run_process({kProgram, "--method", "naive", "--generate", "-1"}), 2, "--generate");
  expect_failure(run_process({kProgram, "--method", "naive", "--threads", "0"}), 2, "--threads");
  expect_failure(run_process({kProgram, "--method", "naive", "--threads", "4097"}), 2,
                 "threads=4097");
}

TEST(KjvLmErrors, FilesAreUsage) {
  const TemporaryDirectory scratch;
  scratch.write("empty", "");
  scratch.write("one_byte", "a");
  const auto fails = [](std::vector<std::string> arguments, const std::string& says) {
    std::vector<std::string> command = {kProgram, "--method", "recurrent"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    expect_failure(run_process(command), 2, says);
  };
  fails({"--prompt", scratch / "missing"}, "No such file");
  fails({"--prompt", scratch.path()}, "directory");
  fails({"--prompt", scratch / "empty"}, "0 bytes, needs at least 1");
  fails({"--eval", scratch / "one_byte"}, "1 bytes, needs at least 2");
  fails({"--prompt", "/dev/zero"}, "longer than");
}

TEST(KjvLmErrors, UnwritableLogitsAreUsageAndLeaveNothing) {
  const TemporaryDirectory scratch;
  const auto file = scratch / "missing_directory" / "logits.npy";
  expect_failure(run_process({kProgram, "--method", "recurrent", "--logits", file}), 2,
                 "can't write it");
  const auto directory = scratch / "logits.npy";
  std::filesystem::create_directory(directory);
  expect_failure(run_process({kProgram, "--method", "recurrent", "--logits", directory}), 2,
                 "can't write it");
  EXPECT_FALSE(std::filesystem::exists(directory.string() + ".partial"));
}

TEST(KjvLmErrors, FailingMethodIsAPluginError) {
  expect_failure(run_process({kProgram, "--method", "test.counting", "--plugins", kCountingPlugins},
                             {{"LEET_CONFIG", kUnprobed}, {"LEET_TEST_MISBEHAVE", "error"}}),
                 4, "asked to fail");
}

TEST(KjvLmErrors, LogitsThatAreNotFiniteAreNegative) {
  expect_failure(run_process({kProgram, "--method", "test.counting", "--plugins", kCountingPlugins},
                             {{"LEET_CONFIG", kUnprobed}, {"LEET_TEST_MISBEHAVE", "nan"}}),
                 1, "NaN");
}

// A model file made from the good one by changing its header's text.
class DamagedModel : public testing::Test {
 protected:
  void SetUp() override {
    const std::string good = read_bytes(kData / "kjv_lm.safetensors");
    for (int i = 7; i >= 0; --i) {
      header_bytes_ =
          header_bytes_ << 8 | static_cast<std::uint8_t>(good[static_cast<std::size_t>(i)]);
    }
    header_ = good.substr(8, header_bytes_);
    data_ = good.substr(8 + header_bytes_);
  }

  static std::string with_length(std::uint64_t length, const std::string& rest) {
    std::string file;
    for (int i = 0; i < 8; ++i) file += static_cast<char>(length >> (8 * i) & 0xff);
    return file + rest;
  }

  void replace(const std::string& from, const std::string& to) {
    const auto at = header_.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    header_.replace(at, from.size(), to);
  }

  void expect_refused(const std::string& content, const std::string& says) {
    const TemporaryDirectory scratch;
    scratch.write("model", content);
    expect_failure(run_process({kProgram, "--method", "recurrent", "--prompt", kData / "prompt.txt",
                                "--model", scratch / "model"}),
                   2, says);
  }

  void expect_header_refused(const std::string& says) {
    expect_refused(with_length(header_.size(), header_ + data_), says);
  }

  std::uint64_t header_bytes_ = 0;
  std::string header_;
  std::string data_;
};

TEST_F(DamagedModel, LengthsAreChecked) {
  expect_refused("", "0 bytes, needs at least 8");
  expect_refused("1234567", "7 bytes, needs at least 8");
  expect_refused(with_length(header_.size(), header_.substr(0, 100)), "only 100 follow");
  expect_refused(with_length(~std::uint64_t{0}, header_ + data_), "18446744073709551615 bytes");
}

TEST_F(DamagedModel, DataMustBeWholeAndNoMore) {
  expect_refused(with_length(header_.size(), header_ + data_.substr(0, data_.size() - 1)),
                 "damaged or truncated");
  expect_refused(with_length(header_.size(), header_ + data_ + "x"), "end or overlap at byte");
}

TEST_F(DamagedModel, HeaderMustBeJson) {
  header_[0] = '[';
  expect_header_refused("damaged header");
}

TEST_F(DamagedModel, HeaderMustBeAnObjectOfTensors) {
  expect_refused(with_length(2, "[]"), "damaged header");
  expect_refused(with_length(7, "{\"a\":1}"), "damaged header");
}

TEST_F(DamagedModel, NamesMustDiffer) {
  replace("\"norm_f\"", "\"emb\"");
  expect_header_refused("'emb' is there twice");
}

TEST_F(DamagedModel, OffsetsMustAgreeWithTheShape) {
  replace("\"data_offsets\":[0,24]", "\"data_offsets\":[0,20]");
  expect_header_refused("shape [6] has 20 bytes");
}

TEST_F(DamagedModel, OffsetsMustNotDecreaseOrOverlap) {
  replace("\"data_offsets\":[0,24]", "\"data_offsets\":[24,0]");
  expect_header_refused("lies at data bytes 24 to 0");
  replace("\"data_offsets\":[24,0]", "\"data_offsets\":[24,48]");
  expect_header_refused("end or overlap");
}

TEST_F(DamagedModel, ShapesMustNotOverflow) {
  replace("\"shape\":[256,192]", "\"shape\":[4294967296,4294967296]");
  expect_header_refused("'emb' of shape [4294967296, 4294967296]");
}

TEST_F(DamagedModel, DtypesMustBeKnown) {
  replace("\"dtype\":\"F32\"", "\"dtype\":\"I32\"");
  expect_header_refused("dtype I32, needs F16 or F32");
}

TEST_F(DamagedModel, AnotherModelIsRefused) {
  replace("\"norm_f\"", "\"norm_g\"");
  expect_header_refused("has no tensor 'norm_f'");
}

TEST_F(DamagedModel, SizesMustAgreeWithTheTensors) {
  replace("\"D\":\"48\"", "\"D\":\"49\"");
  expect_header_refused("needs [294]");
  replace("\"D\":\"49\"", "\"D\":\"-1\"");
  expect_header_refused("needs a whole number from 1");
  replace("\"D\":\"-1\"", "\"E\":\"48\"");
  expect_header_refused("has no 'D'");
}

TEST_F(DamagedModel, LayersMustBeAllThere) {
  replace("\"L\":\"4\"", "\"L\":\"3\"");
  expect_header_refused("47 tensors, a model of 3 layers has 36");
}

}  // namespace
}  // namespace leet::tests
