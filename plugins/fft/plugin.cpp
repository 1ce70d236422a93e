// SPDX-License-Identifier: Apache-2.0
//
// leet.fft: the decay mask is Toeplitz, so it is applied to each k v by Fourier transforms.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <leet/plugin.hpp>
#include <string_view>

#include "convolution.hpp"
#include "fft_cpu.hpp"
#include "fft_simd.hpp"

namespace leet::plugin_fft {
namespace {

class Fft {
 public:
  static constexpr leet_note_desc kIdentity =
      sdk::identity({.id = "leet.fft",
                     .version = "0.1.0",
                     .devices = {LEET_DEVICE_CPU},
                     .decay_kinds = LEET_DECAYS_NONE | LEET_DECAYS_HEAD,
                     .dtypes = sdk::kEveryDtype,
                     .features = sdk::kEveryForwardFeature});
  static constexpr const char* kSummary =
      "The decay as a convolution of each k v, by partitioned FFTs; a cross-check, constant decay";
  static constexpr const char* kReference =
      "M is Toeplitz: O = sum over r of Q_r o (M (K_r o V)), as TNN (arXiv 2305.04749) computes; "
      "uniformly partitioned convolution, Stockham 1966";

  static constexpr leet_option kOptions[] = {
      sdk::option("kernel", "auto",
                  "simd: vector registers; plain: fp64 in plain loops; auto: simd where it can"),
      sdk::option("transforms", "auto",
                  "f32: an error relative to the largest k v of a block; f64: slower, 1e-16 of it; "
                  "auto: f32, but f64 for f64 tensors and kernel=plain"),
      sdk::option("block", "32",
                  "steps of a block, 8, 32, 128, 512 or 2048; its transforms are twice as long")};

  static sdk::Verdict supports(const sdk::Host& host, const sdk::Problem& problem, leet_device,
                               const sdk::Options& options) {
    const Kernel asked = kernel(options);
    const std::int64_t block = block_of(options);
    const Transforms transforms = transforms_of(options);
    const sdk::Verdict verdict = sdk::check_one_arithmetic(problem);
    if (verdict.answer == LEET_ANSWER_NO) return verdict;
    if (asked == Kernel::kSimd && !is_aligned(problem)) {
      return sdk::Verdict::no("kernel=simd: not for misaligned elements; auto takes plain");
    }
    if (transforms == Transforms::kF32 &&
        (is_f64(problem) || asked == Kernel::kPlain || !is_aligned(problem))) {
      return sdk::Verdict::no(
          "transforms=f32: not for f64 tensors, kernel=plain or misaligned elements; auto takes "
          "f64");
    }
    const bool simd = asked != Kernel::kPlain && is_aligned(problem);
    const bool f32 = simd && !is_f64(problem) && transforms != Transforms::kF64;
    return sdk::Verdict::yes(predicted_seconds(host, problem, block, efficiency(simd, f32)));
  }

  Fft(const sdk::Host& host, const sdk::Problem& problem, leet_device, const sdk::Options& options)
      : simd_(kernel(options) != Kernel::kPlain && is_aligned(problem)),
        f32_(simd_ && !is_f64(problem) && transforms_of(options) != Transforms::kF64) {
    const std::int64_t R = problem.shape().R;
    const std::int64_t block = block_of(options);
    const std::uint64_t bytes = f32_    ? simd_bytes_a_worker<float>(R, block)
                                : simd_ ? simd_bytes_a_worker<double>(R, block)
                                        : bytes_a_worker(R, block);
    const int decay_kind = problem.decay_kind();
    const double scale = problem.scale();
    const std::int64_t length = length_of(block);
    in_f32_ = {decay_kind, scale, bytes, block, make_twiddles<float>(length)};
    in_f64_ = {decay_kind, scale, bytes, block, make_twiddles<double>(length)};
    info_.workspace_bytes = bytes * static_cast<std::uint64_t>(host.concurrency());
    info_.workspace_alignment = sdk::kCacheLine;
    info_.persistent_bytes = sizeof *this + in_f32_.twiddles.size() * sizeof(float) +
                             in_f64_.twiddles.size() * sizeof(double);
    info_.predicted_seconds = predicted_seconds(host, problem, block, efficiency(simd_, f32_));
    info_.flops = flops(problem, block);
    info_.bytes_moved = sdk::compulsory_bytes(problem);
    info_.declared_rel_error = declared_rel_error(problem, block);
    std::snprintf(choice_, sizeof choice_, "%s transforms of %lld for blocks of %lld steps, %s",
                  f32_ ? "fp32" : "fp64", static_cast<long long>(length),
                  static_cast<long long>(block), simd_ ? simd_target() : "plain");
    info_.choice = choice_;
  }

  sdk::PlanInfo info() const { return info_; }

  void execute(const sdk::Host& host, const sdk::Exec& exec) const {
    if (exec.writes_nothing()) return;
    if (f32_) {
      execute_simd<float>(host, exec, in_f32_);
    } else if (simd_) {
      execute_simd<double>(host, exec, in_f64_);
    } else {
      execute_cpu(host, exec, in_f64_);
    }
  }

 private:
  enum class Kernel { kAuto, kSimd, kPlain };

  static Kernel kernel(const sdk::Options& options) {
    const std::string_view name = options.get("kernel");
    if (name == "auto") return Kernel::kAuto;
    if (name == "simd") return Kernel::kSimd;
    if (name == "plain") return Kernel::kPlain;
    throw sdk::Error(LEET_STATUS_INVALID_ARGUMENT, "option kernel=%.*s: needs auto, simd or plain",
                     static_cast<int>(name.size()), name.data());
  }

  enum class Transforms { kAuto, kF32, kF64 };

  static Transforms transforms_of(const sdk::Options& options) {
    const std::string_view name = options.get("transforms");
    if (name == "auto") return Transforms::kAuto;
    if (name == "f32") return Transforms::kF32;
    if (name == "f64") return Transforms::kF64;
    throw sdk::Error(LEET_STATUS_INVALID_ARGUMENT, "option transforms=%.*s: needs auto, f32 or f64",
                     static_cast<int>(name.size()), name.data());
  }

  static std::int64_t block_of(const sdk::Options& options) {
    const std::int64_t block = options.get_int("block", 8, 2048);
    for (const std::int64_t legal : {8, 32, 128, 512, 2048}) {
      if (block == legal) return block;
    }
    throw sdk::Error(LEET_STATUS_INVALID_ARGUMENT,
                     "option block=%lld: needs 8, 32, 128, 512 or 2048",
                     static_cast<long long>(block));
  }

  static bool is_f64(const sdk::Problem& problem) {
    return sdk::same(problem.dtype(LEET_ROLE_Q), sdk::kF64);
  }

  // Vectors are read where the caller has them, so elements must lie on their own boundaries.
  static bool is_aligned(const sdk::Problem& problem) {
    for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
      const leet_tensor_spec* const spec = problem.spec(role);
      if (spec != nullptr && spec->alignment < sdk::dtype_bytes(spec->dtype)) return false;
    }
    return true;
  }

  // Of a step, rank and column. A radix-4 pass has length / 4 butterflies of 16 additions and 3
  // products of 6 operations; there and back, for 2 columns of length / 2 steps, that is 17. The
  // products with the decay and the carry are 14.
  static double flops_a_pair(std::int64_t block) {
    return 17 * std::log2(static_cast<double>(length_of(block))) / 2 + 14;
  }

  static double flops(const sdk::Problem& problem, std::int64_t block) {
    const sdk::Shape& shape = problem.shape();
    const double pairs = static_cast<double>(shape.B) * static_cast<double>(shape.N) *
                         static_cast<double>(shape.R) * static_cast<double>(shape.D);
    // A block on itself.
    const double diagonal = static_cast<double>(shape.B) * static_cast<double>(shape.N) *
                            static_cast<double>(shape.H) * static_cast<double>(block) *
                            static_cast<double>(shape.R + shape.D);
    double total = 0;
    if (problem.has(LEET_ROLE_OUT)) {
      const double passes =
          static_cast<double>(shape.Hs) *
          std::ceil(static_cast<double>(shape.group()) / static_cast<double>(kMaxHeads));
      total += pairs * (flops_a_pair(block) * passes + 2 * static_cast<double>(shape.H)) + diagonal;
    }
    if (problem.has(LEET_ROLE_STATE_OUT)) total += 2 * pairs * static_cast<double>(shape.Hs);
    return total;
  }

  static double predicted_seconds(const sdk::Host& host, const sdk::Problem& problem,
                                  std::int64_t block, double share_of_peak) {
    const sdk::Shape& shape = problem.shape();
    constexpr std::int64_t kPanel = 32;
    // Whole blocks are summed directly, however few of their steps there are; and states go through
    // a buffer.
    const auto pieces = static_cast<double>(shape.sequences * shape.Hs);
    const double area = static_cast<double>(shape.R) * static_cast<double>(shape.D);
    const double padding = pieces * static_cast<double>(block) * area * 4;
    return sdk::predicted_cpu_seconds(
        host, {.flops = flops(problem, block) + padding,
               .efficiency = share_of_peak,
               .bytes = sdk::compulsory_bytes(problem) + 8 * pieces * area,
               .pieces = shape.sequences * shape.Hs * ((shape.D + kPanel - 1) / kPanel)});
  }

  double declared_rel_error(const sdk::Problem& problem, std::int64_t block) const {
    if (is_f64(problem)) return 1e-12;
    // The carry is rounded once a block: a random walk, half of this as measured.
    const double blocks = static_cast<double>(problem.shape().N) / static_cast<double>(block);
    const double fp32 = std::max(2e-6, 2e-6 * std::sqrt(blocks / 8192));
    return sdk::rounded_rel_error(problem, f32_ ? fp32 : 2e-7);
  }

  // Share of the fp32 FMA peak, as measured (README.md).
  static double efficiency(bool simd, bool f32) { return f32 ? 0.9 : simd ? 0.5 : 0.07; }

  bool simd_;
  bool f32_;
  Config<float> in_f32_;
  Config<double> in_f64_;
  sdk::PlanInfo info_;
  char choice_[96];
};

}  // namespace
}  // namespace leet::plugin_fft

LEET_PLUGIN(leet::plugin_fft::Fft)
