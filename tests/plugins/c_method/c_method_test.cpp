// SPDX-License-Identifier: Apache-2.0
//
// The method in C, found, loaded and run like any other, against the oracle.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <stdexcept>

#include "core/host_services.hpp"
#include "core/plan.hpp"
#include "core/registry.hpp"
#include "tests/plugins/operator_case.hpp"
#include "tests/sdk/problem_builder.hpp"

namespace leet::plugin_tests {
namespace {

const core::Registry& registry() {
  static const core::Registry opened =
      core::Registry::open({.paths = {LEET_BINARY_DIR "/test_plugins/c_method"},
                            .configuration = {},
                            .default_paths = false});
  return opened;
}

const core::Method& c_method() {
  const auto found = registry().find("test.c_method", LEET_DEVICE_CPU);
  if (!found) throw std::runtime_error(found.error().message);
  return **found;
}

// Runs the method on a case with two workers and compares with the oracle.
void check(const OperatorCase& description) {
  Operands operands(description);
  const core::OracleResult expected = operands.oracle();
  const core::HostServices host(2, "off");
  const auto plan = make_plan(c_method(), host, operands, "");
  execute(*plan, operands);
  expect_near(operands, expected, plan->info().declared_rel_error);
}

TEST(CMethod, IsLoadedAndShowsItsIdentity) {
  ASSERT_EQ(registry().report().entries.size(), 1u);
  const core::LoadReportEntry& entry = registry().report().entries[0];
  EXPECT_STREQ(core::rule_code(entry.rule), "OK") << entry.seen;
  const core::Method& method = c_method();
  EXPECT_STREQ(method.table->id, "test.c_method");
  EXPECT_STREQ(method.identity.id, "test.c_method");
  EXPECT_STREQ(method.identity.version, method.table->version);
  EXPECT_EQ(method.identity.dtypes, std::uint32_t{LEET_DTYPES_F32});
  EXPECT_EQ(method.table->options, nullptr);
  EXPECT_EQ(method.table->get_extension, nullptr);
}

class CMethodByDecay : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Cpu, CMethodByDecay, testing::Range(0, LEET_DECAY_CHANNEL + 1));

TEST_P(CMethodByDecay, MatchesTheOracle) {
  for (const std::int64_t N : {0, 1, 63, 65, 100, 257}) {
    SCOPED_TRACE(testing::Message() << "N=" << N);
    check({.B = 2, .N = N, .R = 17, .D = 33, .decay_kind = GetParam(), .has_state_in = true});
  }
}

TEST_P(CMethodByDecay, ReadsTimeFirstLayoutsAtOddAddresses) {
  check({.B = 2,
         .H = 3,
         .N = 40,
         .R = 9,
         .D = 7,
         .decay_kind = GetParam(),
         .has_state_in = true,
         .time_first = true,
         .unaligned = true});
}

TEST_P(CMethodByDecay, SharesHeads) {
  for (const auto& [Hq, Hk, Hv, Hg] :
       {std::array{12, 4, 4, 4}, {12, 1, 1, 1}, {3, 3, 12, 12}, {12, 2, 3, 1}, {1, 4, 6, 12}}) {
    SCOPED_TRACE(testing::Message() << Hq << ' ' << Hk << ' ' << Hv << ' ' << Hg);
    check({.H = 12,
           .N = 20,
           .R = 5,
           .D = 6,
           .Hq = Hq,
           .Hk = Hk,
           .Hv = Hv,
           .Hg = Hg,
           .decay_kind = GetParam(),
           .has_state_in = true});
  }
}

TEST_P(CMethodByDecay, RunsPackedSequences) {
  check({.N = 30,
         .decay_kind = GetParam(),
         .has_state_in = true,
         .unaligned = true,
         .offsets = {0, 7, 7, 8, 30}});
}

TEST(CMethod, TakesEmptyExtentsAndMissingTensors) {
  for (const auto& [B, H, N, R, D] : {std::array{0, 2, 5, 3, 4},
                                      {1, 0, 5, 3, 4},
                                      {1, 2, 0, 3, 4},
                                      {1, 2, 5, 0, 4},
                                      {1, 2, 5, 3, 0}}) {
    SCOPED_TRACE(testing::Message() << B << ' ' << H << ' ' << N << ' ' << R << ' ' << D);
    check({.B = B, .H = H, .N = N, .R = R, .D = D, .has_state_in = true});
  }
  check({.has_state_out = false});
  check({.has_out = false, .has_state_in = true});
  check({.has_state_in = true, .in_place = true});
}

TEST(CMethod, StaysAccurateOverLongSequencesOfTinyRates) {
  check({.H = 1, .N = 8192, .R = 8, .D = 8, .rate = 1e-5});
}

// A call of supports() as a host of any version might make it.
leet_verdict supports(const leet_problem& problem, leet_device device = {LEET_DEVICE_CPU, 0}) {
  const core::HostServices host(1, "off");
  leet_verdict verdict{};
  verdict.struct_size = sizeof verdict;
  EXPECT_EQ(
      c_method().table->supports(&host.table(), &problem, &device, nullptr, &verdict, nullptr),
      LEET_STATUS_OK);
  return verdict;
}

TEST(CMethod, RefusesWithAReason) {
  const auto expect_refused = [](const auto& bend, const char* reason) {
    sdk_test::ProblemBuilder builder;
    bend(builder);
    const leet_verdict verdict = supports(builder.raw);
    EXPECT_EQ(verdict.answer, LEET_ANSWER_NO) << reason;
    EXPECT_THAT(verdict.reason, testing::HasSubstr(reason));
  };
  using Builder = sdk_test::ProblemBuilder;
  const Builder plain;
  EXPECT_EQ(supports(plain.raw).answer, LEET_ANSWER_YES);
  EXPECT_EQ(supports(plain.raw, {LEET_DEVICE_CUDA, 0}).answer, LEET_ANSWER_NO);
  expect_refused([](Builder& b) { b.raw.must_understand = 2; }, "must_understand=0x2");
  expect_refused([](Builder& b) { b.raw.dynamic_axes = 48; }, "dynamic_axes=0x30");
  expect_refused([](Builder& b) { b.raw.decay_kind = 4; }, "decay_kind=4");
  expect_refused([](Builder& b) { b.raw.lowest_precision = 2; }, "lowest_precision=2");
  expect_refused([](Builder& b) { b.at(LEET_ROLE_Q).dtype = sdk::kF16; }, "role 0 has dtype");
  expect_refused([](Builder& b) { b.at(LEET_ROLE_V).dtype = sdk::kF64; }, "role 2 has dtype");
  expect_refused([](Builder& b) { b.at(LEET_ROLE_OUT).dtype = sdk::kBf16; }, "role 5 has dtype");
  expect_refused(
      [](Builder& b) {
        b.raw.role_count = LEET_ROLE_COUNT + 1;
        b.set(LEET_ROLE_COUNT, b.at(LEET_ROLE_Q));
      },
      "tensor role 8");
}

TEST(CMethod, PlanCreateRefusesTheSameWithTheSameWords) {
  Operands operands({.q = sdk::kBf16});
  const core::HostServices host(1, "off");
  try {
    make_plan(c_method(), host, operands, "");
    FAIL() << "a plan was made";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(),
                testing::HasSubstr("role 0 has dtype code 4 with 16 bits: needs f32"));
  }
}

TEST(CMethod, HasNoOptions) {
  const core::HostServices host(1, "off");
  const sdk_test::ProblemBuilder builder;
  const leet_device cpu = {LEET_DEVICE_CPU, 0};
  leet_verdict verdict{};
  verdict.struct_size = sizeof verdict;
  leet_error error{};
  error.struct_size = sizeof error;
  EXPECT_EQ(
      c_method().table->supports(&host.table(), &builder.raw, &cpu, "chunk=1", &verdict, &error),
      LEET_STATUS_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "test.c_method has no options");
  EXPECT_EQ(c_method().table->supports(&host.table(), &builder.raw, &cpu, "", &verdict, &error),
            LEET_STATUS_OK);
}

}  // namespace
}  // namespace leet::plugin_tests
