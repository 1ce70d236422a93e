// SPDX-License-Identifier: Apache-2.0
//
// A library that is there must never be called missing; one that is nowhere must.
#include "core/needed_libraries.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/temporary_directory.hpp"

namespace leet::core {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Names = std::vector<std::string_view>;

constexpr std::string_view kAbsent = "libleet_nowhere.so.7";

class NeededLibraries : public ::testing::Test {
 protected:
  NeededLibraries() {
    fs::create_directories(root_ / "plugins");
    fs::create_directories(root_ / "private/glibc-hwcaps/x86-64-v3");
    root_.write("private/libleet_private.so", "");
    root_.write("private/glibc-hwcaps/x86-64-v3/libleet_fast.so", "");
    root_.write("plugins/leet_x.so", "");
  }
  std::vector<std::string> missing(const Names& needed, const Names& runpaths,
                                   std::string_view plugin = "plugins/leet_x.so") const {
    return missing_libraries(needed, runpaths, root_ / plugin);
  }

  tests::TemporaryDirectory root_;
};

TEST_F(NeededLibraries, FindsTheSystems) {
  EXPECT_THAT(missing({"libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1"}, {}),
              IsEmpty());
}

TEST_F(NeededLibraries, NamesThoseThatAreNowhere) {
  EXPECT_THAT(missing({"libc.so.6", kAbsent, "/nowhere/libx.so"}, {"$ORIGIN"}),
              ElementsAre(kAbsent, "/nowhere/libx.so"));
  // Part of a name in the linker's cache is not a name.
  EXPECT_THAT(missing({"c.so.6", "libc.so"}, {"/nowhere"}), ::testing::Contains("c.so.6"));
}

TEST_F(NeededLibraries, FollowsRunpaths) {
  const Names needed = {"libleet_private.so", "libleet_fast.so"};
  EXPECT_THAT(missing(needed, {}), ElementsAre(needed[0], needed[1]));
  EXPECT_THAT(missing(needed, {(root_ / "private").string()}), IsEmpty());
  for (const char* runpath : {"$ORIGIN/../private", "${ORIGIN}/../private",
                              "/nowhere:$ORIGIN/../private", ":/x:$ORIGIN/../private:"}) {
    EXPECT_THAT(missing(needed, {runpath}), IsEmpty()) << runpath;
  }
  EXPECT_THAT(missing(needed, {"/nowhere", "$ORIGIN/../private"}), IsEmpty());
}

// The dynamic linker takes $ORIGIN from the path that it is given; the real file's counts too.
TEST_F(NeededLibraries, TakesTheOriginOfLinksAndOfFiles) {
  fs::create_directories(root_ / "deep/er/links");
  fs::create_symlink(root_ / "plugins/leet_x.so", root_ / "deep/er/links/leet_x.so");
  root_.write("deep/er/libleet_by_link.so", "");
  EXPECT_THAT(missing({"libleet_private.so"}, {"$ORIGIN/../private"}, "deep/er/links/leet_x.so"),
              IsEmpty());
  EXPECT_THAT(missing({"libleet_by_link.so"}, {"$ORIGIN/.."}, "deep/er/links/leet_x.so"),
              IsEmpty());
}

TEST_F(NeededLibraries, DoubtsWhatItCannotExpand) {
  EXPECT_THAT(missing({kAbsent}, {"/usr/$LIB"}), IsEmpty());
  EXPECT_THAT(missing({"$ORIGIN/libx.so"}, {}), IsEmpty());
  fs::create_directory(root_ / "$ORIGIN");
  root_.write("$ORIGIN/leet_x.so", "");
  EXPECT_THAT(missing({kAbsent}, {"$ORIGIN"}, "$ORIGIN/leet_x.so"), IsEmpty());
}

}  // namespace
}  // namespace leet::core
