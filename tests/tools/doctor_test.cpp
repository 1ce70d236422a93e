// SPDX-License-Identifier: Apache-2.0
//
// `leet doctor`, on this machine made sick in one way at a time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tools/common/exit_code.hpp"
#include "tools/leet/doctor/system.hpp"

namespace leet::tests {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kMoody = LEET_BINARY_DIR "/tests/plugins/leet_moody.so";
const std::string kFakeCuda = LEET_BINARY_DIR "/tests/fake_cuda";

using Variables = std::map<std::string, std::string>;

// With a method that is all right, found nowhere but there.
struct Doctor {
  explicit Doctor(const Variables& environment = {}, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"doctor", "--json", "--only-plugins", "--plugins",
                                          kMoody};
    arguments.insert(arguments.end(), more.begin(), more.end());
    result = run_leet(arguments, environment);
    record = json::parse(result.out);
  }

  json section(const std::string& name) const {
    for (const json& found : record.at("sections")) {
      if (found.at("name") == name) return found;
    }
    return {};
  }
  json fact(const std::string& in, const std::string& name) const {
    return section(in).at("facts").at(name);
  }
  // Every finding as "level: text -> fix".
  std::string findings(const std::string& in) const {
    std::string all;
    const json found = section(in);
    for (const json& finding : found.at("findings")) {
      const std::string level = finding.at("level");
      const std::string fix = finding.at("fix");
      EXPECT_EQ(fix.empty(), level == "ok") << finding;
      all += level + ": " + finding.at("text").get<std::string>() + " -> " + fix + "\n";
    }
    return all;
  }

  ProcessResult result;
  json record;
};

TEST(Doctor, LooksAtEverything) {
  const Doctor doctor;
  EXPECT_EQ(doctor.result.exit_code, tools::kExitOk) << doctor.result.out;
  EXPECT_EQ(doctor.result.err, "");
  EXPECT_EQ(doctor.record.at("schema"), "leet.doctor/1");
  EXPECT_EQ(doctor.record.at("errors"), 0);
  for (const char* name :
       {"machine", "environment", "configuration", "caches", "cuda", "plugins"}) {
    EXPECT_NE(doctor.findings(name), "") << name;
  }
  EXPECT_GE(doctor.fact("machine", "usable cpus"), 1);
  EXPECT_FALSE(doctor.fact("machine", "vector targets").empty());
  EXPECT_TRUE(doctor.fact("plugins", "test.moody 1.2.3").is_string());
  EXPECT_THAT(doctor.findings("plugins"), HasSubstr("ok: 1 method can be used"));
}

TEST(Doctor, TextKeepsToTheWidthOfATerminal) {
  const ProcessResult result = run_leet({"doctor", "--only-plugins", "--plugins", kMoody});
  EXPECT_EQ(result.exit_code, tools::kExitOk);
  EXPECT_THAT(result.out, AllOf(StartsWith("leet 0."), HasSubstr("\nmachine\n  cpu "),
                                HasSubstr("\nplugins\n"), HasSubstr("\n0 errors, ")));
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t last_word = line.find_last_of(' ') + 1;  // a path may be longer
    EXPECT_LE(std::min(line.size(), last_word), 100u) << line;
  }
}

TEST(Doctor, TellsWhereEachValueComesFrom) {
  const TemporaryDirectory directory;
  const std::string file = directory.write("my.yaml", "log:\n  level: info\nthreads: 1\n");
  const Doctor named(Variables{{"LEET_CONFIG", file}});
  EXPECT_EQ(named.fact("configuration", "file"),
            (json{{"value", file}, {"origin", "LEET_CONFIG"}}));
  EXPECT_EQ(named.fact("configuration", "threads"),
            (json{{"value", "1"}, {"origin", file + ":3"}}));
  EXPECT_EQ(named.fact("configuration", "pin_threads"),
            (json{{"value", "false"}, {"origin", "default"}}));
  EXPECT_EQ(named.fact("environment", "LEET_CONFIG"), file);
  const Doctor given({}, {"--config", file, "--log-level", "error"});
  EXPECT_EQ(given.fact("configuration", "file").at("origin"), "--config");
  EXPECT_EQ(given.fact("configuration", "log.level"),
            (json{{"value", "error"}, {"origin", "--log-level"}}));
}

TEST(Doctor, ABrokenConfigurationIsAnErrorAndNotTheEnd) {
  const TemporaryDirectory directory;
  const std::string file = directory.write("my.yaml", "treads: 1\n");
  const Doctor doctor(Variables{{"LEET_CONFIG", file}});
  EXPECT_EQ(doctor.result.exit_code, tools::kExitNegative);
  EXPECT_EQ(doctor.record.at("errors"), 1);
  EXPECT_THAT(doctor.findings("configuration"),
              StartsWith("error: " + file + ":1:1: unknown key 'treads': did you mean 'threads'?"));
  EXPECT_THAT(doctor.findings("plugins"), HasSubstr("ok: 1 method can be used"));
}

TEST(Doctor, ThreadsBeyondTheCpusAreAWarning) {
  const TemporaryDirectory directory;
  const Doctor doctor(Variables{{"LEET_CONFIG", directory.write("my.yaml", "threads: 4096\n")}});
  EXPECT_EQ(doctor.result.exit_code, tools::kExitOk);
  EXPECT_THAT(doctor.findings("configuration"), HasSubstr("warning: threads: 4096, on "));
}

TEST(Doctor, MisspeltVariablesAreAWarning) {
  const Doctor doctor(Variables{{"LEET_PLUGINPATH", "/x"}, {"XDG_CACHE_HOME", "cache"}});
  EXPECT_THAT(
      doctor.findings("environment"),
      AllOf(HasSubstr("warning: LEET_PLUGINPATH is no variable that leet knows -> Did you "
                      "mean LEET_PLUGIN_PATH?"),
            HasSubstr("warning: XDG_CACHE_HOME='cache' is relative and therefore ignored")));
}

TEST(Doctor, MeasuresTheCache) {
  const TemporaryDirectory home;
  std::filesystem::create_directories(home / "leet/probe");
  home.write("leet/probe/a", std::string(2048, 'x'));
  // The doctor's own probe adds its record after the caches were looked at.
  const Doctor doctor(Variables{{"XDG_CACHE_HOME", home.path()}});
  EXPECT_EQ(doctor.fact("caches", "directory"), (home / "leet").string());
  EXPECT_EQ(doctor.fact("caches", "exists"), true);
  EXPECT_EQ(doctor.fact("caches", "writable"), true);
  EXPECT_EQ(doctor.fact("caches", "files"), 1);
  EXPECT_EQ(doctor.fact("caches", "size"), "2.0 KiB");

  const Doctor fresh(Variables{{"XDG_CACHE_HOME", home / "none"}});
  EXPECT_EQ(fresh.fact("caches", "exists"), false);
  EXPECT_THAT(fresh.findings("caches"), HasSubstr("ok: the cache is made when it is needed"));

  const Doctor file(Variables{{"XDG_CACHE_HOME", home.write("plain", "").parent_path() / "plain"}});
  EXPECT_THAT(file.findings("caches"), StartsWith("warning: "));
  EXPECT_EQ(file.result.exit_code, tools::kExitOk);
}

TEST(Doctor, ARefusedFileIsAnErrorWithItsFix) {
  const TemporaryDirectory directory;
  directory.write("leet_broken.so", "not a plugin");
  std::filesystem::permissions(directory / "leet_broken.so", std::filesystem::perms(0755));
  const Doctor doctor({}, {"--plugins", directory.path()});
  EXPECT_EQ(doctor.result.exit_code, tools::kExitNegative);
  EXPECT_THAT(doctor.findings("plugins"),
              AllOf(HasSubstr("ok: 1 method can be used"), HasSubstr("error: E-NOT-ELF "),
                    HasSubstr("-> Build it as a shared library with leet_add_plugin().\n")));
}

TEST(Doctor, NoMethodIsAnErrorAndAMissingPlaceAWarning) {
  const TemporaryDirectory directory;
  const ProcessResult result =
      run_leet({"doctor", "--only-plugins", "--plugins", directory / "none"});
  EXPECT_EQ(result.exit_code, tools::kExitNegative);
  EXPECT_THAT(result.out, AllOf(HasSubstr("[error]   there is no method that can be used"),
                                HasSubstr("[warning] "), HasSubstr("no such file or directory"),
                                HasSubstr("\n1 error, ")));
}

TEST(Doctor, WithoutTheProbeItRunsNoPlugin) {
  const Doctor doctor(Variables{{"LEET_PROBE", "/nonexistent/leet-probe"}});
  EXPECT_THAT(doctor.findings("plugins"), HasSubstr("warning: leet-probe can't be run"));
  EXPECT_EQ(doctor.fact("plugins", "test.moody 1.2.3"), kMoody);
}

TEST(Doctor, AProbeThatAnswersNothingRunsNoPluginEither) {
  const Doctor doctor(Variables{{"LEET_PROBE", "/bin/false"}});
  EXPECT_THAT(doctor.findings("plugins"), HasSubstr("E-NOT-PROBED"));
  EXPECT_EQ(doctor.result.exit_code, tools::kExitNegative);
}

TEST(Doctor, NamesTheDevicesOfTheCudaDriver) {
  const Doctor doctor(Variables{{"LD_LIBRARY_PATH", kFakeCuda}});
  EXPECT_EQ(doctor.result.exit_code, tools::kExitOk);
  EXPECT_EQ(doctor.findings("cuda"), "ok: the CUDA driver has 2 devices -> \n");
  EXPECT_EQ(doctor.fact("cuda", "libcuda.so.1"), kFakeCuda + "/libcuda.so.1");
  EXPECT_EQ(doctor.fact("cuda", "driver's CUDA"), "13.1");
  EXPECT_EQ(doctor.fact("cuda", "device 0"), "Fake H100, sm_90, 80.0 GiB");
  EXPECT_EQ(doctor.fact("cuda", "device 1"), "Fake T4, sm_75, 16.0 GiB");
}

TEST(Doctor, ExplainsWhatIsWrongWithCuda) {
  const auto findings = [](const Variables& variables) {
    Variables all = variables;
    all["LD_LIBRARY_PATH"] = kFakeCuda;
    return Doctor(all).findings("cuda");
  };
  EXPECT_THAT(findings({{"FAKE_CUDA", "no-device"}}),
              StartsWith("note: the CUDA driver finds no device -> See nvidia-smi"));
  EXPECT_THAT(findings({{"FAKE_CUDA", "no-device"}, {"CUDA_VISIBLE_DEVICES", ""}}),
              HasSubstr("CUDA_VISIBLE_DEVICES='' may hide them"));
  EXPECT_THAT(findings({{"FAKE_CUDA", "mismatch"}}),
              StartsWith("warning: the CUDA driver does not start: error 803 (system has "
                         "unsupported display driver)"));
  EXPECT_THAT(findings({{"FAKE_CUDA", "crash"}}),
              StartsWith("error: the CUDA driver's library crashed by signal 6"));
}

// A machine of the test's own.
class SystemFiles : public testing::Test {
 protected:
  void file(const std::string& name, const std::string& content) {
    std::filesystem::create_directories((root_ / name).parent_path());
    root_.write(name, content);
  }
  doctor::System read() const { return doctor::read_system(root_.path()); }

  TemporaryDirectory root_;
};

TEST_F(SystemFiles, AnEmptyMachineTellsNothing) {
  const doctor::System system = read();
  EXPECT_FALSE(system.cpu_quota);
  EXPECT_FALSE(system.memory_limit);
  EXPECT_FALSE(system.memory_total);
  EXPECT_EQ(system.huge_pages, "");
}

TEST_F(SystemFiles, ReadsMemoryPagesAndGovernor) {
  file("proc/meminfo", "MemTotal: 2048 kB\nMemFree: 1 kB\nMemAvailable: 1024 kB\n");
  file("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
  file("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n");
  const doctor::System system = read();
  EXPECT_EQ(system.memory_total, 2048 * 1024);
  EXPECT_EQ(system.memory_free, 1024 * 1024);
  EXPECT_EQ(system.huge_pages, "madvise");
  EXPECT_EQ(system.governor, "powersave");
}

TEST_F(SystemFiles, TheTightestGroupOfVersionTwoBinds) {
  file("proc/self/cgroup", "0::/outer/inner\n");
  file("sys/fs/cgroup/outer/cpu.max", "150000 100000\n");
  file("sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n");
  file("sys/fs/cgroup/outer/memory.max", "max\n");
  file("sys/fs/cgroup/outer/inner/memory.max", "1073741824\n");
  const doctor::System system = read();
  EXPECT_EQ(system.cpu_quota, 1.5);
  EXPECT_EQ(system.memory_limit, 0x1p30);
}

TEST_F(SystemFiles, GroupsOfVersionOneBindToo) {
  file("proc/self/cgroup", "5:memory:/job\n4:cpu,cpuacct:/job\n0::/\n");
  file("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "400000\n");
  file("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
  file("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  file("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  file("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  const doctor::System system = read();
  EXPECT_EQ(system.cpu_quota, 4);
  EXPECT_FALSE(system.memory_limit);
}

}  // namespace
}  // namespace leet::tests
