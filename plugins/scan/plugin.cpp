// SPDX-License-Identifier: Apache-2.0
//
// leet.scan: a work-efficient scan of the states of chunks.
#include <algorithm>
#include <cstdio>
#include <leet/cpu/chunk_options.hpp>
#include <leet/plugin.hpp>

#include "scan_cpu.hpp"

namespace leet::plugin_scan {
namespace {

class ScanMethod {
 public:
  static constexpr leet_note_desc kIdentity =
      sdk::identity({.id = "leet.scan",
                     .version = "0.1.0",
                     .devices = {LEET_DEVICE_CPU},
                     .decay_kinds = sdk::kEveryDecayKind,
                     .dtypes = sdk::kEveryDtype,
                     .features = sdk::kEveryForwardFeature});
  static constexpr const char* kSummary =
      "A work-efficient scan of chunk states, 4 N R D flops; parallel along N for few heads";
  static constexpr const char* kReference =
      "Blelloch 1990, Prefix sums and their applications (CMU-CS-90-190); Martin & Cundy 2018, "
      "Parallelizing linear recurrences (arXiv 1709.04057)";

  static constexpr leet_option kOptions[] = {
      cpu::kKernelOption, cpu::kChunkOption,
      sdk::option("wave", "auto", "chunks that are scanned at once: auto, or 1 to 1024")};

  static sdk::Verdict supports(const sdk::Host& host, const sdk::Problem& problem, leet_device,
                               const sdk::Options& options) {
    wave(options);  // complains of a bad one
    sdk::Verdict verdict = cpu::check_chunk(problem, options);
    if (verdict.answer != LEET_ANSWER_NO) {
      verdict.predicted_seconds = predicted_seconds(host, problem, options);
    }
    return verdict;
  }

  ScanMethod(const sdk::Host& host, const sdk::Problem& problem, leet_device,
             const sdk::Options& options)
      : simd_(cpu::takes_simd(problem, options)) {
    const cpu::ChunkConfig chunk{problem.decay_kind(), problem.scale(), steps(problem, options)};
    config_ = simd_ ? configure_simd(problem.shape(), chunk, wave(options), host.concurrency())
                    : configure_plain(problem.shape(), chunk, wave(options), host.concurrency());
    info_.workspace_bytes = config_.workspace_bytes;
    info_.workspace_alignment = sdk::kCacheLine;
    info_.predicted_seconds = predicted_seconds(host, problem, options);
    info_.flops = flops(problem, options);
    info_.bytes_moved = sdk::compulsory_bytes(problem);
    info_.declared_rel_error = cpu::chunk_rel_error(problem, simd_);
    std::snprintf(choice_, sizeof choice_, "%s, chunks of %lld steps, waves of %lld chunks",
                  simd_ ? simd_target() : "plain: fp64 sums", static_cast<long long>(chunk.C),
                  static_cast<long long>(config_.wave));
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
  static std::int64_t steps(const sdk::Problem& problem, const sdk::Options& options) {
    // More than leet.lightning takes, because a state costs more here.
    const std::int64_t automatic = problem.shape().R + problem.shape().D < 128 ? 24 : 32;
    const std::int64_t steps =
        options.get("chunk") == "auto" ? automatic : options.get_int("chunk", 8, 256);
    return std::clamp<std::int64_t>(steps, 1, std::max<std::int64_t>(problem.shape().N, 1));
  }

  // 0: the method's own choice.
  static std::int64_t wave(const sdk::Options& options) {
    return options.get("wave") == "auto" ? 0 : options.get_int("wave", 1, 1024);
  }

  // A chunk's state is added to others 1.25 times, 0.75 in its leaf and 0.5 in the tree over
  // leaves, with four flops an element.
  static double flops(const sdk::Problem& problem, const sdk::Options& options) {
    const sdk::Shape& shape = problem.shape();
    const std::int64_t C = steps(problem, options);
    const double states = static_cast<double>(shape.B * shape.Hs) * static_cast<double>(shape.N) /
                          static_cast<double>(C);
    return cpu::chunk_flops(problem, C) +
           states * 5 * static_cast<double>(shape.R) * static_cast<double>(shape.D);
  }

  static double predicted_seconds(const sdk::Host& host, const sdk::Problem& problem,
                                  const sdk::Options& options) {
    // Chunks of a wave; its leaves are fewer, but are cut along D too.
    const std::int64_t pieces = std::clamp<std::int64_t>(
        problem.shape().N / steps(problem, options), 1, wave(options) == 0 ? 16 : wave(options));
    return cpu::chunk_seconds(host, problem, options, {.shared = 0.76, .channel = 0.48}, pieces);
  }

  bool simd_;
  Config config_;
  sdk::PlanInfo info_;
  char choice_[96];
};

}  // namespace
}  // namespace leet::plugin_scan

LEET_PLUGIN(leet::plugin_scan::ScanMethod)
