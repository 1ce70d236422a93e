// SPDX-License-Identifier: Apache-2.0
//
// The validator's tolerances: that they let right arithmetic through with a known margin, and stop
// what is wrong.
#include "tools/validate/judge.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <leet/plugin/decay.hpp>
#include <leet/plugin/dtype.hpp>
#include <limits>
#include <vector>

#include "tools/validate/catalogue.hpp"

namespace leet::validate {
namespace {

// The recurrence in Real, one step after the other, on the description's inputs.
template <class Real>
Run run_in(const Description& d, const Inputs& inputs) {
  Run run;
  const std::int64_t state_heads = d.heads(LEET_ROLE_STATE_OUT);
  const std::int64_t group = state_heads == 0 ? 0 : d.H / state_heads;
  run.out.resize(static_cast<std::size_t>(d.B * d.H * d.N * d.D));
  run.state.resize(static_cast<std::size_t>(d.sequences() * state_heads * d.R * d.D));
  const auto row = [&](int role, std::int64_t b, std::int64_t s, std::int64_t t,
                       std::int64_t width) {
    const std::int64_t heads = d.heads(role);
    return static_cast<std::size_t>(((b * heads + s * heads / state_heads) * d.N + t) * width);
  };
  std::int64_t packed = 0;
  for (std::int64_t i = 0; i < d.sequences(); ++i) {
    const std::int64_t batch = d.lengths.empty() ? i : 0;
    const std::int64_t begin = d.lengths.empty() ? 0 : packed;
    const std::int64_t end =
        d.lengths.empty() ? d.N : begin + d.lengths[static_cast<std::size_t>(i)];
    packed = end;
    for (std::int64_t s = 0; s < state_heads; ++s) {
      const auto first = static_cast<std::size_t>((i * state_heads + s) * d.R * d.D);
      std::vector<Real> state(static_cast<std::size_t>(d.R * d.D));
      for (std::size_t j = 0; j < state.size() && d.state_in; ++j) {
        state[j] = static_cast<Real>(inputs.state[first + j]);
      }
      for (std::int64_t t = begin; t < end; ++t) {
        const std::size_t k = row(LEET_ROLE_K, batch, s, t, d.R);
        const std::size_t v = row(LEET_ROLE_V, batch, s, t, d.D);
        const std::int64_t decay_heads = d.heads(LEET_ROLE_LOG_DECAY);
        const std::int64_t decay_batch = d.layout == Layout::kBroadcast ? 0 : batch;
        const std::int64_t decay_head = decay_batch * decay_heads + s * decay_heads / state_heads;
        for (std::int64_t r = 0; r < d.R; ++r) {
          double g = 0;
          if (d.decay_kind == LEET_DECAY_HEAD) g = inputs.g[static_cast<std::size_t>(decay_head)];
          if (d.decay_kind == LEET_DECAY_STEP) {
            g = inputs.g[static_cast<std::size_t>(decay_head * d.N + t)];
          }
          if (d.decay_kind == LEET_DECAY_CHANNEL) {
            g = inputs.g[static_cast<std::size_t>((decay_head * d.N + t) * d.R + r)];
          }
          const auto gamma = sdk::split_decay<Real>(g);
          const auto key = static_cast<Real>(inputs.k[k + static_cast<std::size_t>(r)]);
          for (std::int64_t c = 0; c < d.D; ++c) {
            Real& x = state[static_cast<std::size_t>(r * d.D + c)];
            const auto value = static_cast<Real>(inputs.v[v + static_cast<std::size_t>(c)]);
            x = sdk::advance<Real>(x, gamma, key * value);
          }
        }
        for (std::int64_t h = s * group; h < (s + 1) * group; ++h) {
          const std::int64_t query_heads = d.heads(LEET_ROLE_Q);
          const std::int64_t query =
              ((batch * query_heads + h * query_heads / d.H) * d.N + t) * d.R;
          for (std::int64_t c = 0; c < d.D; ++c) {
            Real sum = 0;
            for (std::int64_t r = 0; r < d.R; ++r) {
              sum += static_cast<Real>(inputs.q[static_cast<std::size_t>(query + r)]) *
                     state[static_cast<std::size_t>(r * d.D + c)];
            }
            run.out[static_cast<std::size_t>(((batch * d.H + h) * d.N + t) * d.D + c)] =
                static_cast<Real>(d.scale) * sum;
          }
        }
      }
      for (std::size_t j = 0; j < state.size(); ++j) run.state[first + j] = state[j];
    }
  }
  return run;
}

struct Measured {
  double element = 0;
  double token = 0;
  int cases = 0;
};

// Over the f32 or f64 cases and several seeds; each must pass.
template <class Real>
Measured measure(leet_dtype dtype) {
  Measured worst;
  for (const Case& measured : make_cases(kNumericsLevel)) {
    const Description& d = measured.description;
    if (!measured.numeric || !sdk::same(d.in, dtype)) continue;
    for (const std::uint64_t seed : {1, 2, 3, 4, 5, 6}) {
      const Inputs inputs = make_inputs(d, measured.random({.seed = seed}));
      for (const Judgement& judgement : judgements(run_in<Real>(d, inputs), d, expect(d, inputs))) {
        EXPECT_TRUE(judgement.ok) << measured.id << " seed " << seed << ": " << judgement.message;
        worst.element = std::max(worst.element, judgement.element_factor);
        worst.token = std::max(worst.token, judgement.token_factor);
      }
    }
    ++worst.cases;
  }
  std::printf("largest element factor %.2f, token factor %.2f, over %d cases\n", worst.element,
              worst.token, worst.cases);
  return worst;
}

// This is where kElementFactor comes from.
TEST(Judge, ElementFactorFitsThePlainFloatRecurrence) {
  const Measured worst = measure<float>(sdk::kF32);
  EXPECT_GT(worst.cases, 200);
  EXPECT_LE(worst.element, kElementFactor / 3);
  EXPECT_GE(worst.element, kElementFactor / 8) << "the bound is wider than it was derived to be";
}

// The oracle must not err by much of what it judges.
TEST(Judge, ElementFactorFitsThePlainDoubleRecurrence) {
  const Measured worst = measure<double>(sdk::kF64);
  EXPECT_GT(worst.cases, 200);
  EXPECT_LE(worst.element, kElementFactor / 3);
}

struct Judged {
  Description d{.B = 1, .H = 2, .N = 64, .R = 16, .D = 16};
  Inputs inputs = make_inputs(d, Random(1, "judge"));
  core::OracleResult oracle = expect(d, inputs);
  Run run;
  Judged() { run.out = oracle.out; }
  Result result() const { return judge_run(run, d, oracle); }
};

TEST(Judge, PassesTheOracleItself) { EXPECT_EQ(Judged().result().status, Status::kPass); }

TEST(Judge, NeverPassesNan) {
  Judged judged;
  judged.run.out[77] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(judged.result().status, Status::kFail);
}

TEST(Judge, NamesTheElementAndTheTokenWhereTheErrorStarts) {
  Judged judged;
  const std::size_t element = (64 + 5) * 16 + 3;
  judged.run.out[element] += 0.5;
  judged.run.out[element + 16] -= 0.25;
  const Result result = judged.result();
  EXPECT_EQ(result.status, Status::kFail);
  EXPECT_NE(result.message.find("out[0, 1, 5, 3]"), std::string::npos) << result.message;
  EXPECT_NE(result.message.find("starts at token 5"), std::string::npos) << result.message;
}

TEST(Judge, SeesOneBadTokenThatTheWholeNormHides) {
  Judged judged;
  for (std::size_t column = 0; column < 16; ++column) judged.run.out[9 * 16 + column] *= 1 + 4e-5;
  EXPECT_EQ(judged.result().status, Status::kFail);
}

TEST(Judge, HoldsAPlansStateToItsDeclaredError) {
  Judged judged;
  judged.d.state_out = true;
  judged.run.state = judged.oracle.state_out;
  for (double& x : judged.run.state) x *= 1 + 1e-6;
  EXPECT_EQ(judged.result().status, Status::kPass);
  judged.run.info.declared_rel_error = 1e-7;
  EXPECT_EQ(judged.result().check, "declared-error");
}

TEST(Judge, HoldsAPlanToItsDeclaredError) {
  Judged judged;
  for (double& x : judged.run.out) x *= 1 + 1e-6;
  EXPECT_EQ(judged.result().status, Status::kPass);
  judged.run.info.declared_rel_error = 1e-7;
  EXPECT_EQ(judged.result().check, "declared-error");
}

}  // namespace
}  // namespace leet::validate
