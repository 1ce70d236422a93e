// SPDX-License-Identifier: Apache-2.0
//
// What is summed without transforms: a block's effect on itself, the initial state's on every step,
// and the final state. Less than a twentieth of the work. Compiled once for each instruction set
// (Highway's foreach_target), so there is no include guard of the usual kind.
#if defined(LEET_PLUGINS_FFT_DIRECT_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef LEET_PLUGINS_FFT_DIRECT_INL_HPP
#undef LEET_PLUGINS_FFT_DIRECT_INL_HPP
#else
#define LEET_PLUGINS_FFT_DIRECT_INL_HPP
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "lane_fft-inl.hpp"
#include "partition.hpp"

HWY_BEFORE_NAMESPACE();
namespace leet::plugin_fft {
namespace HWY_NAMESPACE {

// Steps whose sums are in registers together; divides any block.
constexpr std::int64_t kRows = 4;

// work [kRows, block] = q_t k_j for the steps [t, t + kRows) and all j up to the last of them, and
// beyond, where a vector ends later.
template <class Real>
HWY_NOINLINE void score(const DirectArgs<Real>& args, std::int64_t t) {
  const Tag<Real> d;
  for (std::int64_t j = 0; j < t + kRows; j += lanes<Real>()) {
    auto s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
    const Real* HWY_RESTRICT k = args.k + j;
    const Real* HWY_RESTRICT q = args.q + t;
    for (std::int64_t r = 0; r < args.R; ++r, k += args.stride, q += args.stride) {
      const auto key = hn::LoadU(d, k);
      s0 = hn::MulAdd(hn::Set(d, q[0]), key, s0);
      s1 = hn::MulAdd(hn::Set(d, q[1]), key, s1);
      s2 = hn::MulAdd(hn::Set(d, q[2]), key, s2);
      s3 = hn::MulAdd(hn::Set(d, q[3]), key, s3);
    }
    hn::Store(s0, d, args.work + j);
    hn::Store(s1, d, args.work + args.work_stride + j);
    hn::Store(s2, d, args.work + 2 * args.work_stride + j);
    hn::Store(s3, d, args.work + 3 * args.work_stride + j);
  }
}

// out_t += the sum over j <= t of gamma^(t-j) (q_t k_j) v_j, for `steps` steps of the block.
template <class Real>
HWY_NOINLINE void add_diagonal(const DirectArgs<Real>& args, std::int64_t steps) {
  const Tag<Real> d;
  const std::int64_t width = 2 * lanes<Real>();
  for (std::int64_t first = 0; first < steps; first += kRows) {
    score(args, first);
    for (std::int64_t c = 0; c < kRows; ++c) {
      const std::int64_t t = first + c;
      auto sum = load(args.out + t * width);
      for (std::int64_t j = 0; j <= t; ++j) {
        const auto weight = hn::Set(d, args.work[c * args.work_stride + j] * args.weights[t - j]);
        const auto v = load(args.v + j * width);
        sum = {hn::MulAdd(weight, v.re, sum.re), hn::MulAdd(weight, v.im, sum.im)};
      }
      store(sum, args.out + t * width);
    }
  }
}

// out_t += weight_t q_t S for a block's steps; S is [R, panel].
template <class Real>
HWY_NOINLINE void add_state(const DirectArgs<Real>& args, const Real* HWY_RESTRICT state,
                            const Real* HWY_RESTRICT weights) {
  const Tag<Real> d;
  const std::int64_t width = 2 * lanes<Real>();
  for (std::int64_t t = 0; t < args.block; t += kRows) {
    Complex<Real> sum[kRows];
    for (auto& x : sum) x = {hn::Zero(d), hn::Zero(d)};
    for (std::int64_t r = 0; r < args.R; ++r) {
      const auto s = load(state + r * width);
      for (std::int64_t c = 0; c < kRows; ++c) {
        const auto q = hn::Set(d, args.q[r * args.stride + t + c]);
        sum[c] = {hn::MulAdd(q, s.re, sum[c].re), hn::MulAdd(q, s.im, sum[c].im)};
      }
    }
    for (std::int64_t c = 0; c < kRows; ++c) {
      add_weighted(sum[c], weights[t + c], args.out + (t + c) * width);
    }
  }
}

// state = decay state + the sum over the block's j < steps of gamma^(steps-1-j) k_j v_j.
template <class Real>
HWY_NOINLINE void advance_state(const DirectArgs<Real>& args, std::int64_t steps,
                                sdk::SplitDecay<Real> decay, Real* HWY_RESTRICT state) {
  const Tag<Real> d;
  const std::int64_t width = 2 * lanes<Real>();
  const auto high = hn::Set(d, decay.high);
  const auto low = hn::Set(d, decay.low);
  // An infinite s stays infinite, where low alone would make it NaN.
  const auto advanced = [&](Vector<Real> s, Vector<Real> sum) HWY_ATTR {
    const auto correction = hn::IfThenElseZero(hn::IsFinite(s), hn::Mul(s, low));
    return hn::MulAdd(s, high, hn::Add(correction, sum));
  };
  for (std::int64_t r = 0; r < args.R; ++r) {
    const Real* HWY_RESTRICT k = args.k + r * args.stride;
    Complex<Real> sum = {hn::Zero(d), hn::Zero(d)};
    for (std::int64_t j = 0; j < steps; ++j) {
      const auto weight = hn::Set(d, k[j] * args.weights[steps - 1 - j]);
      const auto v = load(args.v + j * width);
      sum = {hn::MulAdd(weight, v.re, sum.re), hn::MulAdd(weight, v.im, sum.im)};
    }
    const auto s = load(state + r * width);
    store(Complex<Real>{advanced(s.re, sum.re), advanced(s.im, sum.im)}, state + r * width);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace leet::plugin_fft
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
