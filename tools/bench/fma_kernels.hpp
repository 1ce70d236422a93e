// SPDX-License-Identifier: Apache-2.0
//
// Loops that do nothing but multiply and add in registers: as fast as the processor can.
#ifndef LEET_TOOLS_BENCH_FMA_KERNELS_HPP
#define LEET_TOOLS_BENCH_FMA_KERNELS_HPP

#include <cstdint>

namespace leet::bench {

struct FmaKernel {
  const char* isa;  // "avx512f", "avx2+fma", "sse2", "portable"
  double flops;     // an iteration
  void (*run)(std::int64_t iterations);
};

// The widest that this processor has, in f32 or f64 arithmetic.
FmaKernel widest_fma_kernel(bool f64);

}  // namespace leet::bench
#endif  // LEET_TOOLS_BENCH_FMA_KERNELS_HPP
