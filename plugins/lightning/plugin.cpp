// SPDX-License-Identifier: Apache-2.0
//
// leet.lightning: chunks in one pass, the state kept in the cache.
#include <cstdio>
#include <leet/cpu/chunk_options.hpp>
#include <leet/plugin.hpp>

#include "lightning_cpu.hpp"

namespace leet::plugin_lightning {
namespace {

class Lightning {
 public:
  static constexpr leet_note_desc kIdentity =
      sdk::identity({.id = "leet.lightning",
                     .version = "0.1.0",
                     .devices = {LEET_DEVICE_CPU},
                     .decay_kinds = sdk::kEveryDecayKind,
                     .dtypes = sdk::kEveryDtype,
                     .features = sdk::kEveryForwardFeature});
  static constexpr const char* kSummary =
      "Chunks in one pass with the state kept in the cache, 4 N R D + N C (R + D) flops";
  static constexpr const char* kReference =
      "Qin et al. 2024, Lightning Attention-2 (arXiv 2401.04658), algorithm 1";

  static constexpr leet_option kOptions[] = {cpu::kKernelOption, cpu::kChunkOption};

  static sdk::Verdict supports(const sdk::Host& host, const sdk::Problem& problem, leet_device,
                               const sdk::Options& options) {
    sdk::Verdict verdict = cpu::check_chunk(problem, options);
    if (verdict.answer != LEET_ANSWER_NO) {
      verdict.predicted_seconds = predicted_seconds(host, problem, options);
    }
    return verdict;
  }

  Lightning(const sdk::Host& host, const sdk::Problem& problem, leet_device,
            const sdk::Options& options)
      : simd_(cpu::takes_simd(problem, options)) {
    config_.chunk = {problem.decay_kind(), problem.scale(),
                     cpu::chunk_option(options, problem.shape())};
    config_.bytes_a_worker = simd_ ? simd_bytes_a_worker(problem.shape(), config_.chunk)
                                   : plain_bytes_a_worker(problem.shape(), config_.chunk);
    info_.workspace_bytes = config_.bytes_a_worker * host.concurrency();
    info_.workspace_alignment = sdk::kCacheLine;
    info_.predicted_seconds = predicted_seconds(host, problem, options);
    info_.flops = cpu::chunk_flops(problem, config_.chunk.C);
    info_.bytes_moved = sdk::compulsory_bytes(problem);
    info_.declared_rel_error = cpu::chunk_rel_error(problem, simd_);
    std::snprintf(choice_, sizeof choice_, "%s, chunks of %lld steps",
                  simd_ ? simd_target() : "plain: fp64 sums",
                  static_cast<long long>(config_.chunk.C));
    info_.choice = choice_;
  }

  sdk::PlanInfo info() const { return info_; }

  void execute(const sdk::Host& host, const sdk::Exec& exec) const {
    if (exec.writes_nothing()) return;
    if (simd_) {
      execute_simd(host, exec, config_);
    } else {
      execute_plain(host, exec, config_);
    }
  }

 private:
  static constexpr cpu::ChunkEfficiency kEfficiency = {.shared = 0.87, .channel = 0.67};

  static double predicted_seconds(const sdk::Host& host, const sdk::Problem& problem,
                                  const sdk::Options& options) {
    return cpu::chunk_seconds(host, problem, options, kEfficiency);
  }

  bool simd_;
  Config config_;
  sdk::PlanInfo info_;
  char choice_[96];
};

}  // namespace
}  // namespace leet::plugin_lightning

LEET_PLUGIN(leet::plugin_lightning::Lightning)
