// SPDX-License-Identifier: Apache-2.0
//
// The vectorised kernels on every instruction set that this machine has, not only on its best one.
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "tests/plugins/operator_case.hpp"
#include "tests/support/methods.hpp"

namespace leet::plugin_tests {
namespace {

// Highway's library holds the choice, once for the process and so for the plugins in it.
class Forced {
 public:
  explicit Forced(std::int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  ~Forced() {
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

std::vector<std::int64_t> targets_here() {
  std::vector<std::int64_t> targets;
  for (std::int64_t bits = hwy::SupportedTargets(); bits != 0; bits &= bits - 1) {
    targets.push_back(bits & -bits);
  }
  return targets;
}

using Variant = std::tuple<std::string, int>;

std::string variant_name(const testing::TestParamInfo<Variant>& variant) {
  static constexpr const char* kDecays[] = {"none", "head", "step", "channel"};
  const auto& [method, decay] = variant.param;
  return tests::test_name(method) + "_" + kDecays[decay];
}

class InstructionSets : public testing::TestWithParam<Variant> {};
INSTANTIATE_TEST_SUITE_P(Method, InstructionSets,
                         testing::Combine(testing::ValuesIn(tests::vector_variants()),
                                          testing::Range(0, LEET_DECAY_CHANNEL + 1)),
                         variant_name);

TEST_P(InstructionSets, AgreeWithTheOracle) {
  const auto& [method, decay] = GetParam();
  if (!claims_decay(method, decay)) GTEST_SKIP() << "not claimed by the method";
  const std::vector<std::int64_t> targets = targets_here();
  ASSERT_FALSE(targets.empty());
  for (const std::int64_t target : targets) {
    const Forced forced(target);
    for (const leet_dtype dtype : {sdk::kF32, sdk::kF16, sdk::kBf16}) {
      for (const auto& [N, R, D, heads, kv_heads] : {std::tuple{1, 33, 70, 3, 3},
                                                     {230, 16, 16, 2, 2},
                                                     {230, 33, 70, 4, 2},
                                                     {97, 7, 40, 3, 1},
                                                     {130, 20, 33, 10, 2}}) {
        SCOPED_TRACE(testing::Message()
                     << hwy::TargetName(target) << " " << sdk::dtype_name(dtype) << " N=" << N
                     << " R=" << R << " D=" << D << " H=" << heads << " Hk=" << kv_heads);
        Operands operands({.B = 2,
                           .H = heads,
                           .N = N,
                           .R = R,
                           .D = D,
                           .Hk = kv_heads,
                           .Hv = kv_heads,
                           .Hg = kv_heads,
                           .q = dtype,
                           .decay_kind = decay,
                           .has_state_in = true,
                           .in_place = true});
        const core::OracleResult expected = operands.oracle();
        expect_near(operands, expected, run(method, operands));
      }
    }
  }
}

}  // namespace
}  // namespace leet::plugin_tests
