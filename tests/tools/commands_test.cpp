// SPDX-License-Identifier: Apache-2.0
//
// The command line as a whole, and the commands that run nothing: list, info, compare.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/tools/run_files.hpp"
#include "tools/common/exit_code.hpp"

namespace leet::tests {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using testing::StartsWith;

const std::string kMoody = LEET_BINARY_DIR "/tests/plugins/leet_moody.so";

TEST(Program, HelpAndVersionAreAnswers) {
  for (const char* command :
       {"list", "info", "why", "run", "compare", "bench", "validate", "doctor", "completion"}) {
    const ProcessResult help = run_leet({command, "--help"});
    EXPECT_EQ(help.exit_code, tools::kExitOk) << command;
    EXPECT_THAT(help.out, HasSubstr("Example:\n  leet " + std::string(command)));
    EXPECT_THAT(help.out, HasSubstr("--json"));
    EXPECT_EQ(help.err, "");
  }
  const ProcessResult help = run_leet({"--help"});
  EXPECT_EQ(help.exit_code, tools::kExitOk);
  EXPECT_THAT(help.out, HasSubstr("Exit codes"));
  const ProcessResult version = run_leet({"--version"});
  EXPECT_EQ(version.exit_code, tools::kExitOk);
  EXPECT_THAT(version.out, StartsWith("leet 0."));
  EXPECT_THAT(version.out, HasSubstr("ABI 0."));
}

TEST(Program, WithoutAKnownCommandItShowsTheCommands) {
  const ProcessResult none = run_leet({});
  EXPECT_EQ(none.exit_code, tools::kExitUsage);
  EXPECT_EQ(none.out, "");
  EXPECT_THAT(none.err, StartsWith("leet: "));
  EXPECT_THAT(none.err, HasSubstr("compare"));
  const ProcessResult unknown = run_leet({"--log-level", "off", "lisst"});
  EXPECT_EQ(unknown.exit_code, tools::kExitUsage);
  EXPECT_EQ(unknown.out, "");
  EXPECT_THAT(unknown.err, StartsWith("leet: unknown command 'lisst' (did you mean 'list'?)\n"));
  EXPECT_THAT(unknown.err, HasSubstr("compare"));
}

TEST(Program, RefusesWhatACommandDoesNotKnow) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"list", "more"},
                                             {"list", "--frob"},
                                             {"info"},
                                             {"compare", "one.npy"},
                                             {"--log-level", "loud", "list"},
                                             {"list", "--plugins"}}) {
    const ProcessResult result = run_leet(arguments);
    EXPECT_EQ(result.exit_code, tools::kExitUsage) << arguments.back();
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, StartsWith("leet")) << arguments.back();
  }
}

TEST(Program, HintsAtWhatWasMeant) {
  for (
      const auto& [arguments, said] : std::vector<std::pair<std::vector<std::string>, std::string>>{
          {{"lsit"}, "leet: unknown command 'lsit' (did you mean 'list'?)\n"},
          {{"frobnicate"}, "leet: unknown command 'frobnicate'\n"},
          {{"--verison"}, "leet: unknown option '--verison' (did you mean '--version'?)\n"},
          {{"list", "--jsno"},
           "leet list: unknown option '--jsno' (did you mean '--json'?); see `leet list --help`\n"},
          {{"run", "moody", "--outt=x"}, "unknown option '--outt' (did you mean '--out'?)"},
          {{"list", "--only-plugin"}, "unknown option '--only-plugin' (did you mean "},
          {{"list", "more"}, "leet list: unexpected argument 'more'; see"},
          {{"list", "--plugins", "--only-plugins"}, "needs a path before '--only-plugins'"}}) {
    const ProcessResult result = run_leet(arguments);
    EXPECT_EQ(result.exit_code, tools::kExitUsage) << said;
    EXPECT_THAT(result.err, HasSubstr(said));
  }
}

TEST(Program, SaysWhenStdoutIsFull) {
  const ProcessResult result =
      run_process({"/bin/sh", "-c", LEET_BINARY_DIR "/bin/leet list > /dev/full"});
  EXPECT_EQ(result.exit_code, tools::kExitUsage);
  EXPECT_THAT(result.err, HasSubstr("stdout can't be written"));
}

std::vector<std::string> ids(const json& methods) {
  std::vector<std::string> ids;
  for (const json& method : methods) ids.push_back(method.at("id"));
  return ids;
}

TEST(List, ShowsTheMethodsBesideTheProgram) {
  const ProcessResult text = run_leet({"list"});
  EXPECT_EQ(text.exit_code, tools::kExitOk);
  EXPECT_EQ(text.err, "");
  EXPECT_THAT(text.out, HasSubstr("leet.naive"));
  EXPECT_THAT(text.out, HasSubstr("leet.recurrent"));
  std::istringstream lines(text.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
  const ProcessResult names = run_leet({"list", "--names"});
  EXPECT_EQ(names.exit_code, tools::kExitOk);
  EXPECT_THAT(names.out, HasSubstr("\nleet.recurrent\n"));
  EXPECT_EQ(names.out.find(' '), std::string::npos);

  const ProcessResult result = run_leet({"list", "--json"});
  EXPECT_EQ(result.exit_code, tools::kExitOk);
  const json record = json::parse(result.out);
  EXPECT_EQ(record.at("schema"), "leet.list/1");
  EXPECT_THAT(ids(record.at("methods")), IsSupersetOf({"leet.naive", "leet.recurrent"}));
  const json& method = record.at("methods").at(0);
  for (const char* key : {"version", "path", "summary"}) EXPECT_TRUE(method.at(key).is_string());
  for (const char* key : {"devices", "dtypes", "decay_kinds", "features"}) {
    EXPECT_TRUE(method.at(key).is_array()) << key;
  }
  const json& candidate = record.at("candidates").at(0);
  EXPECT_EQ(candidate.at("rule"), "OK");
  EXPECT_EQ(candidate.at("usable"), true);
  EXPECT_FALSE(record.at("searched").empty());
}

// Global options stand before or after the command, and may be repeated.
TEST(List, SearchesWhereItIsTold) {
  const TemporaryDirectory empty;
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"--plugins", kMoody, "--plugins", empty.path(), "--only-plugins", "list", "--json"},
           {"list", "--json", "--only-plugins", "--plugins", empty.path(), "--plugins", kMoody},
           {"--only-plugins", "list", "--plugins", kMoody, "--json"}}) {
    const ProcessResult result = run_leet(arguments);
    EXPECT_EQ(result.exit_code, tools::kExitOk) << result.err;
    EXPECT_EQ(ids(json::parse(result.out).at("methods")), std::vector<std::string>{"test.moody"});
  }
}

TEST(List, IsFineWithoutAnyMethodAndSaysWhereItLooked) {
  const TemporaryDirectory empty;
  const std::string missing = empty / "missing";
  const ProcessResult text = run_leet({"list", "--only-plugins", "--plugins", missing});
  EXPECT_EQ(text.exit_code, tools::kExitOk);
  EXPECT_THAT(text.out, HasSubstr("No methods"));
  EXPECT_THAT(text.out, HasSubstr(missing));
  const ProcessResult result = run_leet({"list", "--only-plugins", "--plugins", missing, "--json"});
  EXPECT_EQ(result.exit_code, tools::kExitOk);
  const json record = json::parse(result.out);
  EXPECT_TRUE(record.at("methods").empty());
  EXPECT_EQ(record.at("searched").at(0).at("path"), missing);
  EXPECT_NE(record.at("searched").at(0).at("problem"), "");
}

TEST(List, ShowsAFileThatFailedWithItsRule) {
  const TemporaryDirectory directory;
  directory.write("leet_broken.so", "not a plugin");
  std::filesystem::permissions(directory / "leet_broken.so", std::filesystem::perms(0755));
  const std::vector<std::string> places = {"--plugins", directory.path(), "--plugins",
                                           kMoody,      "--only-plugins", "list"};
  const ProcessResult text = run_leet(places);
  EXPECT_EQ(text.exit_code, tools::kExitOk);
  EXPECT_THAT(text.out, HasSubstr("E-NOT-ELF"));
  EXPECT_THAT(text.out, HasSubstr("leet_broken.so"));
  EXPECT_THAT(text.out, Not(HasSubstr("leet_moody.so")));

  std::vector<std::string> all = places;
  all.push_back("--all");
  const std::string everything = run_leet(all).out;
  EXPECT_THAT(everything, HasSubstr("leet_moody.so"));
  EXPECT_THAT(everything, HasSubstr("\nSearched:\n  " + directory.path().string()));
  EXPECT_THAT(everything, HasSubstr("command line  1 file\n"));

  std::vector<std::string> with_json = places;
  with_json.push_back("--json");
  const json record = json::parse(run_leet(with_json).out);
  const json& candidate = record.at("candidates").at(0);
  EXPECT_EQ(candidate.at("rule"), "E-NOT-ELF");
  EXPECT_EQ(candidate.at("usable"), false);
  EXPECT_EQ(candidate.at("path"), (directory / "leet_broken.so").string());
  EXPECT_TRUE(candidate.at("id").is_null());
  EXPECT_FALSE(candidate.at("seen").get<std::string>().empty());
}

TEST(List, RefusesABadConfiguration) {
  const TemporaryDirectory directory;
  const std::string file = directory.write("leet.yaml", "colour: red\n");
  const ProcessResult result = run_leet({"list", "--config", file, "--json"});
  EXPECT_EQ(result.exit_code, tools::kExitUsage);
  EXPECT_EQ(count_lines(result.err), 1);
  EXPECT_EQ(json::parse(result.out).at("error").at("status"), "INVALID_ARGUMENT");
}

TEST(Info, TellsEverythingThatIsKnown) {
  const ProcessResult text = run_leet({"info", "moody", "--plugins", kMoody});
  EXPECT_EQ(text.exit_code, tools::kExitOk) << text.err;
  EXPECT_THAT(text.out, StartsWith("test.moody 1.2.3\n"));
  EXPECT_THAT(text.out,
              HasSubstr("fail=never  never, supports, plan, execute, interrupt or stuck\n"));
  EXPECT_THAT(text.out, HasSubstr("mood=calm  calm, or grim: out is zero\n"));

  const json record =
      json::parse(run_leet({"info", "test.moody", "--plugins", kMoody, "--json"}).out);
  EXPECT_EQ(record.at("schema"), "leet.info/1");
  EXPECT_EQ(record.at("id"), "test.moody");
  EXPECT_EQ(record.at("version"), "1.2.3");
  EXPECT_EQ(record.at("reference"), "none");
  EXPECT_EQ(record.at("dtypes"), json::parse(R"(["f32"])"));
  EXPECT_EQ(record.at("decay_kinds"), json::parse(R"(["none", "head"])"));
  EXPECT_EQ(record.at("features"), json::parse(R"(["states"])"));
  EXPECT_EQ(record.at("abi").at("major"), 0);
  EXPECT_EQ(record.at("options").at(0).at("name"), "fail");
  EXPECT_EQ(record.at("options").at(0).at("default"), "never");
  EXPECT_EQ(record.at("path"), kMoody);
}

TEST(Info, AnUnknownMethodIsNothingToRun) {
  const ProcessResult result = run_leet({"info", "none", "--json"});
  EXPECT_EQ(result.exit_code, tools::kExitNothingToRun);
  EXPECT_EQ(count_lines(result.err), 1);
  EXPECT_THAT(result.err, StartsWith("leet info: "));
  const json record = json::parse(result.out);
  EXPECT_EQ(record.at("schema"), "leet.info/1");
  EXPECT_EQ(record.at("error").at("status"), "UNAVAILABLE");
}

class CompareCommand : public testing::Test {
 protected:
  std::string file(const std::string& name, const tools::Array& array) {
    const std::filesystem::path path = directory_ / name;
    EXPECT_TRUE(tools::write_npy(path, array));
    return path;
  }
  TemporaryDirectory directory_;
};

TEST_F(CompareCommand, JudgesByTheToleranceOfA) {
  const std::string right = file("right.npy", array_of(sdk::kF64, {2, 2}, {3, 4, 0, 0}));
  const std::string near = file("near.npy", array_of(sdk::kF32, {2, 2}, {3, 4, 0, 5e-6}));
  const std::string nearer = file("nearer.npy", array_of(sdk::kF64, {2, 2}, {3, 4, 0, 5e-6}));
  const ProcessResult passes = run_leet({"compare", near, right});
  EXPECT_EQ(passes.exit_code, tools::kExitOk) << passes.out;
  EXPECT_THAT(passes.out, HasSubstr("relative error 1e-06, tolerance 2e-06"));
  EXPECT_EQ(run_leet({"compare", nearer, right}).exit_code, tools::kExitNegative);
  EXPECT_EQ(run_leet({"compare", nearer, right, "--tolerance", "1e-5"}).exit_code, tools::kExitOk);

  const ProcessResult fails = run_leet({"compare", near, right, "--tolerance", "0", "--json"});
  EXPECT_EQ(fails.exit_code, tools::kExitNegative);
  const json record = json::parse(fails.out);
  EXPECT_EQ(record.at("schema"), "leet.compare/1");
  EXPECT_EQ(record.at("pass"), false);
  EXPECT_NEAR(record.at("relative_error").get<double>(), 1e-6, 1e-12);
  EXPECT_EQ(record.at("worst").at("index"), (std::vector<int>{1, 1}));
}

TEST_F(CompareCommand, NanNeverPasses) {
  const std::string nan =
      file("nan.npy", array_of(sdk::kF32, {1}, {std::numeric_limits<double>::quiet_NaN()}));
  const ProcessResult result = run_leet({"compare", nan, nan, "--tolerance", "1e300", "--json"});
  EXPECT_EQ(result.exit_code, tools::kExitNegative);
  EXPECT_EQ(json::parse(result.out).at("relative_error"), "inf");
}

TEST_F(CompareCommand, WholeNumbersAreComparedExactly) {
  const std::int64_t large = (std::int64_t{1} << 53) + 1;  // not a double
  const std::string a = file("a.npy", offsets_array({0, large}));
  const std::string b = file("b.npy", offsets_array({0, large - 1}));
  EXPECT_EQ(run_leet({"compare", a, a}).exit_code, tools::kExitOk);
  const ProcessResult result = run_leet({"compare", a, b});
  EXPECT_EQ(result.exit_code, tools::kExitNegative);
  EXPECT_THAT(result.out, HasSubstr("worst at [1]: 9007199254740993 where 9007199254740992"));
}

TEST_F(CompareCommand, RefusesWhatCannotBeCompared) {
  const std::string a = file("a.npy", array_of(sdk::kF32, {2}, {1, 2}));
  const std::string b = file("b.npy", array_of(sdk::kF32, {1, 2}, {1, 2}));
  const std::string c = file("c.npy", offsets_array({1, 2}));
  for (const auto& [other, said] :
       {std::pair<std::string, std::string>{b, "b.npy: shape [1, 2]; needs [2]"},
        {c, "c.npy: dtype i64; can't be compared with f32"},
        {directory_ / "none.npy", "none.npy: No such file"}}) {
    const ProcessResult result = run_leet({"compare", a, other, "--json"});
    EXPECT_EQ(result.exit_code, tools::kExitUsage);
    EXPECT_EQ(count_lines(result.err), 1);
    EXPECT_THAT(result.err, StartsWith("leet compare: "));
    EXPECT_THAT(result.err, HasSubstr(said));
    EXPECT_EQ(json::parse(result.out).at("schema"), "leet.compare/1");
  }
}

TEST_F(CompareCommand, EmptyArraysAreEqual) {
  const std::string a = file("a.npy", tools::Array::zeros(sdk::kF32, {2, 0}));
  const ProcessResult result = run_leet({"compare", a, a});
  EXPECT_EQ(result.exit_code, tools::kExitOk) << result.err;
}

}  // namespace
}  // namespace leet::tests
