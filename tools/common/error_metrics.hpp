// SPDX-License-Identifier: Apache-2.0
//
// How far a result is from the reference, and how far it may be (the gates of the operator).
#ifndef LEET_TOOLS_COMMON_ERROR_METRICS_HPP
#define LEET_TOOLS_COMMON_ERROR_METRICS_HPP

#include <leet/plugin.h>

#include <cstdint>
#include <span>

namespace leet::tools {

struct Comparison {
  double relative_error =
      0;  // ||got - expected|| / ||expected||, Frobenius; NaN or infinite differences give infinity
  std::int64_t worst_index = -1;  // of the largest |got - expected|, flat; -1 for no elements
  double worst_got = 0;
  double worst_expected = 0;
};

// Of arrays of one length. Where expected is all zeros, relative_error is 0 if got is too, else
// infinity. Equal infinities agree; NaN in got never passes.
Comparison compare(std::span<const double> got, std::span<const double> expected);

// The largest relative error that is right for tensors of this dtype: f64 1e-12, f32 2e-6 (TF32
// allowed: 1e-3), f16 1e-3, bf16 4e-3.
double relative_error_gate(leet_dtype dtype, std::int32_t lowest_precision);

}  // namespace leet::tools
#endif  // LEET_TOOLS_COMMON_ERROR_METRICS_HPP
