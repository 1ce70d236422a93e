// SPDX-License-Identifier: Apache-2.0
//
// `leet bench` as a program: what it prints, and its exit codes. Nothing here depends on how fast
// the machine is; a point may even have no figures, on a machine with better things to do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tools/common/exit_code.hpp"

namespace leet::tests {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kMutants = LEET_BINARY_DIR "/tests/bench_plugins";

// A run of moments at a small point.
ProcessResult bench(std::vector<std::string> arguments) {
  std::vector<std::string> all = {"bench", "--seconds", "0.01", "--plugins", kMutants};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return run_leet(all);
}

ProcessResult bench_small(std::vector<std::string> arguments) {
  for (const char* word : {"-a", "H=2", "-a", "N=65", "-a", "R=16", "-a", "D=24"}) {
    arguments.emplace_back(word);
  }
  return bench(std::move(arguments));
}

json records_of(const ProcessResult& result) {
  const json parsed = json::parse(result.out);
  EXPECT_EQ(parsed["schema"], "leet.bench/1");
  EXPECT_EQ(parsed["interrupted"], false);
  return parsed["records"];
}

TEST(BenchProgram, GivesARecordAPoint) {
  const ProcessResult result =
      bench({"recurrent", "naive", "-a", "N=1,33", "-a", "R=8", "-a", "threads=1", "--json"});
  EXPECT_EQ(result.exit_code, tools::kExitOk) << result.err;
  EXPECT_EQ(result.err, "");
  const json records = records_of(result);
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(records[0]["method"], "leet.recurrent");
  EXPECT_EQ(records[1]["method"], "leet.naive");
  EXPECT_EQ(records[1]["N"], 1);
  EXPECT_EQ(records[3]["N"], 33);
  for (const json& record : records) {
    EXPECT_EQ(record["correct"], true);
    EXPECT_LT(record["error"], 1e-5);
    EXPECT_EQ(record["checked"], 1);
    EXPECT_EQ(record["D"], 8);
    EXPECT_EQ(record["device"], "cpu");
    EXPECT_GT(record["quiet_samples"].get<int>() + record["busy_samples"].get<int>() +
                  record["discarded_samples"].get<int>(),
              4);
    const bool figures = !record["seconds_median"].is_null();
    EXPECT_EQ(figures, record["discarded_samples"] == 0 || record["quiet_samples"] > 0 ||
                           record["busy_samples"] > 0);
    if (!figures) continue;
    EXPECT_GT(record["seconds_median"], 0);
    EXPECT_LE(record["seconds_p5"], record["seconds_median"]);
    EXPECT_GE(record["seconds_p95"], record["seconds_median"]);
  }
}

TEST(BenchProgram, PrintsATable) {
  const ProcessResult result = bench_small({"recurrent"});
  EXPECT_EQ(result.exit_code, tools::kExitOk) << result.err;
  EXPECT_THAT(result.out, AllOf(StartsWith("METHOD"), HasSubstr("leet.recurrent")));
  EXPECT_EQ(result.err, "");
}

TEST(BenchProgram, AllMeansEveryMethod) {
  for (const std::vector<std::string>& chosen :
       {std::vector<std::string>{}, std::vector<std::string>{"--methods", "all"}}) {
    std::vector<std::string> arguments = chosen;
    arguments.push_back("--json");
    const json records = records_of(bench_small(arguments));
    std::vector<std::string> methods;
    for (const json& record : records) methods.push_back(record["method"]);
    EXPECT_THAT(methods,
                testing::IsSupersetOf({"leet.naive", "leet.recurrent", "test.bench_mutant"}));
  }
}

TEST(BenchProgram, NeverGivesTheSpeedOfAWrongMethod) {
  const ProcessResult result = bench_small({"bench_mutant", "--option", "fault=wrong", "--json"});
  EXPECT_EQ(result.exit_code, tools::kExitNegative);
  const json record = records_of(result).at(0);
  EXPECT_EQ(record["correct"], false);
  EXPECT_GT(record["error"], 1e-3);
  EXPECT_THAT(record["wrong"].get<std::string>(), HasSubstr("out"));
  for (const char* key : {"seconds_median", "seconds_p5", "seconds_p95", "gflops_4nrd",
                          "fraction_of_peak", "fraction_of_bandwidth"}) {
    EXPECT_EQ(record[key], nullptr) << key;
  }
  EXPECT_THAT(bench_small({"bench_mutant", "--option", "fault=wrong"}).out, HasSubstr("WRONG: "));
}

TEST(BenchProgram, TheSameMethodWithoutTheFaultIsRight) {
  const ProcessResult result = bench_small({"bench_mutant", "--json"});
  EXPECT_EQ(result.exit_code, tools::kExitOk);
  EXPECT_EQ(records_of(result).at(0)["correct"], true);
}

TEST(BenchProgram, ChecksWhatItTimed) {
  const ProcessResult result = bench_small({"bench_mutant", "--option", "fault=late", "--json"});
  EXPECT_EQ(result.exit_code, tools::kExitNegative);
  const json record = records_of(result).at(0);
  EXPECT_EQ(record["correct"], false);
  EXPECT_EQ(record["seconds_median"], nullptr);
  EXPECT_THAT(record["wrong"].get<std::string>(), StartsWith("when timed: "));
}

TEST(BenchProgram, ARefusedPointHasTheReason) {
  const ProcessResult result = bench(
      {"bench_mutant", "--option", "fault=odd", "-a", "R=7,8", "-a", "N=5", "-a", "H=1", "--json"});
  EXPECT_EQ(result.exit_code, tools::kExitOk) << result.err;
  const json records = records_of(result);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0]["unsupported"], "R=7: needs an even number");
  EXPECT_EQ(records[0]["correct"], nullptr);
  EXPECT_EQ(records[0]["seconds_median"], nullptr);
  EXPECT_EQ(records[1]["unsupported"], nullptr);
  EXPECT_EQ(records[1]["correct"], true);
}

TEST(BenchProgram, NothingMeasuredIsExitCode3) {
  EXPECT_EQ(bench_small({"bench_mutant", "-a", "dtype=f64"}).exit_code, tools::kExitNothingToRun);
  EXPECT_EQ(bench_small({"no_such_method"}).exit_code, tools::kExitNothingToRun);
}

TEST(BenchProgram, TensorsBeyondTheMemoryAreRefused) {
  const ProcessResult result =
      bench({"recurrent", "-a", "N=1000000000", "-a", "B=1000000", "--json"});
  EXPECT_EQ(result.exit_code, tools::kExitNothingToRun);
  EXPECT_THAT(records_of(result).at(0)["unsupported"].get<std::string>(), HasSubstr("GiB"));
}

TEST(BenchProgram, AFailureIsExitCode4) {
  for (const char* where : {"plan", "execute"}) {
    const ProcessResult result =
        bench_small({"bench_mutant", "--option", std::string("fault=") + where, "--json"});
    EXPECT_EQ(result.exit_code, tools::kExitPluginFailed);
    EXPECT_THAT(records_of(result).at(0)["failed"].get<std::string>(),
                HasSubstr(std::string(where) + " fell through"));
  }
}

TEST(BenchProgram, BadOptionsAreExitCode2) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"recurrent", "-a", "X=1"},
                                             {"recurrent", "-a", "N=0"},
                                             {"recurrent", "--option", "no_such=1"},
                                             {"recurrent", "--seconds", "-1"},
                                             {"recurrent", "-a", "threads=1000000"},
                                             {"--compare", "only_one.json"},
                                             {"--compare", "/nonexistent/a", "/nonexistent/b"},
                                             {"--fail-on-regression", "5"}}) {
    const ProcessResult result = bench(arguments);
    EXPECT_EQ(result.exit_code, tools::kExitUsage) << arguments.back();
  }
}

TEST(BenchProgram, OverheadIsBrokenDown) {
  const ProcessResult result = bench({"--overhead", "recurrent", "--json"});
  ASSERT_EQ(result.exit_code, tools::kExitOk) << result.err;
  const json parsed = json::parse(result.out);
  EXPECT_EQ(parsed["schema"], "leet.bench-overhead/1");
  const json& record = parsed["records"].at(0);
  EXPECT_EQ(record["method"], "leet.recurrent");
  EXPECT_GT(record["call_ns"], 0);
  EXPECT_GT(record["execute_ns"], 0);
  EXPECT_GT(record["check_ns"], 0);
  EXPECT_TRUE(record["dispatch_ns"].is_number());
  const json& loop = parsed["fork_join"].at(0);
  EXPECT_GE(loop["threads"], 1);
  EXPECT_EQ(loop["pinned"], false);
  EXPECT_GT(loop["empty_ns"], 0);
  EXPECT_TRUE(loop["everyone_ns"].is_number() || loop["everyone_ns"].is_null());
}

TEST(BenchProgram, AutoIsMeasuredAsWhatItChose) {
  const ProcessResult result = bench_small({"auto", "recurrent", "--json"});
  EXPECT_EQ(result.exit_code, tools::kExitOk) << result.err;
  const json parsed = json::parse(result.out);
  ASSERT_EQ(parsed["records"].size(), 2u);
  EXPECT_EQ(parsed["records"][0]["method"], "auto");
  const std::string chosen = parsed["records"][0]["chosen"];
  EXPECT_THAT(chosen, StartsWith("leet."));
  EXPECT_EQ(parsed["records"][0]["correct"], true);
  EXPECT_EQ(parsed["records"][1]["chosen"], nullptr);
  const json& choice = parsed["points"].at(0)["choice"];
  EXPECT_EQ(choice["auto"], chosen);
  EXPECT_THAT(choice["reason"].get<std::string>(), HasSubstr(chosen));
}

TEST(BenchProgram, AutoHasNoOptionsAndNoOverhead) {
  const ProcessResult options = bench_small({"auto", "--option", "fault=none"});
  EXPECT_EQ(options.exit_code, tools::kExitUsage);
  EXPECT_THAT(options.out, HasSubstr("options belong to one method"));
  EXPECT_EQ(bench({"auto", "--overhead"}).exit_code, tools::kExitUsage);
}

TEST(BenchProgram, EveryPointHasItsChoice) {
  const ProcessResult result = bench({"recurrent", "naive", "-a", "N=1,33", "-a", "R=8", "--json"});
  const json parsed = json::parse(result.out);
  ASSERT_EQ(parsed["points"].size(), 2u);
  EXPECT_EQ(parsed["points"][0]["N"], 1);
  EXPECT_EQ(parsed["points"][1]["N"], 33);
  for (const json& point : parsed["points"]) {
    EXPECT_TRUE(point["choice"]["auto"].is_string());
    EXPECT_LE(point["choice"]["order"].size(), 2u);
  }
  // With options auto would take methods that differ from those that were measured.
  const json with_options =
      json::parse(bench_small({"bench_mutant", "--option", "fault=none", "--json"}).out);
  EXPECT_EQ(with_options["points"].at(0)["choice"]["auto"], nullptr);
}

TEST(BenchProgram, APeerPassesTheSameGate) {
  const ProcessResult result =
      bench({"recurrent", "--peer", "openblas", "-a", "N=1,33,65", "-a", "H=3", "-a", "R=16", "-a",
             "D=24", "-a", "decay=none,head", "--json"});
#ifdef LEET_HAS_OPENBLAS
  EXPECT_EQ(result.exit_code, tools::kExitOk) << result.err;
  const json records = records_of(result);
  ASSERT_EQ(records.size(), 24u);
  for (std::size_t i = 0; i < records.size(); ++i) {
    const json& record = records[i];
    EXPECT_EQ(record["correct"], true) << record;
    EXPECT_EQ(record["peer"], i % 4 != 0);
    EXPECT_EQ(record["method"], i % 4 == 0 ? "leet.recurrent" : "peer.openblas");
  }
  EXPECT_EQ(records[0]["options"], "");
  EXPECT_EQ(records[1]["options"], "chunk=16");
  EXPECT_EQ(records[3]["options"], "chunk=64");
#else
  EXPECT_EQ(result.exit_code, tools::kExitNothingToRun);
#endif
}

TEST(BenchProgram, APeerThatIsNotThereSaysWhatToInstall) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "bin");
  std::filesystem::copy_file(LEET_BINARY_DIR "/bin/leet", directory / "bin/leet");
  const ProcessResult result =
      run_process({directory / "bin/leet", "bench", "recurrent", "--plugins",
                   LEET_BINARY_DIR "/plugins/leet_recurrent.so", "--peer", "openblas"});
  EXPECT_EQ(result.exit_code, tools::kExitNothingToRun);
  EXPECT_THAT(result.err, AllOf(HasSubstr("peer 'openblas'"), HasSubstr("libopenblas-dev")));
  EXPECT_EQ(bench({"recurrent", "--peer", "no_such"}).exit_code, tools::kExitUsage);
}

class CompareProgram : public testing::Test {
 protected:
  // A run whose points have had this median, without noise.
  std::string file(const char* name, double median) {
    json record = json::parse(bench_small({"recurrent", "--json"}).out);
    for (const char* key : {"seconds_median", "seconds_p5", "seconds_p95"}) {
      record["records"][0][key] = median;
    }
    const std::filesystem::path path = directory_ / name;
    std::ofstream(path) << record;
    return path;
  }

  TemporaryDirectory directory_;
};

TEST_F(CompareProgram, ExitsWithZeroUnlessAskedToFail) {
  const std::string before = file("old.json", 1.0);
  const std::string after = file("new.json", 1.2);
  const ProcessResult shown = run_leet({"bench", "--compare", before, after});
  EXPECT_EQ(shown.exit_code, tools::kExitOk) << shown.err;
  EXPECT_THAT(shown.out, AllOf(StartsWith("slower"), HasSubstr("+20.0 %")));
  const auto code = [&](const std::string& from, const std::string& to, const char* percent) {
    return run_leet({"bench", "--compare", from, to, "--fail-on-regression", percent}).exit_code;
  };
  EXPECT_EQ(code(before, after, "10"), tools::kExitNegative);
  EXPECT_EQ(code(before, after, "30"), tools::kExitOk);
  EXPECT_EQ(code(after, before, "0"), tools::kExitOk);
  const ProcessResult structured = run_leet({"bench", "--compare", before, after, "--json"});
  EXPECT_EQ(json::parse(structured.out)["changes"][0]["change"], "slower");
}

TEST_F(CompareProgram, RefusesOtherFiles) {
  const std::filesystem::path other = directory_ / "other.json";
  std::ofstream(other) << R"({"schema": "leet.run/1"})";
  const ProcessResult result = run_leet({"bench", "--compare", other, other});
  EXPECT_EQ(result.exit_code, tools::kExitUsage);
  EXPECT_THAT(result.err, AllOf(HasSubstr("other.json"), HasSubstr("leet.bench/1")));
}

TEST(BenchProgram, CtrlCEndsWithThePointsSoFar) {
  const ProcessResult result = bench(
      {"bench_mutant", "--option", "fault=interrupt", "-a", "N=2,3,4", "-a", "R=8", "--json"});
  EXPECT_EQ(result.exit_code, 130);
  const json parsed = json::parse(result.out);
  EXPECT_EQ(parsed["schema"], "leet.bench/1");
  EXPECT_EQ(parsed["interrupted"], true);
  ASSERT_EQ(parsed["records"].size(), 1u);
  EXPECT_EQ(parsed["records"][0]["N"], 2);
  EXPECT_EQ(parsed["records"][0]["correct"], true);
  EXPECT_THAT(result.err, HasSubstr("interrupted after 1 of 3 points"));
}

}  // namespace
}  // namespace leet::tests
