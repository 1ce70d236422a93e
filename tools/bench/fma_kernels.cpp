// SPDX-License-Identifier: Apache-2.0
//
// Twelve independent accumulators, because two pipes with a latency of four to six cycles want
// that many. The loops are assembly as a whole, so that no optimisation level changes them. The
// operands let every accumulator settle near 1: zeros would draw less power, and denormals would
// take other paths.
#include "tools/bench/fma_kernels.hpp"

namespace leet::bench {
namespace {

constexpr int kAccumulators = 12;

#if defined(__x86_64__)

// a = a * x + y on each accumulator, `iterations` times. `constraint` is the register class.
#define LEET_BENCH_FMA_LOOP(instruction, constraint, Vector, iterations, x, y)                   \
  Vector a0 = x, a1 = x, a2 = x, a3 = x, a4 = x, a5 = x;                                         \
  Vector a6 = x, a7 = x, a8 = x, a9 = x, a10 = x, a11 = x;                                       \
  asm volatile(".p2align 6\n1:\n\t" instruction " %[y], %[x], %[a0]\n\t" instruction             \
               " %[y], %[x], %[a1]\n\t" instruction " %[y], %[x], %[a2]\n\t" instruction         \
               " %[y], %[x], %[a3]\n\t" instruction " %[y], %[x], %[a4]\n\t" instruction         \
               " %[y], %[x], %[a5]\n\t" instruction " %[y], %[x], %[a6]\n\t" instruction         \
               " %[y], %[x], %[a7]\n\t" instruction " %[y], %[x], %[a8]\n\t" instruction         \
               " %[y], %[x], %[a9]\n\t" instruction " %[y], %[x], %[a10]\n\t" instruction        \
               " %[y], %[x], %[a11]\n\tdec %[n]\n\tjnz 1b"                                       \
               : [n] "+r"(iterations), [a0] "+&" constraint(a0), [a1] "+&" constraint(a1),       \
                 [a2] "+&" constraint(a2), [a3] "+&" constraint(a3), [a4] "+&" constraint(a4),   \
                 [a5] "+&" constraint(a5), [a6] "+&" constraint(a6), [a7] "+&" constraint(a7),   \
                 [a8] "+&" constraint(a8), [a9] "+&" constraint(a9), [a10] "+&" constraint(a10), \
                 [a11] "+&" constraint(a11)                                                      \
               : [x] constraint(x), [y] constraint(y)                                            \
               : "cc")

using V16f = float __attribute__((vector_size(64)));
using V8d = double __attribute__((vector_size(64)));
using V8f = float __attribute__((vector_size(32)));
using V4d = double __attribute__((vector_size(32)));

__attribute__((target("avx512f"), noinline)) void avx512_f32(std::int64_t n) {
  const V16f x = 0.999f + V16f{}, y = 1e-3f + V16f{};
  LEET_BENCH_FMA_LOOP("vfmadd213ps", "v", V16f, n, x, y);
}

__attribute__((target("avx512f"), noinline)) void avx512_f64(std::int64_t n) {
  const V8d x = 0.999 + V8d{}, y = 1e-3 + V8d{};
  LEET_BENCH_FMA_LOOP("vfmadd213pd", "v", V8d, n, x, y);
}

__attribute__((target("avx2,fma"), noinline)) void avx2_f32(std::int64_t n) {
  const V8f x = 0.999f + V8f{}, y = 1e-3f + V8f{};
  LEET_BENCH_FMA_LOOP("vfmadd213ps", "x", V8f, n, x, y);
}

__attribute__((target("avx2,fma"), noinline)) void avx2_f64(std::int64_t n) {
  const V4d x = 0.999 + V4d{}, y = 1e-3 + V4d{};
  LEET_BENCH_FMA_LOOP("vfmadd213pd", "x", V4d, n, x, y);
}

#undef LEET_BENCH_FMA_LOOP

// Without FMA the two pipes take multiplications and additions in turn: half of the accumulators
// are multiplied by 1 and half have 0 added, so that they stay what they are.
#define LEET_BENCH_MULTIPLY_ADD_LOOP(suffix, Vector, iterations, x, y)                        \
  Vector m0 = x, m1 = x, m2 = x, m3 = x, m4 = x, m5 = x;                                      \
  Vector a0 = x, a1 = x, a2 = x, a3 = x, a4 = x, a5 = x;                                      \
  asm volatile(                                                                               \
      ".p2align 6\n1:\n\t"                                                                    \
      "mul" suffix " %[x], %[m0]\n\tadd" suffix                                               \
      " %[y], %[a0]\n\t"                                                                      \
      "mul" suffix " %[x], %[m1]\n\tadd" suffix                                               \
      " %[y], %[a1]\n\t"                                                                      \
      "mul" suffix " %[x], %[m2]\n\tadd" suffix                                               \
      " %[y], %[a2]\n\t"                                                                      \
      "mul" suffix " %[x], %[m3]\n\tadd" suffix                                               \
      " %[y], %[a3]\n\t"                                                                      \
      "mul" suffix " %[x], %[m4]\n\tadd" suffix                                               \
      " %[y], %[a4]\n\t"                                                                      \
      "mul" suffix " %[x], %[m5]\n\tadd" suffix                                               \
      " %[y], %[a5]\n\t"                                                                      \
      "dec %[n]\n\tjnz 1b"                                                                    \
      : [n] "+r"(iterations), [m0] "+&x"(m0), [m1] "+&x"(m1), [m2] "+&x"(m2), [m3] "+&x"(m3), \
        [m4] "+&x"(m4), [m5] "+&x"(m5), [a0] "+&x"(a0), [a1] "+&x"(a1), [a2] "+&x"(a2),       \
        [a3] "+&x"(a3), [a4] "+&x"(a4), [a5] "+&x"(a5)                                        \
      : [x] "x"(x), [y] "x"(y)                                                                \
      : "cc")

using V4f = float __attribute__((vector_size(16)));
using V2d = double __attribute__((vector_size(16)));

__attribute__((noinline)) void sse2_f32(std::int64_t n) {
  const V4f x = 1.0f + V4f{}, y = V4f{};
  LEET_BENCH_MULTIPLY_ADD_LOOP("ps", V4f, n, x, y);
}

__attribute__((noinline)) void sse2_f64(std::int64_t n) {
  const V2d x = 1.0 + V2d{}, y = V2d{};
  LEET_BENCH_MULTIPLY_ADD_LOOP("pd", V2d, n, x, y);
}

#undef LEET_BENCH_MULTIPLY_ADD_LOOP

#else

// Left to the compiler, which knows the processor that it builds for.
template <class Real>
__attribute__((noinline)) void portable(std::int64_t n) {
  using Vector __attribute__((vector_size(16))) = Real;
  Vector a[kAccumulators];
  const Vector x = Real(0.999) + Vector{}, y = Real(1e-3) + Vector{};
  for (Vector& accumulator : a) accumulator = x;
  for (; n > 0; --n) {
#pragma GCC unroll 12
    for (int i = 0; i < kAccumulators; ++i) a[i] = a[i] * x + y;
  }
  for (Vector& accumulator : a) asm volatile("" : : "m"(accumulator));
}

#endif

}  // namespace

FmaKernel widest_fma_kernel(bool f64) {
  const auto flops = [](int vector_bytes, bool wide) {
    return 2.0 * kAccumulators * vector_bytes / (wide ? 8 : 4);
  };
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    return {"avx512f", flops(64, f64), f64 ? avx512_f64 : avx512_f32};
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return {"avx2+fma", flops(32, f64), f64 ? avx2_f64 : avx2_f32};
  }
  // One operation an accumulator instead of two.
  return {"sse2", flops(16, f64) / 2, f64 ? sse2_f64 : sse2_f32};
#else
  return {"portable", flops(16, f64), f64 ? portable<double> : portable<float>};
#endif
}

}  // namespace leet::bench
