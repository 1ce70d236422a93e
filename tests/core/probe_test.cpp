// SPDX-License-Identifier: Apache-2.0
//
// When plugins are probed, what is remembered, and what the policy makes of it. Which finding each
// fault earns is in tests/hostile.
#include "core/probe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/probe_cache.hpp"
#include "core/registry.hpp"
#include "tests/core/environment.hpp"
#include "tests/hostile/elf_patch.hpp"
#include "tests/support/temporary_directory.hpp"

namespace leet::core {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const fs::path kProbe = LEET_BINARY_DIR "/libexec/leet/leet-probe";

fs::path hostile(const std::string& name) {
  return LEET_BINARY_DIR "/hostile/leet_hostile_" + name + ".so";
}

class ProbeTest : public ::testing::Test {
 protected:
  ProbeFinding probe(const fs::path& file) {
    return probe_files({file}, settings_, problem_).at(0);
  }
  Registry open(const std::string& name) const {
    RegistryOptions options;
    options.paths = {hostile(name)};
    options.default_paths = false;
    options.configuration.probe = settings_;
    return Registry::open(options);
  }
  std::vector<fs::path> records() const {
    std::vector<fs::path> found;
    const fs::path directory = root_ / "leet/probe";
    if (!fs::exists(directory)) return found;
    for (const auto& entry : fs::directory_iterator(directory)) found.push_back(entry.path());
    return found;
  }
  // A probe that leaves a line in runs() each time that it is started.
  fs::path counting_probe(const std::string& before = "") { return scripted_probe(before + kExec); }
  // The same as a script of its own; $n counts its runs, and $2 is the file.
  fs::path scripted_probe(const std::string& body) {
    const std::string runs = (root_ / "runs").string();
    const fs::path script = root_.write(
        "probe", "#!/bin/sh\necho >> '" + runs + "'\nn=$(wc -l < '" + runs + "')\n" + body + "\n");
    chmod(script.c_str(), 0755);
    return script;
  }
  std::size_t runs() const {
    return fs::exists(root_ / "runs") ? tests::read_bytes(root_ / "runs").size() : 0;
  }

  const std::string kExec = "exec " + kProbe.string() + " \"$@\"";
  tests::TemporaryDirectory root_;
  tests::Environment cache_{"XDG_CACHE_HOME", root_.path().string()};
  ProbeSettings settings_;
  std::string problem_;
};

TEST_F(ProbeTest, RunsAFileOnce) {
  const tests::Environment counting("LEET_PROBE", counting_probe());
  const ProbeFinding first = probe(hostile("none"));
  EXPECT_EQ(first.rule, Rule::kOk) << first.seen;
  EXPECT_FALSE(first.remembered);
  EXPECT_EQ(runs(), 1u);
  const ProbeFinding second = probe(hostile("none"));
  EXPECT_EQ(second.rule, Rule::kOk);
  EXPECT_EQ(second.seen, first.seen);
  EXPECT_TRUE(second.remembered);
  EXPECT_EQ(runs(), 1u);
  EXPECT_THAT(problem_, IsEmpty());
}

TEST_F(ProbeTest, TakesCopiesForOneFile) {
  const tests::Environment counting("LEET_PROBE", counting_probe());
  const fs::path copy = root_.write("copy.so", tests::read_bytes(hostile("none")));
  const auto findings = probe_files({hostile("none"), copy}, settings_, problem_);
  EXPECT_EQ(findings.at(1).rule, Rule::kOk);
  EXPECT_EQ(runs(), 1u);
}

TEST_F(ProbeTest, KeepsTheOrderOfSeveralFiles) {
  const auto findings = probe_files({hostile("crash_entry"), hostile("none"), hostile("exit_load"),
                                     hostile("stdout_load"), hostile("good")},
                                    settings_, problem_);
  std::vector<Rule> rules;
  for (const ProbeFinding& finding : findings) rules.push_back(finding.rule);
  EXPECT_THAT(rules,
              ElementsAre(Rule::kCrashEntry, Rule::kOk, Rule::kVanished, Rule::kStdout, Rule::kOk));
}

TEST_F(ProbeTest, QuarantinesUntilTheFileChanges) {
  const tests::Environment counting("LEET_PROBE", counting_probe());
  const fs::path file = root_.write("x.so", tests::read_bytes(hostile("crash_load")));
  EXPECT_EQ(probe(file).rule, Rule::kCrashLoad);
  const ProbeFinding again = probe(file);
  EXPECT_EQ(again.rule, Rule::kCrashLoad);
  EXPECT_TRUE(again.remembered);
  ASSERT_THAT(records(), SizeIs(1));
  EXPECT_THAT(again.seen, AllOf(HasSubstr("signal 11"),
                                HasSubstr("to try again, remove " + records()[0].string())));
  EXPECT_EQ(runs(), 1u);
  root_.write("x.so", tests::read_bytes(hostile("none")));
  EXPECT_EQ(probe(file).rule, Rule::kOk);
  EXPECT_EQ(runs(), 2u);
}

TEST_F(ProbeTest, QuarantinesUntilTheEnvironmentChanges) {
  const tests::Environment counting("LEET_PROBE", counting_probe());
  EXPECT_EQ(probe(hostile("crash_load")).rule, Rule::kCrashLoad);
  settings_.seconds += 1;
  EXPECT_FALSE(probe(hostile("crash_load")).remembered);
  const tests::Environment path("LD_LIBRARY_PATH", "/nowhere");
  EXPECT_FALSE(probe(hostile("crash_load")).remembered);
  counting_probe();  // a new one
  EXPECT_FALSE(probe(hostile("crash_load")).remembered);
  EXPECT_EQ(runs(), 4u);
}

TEST_F(ProbeTest, LetsARemovedRecordGo) {
  probe(hostile("crash_load"));
  for (const fs::path& record : records()) fs::remove(record);
  EXPECT_FALSE(probe(hostile("crash_load")).remembered);
}

TEST_F(ProbeTest, WritesADamagedRecordAgain) {
  const ProbeFinding first = probe(hostile("none"));
  ASSERT_THAT(records(), SizeIs(1));
  const fs::path record = records()[0];
  const std::string whole = tests::read_bytes(record);
  const auto without = [&](const std::string& key) {
    std::string text = whole;
    return text.replace(text.find(key), key.size(), std::string(key.size(), 'x'));
  };
  for (const std::string& damaged :
       {std::string(), std::string("{"), whole.substr(0, whole.size() / 2), std::string("[]"),
        std::string("{\"rule\": 1}"), std::string(100000, '['), without("leet.probe/1"),
        without("digest"), without("environment"), without("OK"), without("policy"),
        std::string("\0\xff\xfe", 3)}) {
    root_.write("leet/probe/" + record.filename().string(), damaged);
    const ProbeFinding again = probe(hostile("none"));
    EXPECT_FALSE(again.remembered) << damaged;
    EXPECT_EQ(again.rule, Rule::kOk);
    EXPECT_EQ(again.seen, first.seen);
    EXPECT_TRUE(probe(hostile("none")).remembered) << damaged;
  }
}

TEST_F(ProbeTest, DoesNotBelieveARecordThatOthersCouldWrite) {
  probe(hostile("none"));
  ASSERT_THAT(records(), SizeIs(1));
  chmod(records()[0].c_str(), 0666);
  EXPECT_FALSE(probe(hostile("none")).remembered);
}

TEST_F(ProbeTest, WarnsOnceOfACacheThatCannotBeWritten) {
  root_.write("file", "");
  const tests::Environment nowhere("XDG_CACHE_HOME", root_ / "file");
  const auto findings =
      probe_files({hostile("none"), hostile("good"), hostile("crash_load")}, settings_, problem_);
  EXPECT_EQ(findings.at(0).rule, Rule::kOk);
  EXPECT_EQ(findings.at(2).rule, Rule::kCrashLoad);
  EXPECT_THAT(problem_, AllOf(HasSubstr("not kept"), HasSubstr("Not a directory")));
  const Registry registry = open("none");
  EXPECT_THAT(registry.report().warnings, ElementsAre(problem_));
  EXPECT_THAT(registry.methods(), SizeIs(1));
}

TEST_F(ProbeTest, IsSafeWithManyAtOnce) {
  std::vector<std::thread> threads;
  std::vector<ProbeFinding> findings(8);
  for (ProbeFinding& finding : findings) {
    threads.emplace_back([this, &finding] {
      std::string problem;
      finding = probe_files({hostile("none")}, settings_, problem).at(0);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const ProbeFinding& finding : findings) EXPECT_EQ(finding.rule, Rule::kOk) << finding.seen;
  EXPECT_THAT(records(), SizeIs(1));  // and nothing half written
  EXPECT_TRUE(probe(hostile("none")).remembered);
}

TEST_F(ProbeTest, DropsTheOldestRecords) {
  ProbeCache cache("somewhere");
  for (std::uint64_t i = 0; i <= 1000; ++i) cache.keep({i, i, i, ""}, {Rule::kOk, ""});
  EXPECT_THAT(records(), SizeIs(501));
  EXPECT_TRUE(cache.find({1000, 1000, 1000, ""}).has_value());
}

// What the machine lacks now it may have the next time.
TEST_F(ProbeTest, DoesNotRememberWhatWasNotThePluginsDoing) {
  EXPECT_EQ(probe(hostile("entry_error")).rule, Rule::kEntry);
  EXPECT_EQ(probe(hostile("kill_entry")).rule, Rule::kVanished);
  const tests::Environment nowhere("LEET_PROBE", "/nowhere/leet-probe");
  EXPECT_EQ(probe(hostile("none")).rule, Rule::kUnprobedWarning);
  EXPECT_THAT(records(), IsEmpty());
}

// The file changed since the host looked at it. Neither is it used, nor is that remembered.
TEST_F(ProbeTest, TakesWhatTheProbesInspectionFinds) {
  const tests::Environment refusing(
      "LEET_PROBE", scripted_probe("echo '{\"protocol\": 1}' >&3\n"
                                   "echo '{\"rule\": \"E-TRUNCATED\", \"seen\": \"cut\"}' >&3"));
  const ProbeFinding finding = probe(hostile("none"));
  EXPECT_EQ(finding.rule, Rule::kTruncated);
  EXPECT_EQ(finding.seen, "cut");
  EXPECT_THAT(records(), IsEmpty());
  EXPECT_THAT(open("none").methods(), IsEmpty());
}

TEST_F(ProbeTest, ProbesAFileThatChangesMeanwhileAgain) {
  const fs::path file = root_.write("x.so", tests::read_bytes(hostile("none")));
  const std::string crash = hostile("crash_load").string();
  // Once it has passed, it becomes another.
  const tests::Environment swapping(
      "LEET_PROBE", counting_probe("[ $n = 2 ] && " + kExec + "\n" + kProbe.string() +
                                   " \"$@\"\ncp '" + crash + "' \"$2\"; exit\n"));
  EXPECT_EQ(probe(file).rule, Rule::kCrashLoad);
  EXPECT_EQ(runs(), 2u);
  EXPECT_THAT(records(), SizeIs(1));  // and none for what it was
}

TEST_F(ProbeTest, GivesUpOnAFileThatKeepsChanging) {
  const fs::path file = root_.write("x.so", tests::read_bytes(hostile("none")));
  const tests::Environment growing("LEET_PROBE", counting_probe("echo >> \"$2\"\n"));
  const ProbeFinding finding = probe(file);
  EXPECT_EQ(finding.rule, Rule::kUnreadable);
  EXPECT_THAT(finding.seen, HasSubstr("keeps changing"));
  EXPECT_EQ(runs(), 2u);
  EXPECT_THAT(records(), IsEmpty());
}

TEST_F(ProbeTest, GivesALateProbeASecondTry) {
  settings_.seconds = 2;
  const tests::Environment late("LEET_PROBE", counting_probe("[ $n = 1 ] && sleep 60\n"));
  const ProbeFinding finding = probe(hostile("none"));
  EXPECT_EQ(finding.rule, Rule::kOk) << finding.seen;
  EXPECT_EQ(runs(), 2u);
}

TEST_F(ProbeTest, RemembersAHangThatComesTwice) {
  settings_.seconds = 1;
  const tests::Environment counting("LEET_PROBE", counting_probe());
  EXPECT_EQ(probe(hostile("hang_entry")).rule, Rule::kTimeout);
  EXPECT_EQ(runs(), 2u);
  EXPECT_TRUE(probe(hostile("hang_entry")).remembered);
  EXPECT_EQ(runs(), 2u);
}

TEST_F(ProbeTest, ProbesCopiesAloneWhereTheFindingMayNotBeTheirs) {
  const fs::path copy = root_.write("copy.so", tests::read_bytes(hostile("none")));
  const tests::Environment killed("LEET_PROBE", counting_probe("[ $n = 1 ] && kill -KILL $$\n"));
  const auto findings = probe_files({hostile("none"), copy}, settings_, problem_);
  EXPECT_EQ(findings.at(0).rule, Rule::kUnprobedWarning);
  EXPECT_EQ(findings.at(1).rule, Rule::kOk) << findings.at(1).seen;
  EXPECT_EQ(runs(), 2u);
}

TEST_F(ProbeTest, AsksAgainWhenALibraryIsAnother) {
  // A name with a slash is a path, so the test needs no runpath.
  const std::string name = "libleet_hostile_absent.so";
  const fs::path library = root_ / "x";
  ASSERT_LE(library.string().size(), name.size()) << "TMPDIR is too long for this test";
  std::string padded = library.string();
  padded.resize(name.size());
  tests::ElfPatch patch(tests::read_bytes(hostile("needs_library")));
  patch.replace(name, padded);
  const fs::path file = root_.write("x.so", patch.bytes());
  root_.write("x", "one");
  const auto first = subject_of(file);
  ASSERT_TRUE(first.has_value());
  EXPECT_THAT(first->libraries, HasSubstr(library.string()));
  EXPECT_EQ(subject_of(file), first);
  ProbeCache cache("somewhere");
  cache.keep(*first, {Rule::kOk, ""});
  EXPECT_TRUE(cache.find(*first).has_value());
  root_.write("x", "another");
  const auto second = subject_of(file);
  EXPECT_NE(second, first);
  EXPECT_FALSE(cache.find(*second).has_value());
  // The system's are found as well.
  EXPECT_THAT(subject_of(hostile("none"))->libraries, HasSubstr("libm.so.6 "));
}

TEST_F(ProbeTest, AsksAgainWithAnotherNumberOfThreads) {
  for (const char* name : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}) {
    probe(hostile("none"));
    EXPECT_TRUE(probe(hostile("none")).remembered);
    const tests::Environment threads(name, "3");
    EXPECT_FALSE(probe(hostile("none")).remembered) << name;
  }
}

TEST_F(ProbeTest, WarnsOfACacheThatOthersMayWrite) {
  fs::create_directories(root_ / "leet/probe");
  chmod((root_ / "leet/probe").c_str(), 0775);
  const auto findings = probe_files({hostile("none"), hostile("good")}, settings_, problem_);
  EXPECT_EQ(findings.at(0).rule, Rule::kOk);
  EXPECT_THAT(problem_, AllOf(HasSubstr("not kept"), HasSubstr("leet/probe")));
  EXPECT_THAT(open("none").report().warnings, ElementsAre(problem_));
}

TEST_F(ProbeTest, AProbeKilledMidwayIsNoVerdict) {
  const fs::path script = scripted_probe(
      "echo '{\"protocol\": 1}' >&3\necho '{\"stage\": \"execute\"}' >&3\nkill -KILL $$");
  const tests::Environment killed("LEET_PROBE", script);
  const ProbeFinding finding = probe(hostile("none"));
  EXPECT_EQ(finding.rule, Rule::kVanished);
  EXPECT_THAT(finding.seen, HasSubstr("signal 9 (Killed) in execute"));
  EXPECT_THAT(records(), IsEmpty());
}

TEST_F(ProbeTest, AProbeOfAnotherVersionIsNone) {
  const fs::path script = root_.write("probe", "#!/bin/sh\necho '{\"protocol\": 99}' >&3\n");
  chmod(script.c_str(), 0755);
  const tests::Environment other("LEET_PROBE", script);
  const ProbeFinding finding = probe(hostile("none"));
  EXPECT_EQ(finding.rule, Rule::kUnprobedWarning);
  EXPECT_THAT(finding.seen, HasSubstr("protocol 99"));
}

TEST_F(ProbeTest, OffLoadsWithoutAsking) {
  const tests::Environment counting("LEET_PROBE", counting_probe());
  settings_.policy = ProbePolicy::kOff;
  const Registry registry = open("ignores_decay");  // harmless, only wrong
  EXPECT_EQ(registry.report().entries.at(0).rule, Rule::kOk);
  EXPECT_THAT(registry.methods(), SizeIs(1));
  EXPECT_EQ(runs(), 0u);
  EXPECT_THAT(records(), IsEmpty());
}

TEST_F(ProbeTest, ContractComputesNothing) {
  settings_.policy = ProbePolicy::kContract;
  for (const char* name : {"ignores_decay", "crash_supports", "crash_plan", "crash_execute"}) {
    EXPECT_EQ(probe(hostile(name)).rule, Rule::kOk) << name;
  }
  EXPECT_EQ(probe(hostile("chdir")).rule, Rule::kSideEffects);
  EXPECT_EQ(probe(hostile("fast_math")).rule, Rule::kFpState);
  EXPECT_EQ(probe(hostile("crash_entry")).rule, Rule::kCrashEntry);
  EXPECT_EQ(probe(hostile("null_execute")).rule, Rule::kNullTables);
  // What it found is no answer to a stricter question.
  settings_.policy = ProbePolicy::kSelfTest;
  EXPECT_EQ(probe(hostile("ignores_decay")).rule, Rule::kSelfTest);
}

TEST_F(ProbeTest, ShadowedFilesAreNotRun) {
  const tests::Environment counting("LEET_PROBE", counting_probe());
  RegistryOptions options;
  options.paths = {hostile("none"), hostile("crash_load")};
  options.default_paths = false;
  const Registry registry = Registry::open(options);
  EXPECT_EQ(registry.report().entries.at(1).rule, Rule::kShadowed);
  EXPECT_EQ(runs(), 1u);
  // In the other order the second has its turn once the first has failed.
  options.paths = {hostile("crash_load"), hostile("none")};
  const Registry reversed = Registry::open(options);
  EXPECT_EQ(reversed.report().entries.at(0).rule, Rule::kCrashLoad);
  EXPECT_EQ(reversed.report().entries.at(1).rule, Rule::kOk);
}

TEST_F(ProbeTest, InspectionRunsNothing) {
  const tests::Environment counting("LEET_PROBE", counting_probe());
  RegistryOptions options;
  options.paths = {hostile("crash_load")};
  options.default_paths = false;
  options.inspect_only = true;
  EXPECT_EQ(Registry::open(options).report().entries.at(0).rule, Rule::kOk);
  EXPECT_EQ(runs(), 0u);
}

TEST(Probe, IsFoundBesideThisProgram) {
  EXPECT_EQ(find_probe(), fs::canonical(kProbe));
  const tests::Environment named("LEET_PROBE", "/some/where");
  EXPECT_EQ(find_probe(), "/some/where");
}

}  // namespace
}  // namespace leet::core
