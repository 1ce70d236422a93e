// SPDX-License-Identifier: Apache-2.0
//
// The vector kernels. A transform is over time, its lanes are columns of D: element t of the work
// array is a vector of real parts and one of imaginary parts, which hold the first and the second
// half of a panel's columns (a real convolution leaves the two apart). So no pass shuffles lanes,
// and the order that the forward passes leave the frequencies in is the one that the inverse takes.
//
//     k v of the block -> radix-4 passes -> A = decay A + X, Y = W A -> inverse passes -> out += q
//     y
//
// The first pass forms k v and knows that its upper half is zero; the last forward pass, the
// products and the first inverse pass are one; the last pass computes the upper half alone and adds
// it to out. Compiled once for each instruction set (Highway's foreach_target), so there is no
// include guard of the usual kind.
//
// Bound: additions and multiplications on vectors in the first-level cache, about 86 of them a step
// for each rank and pair of vectors with blocks of 32.
#if defined(LEET_PLUGINS_FFT_LANE_FFT_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef LEET_PLUGINS_FFT_LANE_FFT_INL_HPP
#undef LEET_PLUGINS_FFT_LANE_FFT_INL_HPP
#else
#define LEET_PLUGINS_FFT_LANE_FFT_INL_HPP
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <leet/plugin/decay.hpp>

#include "partition.hpp"

HWY_BEFORE_NAMESPACE();
namespace leet::plugin_fft {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class Real>
using Tag = hn::ScalableTag<Real>;
template <class Real>
using Vector = hn::Vec<Tag<Real>>;

template <class Real>
std::int64_t lanes() {
  return static_cast<std::int64_t>(hn::Lanes(Tag<Real>()));
}

template <class Real>
struct Complex {
  Vector<Real> re, im;
};

template <class Real>
HWY_INLINE Complex<Real> load(const Real* at) {
  const Tag<Real> d;
  return {hn::Load(d, at), hn::Load(d, at + hn::Lanes(d))};
}

template <class Real>
HWY_INLINE void store(const Complex<Real>& x, Real* at) {
  const Tag<Real> d;
  hn::Store(x.re, d, at);
  hn::Store(x.im, d, at + hn::Lanes(d));
}

template <class Real>
HWY_INLINE Complex<Real> add(const Complex<Real>& a, const Complex<Real>& b) {
  return {hn::Add(a.re, b.re), hn::Add(a.im, b.im)};
}

template <class Real>
HWY_INLINE Complex<Real> subtract(const Complex<Real>& a, const Complex<Real>& b) {
  return {hn::Sub(a.re, b.re), hn::Sub(a.im, b.im)};
}

// a - i b and a + i b.
template <class Real>
HWY_INLINE Complex<Real> subtract_i(const Complex<Real>& a, const Complex<Real>& b) {
  return {hn::Add(a.re, b.im), hn::Sub(a.im, b.re)};
}
template <class Real>
HWY_INLINE Complex<Real> add_i(const Complex<Real>& a, const Complex<Real>& b) {
  return {hn::Sub(a.re, b.im), hn::Add(a.im, b.re)};
}

// x w, and x times the conjugate of w; w is a pair (re, im).
template <class Real>
HWY_INLINE Complex<Real> multiply(const Complex<Real>& x, const Real* w) {
  const Tag<Real> d;
  const auto re = hn::Set(d, w[0]);
  const auto im = hn::Set(d, w[1]);
  return {hn::MulSub(x.re, re, hn::Mul(x.im, im)), hn::MulAdd(x.re, im, hn::Mul(x.im, re))};
}
template <class Real>
HWY_INLINE Complex<Real> multiply_conjugate(const Complex<Real>& x, const Real* w) {
  const Tag<Real> d;
  const auto re = hn::Set(d, w[0]);
  const auto im = hn::Set(d, w[1]);
  return {hn::MulAdd(x.re, re, hn::Mul(x.im, im)), hn::MulSub(x.im, re, hn::Mul(x.re, im))};
}

// Radix-4 butterflies, forward and inverse, without twiddle factors.
template <class Real>
HWY_INLINE void butterfly(Complex<Real>& a, Complex<Real>& b, Complex<Real>& c, Complex<Real>& d) {
  const auto sum_ac = add(a, c), difference_ac = subtract(a, c);
  const auto sum_bd = add(b, d), difference_bd = subtract(b, d);
  a = add(sum_ac, sum_bd);
  b = subtract_i(difference_ac, difference_bd);
  c = subtract(sum_ac, sum_bd);
  d = add_i(difference_ac, difference_bd);
}
template <class Real>
HWY_INLINE void inverse_butterfly(Complex<Real>& a, Complex<Real>& b, Complex<Real>& c,
                                  Complex<Real>& d) {
  const auto sum_ac = add(a, c), difference_ac = subtract(a, c);
  const auto sum_bd = add(b, d), difference_bd = subtract(b, d);
  a = add(sum_ac, sum_bd);
  b = add_i(difference_ac, difference_bd);
  c = subtract(sum_ac, sum_bd);
  d = subtract_i(difference_ac, difference_bd);
}

// The pass n = length over k v, whose upper half is zero.
template <class Real>
HWY_NOINLINE void first_pass(const BlockArgs<Real>& args) {
  const Tag<Real> d;
  const std::int64_t width = 2 * lanes<Real>();
  const std::int64_t quarter = args.length / 4;
  const Real* HWY_RESTRICT w = args.twiddles;
  for (std::int64_t t = 0; t < quarter; ++t, w += 6) {
    const auto ka = hn::Set(d, args.k[t]);
    const auto kb = hn::Set(d, args.k[t + quarter]);
    auto a = load(args.v + t * width);
    auto b = load(args.v + (t + quarter) * width);
    a = {hn::Mul(ka, a.re), hn::Mul(ka, a.im)};
    b = {hn::Mul(kb, b.re), hn::Mul(kb, b.im)};
    Real* HWY_RESTRICT to = args.work + t * width;
    store(add(a, b), to);
    store(multiply(subtract_i(a, b), w), to + quarter * width);
    store(multiply(subtract(a, b), w + 2), to + 2 * quarter * width);
    store(multiply(add_i(a, b), w + 4), to + 3 * quarter * width);
  }
}

template <class Real>
HWY_NOINLINE void forward_pass(Real* HWY_RESTRICT work, std::int64_t length, std::int64_t n,
                               const Real* HWY_RESTRICT twiddles) {
  const std::int64_t width = 2 * lanes<Real>();
  const std::int64_t quarter = n / 4 * width;
  for (std::int64_t base = 0; base < length; base += n) {
    const Real* HWY_RESTRICT w = twiddles;
    for (Real* at = work + base * width; at < work + base * width + quarter; at += width, w += 6) {
      auto a = load(at), b = load(at + quarter), c = load(at + 2 * quarter),
           e = load(at + 3 * quarter);
      butterfly(a, b, c, e);
      store(a, at);
      store(multiply(b, w), at + quarter);
      store(multiply(c, w + 2), at + 2 * quarter);
      store(multiply(e, w + 4), at + 3 * quarter);
    }
  }
}

template <class Real>
HWY_NOINLINE void inverse_pass(Real* HWY_RESTRICT work, std::int64_t length, std::int64_t n,
                               const Real* HWY_RESTRICT twiddles) {
  const std::int64_t width = 2 * lanes<Real>();
  const std::int64_t quarter = n / 4 * width;
  for (std::int64_t base = 0; base < length; base += n) {
    const Real* HWY_RESTRICT w = twiddles;
    for (Real* at = work + base * width; at < work + base * width + quarter; at += width, w += 6) {
      auto a = load(at);
      auto b = multiply_conjugate(load(at + quarter), w);
      auto c = multiply_conjugate(load(at + 2 * quarter), w + 2);
      auto e = multiply_conjugate(load(at + 3 * quarter), w + 4);
      inverse_butterfly(a, b, c, e);
      store(a, at);
      store(b, at + quarter);
      store(c, at + 2 * quarter);
      store(e, at + 3 * quarter);
    }
  }
}

// A = decay A + X for one frequency, and Y = W A.
template <class Real, bool kFirst>
HWY_INLINE Complex<Real> carry_on(Complex<Real> x, const Real* HWY_RESTRICT spectrum,
                                  Real* HWY_RESTRICT carry, Vector<Real> high, Vector<Real> low) {
  if constexpr (!kFirst) {
    const auto a = load(carry);
    x.re = hn::MulAdd(a.re, high, hn::MulAdd(a.re, low, x.re));
    x.im = hn::MulAdd(a.im, high, hn::MulAdd(a.im, low, x.im));
  }
  store(x, carry);
  return multiply(x, spectrum);
}

// The forward pass n = 4, the products, and the inverse pass n = 4.
template <class Real, bool kFirst>
HWY_NOINLINE void turn(const BlockArgs<Real>& args) {
  const Tag<Real> d;
  const std::int64_t width = 2 * lanes<Real>();
  const auto high = hn::Set(d, args.decay.high);
  const auto low = hn::Set(d, args.decay.low);
  const Real* HWY_RESTRICT w = args.spectrum;
  Real* HWY_RESTRICT carry = args.carry;
  Real* HWY_RESTRICT at = args.work;
  for (std::int64_t f = 0; f < args.length; f += 4, at += 4 * width, carry += 4 * width, w += 8) {
    auto a = load(at), b = load(at + width), c = load(at + 2 * width), e = load(at + 3 * width);
    butterfly(a, b, c, e);
    a = carry_on<Real, kFirst>(a, w, carry, high, low);
    b = carry_on<Real, kFirst>(b, w + 2, carry + width, high, low);
    c = carry_on<Real, kFirst>(c, w + 4, carry + 2 * width, high, low);
    e = carry_on<Real, kFirst>(e, w + 6, carry + 3 * width, high, low);
    inverse_butterfly(a, b, c, e);
    store(a, at);
    store(b, at + width);
    store(c, at + 2 * width);
    store(e, at + 3 * width);
  }
}

// out += q y, one step.
template <class Real>
HWY_INLINE void add_weighted(const Complex<Real>& y, Real q, Real* HWY_RESTRICT out) {
  const auto query = hn::Set(Tag<Real>(), q);
  const auto sum = load(out);
  store(Complex<Real>{hn::MulAdd(query, y.re, sum.re), hn::MulAdd(query, y.im, sum.im)}, out);
}

// The upper half of the inverse pass n = length, into out.
template <class Real>
HWY_NOINLINE void last_pass(const BlockArgs<Real>& args) {
  const std::int64_t width = 2 * lanes<Real>();
  const std::int64_t quarter = args.length / 4;
  const Real* HWY_RESTRICT w = args.twiddles;
  for (std::int64_t t = 0; t < quarter; ++t, w += 6) {
    const Real* HWY_RESTRICT at = args.work + t * width;
    const auto a = load(at);
    const auto b = multiply_conjugate(load(at + quarter * width), w);
    const auto c = multiply_conjugate(load(at + 2 * quarter * width), w + 2);
    const auto e = multiply_conjugate(load(at + 3 * quarter * width), w + 4);
    const auto third = subtract(add(a, c), add(b, e));
    const auto fourth = subtract_i(subtract(a, c), subtract(b, e));
    for (int h = 0; h < args.heads; ++h) {
      add_weighted(third, args.q[h][t], args.out[h] + t * width);
      add_weighted(fourth, args.q[h][t + quarter], args.out[h] + (t + quarter) * width);
    }
  }
}

// One rank of one block.
template <class Real>
void convolve(const BlockArgs<Real>& args) {
  first_pass(args);
  for (std::int64_t n = args.length / 4; n > 4; n /= 4) {
    forward_pass(args.work, args.length, n, args.twiddles + twiddles_before(args.length, n));
  }
  if (args.first) {
    turn<Real, true>(args);
  } else {
    turn<Real, false>(args);
  }
  for (std::int64_t n = 16; n < args.length; n *= 4) {
    inverse_pass(args.work, args.length, n, args.twiddles + twiddles_before(args.length, n));
  }
  last_pass(args);
}

}  // namespace HWY_NAMESPACE
}  // namespace leet::plugin_fft
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
