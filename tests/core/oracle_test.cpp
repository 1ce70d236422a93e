// SPDX-License-Identifier: Apache-2.0
//
// The oracle judges everything else, so it is itself held to closed forms, none of which shares its
// recurrence.
#include "core/reference/oracle.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <leet/leet.hpp>
#include <leet/plugin/dtype.hpp>
#include <limits>
#include <vector>

namespace leet::core {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kTight = 1e-14;

// Numbers in [-1, 1) that look irregular and are the same everywhere.
std::vector<double> numbers(std::int64_t count, int seed) {
  std::vector<double> values(static_cast<std::size_t>(count));
  std::uint64_t state = 0x9e3779b97f4a7c15u * static_cast<std::uint64_t>(seed + 1);
  for (double& value : values) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    value = static_cast<double>(state >> 11) * 0x1p-52 - 1.0;
  }
  return values;
}

struct Sizes {
  std::int64_t B = 2, H = 3, N = 7, R = 4, D = 5;
};

// A dense f64 problem that each test bends to its purpose.
struct Problem {
  explicit Problem(Sizes sizes = {})
      : size(sizes),
        q(numbers(sizes.B * sizes.H * sizes.N * sizes.R, 1)),
        k(numbers(sizes.B * sizes.H * sizes.N * sizes.R, 2)),
        v(numbers(sizes.B * sizes.H * sizes.N * sizes.D, 3)) {
    const auto [B, H, N, R, D] = sizes;
    tensors.set(LEET_ROLE_Q, tensor(q.data(), {B, H, N, R}));
    tensors.set(LEET_ROLE_K, tensor(k.data(), {B, H, N, R}));
    tensors.set(LEET_ROLE_V, tensor(v.data(), {B, H, N, D}));
    set_out(H);
  }

  void set_out(std::int64_t H) {
    tensors.set(LEET_ROLE_OUT, tensor(static_cast<double*>(nullptr), {size.B, H, size.N, size.D}));
  }
  // Per head, constant along time and channels.
  void set_decay(std::vector<double> per_head) {
    g = std::move(per_head);
    tensors.set(LEET_ROLE_LOG_DECAY,
                tensor(g.data(), {size.B, static_cast<std::int64_t>(g.size()), size.N, size.R},
                       {0, 1, 0, 0}));
  }
  OracleResult run(double scale = 1.0) const {
    return run_oracle(tensors.pointers().data(), scale);
  }

  Sizes size;
  std::vector<double> q, k, v, g;
  Tensors tensors;
};

double dot(const double* a, const double* b, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

// The unrolled form, O = ((Q K^T) o M) V, with M[t, s] = gamma^(t - s); gamma as a function of the
// head. N^2 and without a state, so it shares nothing with the oracle.
template <class Gamma>
std::vector<double> unrolled(const Problem& p, double scale, Gamma gamma) {
  const auto [B, H, N, R, D] = p.size;
  std::vector<double> out(static_cast<std::size_t>(B * H * N * D));
  for (std::int64_t head = 0; head < B * H; ++head) {
    for (std::int64_t t = 0; t < N; ++t) {
      for (std::int64_t s = 0; s <= t; ++s) {
        const double weight =
            scale * dot(&p.q[(head * N + t) * R], &p.k[(head * N + s) * R], R) *
            (s == t ? 1.0 : std::pow(gamma(head % H), static_cast<double>(t - s)));
        for (std::int64_t d = 0; d < D; ++d) {
          out[(head * N + t) * D + d] += weight * p.v[(head * N + s) * D + d];
        }
      }
    }
  }
  return out;
}

void expect_near(const std::vector<double>& got, const std::vector<double>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_NEAR(got[i], expected[i], kTight * (1 + std::abs(expected[i]))) << "element " << i;
  }
}

TEST(Oracle, WithoutDecayIsThePrefixSum) {
  const Problem p;
  expect_near(p.run().out, unrolled(p, 1.0, [](std::int64_t) { return 1.0; }));
}

TEST(Oracle, LogDecayOfZeroIsNoDecay) {
  Problem p;
  const auto none = p.run();
  p.set_decay({0, 0, 0});
  EXPECT_EQ(p.run().out, none.out);
  EXPECT_EQ(p.run().state_out, none.state_out);
}

TEST(Oracle, GammaZeroKeepsTheCurrentTokenAlone) {
  Problem p;
  p.set_decay({-kInfinity, -kInfinity, -kInfinity});
  const auto result = p.run();
  expect_near(result.out, unrolled(p, 1.0, [](std::int64_t) { return 0.0; }));
  for (const double s : result.state_out) EXPECT_TRUE(std::isfinite(s));
}

TEST(Oracle, ConstantDecayMatchesTheUnrolledForm) {
  Problem p;
  p.set_decay({-0.05, -0.7, -3.0});
  const std::array<double, 3> g{-0.05, -0.7, -3.0};
  const auto gamma = [&](std::int64_t h) { return std::exp(g[static_cast<std::size_t>(h)]); };
  expect_near(p.run(0.37).out, unrolled(p, 0.37, gamma));
}

TEST(Oracle, MagnitudeIsTheSumOfAbsoluteTerms) {
  Problem p;
  p.set_decay({-0.05, -0.7, -3.0});
  const auto result = p.run(-0.5);
  Problem absolute = p;
  for (auto* values : {&absolute.q, &absolute.k, &absolute.v}) {
    for (double& x : *values) x = std::abs(x);
  }
  absolute.tensors.set(LEET_ROLE_Q, tensor(absolute.q.data(), {2, 3, 7, 4}));
  absolute.tensors.set(LEET_ROLE_K, tensor(absolute.k.data(), {2, 3, 7, 4}));
  absolute.tensors.set(LEET_ROLE_V, tensor(absolute.v.data(), {2, 3, 7, 5}));
  const auto sums = absolute.run(0.5);
  expect_near(result.out_magnitude, sums.out);
  expect_near(result.state_magnitude, sums.state_out);
}

TEST(Oracle, OneStepIsTheFormulaItself) {
  Problem p({1, 2, 1, 3, 2});
  p.set_decay({-0.5, -1.5});
  std::vector<double> initial = numbers(1 * 2 * 3 * 2, 9);
  p.tensors.set(LEET_ROLE_STATE_IN, tensor(initial.data(), {1, 2, 3, 2}));
  const auto result = p.run(2.0);
  for (int h = 0; h < 2; ++h) {
    for (int d = 0; d < 2; ++d) {
      double out = 0;
      for (int r = 0; r < 3; ++r) {
        const double state =
            std::exp(p.g[static_cast<std::size_t>(h)]) *
                initial[static_cast<std::size_t>((h * 3 + r) * 2 + d)] +
            p.k[static_cast<std::size_t>(h * 3 + r)] * p.v[static_cast<std::size_t>(h * 2 + d)];
        EXPECT_NEAR(result.state_out[static_cast<std::size_t>((h * 3 + r) * 2 + d)], state, kTight);
        out += 2.0 * p.q[static_cast<std::size_t>(h * 3 + r)] * state;
      }
      EXPECT_NEAR(result.out[static_cast<std::size_t>(h * 2 + d)], out, kTight);
    }
  }
}

// One key in the beginning and a long memory: what is left is exp(n g), with no sum to round.
TEST(Oracle, DoesNotDriftWithTheRoundingOfGamma) {
  const std::int64_t N = 4096;
  for (const double g : {-1e-5, -3.7e-4, -1.1e-3}) {
    Problem p({1, 1, N, 1, 1});
    std::fill(p.q.begin(), p.q.end(), 1.0);
    std::fill(p.k.begin(), p.k.end(), 0.0);
    std::fill(p.v.begin(), p.v.end(), 1.0);
    p.k[0] = 1;
    p.set_decay({g});
    const double expected = std::exp(static_cast<double>(N - 1) * g);
    EXPECT_NEAR(p.run().out.back(), expected, 2e-15 * expected) << g;
  }
}

// One-hot keys and channel decays written so that each channel counts one token's age: the decay's
// exponent is t - s exactly, neither one more nor one less, per channel.
TEST(Oracle, OneHotKeysReadEachTokensAge) {
  const std::int64_t N = 4;
  Problem p({1, 1, N, N, 1});
  std::vector<double> g(static_cast<std::size_t>(N * N));
  for (std::int64_t t = 0; t < N; ++t) {
    p.v[t] = 1;
    for (std::int64_t r = 0; r < N; ++r) {
      p.q[t * N + r] = 1;
      p.k[t * N + r] = r == t ? 1 : 0;
      g[t * N + r] = -0.1 * static_cast<double>(r + 1);
    }
  }
  p.tensors.set(LEET_ROLE_LOG_DECAY, tensor(g.data(), {1, 1, N, N}));
  const auto result = p.run();
  for (std::int64_t t = 0; t < N; ++t) {
    double expected = 0;
    for (std::int64_t s = 0; s <= t; ++s) {
      expected += std::exp(-0.1 * static_cast<double>((s + 1) * (t - s)));
    }
    EXPECT_NEAR(result.out[static_cast<std::size_t>(t)], expected, kTight);
  }
  for (std::int64_t r = 0; r < N; ++r) {
    EXPECT_NEAR(result.state_out[static_cast<std::size_t>(r)],
                std::exp(-0.1 * static_cast<double>((r + 1) * (N - 1 - r))), kTight);
  }
}

TEST(Oracle, CarriedStateEqualsTheWhole) {
  Problem p;
  p.set_decay({-0.05, -0.7, -3.0});
  const auto whole = p.run();
  const auto [B, H, N, R, D] = p.size;
  const std::int64_t cut = 3;
  const auto part = [&](std::int64_t begin, std::int64_t end, double* state) {
    Tensors tensors = p.tensors;
    const std::int64_t n = end - begin;
    tensors.set(LEET_ROLE_Q,
                tensor(p.q.data() + begin * R, {B, H, n, R}, {H * N * R, N * R, R, 1}));
    tensors.set(LEET_ROLE_K,
                tensor(p.k.data() + begin * R, {B, H, n, R}, {H * N * R, N * R, R, 1}));
    tensors.set(LEET_ROLE_V,
                tensor(p.v.data() + begin * D, {B, H, n, D}, {H * N * D, N * D, D, 1}));
    tensors.set(LEET_ROLE_OUT, tensor(static_cast<double*>(nullptr), {B, H, n, D}));
    tensors.set(LEET_ROLE_LOG_DECAY, tensor(p.g.data(), {B, H, n, R}, {0, 1, 0, 0}));
    if (state != nullptr) tensors.set(LEET_ROLE_STATE_IN, tensor(state, {B, H, R, D}));
    return run_oracle(tensors.pointers().data(), 1.0);
  };
  auto first = part(0, cut, nullptr);
  const auto second = part(cut, N, first.state_out.data());
  // Near, not equal: the state in between was rounded to double.
  expect_near(second.state_out, whole.state_out);
  for (std::int64_t head = 0; head < B * H; ++head) {
    for (std::int64_t t = 0; t < N; ++t) {
      for (std::int64_t d = 0; d < D; ++d) {
        const double got = t < cut ? first.out[(head * cut + t) * D + d]
                                   : second.out[(head * (N - cut) + t - cut) * D + d];
        EXPECT_NEAR(got, whole.out[(head * N + t) * D + d], kTight);
      }
    }
  }
}

// H_k = 2, H_v = 3, H_q = 6, H_g = 1: the states have lcm(2, 3, 1) = 6 heads; expanded by hand, the
// problem has 6 heads everywhere and must give the same.
TEST(Oracle, SharedHeadsEqualTheirExplicitExpansion) {
  const std::int64_t N = 5, R = 3, D = 2, H = 6;
  Problem expanded({1, H, N, R, D});
  Problem shared({1, H, N, R, D});
  const std::vector<double> k = numbers(2 * N * R, 5);
  const std::vector<double> v = numbers(3 * N * D, 6);
  for (std::int64_t h = 0; h < H; ++h) {
    for (std::int64_t i = 0; i < N * R; ++i) expanded.k[h * N * R + i] = k[(h / 3) * N * R + i];
    for (std::int64_t i = 0; i < N * D; ++i) expanded.v[h * N * D + i] = v[(h / 2) * N * D + i];
  }
  expanded.set_decay(std::vector<double>(H, -0.3));
  shared.tensors.set(LEET_ROLE_K, tensor(k.data(), {1, 2, N, R}));
  shared.tensors.set(LEET_ROLE_V, tensor(v.data(), {1, 3, N, D}));
  shared.set_decay({-0.3});
  const auto got = shared.run();
  const auto expected = expanded.run();
  EXPECT_EQ(got.out, expected.out);
  EXPECT_EQ(got.state_out, expected.state_out);
}

// Queries that share one key-value head share its state, which then has that one head.
TEST(Oracle, QueriesOfAGroupShareOneState) {
  const std::int64_t N = 5, R = 3, D = 2;
  Problem p({1, 4, N, R, D});
  const Problem single({1, 1, N, R, D});
  p.tensors.set(LEET_ROLE_K, tensor(single.k.data(), {1, 1, N, R}));
  p.tensors.set(LEET_ROLE_V, tensor(single.v.data(), {1, 1, N, D}));
  const auto result = p.run();
  EXPECT_EQ(result.state_out.size(), static_cast<std::size_t>(R * D));
  EXPECT_EQ(result.state_out, single.run().state_out);
}

TEST(Oracle, PackedSequencesEqualSeparateRuns) {
  const std::int64_t N = 9, R = 3, D = 2, H = 2;
  Problem p({1, H, N, R, D});
  p.set_decay({-0.2, -1.1});
  const std::vector<std::int64_t> offsets{0, 4, 4, 9};
  std::vector<double> initial = numbers(3 * H * R * D, 8);
  p.tensors.set(LEET_ROLE_SEQUENCE_OFFSETS, tensor(offsets.data(), {4}));
  p.tensors.set(LEET_ROLE_STATE_IN, tensor(initial.data(), {3, H, R, D}));
  const auto packed = p.run();
  for (std::size_t i = 0; i < 3; ++i) {
    const std::int64_t begin = offsets[i];
    const std::int64_t n = offsets[i + 1] - begin;
    const auto first_state = static_cast<std::int64_t>(i) * H * R * D;
    Tensors alone;
    alone.set(LEET_ROLE_Q, tensor(p.q.data() + begin * R, {1, H, n, R}, {0, N * R, R, 1}));
    alone.set(LEET_ROLE_K, tensor(p.k.data() + begin * R, {1, H, n, R}, {0, N * R, R, 1}));
    alone.set(LEET_ROLE_V, tensor(p.v.data() + begin * D, {1, H, n, D}, {0, N * D, D, 1}));
    alone.set(LEET_ROLE_LOG_DECAY, tensor(p.g.data(), {1, H, n, R}, {0, 1, 0, 0}));
    alone.set(LEET_ROLE_OUT, tensor(static_cast<double*>(nullptr), {1, H, n, D}));
    alone.set(LEET_ROLE_STATE_IN, tensor(initial.data() + first_state, {1, H, R, D}));
    const auto result = run_oracle(alone.pointers().data(), 1.0);
    for (std::int64_t j = 0; j < H * R * D; ++j) {
      EXPECT_EQ(packed.state_out[first_state + j], result.state_out[j]);
    }
    for (std::int64_t h = 0; h < H; ++h) {
      for (std::int64_t j = 0; j < n * D; ++j) {
        EXPECT_EQ(packed.out[(h * N + begin) * D + j], result.out[h * n * D + j]);
      }
    }
  }
}

TEST(Oracle, EmptyAxesGiveEmptyOrZeroResults) {
  EXPECT_TRUE(Problem({0, 3, 7, 4, 5}).run().out.empty());
  EXPECT_TRUE(Problem({2, 0, 7, 4, 5}).run().state_out.empty());
  EXPECT_TRUE(Problem({2, 3, 7, 4, 0}).run().out.empty());
  const auto no_keys = Problem({1, 2, 3, 0, 4}).run();
  EXPECT_EQ(no_keys.out, std::vector<double>(1 * 2 * 3 * 4, 0.0));

  Problem no_time({1, 2, 0, 3, 4});
  EXPECT_EQ(no_time.run().state_out, std::vector<double>(2 * 3 * 4, 0.0));
  std::vector<double> initial = numbers(2 * 3 * 4, 7);
  no_time.tensors.set(LEET_ROLE_STATE_IN, tensor(initial.data(), {1, 2, 3, 4}));
  EXPECT_EQ(no_time.run().state_out, initial);
}

// [B, N, H, R] memory with a gap after each row, starting at an odd element.
TEST(Oracle, HonoursStrides) {
  Problem p;
  const auto expected = p.run();
  const auto [B, H, N, R, D] = p.size;
  const std::int64_t row = R + 3;
  std::vector<double> memory(static_cast<std::size_t>(1 + B * N * H * row),
                             std::numeric_limits<double>::quiet_NaN());
  for (std::int64_t b = 0; b < B; ++b) {
    for (std::int64_t h = 0; h < H; ++h) {
      for (std::int64_t i = 0; i < N * R; ++i) {
        memory[1 + ((b * N + i / R) * H + h) * row + i % R] = p.k[(b * H + h) * N * R + i];
      }
    }
  }
  p.tensors.set(LEET_ROLE_K,
                tensor(memory.data() + 1, {B, H, N, R}, {N * H * row, row, H * row, 1}));
  EXPECT_EQ(p.run().out, expected.out);
}

template <class T>
void expect_reads_dtype() {
  Problem rounded;
  const auto narrow = [](std::vector<double>& values, std::vector<T>& storage) {
    storage.resize(values.size());
    const auto count = static_cast<std::int64_t>(values.size());
    const leet_dtype dtype = leet::detail::dtype_of<T>();
    sdk::store_row(dtype, values.data(), storage.data(), count);
    sdk::load_row(dtype, storage.data(), values.data(), count);
  };
  std::vector<T> q, k, v;
  narrow(rounded.q, q);
  narrow(rounded.k, k);
  narrow(rounded.v, v);
  Problem narrowed;
  narrowed.tensors.set(LEET_ROLE_Q, tensor(q.data(), {2, 3, 7, 4}));
  narrowed.tensors.set(LEET_ROLE_K, tensor(k.data(), {2, 3, 7, 4}));
  narrowed.tensors.set(LEET_ROLE_V, tensor(v.data(), {2, 3, 7, 5}));
  EXPECT_EQ(narrowed.run().out, rounded.run().out);
}

TEST(Oracle, ReadsEveryDtype) {
  expect_reads_dtype<F16>();
  expect_reads_dtype<Bf16>();
  expect_reads_dtype<float>();
}

}  // namespace
}  // namespace leet::core
