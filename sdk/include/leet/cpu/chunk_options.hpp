// SPDX-License-Identifier: Apache-2.0
//
// The choices that plugins with chunks offer their callers alike: option `kernel` (Chunk or
// PlainChunk) and option `chunk` (C).
#ifndef LEET_CPU_CHUNK_OPTIONS_HPP
#define LEET_CPU_CHUNK_OPTIONS_HPP

#include <leet/plugin.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <leet/plugin/claims.hpp>
#include <leet/plugin/cost.hpp>
#include <leet/plugin/dtype.hpp>
#include <leet/plugin/error.hpp>
#include <leet/plugin/method.hpp>
#include <leet/plugin/options.hpp>
#include <leet/plugin/problem.hpp>
#include <string_view>

namespace leet::cpu {

inline constexpr leet_option kKernelOption =
    sdk::option("kernel", "auto",
                "simd: fp32 sums in vector registers; plain: fp64 sums in plain loops; auto: simd "
                "where it can");
inline constexpr leet_option kChunkOption =
    sdk::option("chunk", "auto", "steps in a chunk: auto, or 8 to 256");

enum class Kernel { kAuto, kSimd, kPlain };

inline Kernel kernel_option(const sdk::Options& options) {
  const std::string_view name = options.get("kernel");
  if (name == "auto") return Kernel::kAuto;
  if (name == "simd") return Kernel::kSimd;
  if (name == "plain") return Kernel::kPlain;
  throw sdk::Error(LEET_STATUS_INVALID_ARGUMENT, "option kernel=%.*s: needs auto, simd or plain",
                   static_cast<int>(name.size()), name.data());
}

// Steps in a chunk, at most N. Without the caller's word the fastest of 8, 12, 16, ... 64 with
// AVX2 and AVX-512: more steps have more scores to compute, fewer read and write the state more
// often. Whole tiles of 6 or of 8 rows.
inline std::int64_t chunk_option(const sdk::Options& options, const sdk::Shape& shape) {
  const std::int64_t automatic = shape.R + shape.D <= 64 ? 12 : 24;
  const std::int64_t steps =
      options.get("chunk") == "auto" ? automatic : options.get_int("chunk", 8, 256);
  return std::clamp<std::int64_t>(steps, 1, std::max<std::int64_t>(shape.N, 1));
}

// Whether Chunk takes the problem: it reads vectors where the caller has them, so elements must lie
// on their own boundaries.
inline bool fits_chunk(const sdk::Problem& problem) {
  for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
    const leet_tensor_spec* const spec = problem.spec(role);
    if (spec != nullptr && spec->alignment < sdk::dtype_bytes(spec->dtype)) return false;
  }
  return !sdk::same(problem.dtype(LEET_ROLE_Q), sdk::kF64) && problem.shape().R > 0 &&
         problem.shape().D > 0;
}

inline bool takes_simd(const sdk::Problem& problem, const sdk::Options& options) {
  return kernel_option(options) != Kernel::kPlain && fits_chunk(problem);
}

// For supports(): what the kernels can't compute.
inline sdk::Verdict check_chunk(const sdk::Problem& problem, const sdk::Options& options) {
  chunk_option(options, problem.shape());  // complains of a bad one
  const sdk::Verdict verdict = sdk::check_one_arithmetic(problem);
  if (verdict.answer == LEET_ANSWER_NO) return verdict;
  if (kernel_option(options) == Kernel::kSimd && !fits_chunk(problem)) {
    return sdk::Verdict::no(
        "kernel=simd: not for f64 tensors, R = 0, D = 0 or misaligned elements; auto takes plain");
  }
  return verdict;
}

// What a chunk-wise method computes, without what it adds of its own.
inline double chunk_flops(const sdk::Problem& problem, std::int64_t C) {
  const sdk::Shape& shape = problem.shape();
  const double steps = static_cast<double>(shape.B) * static_cast<double>(shape.N);
  const auto R = static_cast<double>(shape.R), D = static_cast<double>(shape.D);
  // Without a final state nobody needs the update by a sequence's last chunk.
  const double last =
      problem.has(LEET_ROLE_STATE_OUT)
          ? 0
          : static_cast<double>((shape.N + C - 1) % C + 1) * static_cast<double>(shape.sequences);
  const double updates = std::max(0.0, steps - last) * static_cast<double>(shape.Hs) * 2 * R * D;
  const double reads =
      steps * static_cast<double>(shape.H) * (2 * R * D + static_cast<double>(C + 1) * (R + D));
  return updates + (problem.has(LEET_ROLE_OUT) ? reads : 0);
}

// The share of the FMA peak that a method reaches on chunk_flops() with Chunk at R = D = 128, as
// `leet bench` measured: decays that the key channels share, and decays that differ.
struct ChunkEfficiency {
  double shared, channel;
};

// `pieces_a_head`: that can be computed at once; 0 where that is panels of columns, of which each
// piece computes the scores and weights again.
inline double chunk_seconds(const sdk::Host& host, const sdk::Problem& problem,
                            const sdk::Options& options, ChunkEfficiency efficiency,
                            std::int64_t pieces_a_head = 0) {
  const sdk::Shape& shape = problem.shape();
  const bool simd = takes_simd(problem, options);
  sdk::CpuWork work;
  work.flops = chunk_flops(problem, chunk_option(options, shape));
  work.efficiency =
      problem.decay_kind() == LEET_DECAY_CHANNEL ? efficiency.channel : efficiency.shared;
  // What a step costs beside its products grows with R + D: 0.87 at 128 is 0.77 at 64.
  const auto sides = static_cast<double>(std::clamp<std::int64_t>(shape.R + shape.D, 1, 288));
  work.efficiency /= 1 + 0.13 * (256 / sides - 1);
  if (!simd) work.efficiency = 0.07;
  // States are copied into panels and back.
  work.bytes = sdk::compulsory_bytes(problem) + 8.0 * static_cast<double>(shape.sequences) *
                                                    static_cast<double>(shape.Hs * shape.R) *
                                                    static_cast<double>(shape.D);
  if (pieces_a_head == 0) {
    pieces_a_head = std::max<std::int64_t>(shape.D / 16, 1);
    work.heads = shape.sequences * shape.Hs;
    work.repeated = problem.decay_kind() == LEET_DECAY_CHANNEL ? 0.4 : 0.1;
  }
  work.pieces = shape.sequences * shape.Hs * pieces_a_head;
  return sdk::predicted_cpu_seconds(host, work);
}

// A bound on the relative Frobenius error of Chunk (simd) or PlainChunk.
inline double chunk_rel_error(const sdk::Problem& problem, bool simd) {
  if (sdk::same(problem.dtype(LEET_ROLE_Q), sdk::kF64)) return 1e-12;
  // fp32 states are rounded once a chunk, a random walk.
  const double chunks = static_cast<double>(problem.shape().N) / 8;
  return sdk::rounded_rel_error(problem,
                                simd ? std::max(2e-6, 2.5e-6 * std::sqrt(chunks / 8192)) : 2e-7);
}

}  // namespace leet::cpu
#endif  // LEET_CPU_CHUNK_OPTIONS_HPP
