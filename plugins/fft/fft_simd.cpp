// SPDX-License-Identifier: Apache-2.0
//
// The walk of convolution.hpp with the vector kernels of lane_fft-inl.hpp and direct-inl.hpp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "fft_simd.cpp"
#include "fft_simd.hpp"

#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <cstring>
#include <leet/cpu/rows-inl.hpp>
#include <leet/plugin/dtype.hpp>
#include <type_traits>

#include "direct-inl.hpp"
#include "lane_fft-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace leet::plugin_fft {
namespace HWY_NAMESPACE {

template <class T>
struct SimdKernel {
  using Real = T;

  static std::int64_t columns() { return 2 * lanes<Real>(); }

  static void load_row(leet_dtype dtype, const std::byte* from, Real* to, std::int64_t count) {
    if (sdk::same(dtype, std::is_same_v<Real, float> ? sdk::kF32 : sdk::kF64)) {
      std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(Real));
    } else if constexpr (std::is_same_v<Real, float>) {
      cpu::HWY_NAMESPACE::widen_row(dtype, from, to, count);
    } else {
      sdk::load_row(dtype, from, to, count);
    }
  }

  static void store_row(leet_dtype dtype, const Real* from, std::byte* to, std::int64_t count) {
    if (sdk::same(dtype, std::is_same_v<Real, float> ? sdk::kF32 : sdk::kF64)) {
      std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(Real));
    } else if constexpr (std::is_same_v<Real, float>) {
      cpu::HWY_NAMESPACE::narrow_row(dtype, from, to, count);
    } else {
      sdk::store_row(dtype, from, to, count);
    }
  }

  static void convolve(const BlockArgs<Real>& args) { HWY_NAMESPACE::convolve(args); }

  static void add_diagonal(const DirectArgs<Real>& args, std::int64_t steps) {
    HWY_NAMESPACE::add_diagonal(args, steps);
  }

  static void add_state(const DirectArgs<Real>& args, const Real* state, const Real* weights) {
    HWY_NAMESPACE::add_state(args, state, weights);
  }

  static void advance_state(const DirectArgs<Real>& args, std::int64_t steps,
                            sdk::SplitDecay<Real> decay, Real* state) {
    HWY_NAMESPACE::advance_state(args, steps, decay, state);
  }
};

std::uint64_t bytes_a_worker_f32(std::int64_t R, std::int64_t block) {
  return Convolution<SimdKernel<float>>::bytes_a_worker(R, block);
}
std::uint64_t bytes_a_worker_f64(std::int64_t R, std::int64_t block) {
  return Convolution<SimdKernel<double>>::bytes_a_worker(R, block);
}

void execute_f32(const sdk::Host& host, const sdk::Exec& exec, const Config<float>& config) {
  Convolution<SimdKernel<float>>::execute(host, exec, config);
}
void execute_f64(const sdk::Host& host, const sdk::Exec& exec, const Config<double>& config) {
  Convolution<SimdKernel<double>>::execute(host, exec, config);
}

const char* target_name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace HWY_NAMESPACE
}  // namespace leet::plugin_fft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leet::plugin_fft {

HWY_EXPORT(bytes_a_worker_f32);
HWY_EXPORT(bytes_a_worker_f64);
HWY_EXPORT(execute_f32);
HWY_EXPORT(execute_f64);
HWY_EXPORT(target_name);

template <>
std::uint64_t simd_bytes_a_worker<float>(std::int64_t R, std::int64_t block) {
  return HWY_DYNAMIC_DISPATCH(bytes_a_worker_f32)(R, block);
}
template <>
std::uint64_t simd_bytes_a_worker<double>(std::int64_t R, std::int64_t block) {
  return HWY_DYNAMIC_DISPATCH(bytes_a_worker_f64)(R, block);
}

template <>
void execute_simd(const sdk::Host& host, const sdk::Exec& exec, const Config<float>& config) {
  HWY_DYNAMIC_DISPATCH(execute_f32)(host, exec, config);
}
template <>
void execute_simd(const sdk::Host& host, const sdk::Exec& exec, const Config<double>& config) {
  HWY_DYNAMIC_DISPATCH(execute_f64)(host, exec, config);
}

const char* simd_target() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

}  // namespace leet::plugin_fft
#endif
