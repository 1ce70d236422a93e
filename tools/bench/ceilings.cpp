// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/ceilings.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>

namespace leet::bench {
namespace {

// About half a millisecond: long against the gathering of the threads.
constexpr std::int64_t kPeakIterations = 250'000;

constexpr std::size_t kLine = 64;

}  // namespace

std::size_t last_level_cache_bytes() {
  // sysconf() sums the caches of a whole socket on some machines, of which this process may see a
  // part.
  std::size_t largest = 0;
  for (int index = 0; index < 8; ++index) {
    std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) +
                       "/size");
    std::size_t size = 0;
    char unit = 0;
    if (!(file >> size)) continue;
    file >> unit;
    largest = std::max(largest, size << (unit == 'K' ? 10 : unit == 'M' ? 20 : 0));
  }
  return largest > 0 ? largest : std::size_t{32} << 20;
}

void scale_in_place(std::byte* data, std::size_t bytes, float factor) {
  constexpr std::size_t kAhead = 2048;
  using Vector __attribute__((vector_size(16))) = float;
  const Vector factors = factor + Vector{};
  for (std::byte* line = data; line != data + bytes; line += kLine) {
    __builtin_prefetch(line + kAhead, 1);
    Vector values[kLine / sizeof(Vector)];
    std::memcpy(values, line, kLine);
    for (Vector& value : values) value *= factors;
    std::memcpy(line, values, kLine);
  }
}

Ceilings::Ceilings(Meter& meter)
    : meter_(meter),
      f32_{widest_fma_kernel(false)},
      f64_{widest_fma_kernel(true)},
      memory_(std::clamp<std::size_t>(4 * last_level_cache_bytes(), std::size_t{64} << 20,
                                      std::size_t{512} << 20)) {
  // Touched by the thread that will use it, as a method's own memory would be.
  const std::size_t part = bytes_a_thread();
  meter_.on_every_thread([&](int worker) {
    std::memset(memory_.data() + part * static_cast<std::size_t>(worker), 0, part);
  });
}

std::size_t Ceilings::bytes_a_thread() const {
  return memory_.size() / static_cast<std::size_t>(meter_.threads()) / kLine * kLine;
}

void Ceilings::sample_peak(Peak& peak) {
  bool complete = true;
  const Sample sample = meter_.sample(
      [&] { complete = meter_.on_every_thread([&](int) { peak.kernel.run(kPeakIterations); }); });
  if (complete) peak.samples.push_back(sample);
}

void Ceilings::sample_bandwidth() {
  const std::size_t part = bytes_a_thread();
  bool complete = true;
  const Sample sample = meter_.sample([&] {
    complete = meter_.on_every_thread([&](int worker) {
      scale_in_place(memory_.data() + part * static_cast<std::size_t>(worker), part, 1.0f);
    });
  });
  if (complete) scalings_.push_back(sample);
}

void Ceilings::sample(bool f64, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    sample_peak(peak(f64));
    sample_bandwidth();
  }
}

std::optional<double> Ceilings::peak_gflops(bool f64) const {
  const Peak& peak = f64 ? f64_ : f32_;
  const Summary summary = summarise(peak.samples, meter_.threads(), meter_.best_probe());
  if (!summary.seconds) return std::nullopt;
  const double flops = peak.kernel.flops * static_cast<double>(kPeakIterations) * meter_.threads();
  return 1e-9 * flops / summary.seconds->median;
}

std::optional<double> Ceilings::bandwidth_gbs() const {
  const Summary summary = summarise(scalings_, meter_.threads(), meter_.best_probe());
  if (!summary.seconds) return std::nullopt;
  const double bytes = 2.0 * static_cast<double>(bytes_a_thread()) * meter_.threads();
  return 1e-9 * bytes / summary.seconds->median;
}

}  // namespace leet::bench
