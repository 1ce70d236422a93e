// SPDX-License-Identifier: Apache-2.0
//
// Runs a test on every instruction set of the machine, not only on its best one.
#ifndef LEET_TESTS_SDK_CPU_EVERY_TARGET_HPP
#define LEET_TESTS_SDK_CPU_EVERY_TARGET_HPP

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cstdint>

namespace leet::cpu_tests {

template <class Body>
void on_every_target(Body&& body) {
  const std::int64_t all = hwy::SupportedTargets();
  ASSERT_NE(all, 0);
  for (std::int64_t bits = all; bits != 0; bits &= bits - 1) {
    hwy::SetSupportedTargetsForTest(bits & -bits);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    SCOPED_TRACE(hwy::TargetName(bits & -bits));
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace leet::cpu_tests
#endif  // LEET_TESTS_SDK_CPU_EVERY_TARGET_HPP
