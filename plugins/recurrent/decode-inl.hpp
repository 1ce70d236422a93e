// SPDX-License-Identifier: Apache-2.0
//
// One decoding step: rows of the state are streamed from memory to memory once, strictly one after
// the other. Bound: the bandwidth of scaling the state in place; the o of a row's heads stay in the
// first-level cache.
#if defined(LEET_PLUGINS_RECURRENT_DECODE_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef LEET_PLUGINS_RECURRENT_DECODE_INL_HPP
#undef LEET_PLUGINS_RECURRENT_DECODE_INL_HPP
#else
#define LEET_PLUGINS_RECURRENT_DECODE_INL_HPP
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cmath>
#include <cstdint>
#include <leet/plugin/decay.hpp>
#include <leet/plugin/scratch.hpp>
#include <leet/plugin/shape.hpp>

HWY_BEFORE_NAMESPACE();
namespace leet::plugin_recurrent {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct DecodeBuffers {
  DecodeBuffers(sdk::Scratch& scratch, const sdk::Shape& shape)
      : k(scratch.take<float>(shape.R)),
        v(scratch.take<float>(shape.D)),
        decay(scratch.take<sdk::SplitDecay<float>>(shape.R)),
        q(scratch.take<float>(shape.group() * shape.R)),
        out(scratch.take<float>(shape.group() * shape.D)) {}

  float* k;                       // [R]
  float* v;                       // [columns]
  sdk::SplitDecay<float>* decay;  // [R]
  float* q;                       // [heads, R]
  float* out;                     // [heads, columns]
};

constexpr std::int64_t kPrefetchAhead = 512;  // floats: 2 KiB

// to = gamma from + k v; from may be `to`, or null for zeros.
HWY_NOINLINE void advance_row(const float* from, sdk::SplitDecay<float> gamma, float k,
                              const float* HWY_RESTRICT v, float* to, std::int64_t count) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto high = hn::Set(d, gamma.high);
  const auto low = hn::Set(d, gamma.low);
  const auto key = hn::Set(d, k);
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    auto sum = hn::Mul(key, hn::LoadU(d, v + i));
    if (from != nullptr) {
      hwy::Prefetch(from + i + kPrefetchAhead);
      const auto s = hn::LoadU(d, from + i);
      // An infinite s stays infinite, where low alone would make it NaN.
      const auto correction = hn::IfThenElseZero(hn::IsFinite(s), hn::Mul(s, low));
      sum = hn::MulAdd(s, high, hn::Add(correction, sum));
    }
    hn::StoreU(sum, d, to + i);
  }
  for (; i < count; ++i) {
    const float s = from != nullptr ? from[i] : 0.0F;
    const float correction = std::isfinite(s) ? s * gamma.low : 0.0F;
    to[i] = s * gamma.high + (correction + k * v[i]);
  }
}

// out += q s.
HWY_NOINLINE void read_row(const float* s, float q, float* HWY_RESTRICT out, std::int64_t count) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto query = hn::Set(d, q);
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::MulAdd(query, hn::LoadU(d, s + i), hn::LoadU(d, out + i)), d, out + i);
  }
  for (; i < count; ++i) out[i] += q * s[i];
}

}  // namespace HWY_NAMESPACE
}  // namespace leet::plugin_recurrent
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
