// SPDX-License-Identifier: Apache-2.0
//
// Whatever is wrong with what the user gave: one line that says so, the right exit code, and no
// file left behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/tools/run_files.hpp"
#include "tools/common/exit_code.hpp"

namespace leet::tests {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using tools::kExitNothingToRun;
using tools::kExitPluginFailed;
using tools::kExitUsage;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
const std::string kMoody = LEET_BINARY_DIR "/tests/plugins/leet_moody.so";

struct BadInput {
  std::string name;
  std::function<void(RunFiles&)> spoil;
  std::vector<std::string> said;  // parts of the one line
  int exit_code = kExitUsage;
  std::string method = "leet.recurrent";
};

void PrintTo(const BadInput& bad, std::ostream* stream) { *stream << bad.name; }

// A file of the test's own, with these bytes.
auto with_file(const std::string& option, const std::string& content) {
  return [=](RunFiles& files) { files.set(option, files.directory().write("bad.npy", content)); };
}

auto with_array(const std::string& option, const tools::Array& array) {
  return [=](RunFiles& files) { files.set(option, array); };
}

// q, k and v without elements, of these extents.
auto with_empty(const Extents& extents) {
  return [=](RunFiles& files) {
    for (const char* option : {"--q", "--k", "--v"}) {
      files.set(option, tools::Array::zeros(sdk::kF32, extents));
    }
    files.drop("--log-decay");
  };
}

auto with_value(const std::string& option, const std::string& value) {
  return [=](RunFiles& files) { files.set(option, value); };
}

auto with_configuration(const std::string& yaml) {
  return
      [=](RunFiles& files) { files.set("--config", files.directory().write("leet.yaml", yaml)); };
}

auto with_moody(const std::string& failure) {
  return [=](RunFiles& files) {
    files.set("--plugins", kMoody);
    files.set("--option", "fail=" + failure);
    files.set("--state-out", files.path("s.npy"));
  };
}

std::vector<BadInput> bad_files() {
  return {
      {"MissingFile",
       [](RunFiles& files) { files.set("--k", files.path("none.npy")); },
       {"none.npy: No such file"}},
      {"Directory",
       [](RunFiles& files) { files.set("--k", files.directory().path()); },
       {"is a directory"}},
      {"NotNpy", with_file("--q", "q = 1\n"), {"bad.npy: is not a .npy file", "np.save"}},
      {"Truncated",
       [](RunFiles& files) {
         const std::string whole = read_bytes(files.path("v.npy"));
         files.directory().write("v.npy", whole.substr(0, whole.size() - 1));
       },
       {"v.npy: is truncated", "need 160 bytes", "there are 159"}},
      {"TooLong",
       [](RunFiles& files) {
         files.directory().write("v.npy", read_bytes(files.path("v.npy")) + "x");
       },
       {"v.npy: is longer", "need 160 bytes", "there are 161"}},
      {"WrongRank",
       with_array("--q", random_array(sdk::kF32, {2, 5, 3}, 1)),
       {"q.npy: q: shape [2, 5, 3]", "needs [B, H, N, R]"}},
      {"WrongRankOfDecay",
       with_array("--log-decay", random_array(sdk::kF32, {2, 5}, 1, -1, 0)),
       {"log-decay.npy", "shape [2, 5]", "[H], [B, H, N] or [B, H, N, R]"}},
      {"WrongDtype",
       with_array("--q", tools::Array::zeros(sdk::kI64, {1, 2, 5, 3})),
       {"q.npy: q: dtype i64", "needs f16, bf16, f32 or f64"}},
      {"WrongDtypeOfDecay",
       with_array("--log-decay", array_of(sdk::kF64, {2}, {-0.1, -0.2})),
       {"log-decay.npy: log_decay: dtype f64", "needs f32"}},
      {"WrongDtypeOfOffsets",
       with_array("--sequence-offsets", array_of(sdk::kF32, {2}, {0, 5})),
       {"sequence-offsets.npy: sequence_offsets: dtype f32", "needs i64"}},
      {"WrongDtypeOfState",
       with_array("--state-in", tools::Array::zeros(sdk::kBf16, {1, 2, 3, 4})),
       {"state-in.npy: state_in: dtype bf16", "needs f32"}},
      {"MismatchedN",
       with_array("--k", random_array(sdk::kF32, {1, 2, 4, 3}, 2)),
       {"k.npy: k: N=4", "needs 5"}},
      {"MismatchedDecay",
       with_array("--log-decay", random_array(sdk::kF32, {1, 2, 4}, 2, -1, 0)),
       {"log-decay.npy: log_decay: N=4", "needs 5"}},
      {"MismatchedState",
       with_array("--state-in", tools::Array::zeros(sdk::kF32, {1, 1, 3, 4})),
       {"state-in.npy: state_in: extents [1, 1, 3, 4]", "needs [1, 2, 3, 4]"}},
      {"HeadsThatDoNotDivide",
       with_array("--k", random_array(sdk::kF32, {1, 3, 5, 3}, 2)),
       {"q.npy: q: 2 heads", "divisor of the 3 output heads"}},
      {"HugeHeadsWithoutElements",
       with_empty({1, std::numeric_limits<std::int64_t>::max(), 0, 4}),
       {"q.npy: q: extent 9223372036854775807 along axis 1", "needs 2^40 or less"}},
      {"HugeExtentsWithoutElements",
       with_empty({std::int64_t{1} << 30, std::int64_t{1} << 30, 0, 4}),
       {"q.npy: q: extents [1073741824, 1073741824, 0, 4]", "below 2^60 bytes"}},
      {"NanDecay",
       with_array("--log-decay", array_of(sdk::kF32, {2}, {-0.1, kNan})),
       {"log-decay.npy: log_decay[0, 1, 0, 0] is nan", "needs a number <= 0"}},
      {"PositiveDecay",
       with_array("--log-decay", array_of(sdk::kF32, {2}, {0.25, -0.1})),
       {"log-decay.npy: log_decay[0, 0, 0, 0] is 0.25", "needs a number <= 0"}},
      {"DecreasingOffsets",
       with_array("--sequence-offsets", offsets_array({0, 3, 2, 5})),
       {"sequence-offsets.npy: sequence_offsets[2] is 2", "at least the 3"}},
      {"OffsetsThatDoNotEndAtN",
       with_array("--sequence-offsets", offsets_array({0, 3, 4})),
       {"sequence-offsets.npy: sequence_offsets[2] is 4", "N=5"}},
      {"OffsetsThatDoNotBeginAtZero",
       with_array("--sequence-offsets", offsets_array({1, 5})),
       {"sequence_offsets[0] is 1: needs 0"}},
      {"NoOffsets",
       with_array("--sequence-offsets", offsets_array({})),
       {"sequence-offsets.npy: sequence_offsets: 0 values"}},
      {"MissingExpectation",
       [](RunFiles& files) { files.set("--expect", files.path("none.npy")); },
       {"none.npy: No such file"}},
      {"MismatchedExpectation",
       with_array("--expect", tools::Array::zeros(sdk::kF32, {1, 2, 4, 4})),
       {"expect.npy: shape [1, 2, 4, 4]", "needs [1, 2, 5, 4]"}},
  };
}

std::vector<BadInput> bad_options() {
  return {
      {"UnknownMethod", {}, {"none", "leet.recurrent"}, kExitNothingToRun, "none"},
      {"UnknownOption", with_value("--frob", ""), {"--frob", "leet run --help"}},
      {"UnknownMethodOption",
       with_value("--option", "frob=1"),
       {"leet.recurrent: unknown option 'frob'"}},
      {"MissingOption", [](RunFiles& files) { files.drop("--out"); }, {"--out is required"}},
      {"UnknownLayout", with_value("--layout", "hbnd"), {"--layout", "hbnd"}},
      {"UnknownDevice", with_value("--device", "abacus"), {"abacus", "cpu"}},
      {"DeviceWithoutMethod", with_value("--device", "cuda"), {"cuda"}, kExitNothingToRun},
      {"UnknownPrecision", with_value("--precision", "fp8"), {"--precision", "fp8"}},
      {"UnknownOutDtype", with_value("--out-dtype", "i64"), {"--out-dtype", "i64"}},
      {"InfiniteScale", with_value("--scale", "inf"), {"scale=inf", "finite"}},
      {"NoThreads", with_value("--threads", "0"), {"--threads", "0"}},
      {"TooManyThreads", with_value("--threads", "4097"), {"--threads", "4097"}},
      {"InfiniteTolerance", with_value("--tolerance", "inf"), {"--tolerance", "finite"}},
      {"NanTolerance", with_value("--tolerance", "nan"), {"--tolerance", "finite"}},
      {"NegativeTolerance", with_value("--tolerance", "-1"), {"--tolerance", "finite"}},
      {"UnknownYamlKey",
       with_configuration("plugins:\n  serach: [/opt]\n"),
       {"leet.yaml:2:3", "serach"}},
      {"DuplicateYamlKey",
       with_configuration("threads: 1\nthreads: 2\n"),
       {"leet.yaml:2:1", "threads"}},
      {"MissingConfiguration",
       [](RunFiles& files) { files.set("--config", files.path("none.yaml")); },
       {"none.yaml", "No such file"}},
      {"NoPluginDirectory",
       [](RunFiles& files) {
         files.set("--plugins", files.path("nowhere"));
         files.set("--only-plugins", "");
       },
       {"nowhere", "leet.recurrent"},
       kExitNothingToRun},
      {"UnsupportedDtype",
       [](RunFiles& files) {
         with_moody("never")(files);
         files.set("--q", random_array(sdk::kF16, {1, 2, 5, 3}, 1));
       },
       {"test.moody: ", "f16"},
       kExitNothingToRun,
       "moody"},
      {"PluginThatRefuses",
       with_moody("supports"),
       {"test.moody: not today nor tomorrow"},
       kExitNothingToRun,
       "moody"},
      {"PluginWhosePlanFails",
       with_moody("plan"),
       {"test.moody", "the plan fell through"},
       kExitPluginFailed,
       "moody"},
      {"PluginThatFails",
       with_moody("execute"),
       {"test.moody", "changed its mind"},
       kExitPluginFailed,
       "moody"},
  };
}

std::vector<BadInput> bad_outputs() {
  return {
      {"OutputInNoDirectory",
       [](RunFiles& files) { files.set("--out", files.path("none/o.npy")); },
       {"none/o.npy: can't be written: No such file or directory"}},
      {"OutputThatIsADirectory",
       [](RunFiles& files) {
         std::filesystem::create_directory(files.path("folder"));
         files.set("--out", files.path("folder"));
       },
       {"folder: can't be written: it is a directory"}},
      {"OutputThatIsADevice",
       [](RunFiles& files) { files.set("--out", "/dev/null"); },
       {"/dev/null: can't be written: it is a device"}},
      {"StateNotWritable",
       [](RunFiles& files) { files.set("--state-out", "/proc/s.npy"); },
       {"/proc/s.npy: can't be written"}},
      {"OneFileForBothOutputs",
       [](RunFiles& files) { files.set("--state-out", files.path("./o.npy")); },
       {"o.npy", "needs two files"}},
  };
}

class BadInputTest : public testing::TestWithParam<BadInput> {};

TEST_P(BadInputTest, GivesOneLineTheCodeAndNoFile) {
  const BadInput& bad = GetParam();
  RunFiles files;
  if (bad.spoil) bad.spoil(files);
  const std::vector<std::string> before = files.names();

  const ProcessResult result = files.run(bad.method);
  EXPECT_EQ(result.exit_code, bad.exit_code) << result.err;
  EXPECT_EQ(count_lines(result.err), 1) << result.err;
  EXPECT_THAT(result.err, StartsWith("leet run: "));
  for (const std::string& part : bad.said) EXPECT_THAT(result.err, HasSubstr(part));
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(files.names(), before);

  files.set("--json", "");
  const ProcessResult json = files.run(bad.method);
  EXPECT_EQ(json.exit_code, bad.exit_code);
  EXPECT_EQ(json.err, result.err);
  const auto record = nlohmann::json::parse(json.out);
  EXPECT_EQ(record.at("schema"), "leet.run/1");
  EXPECT_EQ("leet run: " + record.at("error").at("message").get<std::string>() + "\n", json.err);
  EXPECT_FALSE(record.at("error").at("status").get<std::string>().empty());
  EXPECT_EQ(files.names(), before);
}

std::string name_of(const testing::TestParamInfo<BadInput>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(File, BadInputTest, testing::ValuesIn(bad_files()), name_of);
INSTANTIATE_TEST_SUITE_P(Option, BadInputTest, testing::ValuesIn(bad_options()), name_of);
INSTANTIATE_TEST_SUITE_P(Output, BadInputTest, testing::ValuesIn(bad_outputs()), name_of);

TEST(BadInput, EmptyPathsAreRefused) {
  for (const char* option :
       {"--q", "--log-decay", "--state-in", "--sequence-offsets", "--out", "--state-out",
        "--expect", "--expect-state", "--config", "--plugins"}) {
    RunFiles files;
    files.drop(option);
    std::vector<std::string> arguments = files.arguments("recurrent");
    arguments.insert(arguments.end(), {option, ""});
    const ProcessResult result = run_leet(arguments);
    EXPECT_EQ(result.exit_code, kExitUsage) << option;
    EXPECT_EQ(count_lines(result.err), 1) << result.err;
    EXPECT_THAT(result.err, HasSubstr(std::string(option) + ": needs a path")) << result.err;
    EXPECT_FALSE(std::filesystem::exists(files.path("o.npy"))) << option;
  }
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"compare", "", "b.npy"},
                                             {"compare", "a.npy", ""},
                                             {"bench", "--compare", "a.json", ""},
                                             {"validate", "--counts", ""},
                                             {"validate", "--write-counts", ""}}) {
    const ProcessResult result = run_leet(arguments);
    EXPECT_EQ(result.exit_code, kExitUsage) << result.err;
    EXPECT_EQ(count_lines(result.err), 1) << result.err;
    EXPECT_THAT(result.err, HasSubstr("needs a path"));
  }
}

TEST(BadInput, OutputInAReadOnlyDirectoryIsRefused) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  RunFiles files;
  const std::filesystem::path folder = files.path("folder");
  std::filesystem::create_directory(folder);
  std::filesystem::permissions(
      folder, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  files.set("--out", folder / "o.npy");
  const ProcessResult result = files.run("recurrent");
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  EXPECT_EQ(result.exit_code, kExitUsage);
  EXPECT_THAT(result.err, HasSubstr("can't be written: Permission denied"));
}

TEST(BadInput, AnOutputThatWasThereIsKept) {
  RunFiles files;
  files.directory().write("o.npy", "precious");
  files.set("--log-decay", array_of(sdk::kF32, {2}, {1, 1}));
  EXPECT_EQ(files.run("recurrent").exit_code, kExitUsage);
  EXPECT_EQ(read_bytes(files.path("o.npy")), "precious");
}

}  // namespace
}  // namespace leet::tests
