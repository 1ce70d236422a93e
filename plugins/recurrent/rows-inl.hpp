// SPDX-License-Identifier: Apache-2.0
//
// Rows of f16, bf16 and f32 to and from f32, a vector at a time. Compiled once for each instruction
// set.
#if defined(LEET_PLUGINS_RECURRENT_ROWS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef LEET_PLUGINS_RECURRENT_ROWS_INL_HPP
#undef LEET_PLUGINS_RECURRENT_ROWS_INL_HPP
#else
#define LEET_PLUGINS_RECURRENT_ROWS_INL_HPP
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <leet/plugin/dtype.hpp>

HWY_BEFORE_NAMESPACE();
namespace leet::plugin_recurrent {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Whether this target narrows to f16 with rounding to nearest even in hardware.
#if HWY_TARGET <= HWY_AVX2
inline constexpr bool kHasF16 = true;
#else
inline constexpr bool kHasF16 = false;
#endif

inline void widen_row(leet_dtype dtype, const std::byte* from, float* to, std::int64_t count) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  if (sdk::same(dtype, sdk::kBf16)) {
    const hn::Rebind<hwy::bfloat16_t, decltype(d)> half;
    for (; i + lanes <= count; i += lanes) {
      hn::StoreU(
          hn::PromoteTo(d, hn::LoadU(half, reinterpret_cast<const hwy::bfloat16_t*>(from) + i)), d,
          to + i);
    }
  } else if (kHasF16 && sdk::same(dtype, sdk::kF16)) {
    const hn::Rebind<hwy::float16_t, decltype(d)> half;
    for (; i + lanes <= count; i += lanes) {
      hn::StoreU(
          hn::PromoteTo(d, hn::LoadU(half, reinterpret_cast<const hwy::float16_t*>(from) + i)), d,
          to + i);
    }
  }
  sdk::load_row(dtype, from + i * sdk::dtype_bytes(dtype), to + i, count - i);
}

inline void narrow_row(leet_dtype dtype, const float* from, std::byte* to, std::int64_t count) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  if (kHasF16 && sdk::same(dtype, sdk::kF16)) {
    const hn::Rebind<hwy::float16_t, decltype(d)> half;
    for (; i + lanes <= count; i += lanes) {
      hn::StoreU(hn::DemoteTo(half, hn::LoadU(d, from + i)), half,
                 reinterpret_cast<hwy::float16_t*>(to) + i);
    }
  }
  sdk::store_row(dtype, from + i, to + i * sdk::dtype_bytes(dtype), count - i);
}

}  // namespace HWY_NAMESPACE
}  // namespace leet::plugin_recurrent
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
