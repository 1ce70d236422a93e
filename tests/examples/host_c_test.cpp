// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/examples/program.hpp"

namespace leet::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kProgram = LEET_BINARY_DIR "/bin/host_c";

TEST(HostC, ListsMethodsAndChecksOneOfThem) {
  const Outcome outcome = run({kProgram});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("method leet.naive "), HasSubstr("method leet.recurrent "),
                    HasSubstr("t=7  head 0: 36 (expected 36)  head 1: 1.99219 (expected 1.99219)"),
                    HasSubstr("recurrent is right\n")));
}

TEST(HostC, TakesAnyMethod) {
  const Outcome outcome = run({kProgram, "naive"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("naive is right\n"));
}

TEST(HostC, ReportsAnUnknownMethod) {
  const Outcome outcome = run({kProgram, "no_such_method"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(count_lines(outcome.err), 1) << outcome.err;
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("no_such_method"), HasSubstr("LEET_STATUS_UNAVAILABLE")));
}

TEST(HostC, FindsAMethodThatComputesWrongly) {
  const Outcome outcome = run({kProgram, "test.counting"},
                              {{"LEET_PLUGIN_PATH", LEET_BINARY_DIR "/tests/example_plugins"},
                               {"LEET_TEST_MISBEHAVE", "nan"}});
  EXPECT_EQ(outcome.code, 1) << outcome.out;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("nan (expected 1)"), HasSubstr("test.counting is wrong\n")));
}

}  // namespace
}  // namespace leet::test
