// SPDX-License-Identifier: Apache-2.0
//
// What the C++ layer refuses before a method is asked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <leet/plugin/claims.hpp>
#include <ostream>
#include <string>

#include "tests/sdk/problem_builder.hpp"

namespace leet::sdk {
namespace {

using sdk_test::contiguous;
using sdk_test::ProblemBuilder;

constexpr leet_device kCpu = {LEET_DEVICE_CPU, 0};

constexpr leet_note_desc kEverything = identity(
    {.id = "test.everything",
     .version = "1.2.3",
     .devices = {LEET_DEVICE_CPU, LEET_DEVICE_CUDA},
     .decay_kinds = LEET_DECAYS_NONE | LEET_DECAYS_HEAD | LEET_DECAYS_STEP | LEET_DECAYS_CHANNEL,
     .dtypes = LEET_DTYPES_F16 | LEET_DTYPES_BF16 | LEET_DTYPES_F32 | LEET_DTYPES_F64,
     .features = LEET_FEATURE_STATES | LEET_FEATURE_VARLEN | LEET_FEATURE_SHARED_HEADS |
                 LEET_FEATURE_ANY_STRIDES | LEET_FEATURE_DYNAMIC_AXES | LEET_FEATURE_F32_OUT});

constexpr leet_note_desc kLeast = identity({.id = "test.least",
                                            .version = "0",
                                            .decay_kinds = LEET_DECAYS_NONE,
                                            .dtypes = LEET_DTYPES_F32 | LEET_DTYPES_F16});

TEST(Identity, FillsTheNote) {
  EXPECT_EQ(kEverything.note_version, LEET_NOTE_VERSION);
  EXPECT_EQ(kEverything.abi_major, LEET_ABI_MAJOR);
  EXPECT_EQ(kEverything.abi_minor_built, LEET_ABI_MINOR);
  EXPECT_EQ(kEverything.abi_minor_required, LEET_ABI_OLDEST_MINOR);
  EXPECT_THAT(kEverything.device_types,
              testing::ElementsAre(LEET_DEVICE_CPU, LEET_DEVICE_CUDA, 0, 0));
  EXPECT_STREQ(kEverything.id, "test.everything");
  EXPECT_STREQ(kEverything.version, "1.2.3");
  EXPECT_THAT(kLeast.device_types, testing::ElementsAre(LEET_DEVICE_CPU, 0, 0, 0));
}

TEST(Verdict, CarriesReasonsThatFit) {
  EXPECT_EQ(Verdict::yes(2).answer, LEET_ANSWER_YES);
  EXPECT_EQ(Verdict::yes(2).predicted_seconds, 2);
  const Verdict slow = Verdict::slow(3, "R=%d: no fast path", 7);
  EXPECT_EQ(slow.answer, LEET_ANSWER_SLOW);
  EXPECT_EQ(slow.predicted_seconds, 3);
  EXPECT_STREQ(slow.reason, "R=7: no fast path");
  const std::string longer(1000, 'x');
  const Verdict cut = Verdict::no("%s", longer.c_str());
  EXPECT_EQ(cut.answer, LEET_ANSWER_NO);
  EXPECT_EQ(std::strlen(cut.reason), sizeof cut.reason - 1);
}

// How a problem is bent, and the words that the refusal must contain; none if it must pass.
struct Case {
  const char* name;
  std::function<void(ProblemBuilder&)> bend;
  const char* refusal;
};

std::ostream& operator<<(std::ostream& stream, const Case& c) { return stream << c.name; }

const auto kCaseName = [](const auto& instance) { return std::string(instance.param.name); };

void expect(const Verdict& verdict, const Case& c) {
  EXPECT_EQ(verdict.answer, c.refusal == nullptr ? LEET_ANSWER_YES : LEET_ANSWER_NO)
      << verdict.reason;
  if (c.refusal != nullptr) {
    EXPECT_THAT(verdict.reason, testing::HasSubstr(c.refusal));
  }
}

class Visible : public testing::TestWithParam<Case> {};

TEST_P(Visible, RefusesWhatALaterHostMaySend) {
  ProblemBuilder builder;
  GetParam().bend(builder);
  expect(check_visible(builder.raw), GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Check, Visible,
    testing::Values(
        Case{"plain", [](ProblemBuilder&) {}, nullptr},
        Case{"must_understand", [](ProblemBuilder& b) { b.raw.must_understand = 0x80000000u; },
             "must_understand=0x80000000"},
        Case{"may_ignore", [](ProblemBuilder& b) { b.raw.may_ignore = 0xffffffffu; }, nullptr},
        Case{"known_axes", [](ProblemBuilder& b) { b.raw.dynamic_axes = 15; }, nullptr},
        Case{"unknown_axis", [](ProblemBuilder& b) { b.raw.dynamic_axes = 16; },
             "dynamic_axes=0x10"},
        Case{"decay_kind_above", [](ProblemBuilder& b) { b.raw.decay_kind = 4; }, "decay_kind=4"},
        Case{"decay_kind_below", [](ProblemBuilder& b) { b.raw.decay_kind = -1; }, "decay_kind=-1"},
        Case{"tf32", [](ProblemBuilder& b) { b.raw.lowest_precision = LEET_PRECISION_TF32; },
             nullptr},
        Case{"precision_above", [](ProblemBuilder& b) { b.raw.lowest_precision = 2; },
             "lowest_precision=2"},
        Case{"precision_below", [](ProblemBuilder& b) { b.raw.lowest_precision = -1; },
             "lowest_precision=-1"},
        Case{"empty_later_role", [](ProblemBuilder& b) { b.raw.role_count = LEET_ROLE_COUNT + 2; },
             nullptr},
        Case{"later_role",
             [](ProblemBuilder& b) {
               b.raw.role_count = LEET_ROLE_COUNT + 2;
               b.set(LEET_ROLE_COUNT + 1, contiguous(kF32, {1}));
             },
             "tensor role 9"},
        Case{"fewer_roles", [](ProblemBuilder& b) { b.raw.role_count = LEET_ROLE_OUT + 1; },
             nullptr}),
    kCaseName);

void set_dtype(ProblemBuilder& builder, leet_dtype dtype) {
  for (const int role : {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_OUT}) {
    builder.at(role).dtype = dtype;
  }
}

void set_decay(ProblemBuilder& builder, int kind) {
  builder.raw.decay_kind = kind;
  builder.set(LEET_ROLE_LOG_DECAY, contiguous(kF32, {2, 4, 5, 3}));
}

class Claims : public testing::TestWithParam<Case> {};

// The refusals are those of a method that claims least; one that claims everything has none.
TEST_P(Claims, RefusesWhatTheNoteDoesNotClaim) {
  ProblemBuilder builder;
  GetParam().bend(builder);
  expect(check_claims(kLeast, builder.raw, kCpu), GetParam());
  const Verdict everything = check_claims(kEverything, builder.raw, kCpu);
  EXPECT_EQ(everything.answer, LEET_ANSWER_YES) << everything.reason;
}

INSTANTIATE_TEST_SUITE_P(
    Check, Claims,
    testing::Values(
        Case{"plain", [](ProblemBuilder&) {}, nullptr},
        Case{"f16", [](ProblemBuilder& b) { set_dtype(b, kF16); }, nullptr},
        Case{"bf16", [](ProblemBuilder& b) { set_dtype(b, kBf16); }, "dtype bf16"},
        Case{"f64", [](ProblemBuilder& b) { set_dtype(b, kF64); }, "dtype f64"},
        Case{"one_f64", [](ProblemBuilder& b) { b.at(LEET_ROLE_V).dtype = kF64; }, "dtype f64"},
        Case{"head", [](ProblemBuilder& b) { set_decay(b, LEET_DECAY_HEAD); }, "decay kind 'head'"},
        Case{"step", [](ProblemBuilder& b) { set_decay(b, LEET_DECAY_STEP); }, "decay kind 'step'"},
        Case{"channel", [](ProblemBuilder& b) { set_decay(b, LEET_DECAY_CHANNEL); },
             "decay kind 'channel'"},
        Case{"fewer_k_heads",
             [](ProblemBuilder& b) {
               b.set(LEET_ROLE_K, contiguous(kF32, {2, 2, 5, 3}));
             },
             "needs 4 heads"},
        Case{"fewer_q_heads",
             [](ProblemBuilder& b) {
               b.set(LEET_ROLE_Q, contiguous(kF32, {2, 1, 5, 3}));
             },
             "needs 4 heads"},
        Case{"shared_heads_without_out",
             [](ProblemBuilder& b) {
               b.clear(LEET_ROLE_OUT);
               b.set(LEET_ROLE_Q, contiguous(kF32, {2, 1, 5, 3}));
             },
             "shared heads"},
        Case{"state_in",
             [](ProblemBuilder& b) {
               b.set(LEET_ROLE_STATE_IN, contiguous(kF32, {2, 4, 3, 6}));
             },
             "initial and final states"},
        Case{"state_out",
             [](ProblemBuilder& b) {
               b.set(LEET_ROLE_STATE_OUT, contiguous(kF32, {2, 4, 3, 6}));
             },
             "initial and final states"},
        Case{"packed",
             [](ProblemBuilder& b) { b.set(LEET_ROLE_SEQUENCE_OFFSETS, contiguous(kI64, {3})); },
             "packed sequences"},
        Case{"dynamic_n", [](ProblemBuilder& b) { b.raw.dynamic_axes = LEET_DYNAMIC_N; },
             "dynamic_axes=0x2"},
        Case{"dynamic_strides",
             [](ProblemBuilder& b) { b.raw.dynamic_axes = LEET_DYNAMIC_STRIDES; },
             "dynamic strides"},
        Case{"bnhd",
             [](ProblemBuilder& b) {
               b.at(LEET_ROLE_K).stride[1] = 3;
               b.at(LEET_ROLE_K).stride[2] = 4 * 3;
             },
             "tensor role 1 is strided"},
        Case{"broadcast_q", [](ProblemBuilder& b) { b.at(LEET_ROLE_Q).stride[0] = 0; },
             "tensor role 0 is strided"},
        Case{"stride_of_one_element",
             [](ProblemBuilder& b) {
               for (const int role : {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_OUT}) {
                 b.at(role).extent[0] = 1;
                 b.at(role).stride[0] = 12345;
               }
             },
             nullptr},
        Case{"strides_without_elements",
             [](ProblemBuilder& b) {
               for (const int role : {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_OUT}) {
                 b.at(role).extent[2] = 0;
                 b.at(role).stride[1] = 12345;
               }
             },
             nullptr},
        Case{"f32_out",
             [](ProblemBuilder& b) {
               set_dtype(b, kF16);
               b.at(LEET_ROLE_OUT).dtype = kF32;
             },
             "f32 out"}),
    kCaseName);

// The form in which the core hands a per-head decay to plugins is no claim of strides.
TEST(Claims, BroadcastDecayNeedsNoStrides) {
  leet_note_desc note = kLeast;
  note.decay_kinds |= LEET_DECAYS_HEAD;
  ProblemBuilder builder;
  set_decay(builder, LEET_DECAY_HEAD);
  leet_tensor_spec& g = builder.at(LEET_ROLE_LOG_DECAY);
  g.stride[0] = g.stride[2] = g.stride[3] = 0;
  g.stride[1] = 1;
  EXPECT_EQ(check_claims(note, builder.raw, kCpu).answer, LEET_ANSWER_YES);
  g.stride[1] = 2;
  EXPECT_EQ(check_claims(note, builder.raw, kCpu).answer, LEET_ANSWER_NO);
}

TEST(Claims, RefusesDevicesThatItWasNotBuiltFor) {
  const ProblemBuilder builder;
  EXPECT_EQ(check_claims(kEverything, builder.raw, {LEET_DEVICE_CUDA, -1}).answer, LEET_ANSWER_YES);
  for (const std::int32_t type : {std::int32_t{LEET_DEVICE_CUDA_EMULATED}, 0, 77}) {
    EXPECT_EQ(check_claims(kEverything, builder.raw, {type, 0}).answer, LEET_ANSWER_NO) << type;
  }
  EXPECT_EQ(check_claims(kLeast, builder.raw, {LEET_DEVICE_CUDA, 0}).answer, LEET_ANSWER_NO);
}

}  // namespace
}  // namespace leet::sdk
