// SPDX-License-Identifier: Apache-2.0
//
// leet.recurrent: the recurrence itself, step by step; exact for any length, and the method for
// decoding.
#include <algorithm>
#include <leet/plugin.hpp>
#include <leet/plugin/cost.hpp>
#include <leet/plugin/scratch.hpp>

#include "recurrent_cpu.hpp"

namespace leet::plugin_recurrent {
namespace {

class Recurrent {
 public:
  static constexpr leet_note_desc kIdentity = sdk::identity(
      {.id = "leet.recurrent",
       .version = "0.1.0",
       .devices = {LEET_DEVICE_CPU},
       .decay_kinds = LEET_DECAYS_NONE | LEET_DECAYS_HEAD | LEET_DECAYS_STEP | LEET_DECAYS_CHANNEL,
       .dtypes = LEET_DTYPES_F16 | LEET_DTYPES_BF16 | LEET_DTYPES_F32 | LEET_DTYPES_F64,
       .features = LEET_FEATURE_STATES | LEET_FEATURE_VARLEN | LEET_FEATURE_SHARED_HEADS |
                   LEET_FEATURE_ANY_STRIDES | LEET_FEATURE_DYNAMIC_AXES | LEET_FEATURE_F32_OUT});
  static constexpr const char* kSummary =
      "The recurrence step by step, O(N R D); the method for decoding";
  static constexpr const char* kReference =
      "Katharopoulos et al. 2020, Transformers are RNNs (arXiv 2006.16236), equations 18-20, with "
      "a decay";

  static sdk::Verdict supports(const sdk::Problem& problem, leet_device, const sdk::Options&) {
    return sdk::check_one_arithmetic(problem);
  }

  Recurrent(const sdk::Host& host, const sdk::Problem& problem, leet_device, const sdk::Options&)
      : config_{problem.decay_kind(), problem.scale(), bytes_a_worker(problem.shape())} {
    const bool f64 = sdk::same(problem.dtype(LEET_ROLE_Q), sdk::kF64);
    const sdk::Shape& shape = problem.shape();
    const double updates = static_cast<double>(shape.B) * shape.N * shape.R * shape.D * shape.Hs;
    const double reads = static_cast<double>(shape.B) * shape.N * shape.R * shape.D * shape.H;
    info_.workspace_bytes = config_.bytes_a_worker * host.concurrency();
    info_.workspace_alignment = sdk::kCacheLine;
    info_.flops = 2 * updates + (problem.has(LEET_ROLE_OUT) ? 2 * reads : 0);
    info_.bytes_moved = sdk::compulsory_bytes(problem);
    // In f64 the rounding of gamma, the same at every step, is the largest error of long sequences.
    info_.declared_rel_error = f64 ? std::max(1e-12, 0x1p-53 * static_cast<double>(shape.N))
                                   : sdk::rounded_rel_error(problem, 2e-7);
    info_.choice = "f64 arithmetic, 32 columns a tile";
  }

  sdk::PlanInfo info() const { return info_; }

  void execute(const sdk::Host& host, const sdk::Exec& exec) const {
    execute_cpu(host, exec, config_);
  }

 private:
  Config config_;
  sdk::PlanInfo info_;
};

}  // namespace
}  // namespace leet::plugin_recurrent

LEET_PLUGIN(leet::plugin_recurrent::Recurrent)
