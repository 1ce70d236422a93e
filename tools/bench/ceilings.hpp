// SPDX-License-Identifier: Apache-2.0
//
// What the machine can do at most with a number of threads: multiply-adds in registers, and scaling
// an array in place, which reads and writes memory as a decoding step must.
#ifndef LEET_TOOLS_BENCH_CEILINGS_HPP
#define LEET_TOOLS_BENCH_CEILINGS_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "tools/bench/fma_kernels.hpp"
#include "tools/bench/huge_pages.hpp"
#include "tools/bench/meter.hpp"

namespace leet::bench {

// Of this machine's outermost cache; a guess of 32 MiB where the system doesn't tell.
std::size_t last_level_cache_bytes();

// Of `bytes` read and written in place once, with the next lines fetched ahead.
void scale_in_place(std::byte* data, std::size_t bytes, float factor);

// Measured on the meter's threads, with the same statistics as everything else. A ceiling is
// sampled again and again during a run, so that it has seen the same machine as the methods.
class Ceilings {
 public:
  explicit Ceilings(Meter& meter);

  void sample(bool f64, int rounds);

  const char* isa() const { return f32_.kernel.isa; }
  // Absent as long as no sample counts.
  std::optional<double> peak_gflops(bool f64) const;
  std::optional<double> bandwidth_gbs() const;  // 10^9 bytes, read and written

 private:
  struct Peak {
    FmaKernel kernel;
    std::vector<Sample> samples = {};
  };
  Peak& peak(bool f64) { return f64 ? f64_ : f32_; }
  void sample_peak(Peak& peak);
  void sample_bandwidth();
  std::size_t bytes_a_thread() const;

  Meter& meter_;
  Peak f32_;
  Peak f64_;
  HugePages memory_;
  std::vector<Sample> scalings_;
};

}  // namespace leet::bench
#endif  // LEET_TOOLS_BENCH_CEILINGS_HPP
