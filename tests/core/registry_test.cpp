// SPDX-License-Identifier: Apache-2.0
//
// core::Registry on sound plugins: what is registered, and how methods are named. What broken ones
// earn is in tests/hostile.
#include "core/registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/core/environment.hpp"
#include "tests/hostile/elf_patch.hpp"
#include "tests/support/temporary_directory.hpp"

namespace leet::core {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class RegistryTest : public ::testing::Test {
 protected:
  // A copy of a test plugin under another id, of at most as many characters as "test.method".
  fs::path add(const std::string& directory, const std::string& file, const std::string& id,
               const std::string& plugin = "good") {
    fs::create_directory(root_ / directory);
    tests::ElfPatch patch(
        tests::read_bytes(LEET_BINARY_DIR "/hostile/leet_hostile_" + plugin + ".so"));
    std::string padded = id;
    padded.resize(std::string_view("test.method").size());
    patch.replace("test.method", padded);
    const fs::path path = root_.write(directory + "/" + file, patch.bytes());
    for (const fs::path& each : {path, path.parent_path()}) chmod(each.c_str(), 0755);
    return path;
  }
  Registry open(const std::vector<std::string>& directories) const {
    RegistryOptions options;
    options.default_paths = false;
    options.configuration.probe.policy = ProbePolicy::kOff;  // which probe_test.cpp is about
    for (const std::string& directory : directories) options.paths.push_back(root_ / directory);
    return Registry::open(options);
  }
  static std::string error_of(const Result<const Method*>& result) {
    return result.ok() ? "found " + std::string((*result)->identity.id) : result.error().message;
  }

  tests::TemporaryDirectory root_;
};

TEST_F(RegistryTest, LoadsAndSortsById) {
  add("d", "a.so", "zeta.method");
  const fs::path alpha = add("d", "b.so", "acme.method");
  const Registry registry = open({"d"});
  ASSERT_THAT(registry.methods(), SizeIs(2));
  EXPECT_STREQ(registry.methods()[0].identity.id, "acme.method");
  EXPECT_STREQ(registry.methods()[1].identity.id, "zeta.method");
  EXPECT_EQ(registry.methods()[0].path, alpha);
  EXPECT_STREQ(registry.methods()[0].table->id, "acme.method");
  EXPECT_THAT(registry.methods()[0].device_types, ElementsAre(LEET_DEVICE_CPU));
}

TEST_F(RegistryTest, OpensTwice) {
  add("d", "a.so", "acme.method");
  const Registry first = open({"d"});
  const Registry second = open({"d"});
  ASSERT_THAT(second.methods(), SizeIs(1));
  EXPECT_EQ(first.methods()[0].table, second.methods()[0].table);
}

TEST_F(RegistryTest, FindsByIdAndByUniqueSuffix) {
  add("d", "a.so", "acme.method");
  add("d", "b.so", "acme.second");
  add("d", "c.so", "z.dot.third");
  const Registry registry = open({"d"});
  for (const char* name : {"acme.second", "second"}) {
    ASSERT_TRUE(registry.find(name, 0).ok()) << error_of(registry.find(name, 0));
    EXPECT_STREQ((*registry.find(name, LEET_DEVICE_CPU))->identity.id, "acme.second");
  }
  for (const char* name : {"z.dot.third", "dot.third", "third"}) {
    EXPECT_TRUE(registry.find(name, 0).ok()) << name;
  }
  for (const char* name : {"", ".", "econd", ".second", "acme", "acme.", "Second", "*"}) {
    const auto found = registry.find(name, 0);
    ASSERT_FALSE(found.ok()) << name;
    EXPECT_EQ(found.error().code, LEET_STATUS_UNAVAILABLE) << name;
  }
}

TEST_F(RegistryTest, ExactIdsWinOverSuffixes) {
  add("d", "a.so", "method");
  add("d", "b.so", "acme.method");
  add("d", "c.so", "st.method");
  const Registry registry = open({"d"});
  ASSERT_THAT(registry.methods(), SizeIs(3));
  for (const char* id : {"method", "acme.method", "st.method"}) {
    const auto found = registry.find(id, 0);
    ASSERT_TRUE(found.ok()) << error_of(found);
    EXPECT_STREQ((*found)->identity.id, id);
  }
}

TEST_F(RegistryTest, RefusesAmbiguousSuffixes) {
  add("d", "a.so", "acme.method");
  add("d", "b.so", "evil.method");
  const Registry registry = open({"d"});
  const auto found = registry.find("method", 0);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, LEET_STATUS_INVALID_ARGUMENT);
  EXPECT_THAT(found.error().message, HasSubstr("acme.method or evil.method"));
}

TEST_F(RegistryTest, NamesWhatThereIsAndTheNearest) {
  add("d", "a.so", "acme.method");
  add("d", "b.so", "acme.second");
  const Registry registry = open({"d"});
  EXPECT_THAT(error_of(registry.find("acme.secnd", 0)),
              AllOf(HasSubstr("there are acme.method, acme.second"),
                    HasSubstr("did you mean 'acme.second'?")));
  EXPECT_THAT(error_of(registry.find("metod", 0)), HasSubstr("did you mean 'method'?"));
  EXPECT_THAT(error_of(registry.find("quantum", 0)), Not(HasSubstr("did you mean")));
  EXPECT_THAT(error_of(registry.find(std::string(100000, 'x'), 0)), HasSubstr("there are"));
}

TEST_F(RegistryTest, SaysWhereItLookedWhenThereIsNothing) {
  fs::create_directory(root_ / "empty");
  const auto found = open({"empty", "none"}).find("naive", 0);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, LEET_STATUS_UNAVAILABLE);
  EXPECT_THAT(found.error().message,
              AllOf(HasSubstr("no usable plugin"), HasSubstr((root_ / "empty").string()),
                    HasSubstr((root_ / "none").string()), HasSubstr("leet list")));
}

TEST_F(RegistryTest, KeepsTheEarlierFileForEachDevice) {
  const fs::path cpu = add("first", "a.so", "acme.method");
  const fs::path both = add("second", "b.so", "acme.method", "two_devices");
  const Registry registry = open({"first", "second"});
  ASSERT_THAT(registry.methods(), SizeIs(2));
  EXPECT_EQ((*registry.find("method", LEET_DEVICE_CPU))->path, cpu);
  EXPECT_EQ((*registry.find("method", LEET_DEVICE_CUDA))->path, both);
  EXPECT_EQ((*registry.find("method", 0))->path, cpu);
  EXPECT_THAT(registry.methods()[1].device_types, ElementsAre(LEET_DEVICE_CUDA));

  const Registry reversed = open({"second", "first"});
  ASSERT_THAT(reversed.methods(), SizeIs(1));
  EXPECT_THAT(reversed.methods()[0].device_types, ElementsAre(LEET_DEVICE_CPU, LEET_DEVICE_CUDA));
}

TEST_F(RegistryTest, SaysWhichDevicesAMethodServes) {
  add("d", "a.so", "acme.method", "two_devices");
  const Registry registry = open({"d"});
  const auto found = registry.find("method", LEET_DEVICE_CUDA_EMULATED);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, LEET_STATUS_UNAVAILABLE);
  EXPECT_THAT(found.error().message,
              HasSubstr("'acme.method' does not serve cuda_emulated: it serves cpu, cuda"));
}

TEST_F(RegistryTest, SearchesTheEnvironmentOnlyWhenAsked) {
  add("d", "a.so", "acme.method");
  const tests::Environment variable("LEET_PLUGIN_PATH", (root_ / "d").string());
  EXPECT_FALSE(open({}).find("acme.method", 0).ok());
  RegistryOptions options;
  options.configuration.probe.policy = ProbePolicy::kOff;
  EXPECT_TRUE(Registry::open(options).find("acme.method", 0).ok());
}

TEST(DeviceNames, GoBothWays) {
  for (const std::int32_t type :
       {LEET_DEVICE_CPU, LEET_DEVICE_CUDA, LEET_DEVICE_CUDA_EMULATED, LEET_DEVICE_CUDA_CHECKED}) {
    EXPECT_EQ(*parse_device(device_name(type)), type);
  }
  EXPECT_EQ(device_name(LEET_DEVICE_CPU), "cpu");
  EXPECT_EQ(device_name(77), "device_type_77");
  for (const char* name : {"", "CPU", "gpu", "cpu ", "device_type_77"}) {
    const auto parsed = parse_device(name);
    ASSERT_FALSE(parsed.ok()) << name;
    EXPECT_EQ(parsed.error().code, LEET_STATUS_INVALID_ARGUMENT);
    EXPECT_THAT(parsed.error().message, HasSubstr("cpu, cuda, cuda_emulated or cuda_checked"));
  }
}

}  // namespace
}  // namespace leet::core
