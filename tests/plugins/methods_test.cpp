// SPDX-License-Identifier: Apache-2.0
//
// Every method of this project against the fp64 oracle and against itself: what is special about
// the operator, rather than the whole catalogue of sizes, which is `leet validate`'s.
#include "tests/support/methods.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/plugins/operator_case.hpp"

namespace leet::plugin_tests {
namespace {

using sdk::kBf16;
using sdk::kF16;
using sdk::kF32;
using sdk::kF64;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Runs a method on a case and compares with the oracle.
void check(const std::string& name, const OperatorCase& description) {
  Operands operands(description);
  const core::OracleResult expected = operands.oracle();
  expect_near(operands, expected, run(name, operands));
}

const auto kMethods = testing::ValuesIn(tests::methods_and_variants());

class AnyMethod : public testing::TestWithParam<std::string> {
 protected:
  // The decay kinds that the method claims, of these.
  std::vector<int> claimed(std::vector<int> decays) const {
    std::erase_if(decays, [](int decay) { return !claims_decay(GetParam(), decay); });
    return decays;
  }
};
INSTANTIATE_TEST_SUITE_P(Cpu, AnyMethod, kMethods,
                         [](const auto& param) { return tests::test_name(param.param); });

// By dtypes of the inputs and of out, and decay kind.
using Kind = std::tuple<std::string, std::pair<leet_dtype, leet_dtype>, int>;
class AnyMethodByKind : public testing::TestWithParam<Kind> {
  void SetUp() override {
    const auto& [name, dtypes, decay] = GetParam();
    if (!claims_decay(name, decay) || !claims_dtype(name, dtypes.first) ||
        !claims_dtype(name, dtypes.second)) {
      GTEST_SKIP() << "not claimed by the method";
    }
  }
};

const auto kDtypes =
    testing::Values(std::pair(kF32, kF32), std::pair(kF16, kF16), std::pair(kBf16, kBf16),
                    std::pair(kF64, kF64), std::pair(kF16, kF32), std::pair(kBf16, kF32));

std::string kind_name(const testing::TestParamInfo<Kind>& kind) {
  static constexpr const char* kDecays[] = {"none", "head", "step", "channel"};
  const auto& [method, dtypes, decay] = kind.param;
  return tests::test_name(method) + "_" + sdk::dtype_name(dtypes.first) + "_" +
         sdk::dtype_name(dtypes.second) + "_" + kDecays[decay];
}

INSTANTIATE_TEST_SUITE_P(Cpu, AnyMethodByKind,
                         testing::Combine(kMethods, kDtypes,
                                          testing::Range(0, LEET_DECAY_CHANNEL + 1)),
                         kind_name);

TEST_P(AnyMethodByKind, MatchesTheOracle) {
  const auto& [name, dtypes, decay] = GetParam();
  OperatorCase c{
      .q = dtypes.first, .out = dtypes.second, .decay_kind = decay, .has_state_in = true};
  for (const auto& [N, R, D] : {std::tuple{1, 1, 1}, {65, 17, 33}, {100, 64, 130}, {257, 3, 5}}) {
    SCOPED_TRACE(testing::Message() << "N=" << N << " R=" << R << " D=" << D);
    c.B = 2;
    c.N = N;
    c.R = R;
    c.D = D;
    check(name, c);
  }
}

TEST_P(AnyMethodByKind, ReadsTimeFirstLayoutsAtOddAddresses) {
  const auto& [name, dtypes, decay] = GetParam();
  check(name, {.B = 2,
               .H = 3,
               .N = 70,
               .R = 9,
               .D = 11,
               .q = dtypes.first,
               .out = dtypes.second,
               .decay_kind = decay,
               .has_state_in = true,
               .time_first = true,
               .unaligned = true});
}

TEST_P(AnyMethodByKind, PackedSequencesAreAsIfAlone) {
  const auto& [name, dtypes, decay] = GetParam();
  const std::vector<std::int64_t> offsets = {0, 0, 1, 33, 33, 33, 97, 160, 160};
  const OperatorCase packed_case{.N = 160,
                                 .R = 7,
                                 .D = 70,
                                 .q = dtypes.first,
                                 .out = dtypes.second,
                                 .decay_kind = decay,
                                 .has_state_in = true,
                                 .offsets = offsets};
  Operands packed(packed_case);
  const core::OracleResult expected = packed.oracle();
  expect_near(packed, expected, run(name, packed));

  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    SCOPED_TRACE(testing::Message() << "sequence " << i);
    OperatorCase alone_case = packed_case;
    alone_case.N = offsets[i + 1] - offsets[i];
    alone_case.offsets.clear();
    Operands alone(alone_case);
    for (const int role : {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_LOG_DECAY}) {
      if (!alone.has(role)) continue;
      const bool constant = role == LEET_ROLE_LOG_DECAY && decay == LEET_DECAY_HEAD;
      alone[role].fill_with([&](auto b, auto h, auto t, auto r) {
        return packed[role].get(b, h, constant ? 0 : offsets[i] + t, r);
      });
    }
    const auto sequence = static_cast<std::int64_t>(i);
    alone[LEET_ROLE_STATE_IN].fill_with([&](auto, auto h, auto r, auto d) {
      return packed[LEET_ROLE_STATE_IN].get(sequence, h, r, d);
    });
    run(name, alone);
    alone[LEET_ROLE_OUT].fill_with([&](auto b, auto h, auto t, auto d) {
      EXPECT_EQ(alone[LEET_ROLE_OUT].get(b, h, t, d),
                packed[LEET_ROLE_OUT].get(b, h, offsets[i] + t, d));
      return 0.0;
    });
    alone[LEET_ROLE_STATE_OUT].fill_with([&](auto b, auto h, auto r, auto d) {
      EXPECT_EQ(alone[LEET_ROLE_STATE_OUT].get(b, h, r, d),
                packed[LEET_ROLE_STATE_OUT].get(sequence, h, r, d));
      return 0.0;
    });
  }
}

TEST_P(AnyMethodByKind, TheBitsDoNotDependOnTheThreadCount) {
  const auto& [name, dtypes, decay] = GetParam();
  const OperatorCase c{.H = 3,
                       .N = 150,
                       .R = 13,
                       .D = 140,
                       .q = dtypes.first,
                       .out = dtypes.second,
                       .decay_kind = decay,
                       .has_state_in = true};
  std::vector<double> out, state;
  for (const int threads : {1, 2, 5}) {
    Operands operands(c);
    core::HostServices host(threads, "warn");
    const auto plan = make_plan(name, host, operands);
    EXPECT_TRUE(plan->info().properties & LEET_PLAN_DETERMINISTIC);
    execute(*plan, operands);
    if (threads == 1) {
      out = operands[LEET_ROLE_OUT].values();
      state = operands[LEET_ROLE_STATE_OUT].values();
    }
    EXPECT_TRUE(same_bits(operands[LEET_ROLE_OUT].values(), out)) << threads << " threads";
    EXPECT_TRUE(same_bits(operands[LEET_ROLE_STATE_OUT].values(), state)) << threads << " threads";
  }
}

// The future filled with NaN, one head after the other: what lies before, and every other head, is
// as it was, bit for bit.
TEST_P(AnyMethodByKind, NanStaysInItsHeadAndInLaterSteps) {
  const auto& [name, dtypes, decay] = GetParam();
  const OperatorCase c{.H = 4,
                       .N = 100,
                       .R = 5,
                       .D = 6,
                       .Hk = 2,
                       .Hv = 1,
                       .q = dtypes.first,
                       .out = dtypes.second,
                       .decay_kind = decay,
                       .has_state_in = true};
  Operands clean(c);
  run(name, clean);
  for (const int role : {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V}) {
    for (const std::int64_t since : {0, 31, 32, 47, 99}) {
      SCOPED_TRACE(testing::Message() << "role " << role << " since " << since);
      Operands poisoned(c);
      const std::int64_t heads = poisoned[role].view().spec.extent[1];
      const std::int64_t bad = heads - 1;
      poisoned[role].fill_with([&](auto b, auto h, auto t, auto r) {
        return h == bad && t >= since ? kNan : clean[role].get(b, h, t, r);
      });
      run(name, poisoned);
      int wrong = 0;
      poisoned[LEET_ROLE_OUT].fill_with([&](auto b, auto h, auto t, auto d) {
        const double got = poisoned[LEET_ROLE_OUT].get(b, h, t, d);
        if (h * heads / c.H == bad && t >= since) {
          wrong += !std::isnan(got);
        } else {
          wrong += got != clean[LEET_ROLE_OUT].get(b, h, t, d);
        }
        return 0.0;
      });
      EXPECT_EQ(wrong, 0);
    }
  }
}

// ---- Decays ------------------------------------------------------------------------------------

// Where fp32 is not enough: gamma rounded to it once, or a state summed in it, errs by 2e-6 to
// 4e-6.
TEST_P(AnyMethod, TinyRatesOverLongSequences) {
  for (const int decay : claimed({LEET_DECAY_HEAD, LEET_DECAY_STEP, LEET_DECAY_CHANNEL})) {
    for (const double rate : {0.0, 1e-5, 1.3e-4}) {
      SCOPED_TRACE(testing::Message() << "decay " << decay << " rate " << rate);
      check(GetParam(), {.H = 1, .N = 8192, .R = 4, .D = 4, .decay_kind = decay, .rate = rate});
    }
  }
}

// With k = 0 the state is known: exp(N g) times what it was. The oracle is no judge of f64 here,
// because it rounds gamma to f64 itself.
TEST_P(AnyMethod, AnUntouchedStateDecaysByExpOfTheSum) {
  for (const leet_dtype dtype : {kF32, kF64}) {
    if (!claims_dtype(GetParam(), dtype)) continue;
    const OperatorCase c{.H = 1,
                         .N = 65536,
                         .R = 1,
                         .D = 1,
                         .q = dtype,
                         .rate = 1.3e-5,  // whose gamma f64 rounds by nearly as much as it can
                         .has_out = false,
                         .has_state_in = true};
    Operands operands(c);
    operands[LEET_ROLE_K].fill(0);
    operands[LEET_ROLE_STATE_IN].fill(1);
    const double declared = run(GetParam(), operands);
    const double g = operands[LEET_ROLE_LOG_DECAY].get(0, 0, 0, 0);
    const double expected = std::exp(static_cast<double>(c.N) * g);
    EXPECT_NEAR(operands[LEET_ROLE_STATE_OUT].get(0, 0, 0, 0) / expected, 1, declared);
  }
}

TEST_P(AnyMethod, LargeRatesUnderflowToNothing) {
  for (const double rate : {1.0, 30.0, 1e4, 3e38}) {
    SCOPED_TRACE(testing::Message() << "rate " << rate);
    for (const int decay : claimed({LEET_DECAY_HEAD, LEET_DECAY_CHANNEL})) {
      check(GetParam(), {.N = 300, .decay_kind = decay, .rate = rate, .has_state_in = true});
    }
  }
}

TEST_P(AnyMethod, LargeProductsStayFinite) {
  for (const int decay : claimed({LEET_DECAY_HEAD, LEET_DECAY_CHANNEL})) {
    SCOPED_TRACE(testing::Message() << "decay " << decay);
    Operands operands({.H = 1, .N = 200, .R = 3, .D = 20, .decay_kind = decay, .rate = 0.28});
    operands[LEET_ROLE_V].fill_with([](auto, auto, auto t, auto d) { return 1e28 * (t + d + 1); });
    operands[LEET_ROLE_Q].fill(1e-25);
    const core::OracleResult expected = operands.oracle();
    expect_near(operands, expected, run(GetParam(), operands));
  }
}

TEST_P(AnyMethod, AnInfiniteStateStaysInfinite) {
  for (const std::int64_t N : {1, 5, 200}) {
    SCOPED_TRACE(testing::Message() << "N=" << N);
    Operands operands({.H = 1, .N = N, .R = 2, .D = 19, .rate = 0.01, .has_state_in = true});
    operands[LEET_ROLE_STATE_IN].fill(std::numeric_limits<double>::infinity());
    run(GetParam(), operands);
    for (const double value : operands[LEET_ROLE_STATE_OUT].values()) {
      EXPECT_EQ(value, std::numeric_limits<double>::infinity());
    }
  }
}

TEST_P(AnyMethod, NothingToWriteIsNothingToDo) {
  // Extents that would overflow a count of the work, of tensors without an element.
  constexpr std::int64_t kHuge = std::int64_t{1} << 40;
  const OperatorCase c{.B = 1, .H = 1, .N = 0, .has_state_out = false};
  Operands operands(c);
  for (const int role :
       {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_LOG_DECAY, LEET_ROLE_OUT}) {
    operands[role].view().spec.extent[1] = kHuge;
    operands[role].view().spec.extent[2] = 0;
  }
  run(GetParam(), operands);
}

TEST_P(AnyMethod, MinusInfinityForgetsExactly) {
  for (const int decay : claimed({LEET_DECAY_HEAD, LEET_DECAY_STEP, LEET_DECAY_CHANNEL})) {
    SCOPED_TRACE(testing::Message() << "decay " << decay);
    const OperatorCase c{.N = 100, .R = 6, .D = 7, .decay_kind = decay, .has_state_in = true};
    const auto run_with = [&](double past) {
      Operands operands(c);
      operands[LEET_ROLE_LOG_DECAY].fill_with([&](auto b, auto h, auto t, auto r) {
        const bool forgets = decay == LEET_DECAY_HEAD ? h == 1 : t == 40;
        return forgets ? -std::numeric_limits<double>::infinity()
                       : operands[LEET_ROLE_LOG_DECAY].get(b, h, t, r);
      });
      for (const int role : {LEET_ROLE_K, LEET_ROLE_V}) {
        operands[role].fill_with([&](auto b, auto h, auto t, auto r) {
          const bool forgotten = decay != LEET_DECAY_HEAD && t < 40;
          return operands[role].get(b, h, t, r) * (forgotten ? past : 1);
        });
      }
      operands[LEET_ROLE_STATE_IN].fill_with([&](auto b, auto h, auto r, auto d) {
        const bool forgotten = decay != LEET_DECAY_HEAD || h == 1;
        return operands[LEET_ROLE_STATE_IN].get(b, h, r, d) * (forgotten ? past : 1);
      });
      const core::OracleResult expected = operands.oracle();
      const double declared = run(GetParam(), operands);
      expect_near(operands, expected, declared);
      return operands;
    };
    const Operands usual = run_with(1);
    const Operands huge = run_with(1e10);
    EXPECT_TRUE(same_bits(usual[LEET_ROLE_STATE_OUT].values(), huge[LEET_ROLE_STATE_OUT].values()));
    const std::int64_t since = decay == LEET_DECAY_HEAD ? 0 : 40;
    for (std::int64_t t = since; t < c.N; ++t) {
      EXPECT_EQ(usual[LEET_ROLE_OUT].get(0, 1, t, 0), huge[LEET_ROLE_OUT].get(0, 1, t, 0)) << t;
    }
  }
}

// ---- States ------------------------------------------------------------------------------------

TEST_P(AnyMethod, AStateInPlaceGivesTheSameBits) {
  for (const std::vector<std::int64_t>& offsets :
       {std::vector<std::int64_t>{}, std::vector<std::int64_t>{0, 40, 40, 90}}) {
    OperatorCase c{.H = 3, .N = 90, .R = 21, .D = 150, .has_state_in = true, .offsets = offsets};
    Operands apart(c);
    run(GetParam(), apart);
    c.in_place = true;
    Operands in_place(c);
    run(GetParam(), in_place);
    EXPECT_TRUE(same_bits(in_place[LEET_ROLE_OUT].values(), apart[LEET_ROLE_OUT].values()));
    EXPECT_TRUE(
        same_bits(in_place[LEET_ROLE_STATE_OUT].values(), apart[LEET_ROLE_STATE_OUT].values()));
  }
}

// Prefill, then one step at a time with the state carried in place, through one plan for any N.
void check_decoding(const std::string& name, leet_dtype dtype, const std::vector<int>& decays) {
  for (const int decay : decays) {
    SCOPED_TRACE(testing::Message() << "decay " << decay);
    OperatorCase c{.B = 2,
                   .N = 80,
                   .R = 10,
                   .D = 12,
                   .q = dtype,
                   .decay_kind = decay,
                   .has_state_in = true,
                   .in_place = true,
                   .dynamic_axes = LEET_DYNAMIC_N | LEET_DYNAMIC_STRIDES};
    Operands whole(c);
    const core::OracleResult expected = whole.oracle();
    const std::vector<double> initial = whole[LEET_ROLE_STATE_IN].values();
    core::HostServices host(2, "warn");
    const auto plan = make_plan(name, host, whole);

    std::vector<double> out(expected.out.size()), state = initial;
    for (std::int64_t done = 0; done < c.N;) {
      const std::int64_t steps = done == 0 ? 45 : 1;
      OperatorCase part_case = c;
      part_case.N = steps;
      Operands part(part_case);
      for (const int role : {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_LOG_DECAY}) {
        if (!part.has(role)) continue;
        const std::int64_t extent = whole[role].view().spec.extent[2];
        part[role].fill_with([&](auto b, auto h, auto t, auto r) {
          return whole[role].get(b, h, extent == 1 ? 0 : done + t, r);
        });
      }
      part[LEET_ROLE_STATE_IN].fill_with(
          [&, i = std::size_t{0}](auto...) mutable { return state[i++]; });
      execute(*plan, part);
      part[LEET_ROLE_OUT].fill_with([&](auto b, auto h, auto t, auto d) {
        out[static_cast<std::size_t>(((b * c.H + h) * c.N + done + t) * c.D + d)] =
            part[LEET_ROLE_OUT].get(b, h, t, d);
        return 0.0;
      });
      state = part[LEET_ROLE_STATE_OUT].values();
      done += steps;
    }
    const double gate = sdk::same(dtype, kF64) ? 1e-12 : 2e-6;
    EXPECT_LE(relative_error(out, expected.out), gate);
    EXPECT_LE(relative_error(state, expected.state_out), gate);

    if (name == "recurrent" && sdk::same(dtype, kF64)) {
      // The same operations in the same order, and the state is carried without a rounding.
      execute(*plan, whole);
      EXPECT_TRUE(same_bits(whole[LEET_ROLE_OUT].values(), out));
      EXPECT_TRUE(same_bits(whole[LEET_ROLE_STATE_OUT].values(), state));
    }
  }
}

TEST_P(AnyMethod, DecodingContinuesAPrefill) {
  const std::vector<int> decays =
      claimed({LEET_DECAY_NONE, LEET_DECAY_HEAD, LEET_DECAY_STEP, LEET_DECAY_CHANNEL});
  for (const leet_dtype dtype : {kF32, kF64}) {
    if (claims_dtype(GetParam(), dtype)) check_decoding(GetParam(), dtype, decays);
  }
}

TEST_P(AnyMethod, OutputsMayBeLeftOut) {
  check(GetParam(), {.has_out = false, .has_state_in = true});
  check(GetParam(), {.has_state_in = true, .has_state_out = false});
  check(GetParam(), {.has_state_in = false, .has_state_out = true});
  check(GetParam(), {.H = 6, .Hq = 1, .Hk = 2, .Hv = 6, .Hg = 3, .has_out = false});
}

// ---- Shapes ------------------------------------------------------------------------------------

TEST_P(AnyMethod, SharedHeads) {
  struct Heads {
    std::int64_t H, Hq, Hk, Hv, Hg;
  };
  for (const Heads& heads : {Heads{12, 12, 2, 3, 4},   // a state for each, lcm(2, 3, 4) = 12
                             Heads{12, 3, 2, 1, 2},    // six outputs a state, four a query
                             Heads{8, 8, 1, 1, 1},     // multi-query
                             Heads{8, 1, 1, 8, 8},     // multi-value
                             Heads{6, 6, 2, 3, 1}}) {  // lcm(2, 3) = 6
    SCOPED_TRACE(testing::Message()
                 << "Hk=" << heads.Hk << " Hv=" << heads.Hv << " Hg=" << heads.Hg);
    for (const int decay : claimed({LEET_DECAY_HEAD, LEET_DECAY_CHANNEL})) {
      check(GetParam(), {.B = 2,
                         .H = heads.H,
                         .N = 40,
                         .R = 6,
                         .D = 5,
                         .Hq = heads.Hq,
                         .Hk = heads.Hk,
                         .Hv = heads.Hv,
                         .Hg = heads.Hg,
                         .decay_kind = decay,
                         .has_state_in = true});
    }
  }
}

TEST_P(AnyMethod, ZeroExtents) {
  for (const int decay :
       claimed({LEET_DECAY_NONE, LEET_DECAY_HEAD, LEET_DECAY_STEP, LEET_DECAY_CHANNEL})) {
    for (const bool has_state_in : {false, true}) {
      for (const OperatorCase& c :
           {OperatorCase{.B = 0}, OperatorCase{.H = 0}, OperatorCase{.N = 0}, OperatorCase{.R = 0},
            OperatorCase{.D = 0}, OperatorCase{.N = 0, .R = 0}, OperatorCase{.N = 0, .D = 0},
            OperatorCase{.N = 0, .offsets = {0}}, OperatorCase{.N = 0, .offsets = {0, 0, 0}}}) {
        SCOPED_TRACE(testing::Message()
                     << "B=" << c.B << " H=" << c.H << " N=" << c.N << " R=" << c.R << " D=" << c.D
                     << " offsets=" << testing::PrintToString(c.offsets));
        OperatorCase full = c;
        full.decay_kind = decay;
        full.has_state_in = has_state_in;
        check(GetParam(), full);
      }
    }
  }
}

TEST_P(AnyMethod, NoKeyChannelsGiveZerosWhateverTheValues) {
  Operands operands({.R = 0});
  operands[LEET_ROLE_V].fill(kNan);
  run(GetParam(), operands);
  EXPECT_THAT(operands[LEET_ROLE_OUT].values(), testing::Each(0.0));
}

TEST_P(AnyMethod, OnePlanServesSmallerCalls) {
  OperatorCase c{.B = 3,
                 .N = 200,
                 .R = 8,
                 .D = 70,
                 .has_state_in = true,
                 .dynamic_axes = LEET_DYNAMIC_B | LEET_DYNAMIC_N | LEET_DYNAMIC_STRIDES};
  core::HostServices host(2, "warn");
  const auto plan = make_plan(GetParam(), host, Operands(c));
  for (const auto& [B, N, time_first] : {std::tuple{3, 200, false}, {1, 77, true}, {2, 0, false}}) {
    c.B = B;
    c.N = N;
    c.time_first = time_first;
    Operands operands(c);
    const core::OracleResult expected = operands.oracle();
    execute(*plan, operands);
    expect_near(operands, expected, plan->info().declared_rel_error);
  }
}

TEST_P(AnyMethod, OnePlanServesFewerSequences) {
  OperatorCase c{.N = 120,
                 .has_state_in = true,
                 .offsets = {0, 10, 20, 70, 120},
                 .dynamic_axes = LEET_DYNAMIC_N | LEET_DYNAMIC_SEQUENCES | LEET_DYNAMIC_STRIDES};
  core::HostServices host(2, "warn");
  const auto plan = make_plan(GetParam(), host, Operands(c));
  for (const std::vector<std::int64_t>& offsets :
       {std::vector<std::int64_t>{0, 120}, {0, 0, 65}, {0, 1, 2, 3, 4}, {0}}) {
    c.offsets = offsets;
    c.N = offsets.back();
    Operands operands(c);
    const core::OracleResult expected = operands.oracle();
    execute(*plan, operands);
    expect_near(operands, expected, plan->info().declared_rel_error);
  }
}

// ---- Dtypes ------------------------------------------------------------------------------------

TEST_P(AnyMethod, TensorsMayDifferInDtype) {
  check(GetParam(), {.q = kF32, .k = kBf16, .v = kF16, .out = kBf16, .has_state_in = true});
  check(GetParam(), {.q = kF16, .k = kF32, .v = kF32, .out = kF32, .has_state_in = true});
}

TEST_P(AnyMethod, RefusesF64BesideOthersWithAReason) {
  if (!claims_dtype(GetParam(), kF64)) GTEST_SKIP() << "takes no f64";
  try {
    Operands operands({.q = kF64, .v = kF32});
    run(GetParam(), operands);
    ADD_FAILURE() << "made a plan";
  } catch (const std::runtime_error& refusal) {
    EXPECT_THAT(refusal.what(), testing::HasSubstr("must all be f64, or none"));
  }
}

}  // namespace
}  // namespace leet::plugin_tests
