// SPDX-License-Identifier: Apache-2.0
//
// What methods have in common when they judge a problem and describe their plans.
#ifndef LEET_PLUGIN_COST_HPP
#define LEET_PLUGIN_COST_HPP

#include <leet/plugin.h>

#include <algorithm>
#include <cstdint>
#include <leet/plugin/claims.hpp>
#include <leet/plugin/dtype.hpp>
#include <leet/plugin/host.hpp>
#include <leet/plugin/problem.hpp>

namespace leet::sdk {

// For methods that compute in f64 exactly when the tensors are f64: q, k, v and out are all f64 or
// none is. The 16-bit types and f32 may be mixed.
inline Verdict check_one_arithmetic(const Problem& problem) {
  const leet_dtype q = problem.dtype(LEET_ROLE_Q);
  for (const int role : {LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_OUT}) {
    if (!problem.has(role)) continue;
    const leet_dtype other = problem.dtype(role);
    if (same(q, kF64) != same(other, kF64)) {
      return Verdict::no("%s beside %s: q, k, v and out must all be f64, or none", dtype_name(q),
                         dtype_name(other));
    }
  }
  return Verdict::yes();
}

// The bytes that any method must move: every tensor once, elements repeated by a stride of 0 once.
inline double compulsory_bytes(const Problem& problem) {
  double total = 0;
  for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
    const leet_tensor_spec* const spec = problem.spec(role);
    if (spec == nullptr) continue;
    double bytes = static_cast<double>(dtype_bytes(spec->dtype));
    for (int axis = 0; axis < spec->rank; ++axis) {
      const auto extent = static_cast<double>(spec->extent[axis]);
      bytes *= spec->stride[axis] == 0 ? std::min(extent, 1.0) : extent;
    }
    total += bytes;
  }
  return total;
}

// What a CPU method does, for predicted_cpu_seconds().
struct CpuWork {
  double flops = 0;       // done, not only needed
  double efficiency = 1;  // share of the FMA peak that the kernel reaches, as `leet bench` measured
  double bytes = 0;       // to and from memory
  std::int64_t pieces = 1;   // that can be computed at once
  double piece_seconds = 0;  // that one takes to begin
  // Where pieces of one head do some of its work again, each for itself: that share of it.
  double repeated = 0;
  std::int64_t heads = 0;  // with `repeated`: heads of all sequences
};

// The seconds that a method predicts in its verdict, by a roofline with nominal rates of one core.
// The rates cancel when methods are compared with each other, which is what predictions are for.
inline double predicted_cpu_seconds(const Host& host, const CpuWork& work) {
  constexpr double kFlopsPerSecond = 100e9;  // fp32 FMA, AVX2 at 3.2 GHz
  constexpr double kBytesPerSecond = 25e9;
  constexpr double kDispatchSeconds = 0.5e-6;
  const std::int64_t cores =
      std::clamp<std::int64_t>(work.pieces, 1, std::max(1, host.concurrency()));
  // Heads are cut into no more pieces than cores need.
  const double cuts = std::max(
      1.0, static_cast<double>(cores) / static_cast<double>(std::max<std::int64_t>(work.heads, 1)));
  const double compute = work.flops / (work.efficiency * kFlopsPerSecond) *
                         (work.heads > 0 ? 1 + work.repeated * (cuts - 1) : 1);
  const double memory = work.bytes / kBytesPerSecond;
  const double begin = work.piece_seconds * static_cast<double>(work.pieces);
  return kDispatchSeconds + (begin + std::max(compute, memory)) / static_cast<double>(cores);
}

// A bound on the relative Frobenius error of a method whose arithmetic errs by `arithmetic` and
// whose out is then rounded to nearest once: plus the unit roundoff of out's dtype where that is 16
// bits wide. Holds where out is not subnormal in f16 (below 6e-5).
inline double rounded_rel_error(const Problem& problem, double arithmetic) {
  if (!problem.has(LEET_ROLE_OUT)) return arithmetic;
  if (same(problem.dtype(LEET_ROLE_OUT), kF16)) return arithmetic + 0x1p-11;
  if (same(problem.dtype(LEET_ROLE_OUT), kBf16)) return arithmetic + 0x1p-8;
  return arithmetic;
}

}  // namespace leet::sdk
#endif  // LEET_PLUGIN_COST_HPP
