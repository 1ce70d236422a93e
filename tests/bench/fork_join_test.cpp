// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/fork_join.hpp"

#include <gtest/gtest.h>

namespace leet::bench {
namespace {

TEST(ForkJoin, MeasuresLoopsOfSeveralWorkers) {
  for (const bool pinned : {false, true}) {
    const ForkJoin loop = measure_fork_join(2, pinned);
    EXPECT_EQ(loop.threads, 2);
    EXPECT_EQ(loop.pinned, pinned);
    EXPECT_GT(loop.empty, 0);
    EXPECT_LT(loop.empty, 1e-3);
    // Nothing where the machine never had two CPUs to give within a millisecond.
    EXPECT_GT(loop.everyone.value_or(1), 0);
  }
}

TEST(ForkJoin, OneWorkerIsAlwaysComplete) {
  const ForkJoin loop = measure_fork_join(1, false);
  ASSERT_TRUE(loop.everyone);
  EXPECT_LT(*loop.everyone, 1e-3);
}

}  // namespace
}  // namespace leet::bench
