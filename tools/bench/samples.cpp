// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/samples.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace leet::bench {

double idle_share(std::span<const Sample> samples, int threads) {
  double least = 1;
  for (const Sample& sample : samples) {
    if (!sample.delay) return 0;
    const double accounted = (sample.cpu + *sample.delay) / (threads * sample.wall);
    least = std::min(least, std::max(0.0, 1 - accounted));
  }
  return samples.empty() ? 0 : least;
}

SampleState classify(const Sample& sample, int threads, double idle_share, double best_probe) {
  if (!(sample.cpu >= (kLeastCpuShare - idle_share) * threads * sample.wall)) {
    return SampleState::kDiscarded;
  }
  return sample.probe <= kQuietProbe * best_probe ? SampleState::kQuiet : SampleState::kBusy;
}

double percentile(std::span<const double> sorted, double share) {
  const double position = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(position));
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

Summary summarise(std::span<const Sample> samples, int threads, double best_probe) {
  Summary summary;
  const double idle = idle_share(samples, threads);
  std::vector<SampleState> states;
  for (const Sample& sample : samples) {
    states.push_back(classify(sample, threads, idle, best_probe));
    summary.quiet += states.back() == SampleState::kQuiet ? 1 : 0;
    summary.busy += states.back() == SampleState::kBusy ? 1 : 0;
    summary.discarded += states.back() == SampleState::kDiscarded ? 1 : 0;
  }
  if (summary.quiet + summary.busy == 0) return summary;

  const SampleState chosen = summary.quiet > 0 ? SampleState::kQuiet : SampleState::kBusy;
  std::vector<double> walls;
  double wall = 0;
  double cpu = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (states[i] != chosen) continue;
    walls.push_back(samples[i].wall);
    wall += samples[i].wall;
    cpu += samples[i].cpu;
  }
  std::sort(walls.begin(), walls.end());
  summary.seconds = {percentile(walls, 0.5), percentile(walls, 0.05), percentile(walls, 0.95)};
  summary.threads_busy = cpu / wall;
  return summary;
}

}  // namespace leet::bench
