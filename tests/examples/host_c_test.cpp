// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/process.hpp"

namespace leet::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kProgram = LEET_BINARY_DIR "/bin/host_c";

TEST(HostC, ListsMethodsAndChecksOneOfThem) {
  const ProcessResult outcome = run_process({kProgram});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("method leet.naive "), HasSubstr("method leet.recurrent "),
                    HasSubstr("t=7  head 0: 36 (expected 36)  head 1: 1.99219 (expected 1.99219)"),
                    HasSubstr("recurrent is right\n")));
}

TEST(HostC, TakesAnyMethod) {
  const ProcessResult outcome = run_process({kProgram, "naive"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("naive is right\n"));
}

TEST(HostC, ReportsAnUnknownMethod) {
  const ProcessResult outcome = run_process({kProgram, "no_such_method"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(count_lines(outcome.err), 1) << outcome.err;
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("no_such_method"), HasSubstr("LEET_STATUS_UNAVAILABLE")));
}

TEST(HostC, FindsAMethodThatComputesWrongly) {
  const ProcessResult outcome = run_process(
      {kProgram, "test.counting"}, {{"LEET_PLUGIN_PATH", LEET_BINARY_DIR "/tests/example_plugins"},
                                    {"LEET_CONFIG", kUnprobed},
                                    {"LEET_TEST_MISBEHAVE", "nan"}});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.out;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("nan (expected 1)"), HasSubstr("test.counting is wrong\n")));
}

}  // namespace
}  // namespace leet::tests
