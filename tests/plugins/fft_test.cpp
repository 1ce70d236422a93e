// SPDX-License-Identifier: Apache-2.0
//
// leet.fft: the spectrum that stands for the decay, and what is special about partitions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <numbers>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "plugins/fft/partition.hpp"
#include "tests/plugins/operator_case.hpp"

namespace leet::plugin_tests {
namespace {

using Wide = long double;

// By its definition.
std::complex<Wide> transform_of_powers(double g, std::int64_t length, std::int64_t f) {
  std::complex<Wide> sum;
  for (std::int64_t lag = 1; lag < length; ++lag) {
    const Wide angle = -2 * std::numbers::pi_v<Wide> * static_cast<Wide>(lag * f % length) /
                       static_cast<Wide>(length);
    sum += std::polar(std::exp(static_cast<Wide>(lag) * static_cast<Wide>(g)), angle);
  }
  return sum / static_cast<Wide>(length);
}

TEST(FftPartition, TheSpectrumIsTheTransformOfThePowers) {
  for (const std::int64_t length : {16, 64}) {
    for (const double g : {0.0, -1e-9, -1e-4, -0.03, -1.0, -80.0}) {
      std::vector<double> spectrum(static_cast<std::size_t>(2 * length));
      plugin_fft::decay_spectrum(g, length, spectrum.data());
      const double largest = std::abs(transform_of_powers(g, length, 0));
      for (std::int64_t f = 0; f < length; ++f) {
        const auto at = static_cast<std::size_t>(2 * plugin_fft::position_of(f, length));
        const std::complex<double> expected(transform_of_powers(g, length, f));
        EXPECT_NEAR(spectrum[at], expected.real(), 1e-15 * largest) << g << " " << f;
        EXPECT_NEAR(spectrum[at + 1], expected.imag(), 1e-15 * largest) << g << " " << f;
      }
    }
  }
}

TEST(FftPartition, PositionsAreAPermutation) {
  for (const std::int64_t length : {16, 64, 4096}) {
    std::vector<bool> taken(static_cast<std::size_t>(length));
    for (std::int64_t f = 0; f < length; ++f) {
      taken.at(static_cast<std::size_t>(plugin_fft::position_of(f, length))) = true;
    }
    EXPECT_THAT(taken, testing::Each(true)) << length;
  }
}

TEST(FftPartition, TwiddlesOfTheShorterPassesStandLast) {
  const std::vector<double> all = plugin_fft::make_twiddles<double>(256);
  EXPECT_EQ(static_cast<std::int64_t>(all.size()), plugin_fft::twiddles_before(256, 4));
  const std::vector<double> shorter = plugin_fft::make_twiddles<double>(64);
  const auto first = static_cast<std::size_t>(plugin_fft::twiddles_before(256, 64));
  for (std::size_t i = 0; i < shorter.size(); ++i) EXPECT_EQ(all[first + i], shorter[i]) << i;
}

// A sequence of several spans, with every size of block.
TEST(Fft, EverySizeOfBlockMatchesTheOracle) {
  for (const std::string block : {"8", "32", "128", "512", "2048"}) {
    for (const double rate : {0.0, 0.01, 2.0}) {
      SCOPED_TRACE(testing::Message() << "block " << block << " rate " << rate);
      Operands operands({.N = 5000,
                         .R = 3,
                         .D = 5,
                         .Hk = 1,
                         .Hv = 1,
                         .Hg = 1,
                         .rate = rate,
                         .has_state_in = true});
      const core::OracleResult expected = operands.oracle();
      expect_near(operands, expected, run("fft?block=" + block, operands));
    }
  }
}

// The carry is rounded once a block, not once a step.
TEST(Fft, LongMemoriesStayWithinTheDeclaredError) {
  for (const double rate : {0.0, 1e-5}) {
    Operands operands({.H = 1, .N = 131072, .R = 4, .D = 4, .rate = rate, .has_state_out = false});
    const core::OracleResult expected = operands.oracle();
    const double declared = run("fft", operands);
    EXPECT_EQ(declared, 2e-6);
    expect_near(operands, expected, declared);
  }
}

// A transform errs relative to its largest input, which may be forgotten a few steps later.
TEST(Fft, ABurstIsForgotten) {
  for (const auto& [method, of_burst] :
       {std::pair("fft", 1e-6), {"fft?transforms=f64", 1e-14}, {"fft?kernel=plain", 1e-14}}) {
    constexpr double kBurst = 1e8;
    Operands operands({.H = 1, .N = 200, .R = 16, .D = 16, .rate = std::log(2)});
    operands[LEET_ROLE_V].fill_with([&](auto b, auto h, auto t, auto d) {
      return operands[LEET_ROLE_V].get(b, h, t, d) * (t == 10 ? kBurst : 1);
    });
    const core::OracleResult expected = operands.oracle();
    run(method, operands);
    double worst = 0;
    for (std::int64_t t = 60; t < 200; ++t) {  // 2^-50 of the burst is left
      for (std::int64_t d = 0; d < 16; ++d) {
        const double right = expected.out[static_cast<std::size_t>(t * 16 + d)];
        worst = std::max(worst, std::abs(operands[LEET_ROLE_OUT].get(0, 0, t, d) - right));
      }
    }
    EXPECT_LE(worst, of_burst * kBurst + 1e-5) << method;
  }
}

TEST(Fft, RefusesOtherBlocks) {
  for (const std::string block : {"0", "16", "31", "8192", "x"}) {
    Operands operands(OperatorCase{});
    try {
      run("fft?block=" + block, operands);
      ADD_FAILURE() << block << " made a plan";
    } catch (const std::runtime_error& refusal) {
      EXPECT_THAT(refusal.what(), testing::HasSubstr("block=" + block));
    }
  }
}

}  // namespace
}  // namespace leet::plugin_tests
