// SPDX-License-Identifier: Apache-2.0
//
// The header-only layers, included by two translation units of one program: nothing is defined
// twice, and both see one definition of each entity.
#include <gtest/gtest.h>

#include <leet/leet.hpp>
#include <leet/plugin.hpp>

#include "tests/abi/odr_other.hpp"

namespace {

TEST(Headers, TwoTranslationUnitsShareOneDefinition) {
  EXPECT_STREQ(odr_other::dtype_name(leet::sdk::kBf16), "bf16");
  EXPECT_EQ(odr_other::f16_constant(), &leet::sdk::kF16);
  EXPECT_EQ(odr_other::to_f16(1.5f), leet::sdk::to_f16(1.5f).bits);
  float value = 0;
  EXPECT_EQ(odr_other::rank_of_view(&value), leet::tensor(&value, {1, 1}).spec.rank);
}

}  // namespace
