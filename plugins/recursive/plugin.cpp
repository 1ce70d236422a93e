// SPDX-License-Identifier: Apache-2.0
//
// leet.recursive: a sequence as two halves, states up and prefixes down.
#include <algorithm>
#include <cstdio>
#include <leet/cpu/chunk_options.hpp>
#include <leet/plugin.hpp>
#include <string_view>

#include "recursive_cpu.hpp"

namespace leet::plugin_recursive {
namespace {

class Recursive {
 public:
  static constexpr leet_note_desc kIdentity =
      sdk::identity({.id = "leet.recursive",
                     .version = "0.1.0",
                     .devices = {LEET_DEVICE_CPU},
                     .decay_kinds = sdk::kEveryDecayKind,
                     .dtypes = sdk::kEveryDtype,
                     .features = sdk::kEveryForwardFeature});
  static constexpr const char* kSummary =
      "Halves of halves: states go up a tree over chunks, prefixes come down, 4 N R D flops";
  static constexpr const char* kReference =
      "Han et al. 2023, HyperAttention (arXiv 2310.05869), algorithm 4, `recursion` in "
      "LeetDecoding; Blelloch 1990, Prefix sums and their applications";

  static constexpr leet_option kOptions[] = {
      cpu::kKernelOption, cpu::kChunkOption,
      sdk::option("form", "updown",
                  "updown: a leaf reads one state; published: one for each ancestor to the left, "
                  "computed anew at each, 2 N R D log2(N / chunk) flops")};

  static sdk::Verdict supports(const sdk::Host& host, const sdk::Problem& problem, leet_device,
                               const sdk::Options& options) {
    form(options);  // complains of a bad one
    sdk::Verdict verdict = cpu::check_chunk(problem, options);
    if (verdict.answer != LEET_ANSWER_NO) {
      verdict.predicted_seconds = predicted_seconds(host, problem, options);
    }
    return verdict;
  }

  Recursive(const sdk::Host& host, const sdk::Problem& problem, leet_device,
            const sdk::Options& options)
      : simd_(cpu::takes_simd(problem, options)) {
    config_.chunk = {problem.decay_kind(), problem.scale(), steps(problem, options)};
    config_.form = form(options);
    config_.bytes_a_worker = simd_ ? simd_bytes_a_worker(problem.shape(), config_.chunk)
                                   : plain_bytes_a_worker(problem.shape(), config_.chunk);
    info_.workspace_bytes = config_.bytes_a_worker * static_cast<std::uint64_t>(host.concurrency());
    info_.workspace_alignment = sdk::kCacheLine;
    info_.predicted_seconds = predicted_seconds(host, problem, options);
    info_.flops = flops(problem, options);
    info_.bytes_moved = sdk::compulsory_bytes(problem);
    info_.declared_rel_error = cpu::chunk_rel_error(problem, simd_);
    std::snprintf(choice_, sizeof choice_, "%s, %s form, leaves of %lld steps",
                  simd_ ? simd_target() : "plain: fp64 sums",
                  config_.form == Form::kUpDown ? "updown" : "published",
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
  static Form form(const sdk::Options& options) {
    const std::string_view name = options.get("form");
    if (name == "updown") return Form::kUpDown;
    if (name == "published") return Form::kPublished;
    throw sdk::Error(LEET_STATUS_INVALID_ARGUMENT, "option form=%.*s: needs updown or published",
                     static_cast<int>(name.size()), name.data());
  }

  static std::int64_t steps(const sdk::Problem& problem, const sdk::Options& options) {
    // More than leet.lightning takes, because a state costs more here.
    const std::int64_t automatic = problem.shape().R + problem.shape().D < 128 ? 24 : 32;
    const std::int64_t steps =
        options.get("chunk") == "auto" ? automatic : options.get_int("chunk", 8, 256);
    return std::clamp<std::int64_t>(steps, 1, std::max<std::int64_t>(problem.shape().N, 1));
  }

  static double flops(const sdk::Problem& problem, const sdk::Options& options) {
    const sdk::Shape& shape = problem.shape();
    const std::int64_t C = steps(problem, options);
    const double state = static_cast<double>(shape.R) * static_cast<double>(shape.D);
    const double steps_of_heads = static_cast<double>(shape.B) * static_cast<double>(shape.N);
    const double chunks = static_cast<double>(shape.N) / static_cast<double>(C);
    double all = cpu::chunk_flops(problem, C);
    if (form(options) == Form::kUpDown) {
      // States added to others: one a leaf on the way down, half of one on the way up.
      all += steps_of_heads / static_cast<double>(C) * static_cast<double>(shape.Hs) * 6 * state;
    } else {
      // Half of the steps are in left halves, half in right ones; chunk_flops has one level.
      const double levels_more = std::max(static_cast<double>(levels(shape.N / C)) / 2 - 1, 0.0);
      all += steps_of_heads * static_cast<double>(shape.H + shape.Hs) * 2 * state * levels_more;
      all += chunks * static_cast<double>(shape.Hs * shape.B) * 4 * state * (levels_more + 1);
    }
    return all;
  }

  static double predicted_seconds(const sdk::Host& host, const sdk::Problem& problem,
                                  const sdk::Options& options) {
    const std::int64_t pieces = std::max<std::int64_t>(problem.shape().D / 16, 1);
    const double seconds =
        cpu::chunk_seconds(host, problem, options, {.shared = 0.78, .channel = 0.58}, pieces);
    const double up_down = cpu::chunk_flops(problem, steps(problem, options));
    if (form(options) == Form::kUpDown || up_down == 0) return seconds;
    return seconds * flops(problem, options) / up_down;
  }

  bool simd_;
  Config config_;
  sdk::PlanInfo info_;
  char choice_[96];
};

}  // namespace
}  // namespace leet::plugin_recursive

LEET_PLUGIN(leet::plugin_recursive::Recursive)
