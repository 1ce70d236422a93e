// SPDX-License-Identifier: Apache-2.0
//
// leet.naive: the masked product as it is written in the papers; quadratic, and right wherever the
// others are compared with something plain.
#include <leet/plugin.hpp>

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

  static sdk::Verdict supports(const sdk::Host&, const sdk::Problem& problem, leet_device,
                               const sdk::Options&) {
    return sdk::check_one_arithmetic(problem);
  }

  Naive(const sdk::Host& host, const sdk::Problem& problem, leet_device, const sdk::Options&)
      : f64_(sdk::same(problem.dtype(LEET_ROLE_Q), sdk::kF64)),
        config_{problem.decay_kind(), problem.scale(),
                f64_ ? bytes_a_worker<double>(problem.shape())
                     : bytes_a_worker<float>(problem.shape())} {
    const sdk::Shape& shape = problem.shape();
    const double heads = static_cast<double>(shape.B) * shape.H;
    const double pairs = static_cast<double>(shape.N) * (shape.N + 1) / 2;
    const double updates = static_cast<double>(shape.B) * shape.N * shape.R * shape.D * shape.Hs;
    info_.workspace_bytes = config_.bytes_a_worker * host.concurrency();
    info_.workspace_alignment = sdk::kCacheLine;
    info_.flops = (problem.has(LEET_ROLE_OUT) ? 2 * heads * pairs * (shape.R + shape.D) : 0) +
                  (problem.has(LEET_ROLE_STATE_OUT) ? 2 * updates : 0);
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
  bool f64_;
  Config config_;
  sdk::PlanInfo info_;
};

}  // namespace
}  // namespace leet::plugin_naive

LEET_PLUGIN(leet::plugin_naive::Naive)
