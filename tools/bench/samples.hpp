// SPDX-License-Identifier: Apache-2.0
//
// The statistics of samples: which count, and what they amount to. Pure functions; the measuring is
// in meter.hpp.
//
// Two things spoil a sample on a shared machine. Its threads may be kept from running: then its CPU
// time falls short of threads x wall time, and it is thrown away. Or a neighbour uses the same
// physical core through its other hardware thread: then CPU time looks right and everything takes a
// quarter longer. That shows only in a loop of no-ops run just before and after, which is bound by
// the instructions that the core can dispatch: samples whose loops were as fast as the best are
// quiet, the others busy.
#ifndef LEET_TOOLS_BENCH_SAMPLES_HPP
#define LEET_TOOLS_BENCH_SAMPLES_HPP

#include <optional>
#include <span>
#include <vector>

namespace leet::bench {

// All in seconds.
struct Sample {
  double wall = 0;
  double cpu = 0;               // of all threads together
  std::optional<double> delay;  // ready to run without a CPU, all threads; absent if not known
  double probe = 0;             // the slowest thread's loop of no-ops, before or after
};

enum class SampleState { kQuiet, kBusy, kDiscarded };

// The least CPU time of a sample that counts, as a share of threads x wall.
inline constexpr double kLeastCpuShare = 0.97;
// How much longer than the best a quiet sample's loop of no-ops may take.
inline constexpr double kQuietProbe = 1.04;

// The share of threads x wall that the work itself leaves its threads without anything to do, as a
// method does that has fewer pieces of work than threads: the least share that any of the samples
// spent neither running nor waiting for a CPU. Without `delay` in each it can't be told from being
// kept from running, and is 0.
double idle_share(std::span<const Sample> samples, int threads);

// `best_probe` is the fastest loop of no-ops of the whole run with this number of threads.
SampleState classify(const Sample& sample, int threads, double idle_share, double best_probe);

// Between neighbours in order, linearly; `sorted` is not empty, share in [0, 1].
double percentile(std::span<const double> sorted, double share);

struct Summary {
  int quiet = 0;
  int busy = 0;
  int discarded = 0;
  // Wall time: of the quiet samples if there are any, else of the busy ones, else absent.
  struct Figures {
    double median = 0;
    double p5 = 0;
    double p95 = 0;
  };
  std::optional<Figures> seconds;
  double threads_busy = 0;  // CPU time over wall time, of the samples that seconds is from
};

Summary summarise(std::span<const Sample> samples, int threads, double best_probe);

}  // namespace leet::bench
#endif  // LEET_TOOLS_BENCH_SAMPLES_HPP
