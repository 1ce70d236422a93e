// SPDX-License-Identifier: Apache-2.0
//
// The language model's results against those that were computed in fp64, by every method of the
// project, and the number of times that it calls the method it was asked for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/support/methods.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tools/common/error_metrics.hpp"
#include "tools/common/npy.hpp"

namespace leet::tests {
namespace {

const std::filesystem::path kData = LEET_SOURCE_DIR "/tests/data/kjv_lm";
const std::string kProgram = LEET_BINARY_DIR "/bin/kjv_lm";
const std::string kCountingPlugins = LEET_BINARY_DIR "/tests/example_plugins";
constexpr double kTolerance = 1e-4;

double error_against_stored_logits(const std::filesystem::path& file) {
  const auto got = tools::read_npy(file);
  const auto expected = tools::read_npy(kData / "logits.npy");
  if (!got.ok()) throw std::runtime_error(got.error().message);
  if (!expected.ok()) throw std::runtime_error(expected.error().message);
  EXPECT_EQ(got->extents, expected->extents);
  return tools::compare(got->to_doubles(), expected->to_doubles()).relative_error;
}

class KjvLm : public testing::TestWithParam<std::string> {
 protected:
  ProcessResult run_method(std::vector<std::string> arguments) {
    std::vector<std::string> command = {kProgram, "--method", GetParam()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run_process(command);
  }
};

INSTANTIATE_TEST_SUITE_P(Methods, KjvLm, testing::ValuesIn(methods()),
                         [](const auto& instance) { return instance.param; });

TEST_P(KjvLm, GeneratesTheStoredText) {
  const ProcessResult outcome = run_method({"--prompt", kData / "prompt.txt", "--generate", "240"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, read_bytes(kData / "greedy.txt"));
}

TEST_P(KjvLm, LogitsAreThoseStored) {
  const TemporaryDirectory scratch;
  const auto file = scratch / "logits.npy";
  const ProcessResult outcome = run_method({"--logits", file, "--generate", "0"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_LE(error_against_stored_logits(file), kTolerance);
}

// Without --logits only the last byte's are kept, whichever pass it is in.
TEST_P(KjvLm, TheTextDoesNotDependOnTheChunk) {
  const std::string expected = read_bytes(kData / "greedy.txt").substr(0, 40);
  for (const char* chunk : {"389", "100", "388"}) {
    const ProcessResult outcome = run_method({"--generate", "40", "--chunk", chunk});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, expected) << "chunk " << chunk;
  }
}

// 389 bytes in passes of 100 and a tail, and byte by byte: the state carries everything over.
TEST_P(KjvLm, LogitsDoNotDependOnTheChunk) {
  const TemporaryDirectory scratch;
  for (const char* chunk : {"100", "1"}) {
    const auto file = scratch / ("logits" + std::string(chunk) + ".npy");
    const ProcessResult outcome =
        run_method({"--logits", file, "--generate", "0", "--chunk", chunk});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_LE(error_against_stored_logits(file), kTolerance) << "chunk " << chunk;
  }
}

TEST_P(KjvLm, BitsPerByteAreThoseStored) {
  const ProcessResult outcome = run_method({"--eval", kData / "eval.txt", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto record = nlohmann::json::parse(outcome.out);
  const auto facts = nlohmann::json::parse(read_bytes(kData / "facts.json"));
  EXPECT_EQ(record.at("eval").at("bytes"), 16384);
  EXPECT_NEAR(record.at("eval").at("bits_per_byte").get<double>(),
              facts.at("eval_bits_per_byte").get<double>(), kTolerance);
}

// The text that was generated before leaves nothing behind.
TEST(KjvLmEval, BeginsWithoutHistory) {
  const TemporaryDirectory scratch;
  const auto text = scratch / "text";
  scratch.write("text", read_bytes(kData / "eval.txt").substr(0, 100));
  const auto bits = [&](std::vector<std::string> more) {
    std::vector<std::string> command = {kProgram, "--method", "recurrent",
                                        "--json", "--eval",   text};
    command.insert(command.end(), more.begin(), more.end());
    const ProcessResult outcome = run_process(command);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out).at("eval").at("bits_per_byte").get<double>();
  };
  EXPECT_EQ(bits({"--generate", "10"}), bits({}));
}

TEST(KjvLmJson, IsARecordOfTheRun) {
  const ProcessResult outcome =
      run_process({kProgram, "--method", "leet.recurrent", "--generate", "5", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto record = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(record.at("schema"), "leet.kjv_lm/1");
  EXPECT_EQ(record.at("method"), "leet.recurrent");
  EXPECT_EQ(record.at("prompt").at("bytes"), 389);
  EXPECT_EQ(record.at("generated").at("text"), "rned ");
  EXPECT_FALSE(record.contains("eval"));
}

class CountingMethod : public testing::Test {
 protected:
  // What the executes left in the record.
  std::string count(std::vector<std::string> arguments) {
    const TemporaryDirectory scratch;
    const std::string file = (scratch / "count").string();
    std::vector<std::string> command = {kProgram, "--method", "test.counting", "--plugins",
                                        kCountingPlugins};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const ProcessResult outcome =
        run_process(command, {{"LEET_CONFIG", kUnprobed}, {"LEET_TEST_COUNT_FILE", file}});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    out_ = outcome.out;
    return read_bytes(file);
  }

  static constexpr int kLayers = 4;
  std::string out_;
};

// The prompt in one pass gives the first byte; each of the 239 others needs one step. So the method
// is called layers x 240 times, layers of them for the prompt.
TEST_F(CountingMethod, IsCalledOnceForEachLayerAndStep) {
  const std::string calls = count({"--prompt", kData / "prompt.txt", "--generate", "240"});
  EXPECT_EQ(calls, std::string(kLayers, 'p') + std::string(kLayers * 239, 's'));
  EXPECT_EQ(out_, read_bytes(kData / "greedy.txt"));
}

// 1025 bytes, the last one only predicted, in passes of 300: 3 x 300 + 124.
TEST_F(CountingMethod, IsCalledOnceForEachLayerAndPass) {
  const TemporaryDirectory scratch;
  const auto text = scratch / "text";
  scratch.write("text", read_bytes(kData / "eval.txt").substr(0, 1025));
  EXPECT_EQ(count({"--eval", text, "--chunk", "300"}), std::string(kLayers * 4, 'p'));
}

TEST_F(CountingMethod, IsCalledForThePromptAloneWhenNothingIsGenerated) {
  EXPECT_EQ(count({"--generate", "0"}), std::string(kLayers, 'p'));
}

}  // namespace
}  // namespace leet::tests
