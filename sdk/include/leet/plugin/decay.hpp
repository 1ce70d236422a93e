// SPDX-License-Identifier: Apache-2.0
//
// From log_decay to factors that a recurrence can multiply by.
#ifndef LEET_PLUGIN_DECAY_HPP
#define LEET_PLUGIN_DECAY_HPP

#include <cmath>
#include <type_traits>

namespace leet::sdk {

// gamma = exp(g) as an unevaluated sum of two Reals, gamma = high + low.
//
// One Real is not enough: rounding gamma errs by up to eps/2 in the same direction at every step,
// so that after n steps the weight gamma^n is off by up to n * eps/2 - at rate 1e-5 and n = 257 by
// 3.5e-6 in fp32, where the state's own roundings, which are as often up as down, stay below 1e-6.
template <class Real>
struct SplitDecay {
  Real high;
  Real low;
};

// One step of a recurrence, s gamma + term, with gamma to twice the precision. The order matters:
// s * low is less than half a unit of s * high, so that added to it alone it would be rounded away.
template <class Real>
constexpr Real advance(Real s, SplitDecay<Real> gamma, Real term) {
  return s * gamma.high + (s * gamma.low + term);
}

// The wider type that exponentials and their products are computed in.
template <class Real>
using Wide = std::conditional_t<std::is_same_v<Real, float>, double, long double>;

// g <= 0; g = -inf gives 0, g = 0 gives 1, both exactly.
template <class Real>
SplitDecay<Real> split_decay(double g) {
  const Wide<Real> gamma = std::exp(static_cast<Wide<Real>>(g));
  const Real high = static_cast<Real>(gamma);
  return {high, static_cast<Real>(gamma - static_cast<Wide<Real>>(high))};
}

}  // namespace leet::sdk
#endif  // LEET_PLUGIN_DECAY_HPP
