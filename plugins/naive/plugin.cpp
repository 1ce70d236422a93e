// SPDX-License-Identifier: Apache-2.0
//
// leet.naive: the masked product as it is written in the papers; quadratic, and right wherever the
// others are compared with something plain.
#include <algorithm>
#include <leet/plugin.hpp>
#include <leet/plugin/cost.hpp>

#include "naive_cpu.hpp"

namespace leet::plugin_naive {
namespace {

class Naive {
 public:
  static constexpr leet_note_desc kIdentity =
      sdk::identity({.id = "leet.naive",
                     .version = "0.1.0",
                     .devices = {LEET_DEVICE_CPU},
                     .decay_kinds = sdk::kEveryDecayKind,
                     .dtypes = sdk::kEveryDtype,
                     .features = sdk::kEveryForwardFeature});
  static constexpr const char* kSummary =
      "The masked product ((Q K^T) o M) V by tiles, O(N^2 (R + D)); the plain one to compare with";
  static constexpr const char* kReference =
      "LeetDecoding (arXiv 2501.02573), `vanilla`; RetNet (arXiv 2307.08621), equation 5";

  static sdk::Verdict supports(const sdk::Host& host, const sdk::Problem& problem, leet_device,
                               const sdk::Options&) {
    const sdk::Verdict verdict = sdk::check_one_arithmetic(problem);
    if (verdict.answer == LEET_ANSWER_NO) return verdict;
    return sdk::Verdict::yes(predicted_seconds(host, problem));
  }

  Naive(const sdk::Host& host, const sdk::Problem& problem, leet_device, const sdk::Options&)
      : f64_(is_f64(problem)),
        config_{problem.decay_kind(), problem.scale(),
                f64_ ? bytes_a_worker<double>(problem.shape())
                     : bytes_a_worker<float>(problem.shape())} {
    info_.predicted_seconds = predicted_seconds(host, problem);
    info_.workspace_bytes = config_.bytes_a_worker * host.concurrency();
    info_.workspace_alignment = sdk::kCacheLine;
    info_.flops = flops(problem);
    info_.bytes_moved = sdk::compulsory_bytes(problem);
    info_.declared_rel_error = f64_ ? 1e-12 : sdk::rounded_rel_error(problem, 2e-6);
    info_.choice = f64_ ? "f64 arithmetic, 32 x 32 tiles" : "f32 arithmetic, 32 x 32 tiles";
  }

  sdk::PlanInfo info() const { return info_; }

  void execute(const sdk::Host& host, const sdk::Exec& exec) const {
    if (exec.writes_nothing()) return;
    if (f64_) {
      execute_cpu<double>(host, exec, config_);
    } else {
      execute_cpu<float>(host, exec, config_);
    }
  }

 private:
  static bool is_f64(const sdk::Problem& problem) {
    return sdk::same(problem.dtype(LEET_ROLE_Q), sdk::kF64);
  }

  static double flops(const sdk::Problem& problem) {
    const sdk::Shape& shape = problem.shape();
    const double heads = static_cast<double>(shape.B) * shape.H;
    const double pairs = static_cast<double>(shape.N) * (shape.N + 1) / 2;
    const double updates = static_cast<double>(shape.B) * shape.N * shape.R * shape.D * shape.Hs;
    const double reads = static_cast<double>(shape.B) * shape.N * shape.R * shape.D * shape.H;
    double total = 0;
    if (problem.has(LEET_ROLE_OUT)) total += 2 * heads * pairs * (shape.R + shape.D);
    if (problem.has(LEET_ROLE_OUT) && problem.has(LEET_ROLE_STATE_IN)) total += 2 * reads;
    if (problem.has(LEET_ROLE_STATE_OUT)) total += 2 * updates;
    return total;
  }

  // Rates of plain loops, as measured: products as a share of the FMA peak, and rows and states as
  // they are brought into tiles.
  static double predicted_seconds(const sdk::Host& host, const sdk::Problem& problem) {
    constexpr std::int64_t kTile = 32;
    const sdk::Shape& shape = problem.shape();
    const bool channel = problem.decay_kind() == LEET_DECAY_CHANNEL;
    const double element_seconds = is_f64(problem) ? 60e-9 : channel ? 8e-9 : 5.5e-9;
    const int states =
        (problem.has(LEET_ROLE_STATE_IN) ? 1 : 0) + (problem.has(LEET_ROLE_STATE_OUT) ? 1 : 0);
    const double state_bytes = 20.0 * states * static_cast<double>(shape.sequences * shape.Hs) *
                               static_cast<double>(shape.R) * static_cast<double>(shape.D);
    return sdk::predicted_cpu_seconds(
        host, {.flops = flops(problem),
               .efficiency = is_f64(problem) ? 0.06
                             : channel       ? 0.1
                                             : 0.17,
               .bytes = sdk::compulsory_bytes(problem) + state_bytes,
               .pieces = shape.B * shape.H * ((shape.N + kTile - 1) / kTile),
               .piece_seconds = element_seconds * static_cast<double>(shape.R + shape.D) *
                                static_cast<double>(std::min(shape.N, kTile))});
  }

  bool f64_;
  Config config_;
  sdk::PlanInfo info_;
};

}  // namespace
}  // namespace leet::plugin_naive

LEET_PLUGIN(leet::plugin_naive::Naive)
