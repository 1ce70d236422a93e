// SPDX-License-Identifier: Apache-2.0
//
// What the kernels of the partitioned convolution share: the sizes of its transforms, the twiddle
// factors, the spectrum of the decay, and the block as they are handed it.
//
// A sequence is cut into blocks. Where a block is zero-padded to a transform's length, twice its
// own, the second half of its circular convolution with gamma^1, ..., gamma^(length-1) is what it
// adds to the block after it; so with X_j the spectrum of block j and W that of the decay,
//
//     A_j = gamma^block A_{j-1} + X_j          what all blocks up to j add to block j + 1 is the
//     Y_j = W A_j                               second half of Y_j's inverse transform
//
// for each rank r and column d. Y_j depends on blocks up to j alone: no rounding, and no NaN, of a
// later step reaches an earlier one.
#ifndef LEET_PLUGINS_FFT_PARTITION_HPP
#define LEET_PLUGINS_FFT_PARTITION_HPP

#include <cmath>
#include <complex>
#include <cstdint>
#include <leet/plugin/decay.hpp>
#include <numbers>
#include <vector>

namespace leet::plugin_fft {

// Steps in a transform for blocks of so many steps: a power of 4, at least 16.
constexpr std::int64_t length_of(std::int64_t block) { return 2 * block; }

// Query heads that are served by one pass; for more the convolution is done again.
inline constexpr int kMaxHeads = 4;

// exp(-2 pi i j m / n) for the radix-4 passes n = length, length / 4, ..., 16: for each j in
// [0, n / 4) the pairs (re, im) of m = 1, 2, 3. The pass n = 4 needs none.
template <class Real>
std::vector<Real> make_twiddles(std::int64_t length) {
  std::vector<Real> values;
  for (std::int64_t n = length; n > 4; n /= 4) {
    for (std::int64_t j = 0; j < n / 4; ++j) {
      for (std::int64_t m = 1; m < 4; ++m) {
        const long double angle = -2 * std::numbers::pi_v<long double> *
                                  static_cast<long double>(j * m) / static_cast<long double>(n);
        values.push_back(static_cast<Real>(std::cos(angle)));
        values.push_back(static_cast<Real>(std::sin(angle)));
      }
    }
  }
  return values;
}

// Of the pass n in that array: the longer passes stand before it.
constexpr std::int64_t twiddles_before(std::int64_t length, std::int64_t n) {
  return 2 * (length - n);
}

// Where a forward transform of radix-4 passes in place leaves frequency f: its base-4 digits are
// reversed.
constexpr std::int64_t position_of(std::int64_t f, std::int64_t length) {
  std::int64_t position = 0;
  for (std::int64_t n = length; n > 1; n /= 4, f /= 4) position = 4 * position + f % 4;
  return position;
}

// The spectrum of gamma^1, ..., gamma^(length-1), divided by length, as pairs (re, im) in the
// order of position_of: a geometric sum, in a wider type. g is finite.
template <class Real>
void decay_spectrum(double g, std::int64_t length, Real* to) {
  using Wide = sdk::Wide<Real>;
  const Wide wide_g = static_cast<Wide>(g);
  const Wide gamma = std::exp(wide_g);
  for (std::int64_t f = 0; f < length; ++f) {
    std::complex<Wide> sum;
    if (f == 0) {  // where the general form is 0 / 0 at gamma = 1
      sum = g == 0 ? Wide(length - 1)
                   : gamma * std::expm1(Wide(length - 1) * wide_g) / std::expm1(wide_g);
    } else {
      const Wide angle = -2 * std::numbers::pi_v<Wide> * Wide(f) / Wide(length);
      const auto ratio = std::polar(gamma, angle);
      sum = (ratio - std::exp(Wide(length) * wide_g)) / (Wide(1) - ratio);
    }
    to[2 * position_of(f, length)] = static_cast<Real>(sum.real() / Wide(length));
    to[2 * position_of(f, length) + 1] = static_cast<Real>(sum.imag() / Wide(length));
  }
}

// What one rank of one block is convolved with, and what that is added to.
template <class Real>
struct BlockArgs {
  std::int64_t length;       // of the transform; a block is half of it
  const Real* k;             // [block] of this rank, of the block before
  const Real* v;             // [block, panel], of the block before
  const Real* q[kMaxHeads];  // [block] of this rank
  Real* out[kMaxHeads];      // [block, panel]
  int heads;
  const Real* twiddles;
  const Real* spectrum;         // [length] pairs
  Real* carry;                  // [length, 2, panel / 2]: A
  sdk::SplitDecay<Real> decay;  // gamma^block
  bool first;                   // carry has no value yet
  Real* work;                   // [length, 2, panel / 2]
};

// A block of one query head, for what is summed without transforms. Ranks are rows here: element
// [r, t] of k and q is r * stride + t.
template <class Real>
struct DirectArgs {
  std::int64_t block;
  const Real* k;
  const Real* q;
  std::int64_t stride;
  std::int64_t R;
  const Real* v;        // [block, panel]
  Real* out;            // [block, panel]
  const Real* weights;  // [block]: gamma^lag
  Real* work;           // [4, work_stride]
  std::int64_t work_stride;
};

}  // namespace leet::plugin_fft
#endif  // LEET_PLUGINS_FFT_PARTITION_HPP
