// SPDX-License-Identifier: Apache-2.0
//
// leet.fleet: a discounted cumulative sum for each rank and column, weighted by q and summed over
// the ranks.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <leet/plugin.hpp>
#include <string_view>

#include "fleet_cpu.hpp"
#include "fleet_simd.hpp"
#include "head_decay.hpp"

namespace leet::plugin_fleet {
namespace {

class FleetAttention {
 public:
  static constexpr leet_note_desc kIdentity =
      sdk::identity({.id = "leet.fleet",
                     .version = "0.1.0",
                     .devices = {LEET_DEVICE_CPU},
                     .decay_kinds = LEET_DECAYS_NONE | LEET_DECAYS_HEAD,
                     .dtypes = sdk::kEveryDtype,
                     .features = sdk::kEveryForwardFeature});
  static constexpr const char* kSummary =
      "Discounted cumulative sums, a fleet of ranks side by side, 4 N R D flops; constant decay";
  static constexpr const char* kReference =
      "LeetDecoding (arXiv 2501.02573), FleetAttention: sum over r of Q_r o dcumsum(K_r o V)";

  static constexpr leet_option kOptions[] = {
      sdk::option("kernel", "auto",
                  "simd: fp32 sums of many ranks in vector registers, the error grows as sqrt(N), "
                  "k v at most 2e31; plain: fp64 sums, one rank at a time; auto: simd where it "
                  "can")};

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

  FleetAttention(const sdk::Host& host, const sdk::Problem& problem, leet_device,
                 const sdk::Options& options)
      : simd_(kernel(options) != Kernel::kPlain && fits_simd(problem)),
        config_{problem.decay_kind(), problem.scale(),
                simd_ ? simd_bytes_a_worker(problem.shape()) : bytes_a_worker(problem.shape())} {
    info_.workspace_bytes = config_.bytes_a_worker * host.concurrency();
    info_.workspace_alignment = sdk::kCacheLine;
    info_.predicted_seconds = predicted_seconds(host, problem, simd_);
    info_.flops = flops(problem);
    info_.bytes_moved = sdk::compulsory_bytes(problem);
    info_.declared_rel_error = declared_rel_error(problem);
    if (simd_) {
      std::snprintf(choice_, sizeof choice_, "simd: fp32 sums, blocks of %lld steps, %s",
                    static_cast<long long>(kBlockSteps), simd_target());
    } else {
      std::snprintf(choice_, sizeof choice_, "plain: fp64 sums, one rank at a time");
    }
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
    // States go through a buffer: written and read once more each.
    const double states = 16 * static_cast<double>(shape.sequences) *
                          static_cast<double>(shape.Hs) * static_cast<double>(shape.R) *
                          static_cast<double>(shape.D);
    return sdk::predicted_cpu_seconds(
        host, {.flops = flops(problem),
               .efficiency = simd ? kSimdEfficiency : kPlainEfficiency,
               .bytes = sdk::compulsory_bytes(problem) + states,
               .pieces = shape.sequences * shape.Hs * ((shape.D + kPanel - 1) / kPanel),
               .piece_seconds = 1e-6});
  }

  double declared_rel_error(const sdk::Problem& problem) const {
    const auto steps = static_cast<double>(problem.shape().N);
    // Where k v = 0 a step rounds gamma's low part away, each time in the same direction.
    if (is_f64(problem)) return std::max(1e-12, 0x1p-53 * steps);
    // Sums in fp32 err by a random walk over their memory, as the recurrence's do.
    const double fp32_sums = std::max(2e-6, 2.5e-6 * std::sqrt(steps / 8192));
    return sdk::rounded_rel_error(problem, simd_ ? fp32_sums : 2e-7);
  }

  // Of the FMA peak, as measured (README.md).
  static constexpr double kSimdEfficiency = 0.95;
  static constexpr double kPlainEfficiency = 0.06;

  bool simd_;
  Config config_;
  sdk::PlanInfo info_;
  char choice_[96];
};

}  // namespace
}  // namespace leet::plugin_fleet

LEET_PLUGIN(leet::plugin_fleet::FleetAttention)
