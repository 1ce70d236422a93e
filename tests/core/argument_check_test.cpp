// SPDX-License-Identifier: Apache-2.0
#include "core/argument_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <leet/leet.hpp>
#include <limits>
#include <string>
#include <vector>

namespace leet::core {
namespace {

using ::testing::HasSubstr;

// A well-formed problem whose parts a test may spoil: B=2 H=4 (k and v 2 heads) N=5 R=3 D=6, decay
// per head, both states.
struct Fixture {
  static constexpr std::int64_t B = 2, H = 4, Hk = 2, N = 5, R = 3, D = 6;
  std::vector<float> q = std::vector<float>(B * H * N * R);
  std::vector<float> k = std::vector<float>(B * Hk * N * R);
  std::vector<float> v = std::vector<float>(B * Hk * N * D);
  std::vector<float> decay = std::vector<float>(B * H, -0.5F);
  std::vector<float> out = std::vector<float>(B * H * N * D);
  std::vector<float> state_in = std::vector<float>(B * H * R * D);
  std::vector<float> state_out = std::vector<float>(B * H * R * D);
  std::array<leet_tensor, LEET_ROLE_COUNT> tensors{};
  std::array<const leet_tensor*, LEET_ROLE_COUNT> pointers{};
  std::array<const leet_tensor_spec*, LEET_ROLE_COUNT> specs{};
  leet_problem problem{};

  Fixture() {
    set(LEET_ROLE_Q, tensor(q.data(), {B, H, N, R}));
    set(LEET_ROLE_K, tensor(k.data(), {B, Hk, N, R}));
    set(LEET_ROLE_V, tensor(v.data(), {B, Hk, N, D}));
    set(LEET_ROLE_LOG_DECAY, tensor(decay.data(), {B, H, 1, 1}));
    set(LEET_ROLE_OUT, tensor(out.data(), {B, H, N, D}));
    set(LEET_ROLE_STATE_IN, tensor(state_in.data(), {B, H, R, D}));
    set(LEET_ROLE_STATE_OUT, tensor(state_out.data(), {B, H, R, D}));
    problem.struct_size = sizeof problem;
    problem.decay_kind = LEET_DECAY_HEAD;
    problem.role_count = LEET_ROLE_COUNT;
    problem.scale = 1;
    problem.specs = specs.data();
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  void set(int role, const leet_tensor& tensor) {
    const auto i = static_cast<std::size_t>(role);
    tensors[i] = tensor;
    pointers[i] = &tensors[i];
    specs[i] = &tensors[i].spec;
  }
  void clear(int role) {
    pointers[static_cast<std::size_t>(role)] = nullptr;
    specs[static_cast<std::size_t>(role)] = nullptr;
  }
  leet_tensor_spec& spec(int role) { return tensors[static_cast<std::size_t>(role)].spec; }

  Status check(const CheckedProblem& checked) {
    CheckedTensors out_tensors;
    return check_tensors(checked, pointers.data(), LEET_ROLE_COUNT, out_tensors);
  }
};

TEST(ArgumentCheck, AcceptsAWellFormedProblemAndGivesItsShape) {
  Fixture f;
  const Result<CheckedProblem> checked = check_problem(f.problem);
  ASSERT_TRUE(checked.ok()) << checked.error().message;
  EXPECT_EQ(checked->shape().B, 2);
  EXPECT_EQ(checked->shape().H, 4);
  EXPECT_EQ(checked->shape().Hs, 4);
  EXPECT_EQ(checked->shape().sequences, 2);
  EXPECT_TRUE(f.check(*checked).ok());
}

TEST(ArgumentCheck, GivesPluginsTheDecayWithFullExtentsAndStridesOfZero) {
  Fixture f;
  const Result<CheckedProblem> checked = check_problem(f.problem);
  ASSERT_TRUE(checked.ok());
  const leet_tensor_spec& decay = *checked->spec(LEET_ROLE_LOG_DECAY);
  EXPECT_THAT(std::vector(decay.extent, decay.extent + 4), testing::ElementsAre(2, 4, 5, 3));
  EXPECT_THAT(std::vector(decay.stride, decay.stride + 4), testing::ElementsAre(4, 1, 0, 0));
  EXPECT_EQ(decay.alignment, 4U);
}

struct BadProblem {
  const char* name;
  std::function<void(Fixture&)> spoil;
  leet_status status;
  const char* says;
};

class BadProblems : public testing::TestWithParam<BadProblem> {};

TEST_P(BadProblems, AreRefusedWithOneLineThatSaysWhatWouldBeRight) {
  Fixture f;
  GetParam().spoil(f);
  const Result<CheckedProblem> checked = check_problem(f.problem);
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().code, GetParam().status);
  EXPECT_THAT(checked.error().message, HasSubstr(GetParam().says));
  EXPECT_EQ(checked.error().message.find('\n'), std::string::npos);
}

constexpr leet_status kInvalid = LEET_STATUS_INVALID_ARGUMENT;
constexpr leet_status kUnsupported = LEET_STATUS_UNSUPPORTED;

INSTANTIATE_TEST_SUITE_P(
    ArgumentCheck, BadProblems,
    testing::Values(
        BadProblem{"ShortStruct", [](Fixture& f) { f.problem.struct_size = 8; }, kInvalid,
                   "struct_size 8"},
        BadProblem{"UnknownBit", [](Fixture& f) { f.problem.must_understand = 4; }, kUnsupported,
                   "must_understand=0x4"},
        BadProblem{"UnknownAxis", [](Fixture& f) { f.problem.dynamic_axes = 64; }, kUnsupported,
                   "dynamic_axes=0x40"},
        BadProblem{"UnknownDecayKind", [](Fixture& f) { f.problem.decay_kind = 9; }, kUnsupported,
                   "decay_kind=9"},
        BadProblem{"UnknownPrecision", [](Fixture& f) { f.problem.lowest_precision = -1; },
                   kUnsupported, "lowest_precision=-1"},
        BadProblem{"NanScale", [](Fixture& f) { f.problem.scale = std::nan(""); }, kInvalid,
                   "finite"},
        BadProblem{"NoSpecs", [](Fixture& f) { f.problem.specs = nullptr; }, kInvalid,
                   "specs is null"},
        BadProblem{"NoQ", [](Fixture& f) { f.clear(LEET_ROLE_Q); }, kInvalid, "q: absent"},
        BadProblem{"NoOutput",
                   [](Fixture& f) {
                     f.clear(LEET_ROLE_OUT);
                     f.clear(LEET_ROLE_STATE_OUT);
                   },
                   kInvalid, "both absent"},
        BadProblem{"Rank", [](Fixture& f) { f.spec(LEET_ROLE_K).rank = 3; }, kInvalid,
                   "k: rank 3; needs rank 4"},
        BadProblem{"NegativeExtent", [](Fixture& f) { f.spec(LEET_ROLE_V).extent[2] = -1; },
                   kInvalid, "v: extent -1"},
        BadProblem{"HugeExtent",
                   [](Fixture& f) {
                     for (const int role : {LEET_ROLE_Q, LEET_ROLE_K}) {
                       f.spec(role).extent[2] = 0;
                       f.spec(role).extent[3] = (std::int64_t{1} << 40) + 1;
                     }
                   },
                   kInvalid, "q: extent 1099511627777 along axis 3; needs 2^40 or less"},
        BadProblem{"HugeEmptyTensor",
                   [](Fixture& f) {
                     f.spec(LEET_ROLE_V).extent[0] = std::int64_t{1} << 20;
                     f.spec(LEET_ROLE_V).extent[1] = 0;
                     f.spec(LEET_ROLE_V).extent[2] = std::int64_t{1} << 38;
                     f.spec(LEET_ROLE_V).extent[3] = 1;
                   },
                   kInvalid,
                   "v: extents [1048576, 0, 274877906944, 1]; the product of those that are not 0"},
        BadProblem{"HugeBroadcast",
                   [](Fixture& f) {
                     f.spec(LEET_ROLE_K).extent[0] = f.spec(LEET_ROLE_K).extent[2] = std::int64_t{1}
                                                                                     << 30;
                     f.spec(LEET_ROLE_K).stride[0] = f.spec(LEET_ROLE_K).stride[2] = 0;
                   },
                   kInvalid, "below 2^60 bytes"},
        BadProblem{"NegativeStride", [](Fixture& f) { f.spec(LEET_ROLE_V).stride[1] = -30; },
                   kInvalid, "stride -30"},
        BadProblem{"LastStride", [](Fixture& f) { f.spec(LEET_ROLE_Q).stride[3] = 2; }, kInvalid,
                   "needs 1"},
        BadProblem{"BroadcastOutput", [](Fixture& f) { f.spec(LEET_ROLE_OUT).stride[0] = 0; },
                   kInvalid, "can't be broadcast"},
        BadProblem{"FoldedOutput", [](Fixture& f) { f.spec(LEET_ROLE_OUT).stride[2] = 5; },
                   kInvalid, "several elements in one place"},
        BadProblem{"Alignment", [](Fixture& f) { f.spec(LEET_ROLE_Q).alignment = 24; }, kInvalid,
                   "power of two"},
        BadProblem{"HugeSpan",
                   [](Fixture& f) { f.spec(LEET_ROLE_Q).stride[0] = std::int64_t{1} << 61; },
                   kInvalid, "2^60 bytes"},
        BadProblem{"IntegerQ",
                   [](Fixture& f) {
                     f.spec(LEET_ROLE_Q).dtype = {LEET_DTYPE_INT, 64, 1};
                   },
                   kInvalid, "q: dtype i64"},
        BadProblem{"ZeroWidthDtype",
                   [](Fixture& f) {
                     f.spec(LEET_ROLE_Q).dtype = {0, 0, 0};
                   },
                   kInvalid, "q: dtype unknown"},
        BadProblem{"DecayDtype",
                   [](Fixture& f) {
                     f.spec(LEET_ROLE_LOG_DECAY).dtype = {LEET_DTYPE_FLOAT, 64, 1};
                   },
                   kInvalid, "log_decay: dtype f64; needs f32"},
        BadProblem{"StateDtype",
                   [](Fixture& f) {
                     f.spec(LEET_ROLE_STATE_IN).dtype = {LEET_DTYPE_FLOAT, 16, 1};
                   },
                   kInvalid, "state_in: dtype f16; needs f32"},
        BadProblem{"Batch", [](Fixture& f) { f.spec(LEET_ROLE_K).extent[0] = 1; }, kInvalid,
                   "k: B=1; needs 2, as q"},
        BadProblem{"Time", [](Fixture& f) { f.spec(LEET_ROLE_V).extent[2] = 4; }, kInvalid,
                   "v: N=4; needs 5, as q"},
        BadProblem{"KeyDimension", [](Fixture& f) { f.spec(LEET_ROLE_K).extent[3] = 2; }, kInvalid,
                   "k: R=2; needs 3, as q"},
        BadProblem{"ValueDimension", [](Fixture& f) { f.spec(LEET_ROLE_OUT).extent[3] = 5; },
                   kInvalid, "out: D=5; needs 6, as v"},
        BadProblem{"Heads", [](Fixture& f) { f.spec(LEET_ROLE_K).extent[1] = 3; }, kInvalid,
                   "k: 3 heads; needs a divisor of the 4"},
        BadProblem{"NoHeads", [](Fixture& f) { f.spec(LEET_ROLE_V).extent[1] = 0; }, kInvalid,
                   "v: 0 heads"},
        BadProblem{"DecayWithKindNone", [](Fixture& f) { f.problem.decay_kind = LEET_DECAY_NONE; },
                   kInvalid, "decay kind 'none'"},
        BadProblem{"NoDecay", [](Fixture& f) { f.clear(LEET_ROLE_LOG_DECAY); }, kInvalid,
                   "log_decay: absent"},
        BadProblem{"DecayExtent", [](Fixture& f) { f.spec(LEET_ROLE_LOG_DECAY).extent[2] = 4; },
                   kInvalid, "log_decay: N=4; needs 5 as q, or 1"},
        BadProblem{"DecayVaries",
                   [](Fixture& f) {
                     f.spec(LEET_ROLE_LOG_DECAY).extent[2] = 5;
                     f.spec(LEET_ROLE_LOG_DECAY).stride[2] = 1;
                   },
                   kInvalid, "varies along N"},
        BadProblem{"StateShape", [](Fixture& f) { f.spec(LEET_ROLE_STATE_OUT).extent[1] = 2; },
                   kInvalid, "state_out: extents [2, 2, 3, 6]; needs [2, 4, 3, 6]"},
        BadProblem{"OffsetsWithBatch",
                   [](Fixture& f) {
                     static std::int64_t x[3];
                     f.set(LEET_ROLE_SEQUENCE_OFFSETS, tensor(x, {3}));
                   },
                   kInvalid, "need B=1"}),
    [](const auto& test) { return test.param.name; });

TEST(ArgumentCheck, AcceptsEmptyTensorsUpToTheLimits) {
  Fixture f;
  for (const int role : {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_OUT}) {
    f.spec(role).extent[0] = 0;
    f.spec(role).extent[2] = std::int64_t{1} << 40;
  }
  f.clear(LEET_ROLE_STATE_IN);
  f.clear(LEET_ROLE_STATE_OUT);
  f.spec(LEET_ROLE_LOG_DECAY).extent[0] = 0;
  const Result<CheckedProblem> checked = check_problem(f.problem);
  EXPECT_TRUE(checked.ok()) << checked.error().message;
}

TEST(ArgumentCheck, RefusesARoleThatItDoesNotKnow) {
  Fixture f;
  std::vector<const leet_tensor_spec*> specs(f.specs.begin(), f.specs.end());
  specs.push_back(&f.spec(LEET_ROLE_Q));
  f.problem.specs = specs.data();
  f.problem.role_count = LEET_ROLE_COUNT + 1;
  const Result<CheckedProblem> checked = check_problem(f.problem);
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().code, LEET_STATUS_UNSUPPORTED);
}

struct BadTensors {
  const char* name;
  std::function<void(Fixture&)> spoil;  // after the plan was made
  const char* says;
};

class BadExecutes : public testing::TestWithParam<BadTensors> {};

TEST_P(BadExecutes, AreRefused) {
  Fixture f;
  const Result<CheckedProblem> checked = check_problem(f.problem);
  ASSERT_TRUE(checked.ok());
  GetParam().spoil(f);
  const Status status = f.check(*checked);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, LEET_STATUS_INVALID_ARGUMENT);
  EXPECT_THAT(status.error().message, HasSubstr(GetParam().says));
}

leet_tensor& at(Fixture& f, int role) { return f.tensors[static_cast<std::size_t>(role)]; }

INSTANTIATE_TEST_SUITE_P(
    ArgumentCheck, BadExecutes,
    testing::Values(
        BadTensors{"Absent", [](Fixture& f) { f.clear(LEET_ROLE_STATE_IN); }, "state_in: absent"},
        BadTensors{"Unplanned",
                   [](Fixture& f) {
                     static std::int64_t x[3];
                     f.set(LEET_ROLE_SEQUENCE_OFFSETS, tensor(x, {3}));
                   },
                   "sequence_offsets: given"},
        BadTensors{"Null", [](Fixture& f) { at(f, LEET_ROLE_V).data = nullptr; },
                   "v: data is null"},
        BadTensors{
            "Misaligned",
            [](Fixture& f) { at(f, LEET_ROLE_Q).data = reinterpret_cast<char*>(f.q.data()) + 2; },
            "multiple of 4 bytes"},
        BadTensors{"Dtype",
                   [](Fixture& f) {
                     f.spec(LEET_ROLE_Q).dtype = {LEET_DTYPE_FLOAT, 16, 1};
                   },
                   "q: dtype f16; the plan was made for f32"},
        BadTensors{"Stride", [](Fixture& f) { f.spec(LEET_ROLE_Q).stride[0] += 1; },
                   "q: stride 61 along axis 0; the plan was made for 60"},
        BadTensors{"OutIsQ", [](Fixture& f) { at(f, LEET_ROLE_OUT).data = f.q.data(); },
                   "out: shares memory with q"},
        BadTensors{"StateShifted",
                   [](Fixture& f) { at(f, LEET_ROLE_STATE_OUT).data = f.state_in.data() + 1; },
                   "state_out: shares memory with state_in"},
        BadTensors{"OutIsState", [](Fixture& f) { at(f, LEET_ROLE_OUT).data = f.state_out.data(); },
                   "shares memory"}),
    [](const auto& test) { return test.param.name; });

TEST(ArgumentCheck, AllowsTheStateInPlaceAndTiedInputs) {
  Fixture f;
  f.set(LEET_ROLE_Q, tensor(f.k.data(), {2, 2, 5, 3}));  // q is k
  f.problem.decay_kind = LEET_DECAY_NONE;
  f.clear(LEET_ROLE_LOG_DECAY);
  f.set(LEET_ROLE_OUT, tensor(f.out.data(), {2, 2, 5, 6}));
  f.set(LEET_ROLE_STATE_IN, tensor(f.state_in.data(), {2, 2, 3, 6}));
  f.set(LEET_ROLE_STATE_OUT, tensor(f.state_in.data(), {2, 2, 3, 6}));
  const Result<CheckedProblem> checked = check_problem(f.problem);
  ASSERT_TRUE(checked.ok()) << checked.error().message;
  const Status status = f.check(*checked);
  EXPECT_TRUE(status.ok()) << status.error().message;
}

TEST(ArgumentCheck, DynamicAxesAllowLessButNotMore) {
  Fixture f;
  const auto with_time = [&](std::int64_t n) {
    f.set(LEET_ROLE_Q, tensor(f.q.data(), {2, 4, n, 3}));
    f.set(LEET_ROLE_K, tensor(f.k.data(), {2, 2, n, 3}));
    f.set(LEET_ROLE_V, tensor(f.v.data(), {2, 2, n, 6}));
    f.set(LEET_ROLE_OUT, tensor(f.out.data(), {2, 4, n, 6}));
  };
  f.problem.dynamic_axes = LEET_DYNAMIC_N | LEET_DYNAMIC_STRIDES;
  const Result<CheckedProblem> checked = check_problem(f.problem);
  ASSERT_TRUE(checked.ok());
  for (const std::int64_t n : {0, 1, 4, 5}) {
    with_time(n);
    EXPECT_TRUE(f.check(*checked).ok()) << n;
  }
  with_time(6);
  EXPECT_THAT(f.check(*checked).error().message, HasSubstr("N=6: the plan was made for at most 5"));

  f.problem.dynamic_axes = LEET_DYNAMIC_N;
  with_time(5);
  const Result<CheckedProblem> fixed_strides = check_problem(f.problem);
  ASSERT_TRUE(fixed_strides.ok());
  with_time(4);
  EXPECT_THAT(f.check(*fixed_strides).error().message, HasSubstr("dynamic strides allow others"));
}

Status values_of(Fixture& f) {
  const Result<CheckedProblem> checked = check_problem(f.problem);
  EXPECT_TRUE(checked.ok()) << checked.error().message;
  CheckedTensors tensors;
  EXPECT_TRUE(check_tensors(*checked, f.pointers.data(), LEET_ROLE_COUNT, tensors).ok());
  return check_values(tensors);
}

TEST(ArgumentCheck, LooksAtDecayValues) {
  Fixture f;
  f.decay[0] = -std::numeric_limits<float>::infinity();
  f.decay[1] = 0;
  EXPECT_TRUE(values_of(f).ok());
  f.decay[5] = 0.25F;
  EXPECT_THAT(values_of(f).error().message, HasSubstr("log_decay[1, 1, 0, 0] is 0.25"));
  f.decay[5] = std::nanf("");
  EXPECT_THAT(values_of(f).error().message, HasSubstr("is nan"));
}

TEST(ArgumentCheck, LooksAtSequenceOffsets) {
  Fixture f;
  std::vector<std::int64_t> offsets = {0, 2, 2, 5};
  f.set(LEET_ROLE_Q, tensor(f.q.data(), {1, 4, 5, 3}));
  f.set(LEET_ROLE_K, tensor(f.k.data(), {1, 2, 5, 3}));
  f.set(LEET_ROLE_V, tensor(f.v.data(), {1, 2, 5, 6}));
  f.set(LEET_ROLE_OUT, tensor(f.out.data(), {1, 4, 5, 6}));
  f.set(LEET_ROLE_LOG_DECAY, tensor(f.decay.data(), {1, 4, 1, 1}));
  f.clear(LEET_ROLE_STATE_IN);
  f.clear(LEET_ROLE_STATE_OUT);
  f.set(LEET_ROLE_SEQUENCE_OFFSETS, tensor(offsets.data(), {4}));
  EXPECT_TRUE(values_of(f).ok());
  offsets = {1, 2, 2, 5};
  EXPECT_THAT(values_of(f).error().message, HasSubstr("sequence_offsets[0] is 1: needs 0"));
  offsets = {0, 3, 2, 5};
  EXPECT_THAT(values_of(f).error().message, HasSubstr("sequence_offsets[2] is 2"));
  offsets = {0, 2, 2, 4};
  EXPECT_THAT(values_of(f).error().message, HasSubstr("needs to be N=5"));
}

}  // namespace
}  // namespace leet::core
