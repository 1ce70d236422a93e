// SPDX-License-Identifier: Apache-2.0
#include "core/discovery.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/core/environment.hpp"
#include "tests/support/temporary_directory.hpp"

namespace leet::core {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tests::Environment;
using tests::TemporaryDirectory;

Discovery discover_only(std::vector<fs::path> paths) {
  RegistryOptions options;
  options.paths = std::move(paths);
  options.default_paths = false;
  return discover(options);
}

// Directories of files, with nothing of the machine's own around them.
class DiscoveryTest : public ::testing::Test {
 protected:
  fs::path directory(std::string_view name) const {
    fs::create_directories(root_ / name);
    chmod((root_ / name).c_str(), 0755);
    return root_ / name;
  }
  fs::path file(std::string_view name) const {
    const fs::path path = root_.write(name, "not a plugin");
    chmod(path.c_str(), 0644);
    return path;
  }
  // The candidates below the scratch directory, relative to it, in order.
  std::vector<std::string> names(const Discovery& found) const {
    std::vector<std::string> out;
    for (const Candidate& candidate : found.candidates) {
      const std::string name = candidate.path.lexically_relative(root_.path()).string();
      if (!name.starts_with("..")) out.push_back(name);
    }
    return out;
  }
  static const SearchedDirectory* searched(const Discovery& found, const fs::path& path) {
    const auto entry = std::find_if(found.searched.begin(), found.searched.end(),
                                    [&](const SearchedDirectory& s) { return s.path == path; });
    return entry == found.searched.end() ? nullptr : &*entry;
  }

  TemporaryDirectory root_;
  Environment plugin_path_{"LEET_PLUGIN_PATH", ""};
  Environment data_home_{"XDG_DATA_HOME", (root_ / "data").string()};
};

TEST_F(DiscoveryTest, SortsByNameAndTakesOnlySharedObjects) {
  directory("d");
  for (const char* name : {"d/b.so", "d/a.so", "d/c.so", "d/c.so.1", "d/readme.txt", "d/so"}) {
    file(name);
  }
  directory("d/nested.so");
  directory("d/sub");
  file("d/sub/x.so");
  const Discovery found = discover_only({root_ / "d"});
  EXPECT_THAT(names(found), ElementsAre("d/a.so", "d/b.so", "d/c.so"));
  ASSERT_THAT(found.searched, SizeIs(1));
  EXPECT_EQ(found.searched[0].candidates, 3);
  EXPECT_EQ(found.searched[0].origin, "command line");
  EXPECT_THAT(found.searched[0].problem, IsEmpty());
}

TEST_F(DiscoveryTest, SearchesInTheDocumentedOrder) {
  for (const char* name : {"explicit", "variable1", "variable2", "configured"}) directory(name);
  directory("data/leet/plugins-0");
  for (const char* name : {"explicit/e.so", "variable1/v.so", "variable2/v.so", "configured/c.so",
                           "data/leet/plugins-0/d.so"}) {
    file(name);
  }
  const Environment variable(
      "LEET_PLUGIN_PATH", (root_ / "variable1").string() + "::" + (root_ / "variable2").string());
  RegistryOptions options;
  options.paths = {root_ / "explicit"};
  options.configuration.file = "leet.yaml";
  options.configuration.search = {root_ / "configured"};
  const Discovery found = discover(options);
  EXPECT_THAT(names(found), ElementsAre("explicit/e.so", "variable1/v.so", "variable2/v.so",
                                        "configured/c.so", "data/leet/plugins-0/d.so"));

  std::vector<std::string> origins;
  for (const SearchedDirectory& entry : found.searched) origins.push_back(entry.origin);
  EXPECT_THAT(origins, ElementsAre("command line", "LEET_PLUGIN_PATH", "LEET_PLUGIN_PATH",
                                   "configuration leet.yaml", "user data", "beside the library",
                                   "beside the library", "install prefix"));
  for (const Candidate& candidate : found.candidates) {
    EXPECT_EQ(candidate.explicitly_given, candidate.search_entry == 0) << candidate.path;
  }
}

TEST_F(DiscoveryTest, FindsThePluginsBesideTheLibrary) {
  const Discovery found = discover({});
  EXPECT_NE(searched(found, fs::canonical(LEET_BINARY_DIR) / "plugins"), nullptr);
  EXPECT_NE(searched(found, fs::canonical(LEET_BINARY_DIR) / "lib/leet/plugins-0"), nullptr);
}

TEST_F(DiscoveryTest, LeavesTheDefaultPlacesOut) {
  directory("variable");
  file("variable/v.so");
  const Environment variable("LEET_PLUGIN_PATH", (root_ / "variable").string());
  EXPECT_THAT(discover_only({}).searched, IsEmpty());
}

TEST_F(DiscoveryTest, NeverSearchesTheCurrentDirectoryByItself) {
  directory("here");
  file("here/x.so");
  const fs::path before = fs::current_path();
  fs::current_path(root_ / "here");
  for (const char* value : {"", ":", "::", ":/nowhere:"}) {
    const Environment variable("LEET_PLUGIN_PATH", value);
    EXPECT_THAT(names(discover({})), IsEmpty()) << "LEET_PLUGIN_PATH=" << value;
  }
  // Asked for, it is a path like any other, and an absolute one from then on.
  EXPECT_THAT(names(discover_only({"."})), ElementsAre("here/x.so"));
  fs::current_path(before);
}

TEST_F(DiscoveryTest, CountsADirectoryOnce) {
  directory("d");
  file("d/a.so");
  fs::create_directory_symlink(root_ / "d", root_ / "link");
  const Environment variable("LEET_PLUGIN_PATH", (root_ / "d").string());
  RegistryOptions options;
  options.paths = {root_ / "d", root_ / "link", root_ / "d/../d"};
  options.configuration.search = {root_ / "d"};
  const Discovery found = discover(options);
  EXPECT_THAT(names(found), ElementsAre("d/a.so"));
  EXPECT_THAT(found.searched[0].problem, IsEmpty());
  for (std::size_t i = 1; i < 5; ++i) {
    EXPECT_THAT(found.searched[i].problem, HasSubstr("searched already")) << i;
  }
}

TEST_F(DiscoveryTest, CountsAFileOnce) {
  directory("d");
  file("d/a.so");
  fs::create_symlink("a.so", root_ / "d/b.so");
  const Discovery found = discover_only({root_ / "d/a.so", root_ / "d", root_ / "d/a.so"});
  EXPECT_THAT(names(found), ElementsAre("d/a.so"));
  EXPECT_THAT(found.searched[2].problem, HasSubstr("found already"));
}

TEST_F(DiscoveryTest, TakesAFileOfAnyNameExplicitly) {
  file("plugin.bin");
  EXPECT_THAT(names(discover_only({root_ / "plugin.bin"})), ElementsAre("plugin.bin"));
}

TEST_F(DiscoveryTest, RecordsWhatIsMissing) {
  RegistryOptions options;
  options.paths = {root_ / "none", root_ / "none.so"};
  const Discovery found = discover(options);
  EXPECT_THAT(names(found), IsEmpty());
  EXPECT_EQ(found.searched[0].problem, "no such file or directory");
  EXPECT_EQ(found.searched[1].problem, "no such file or directory");
  const SearchedDirectory* data = searched(found, root_ / "data/leet/plugins-0");
  ASSERT_NE(data, nullptr);
  EXPECT_EQ(data->problem, "no such file or directory");
}

// Whom may a file be trusted by: each case begins with what can be trusted.
class TrustTest : public DiscoveryTest {
 protected:
  TrustTest() {
    directory("d");
    directory("links");
    file("d/a.so");
    fs::create_symlink(root_ / "d/a.so", root_ / "links/a.so");
  }
  const fs::path plugin_ = root_ / "d/a.so";
  const fs::path link_ = root_ / "links/a.so";
};

TEST_F(TrustTest, AcceptsWhatOnlyItsOwnerWrites) {
  EXPECT_EQ(why_untrusted(plugin_), "");
  EXPECT_EQ(why_untrusted(link_), "");
}

TEST_F(TrustTest, RefusesFilesThatOthersWrite) {
  chmod(plugin_.c_str(), 0664);
  EXPECT_THAT(why_untrusted(plugin_), HasSubstr("a.so has mode 0664, writable by its group"));
  EXPECT_THAT(why_untrusted(link_), HasSubstr("mode 0664"));
  chmod(plugin_.c_str(), 0646);
  EXPECT_THAT(why_untrusted(plugin_), HasSubstr("writable by everyone"));
}

TEST_F(TrustTest, RefusesDirectoriesThatOthersWrite) {
  chmod((root_ / "d").c_str(), 0775);
  EXPECT_THAT(why_untrusted(plugin_), HasSubstr("mode 0775"));
  EXPECT_THAT(why_untrusted(link_), HasSubstr("mode 0775")) << "the real file's directory";
  chmod((root_ / "d").c_str(), 01777);
  EXPECT_THAT(why_untrusted(plugin_), HasSubstr("mode 1777")) << "a sticky bit does not help";
}

TEST_F(TrustTest, RefusesLinksThatOthersCouldChange) {
  chmod((root_ / "links").c_str(), 0777);
  EXPECT_THAT(why_untrusted(link_), HasSubstr("links has mode 0777"));
  EXPECT_EQ(why_untrusted(plugin_), "") << "reached directly";
}

TEST_F(TrustTest, RefusesChainsWithALinkThatOthersCouldChange) {
  directory("outer");
  fs::create_symlink("../links/a.so", root_ / "outer/a.so");
  fs::create_symlink("a.so", root_ / "outer/b.so");
  const fs::path chain = root_ / "outer/b.so";
  EXPECT_EQ(why_untrusted(chain), "");
  chmod((root_ / "links").c_str(), 0777);
  EXPECT_THAT(why_untrusted(chain), HasSubstr("links has mode 0777"));
  EXPECT_EQ(why_untrusted(plugin_), "") << "reached directly";
}

TEST_F(TrustTest, RefusesOtherOwners) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file to another user";
  ASSERT_EQ(chown((root_ / "links").c_str(), 12345, 12345), 0);
  EXPECT_THAT(why_untrusted(link_), HasSubstr("owned by user 12345"));
  EXPECT_EQ(why_untrusted(plugin_), "");
  ASSERT_EQ(chown(plugin_.c_str(), 12345, 12345), 0);
  EXPECT_THAT(why_untrusted(plugin_), HasSubstr("owned by user 12345; this process has user 0"));
}

}  // namespace
}  // namespace leet::core
