// SPDX-License-Identifier: Apache-2.0
//
// leet.recurrent: the recurrence itself; the method for decoding, and on CPUs the fast one for
// prefill.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <leet/plugin.hpp>
#include <string_view>

#include "recurrent_cpu.hpp"
#include "recurrent_simd.hpp"

namespace leet::plugin_recurrent {
namespace {

class Recurrent {
 public:
  static constexpr leet_note_desc kIdentity =
      sdk::identity({.id = "leet.recurrent",
                     .version = "0.1.0",
                     .devices = {LEET_DEVICE_CPU},
                     .decay_kinds = sdk::kEveryDecayKind,
                     .dtypes = sdk::kEveryDtype,
                     .features = sdk::kEveryForwardFeature});
  static constexpr const char* kSummary =
      "The recurrence, 4 N R D flops; for decoding, and on CPUs for prefill";
  static constexpr const char* kReference =
      "Katharopoulos et al. 2020, Transformers are RNNs (arXiv 2006.16236), equations 18-20, with "
      "a decay";

  static constexpr leet_option kOptions[] = {sdk::option(
      "kernel", "auto",
      "simd: fp32 sums in vector registers, the error grows as sqrt(N), k v at most 2e31; "
      "plain: fp64 sums, one step at a time; auto: simd where it can")};

  static sdk::Verdict supports(const sdk::Host& host, const sdk::Problem& problem, leet_device,
                               const sdk::Options& options) {
    const Kernel asked = kernel(options);
    const sdk::Verdict verdict = sdk::check_one_arithmetic(problem);
    if (verdict.answer == LEET_ANSWER_NO) return verdict;
    if (asked == Kernel::kSimd && !fits_simd(problem)) {
      return sdk::Verdict::no(
          "kernel=simd: not for f64 tensors, R = 0, D = 0 or misaligned elements; auto takes "
          "plain");
    }
    return sdk::Verdict::yes(
        predicted_seconds(host, problem, asked != Kernel::kPlain && fits_simd(problem)));
  }

  Recurrent(const sdk::Host& host, const sdk::Problem& problem, leet_device,
            const sdk::Options& options)
      : simd_(kernel(options) != Kernel::kPlain && fits_simd(problem)),
        config_{problem.decay_kind(), problem.scale(),
                simd_ ? simd_bytes_a_worker(problem.shape()) : bytes_a_worker(problem.shape())} {
    info_.predicted_seconds = predicted_seconds(host, problem, simd_);
    info_.workspace_bytes = config_.bytes_a_worker * host.concurrency();
    info_.workspace_alignment = sdk::kCacheLine;
    info_.flops = flops(problem);
    info_.bytes_moved = sdk::compulsory_bytes(problem);
    info_.declared_rel_error = declared_rel_error(problem);
    std::snprintf(choice_, sizeof choice_, "%s",
                  simd_ ? "simd: fp32 sums, blocks of 96 steps, " : "plain: fp64 sums, 32 columns");
    if (simd_) std::strncat(choice_, simd_target(), sizeof choice_ - std::strlen(choice_) - 1);
    info_.choice = choice_;
  }

  sdk::PlanInfo info() const { return info_; }

  void execute(const sdk::Host& host, const sdk::Exec& exec) const {
    if (exec.writes_nothing()) return;
    if (simd_) {
      execute_simd(host, exec, config_);
    } else {
      execute_cpu(host, exec, config_);
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

  static bool is_f64(const sdk::Problem& problem) {
    return sdk::same(problem.dtype(LEET_ROLE_Q), sdk::kF64);
  }

  // Vectors are read where the caller has them, so elements must lie on their own boundaries.
  static bool fits_simd(const sdk::Problem& problem) {
    for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
      const leet_tensor_spec* const spec = problem.spec(role);
      if (spec != nullptr && spec->alignment < sdk::dtype_bytes(spec->dtype)) return false;
    }
    return !is_f64(problem) && problem.shape().R > 0 && problem.shape().D > 0;
  }

  static double flops(const sdk::Problem& problem) {
    const sdk::Shape& shape = problem.shape();
    const double a_head = 2.0 * static_cast<double>(shape.B) * static_cast<double>(shape.N) *
                          static_cast<double>(shape.R) * static_cast<double>(shape.D);
    return a_head * (static_cast<double>(shape.Hs) +
                     (problem.has(LEET_ROLE_OUT) ? static_cast<double>(shape.H) : 0));
  }

  static double predicted_seconds(const sdk::Host& host, const sdk::Problem& problem, bool simd) {
    const sdk::Shape& shape = problem.shape();
    constexpr std::int64_t kPanel = 32;
    const std::int64_t heads = shape.sequences * shape.Hs;
    // What a decay by channel costs each step and channel, in flops at the sweep's rate; pieces of
    // one head all pay it.
    constexpr double kChannelFlops = 290;
    const double products = flops(problem);
    const double weights = problem.decay_kind() != LEET_DECAY_CHANNEL
                               ? 0
                               : kChannelFlops * static_cast<double>(shape.B * shape.Hs) *
                                     static_cast<double>(shape.N) * static_cast<double>(shape.R);
    return sdk::predicted_cpu_seconds(host,
                                      {.flops = products + weights,
                                       .efficiency = simd ? kSimdEfficiency : kPlainEfficiency,
                                       .bytes = sdk::compulsory_bytes(problem),
                                       .pieces = heads * ((shape.D + kPanel - 1) / kPanel),
                                       .repeated = weights / std::max(1.0, products + weights),
                                       .heads = heads});
  }

  // Of the FMA peak, as measured beside the other methods.
  static constexpr double kSimdEfficiency = 0.82;
  static constexpr double kPlainEfficiency = 0.08;

  double declared_rel_error(const sdk::Problem& problem) const {
    const auto steps = static_cast<double>(problem.shape().N);
    // Where k v = 0 a step rounds gamma's low part away, each time in the same direction.
    if (is_f64(problem)) return std::max(1e-12, 0x1p-53 * steps);
    // A state summed in fp32 errs by a random walk; 2.1e-6 sqrt(N / 8192) is the worst measured.
    const double fp32_sums = std::max(2e-6, 2.5e-6 * std::sqrt(steps / 8192));
    return sdk::rounded_rel_error(problem, simd_ ? fp32_sums : 2e-7);
  }

  bool simd_;
  Config config_;
  sdk::PlanInfo info_;
  char choice_[96];
};

}  // namespace
}  // namespace leet::plugin_recurrent

LEET_PLUGIN(leet::plugin_recurrent::Recurrent)
