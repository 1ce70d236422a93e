// SPDX-License-Identifier: Apache-2.0
//
// All the PTX there is. Each function has a twin of the same name and parameters in
// emulated/instructions.hpp, and a test in tests/cuda that holds the twin to the PTX ISA's
// description; kernels use both through the headers beside this one.
#ifndef LEET_CUDA_PTX_HPP
#define LEET_CUDA_PTX_HPP

#include <cstdint>
#include <leet/cuda/language.hpp>
#include <leet/cuda/site.hpp>

namespace leet::cuda::instructions {

__device__ inline std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

// ---- Asynchronous copies ----

template <int Bytes>
__device__ inline void copy_async(void* shared, const void* global, std::uint32_t source_bytes,
                                  Site) {
  static_assert(Bytes == 4 || Bytes == 8 || Bytes == 16, "cp.async copies 4, 8 or 16 bytes");
  if constexpr (Bytes == 16) {  // past L1: nobody reads the same line again
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)),
                 "l"(global), "r"(source_bytes)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(shared_address(shared)),
                 "l"(global), "n"(Bytes), "r"(source_bytes)
                 : "memory");
  }
}
__device__ inline void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int GroupsLeft>
__device__ inline void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(GroupsLeft) : "memory");
}

// ---- Matrices between shared memory and registers ----

template <int Matrices, bool Transposed>
__device__ inline void load_matrices(std::uint32_t* r, const void* row, Site) {
  static_assert(Matrices == 2 || Matrices == 4);
  const std::uint32_t address = shared_address(row);
  if constexpr (Matrices == 4 && Transposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
  } else if constexpr (Matrices == 4) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
  } else if constexpr (Transposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(address)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(address)
                 : "memory");
  }
}

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
// stmatrix came with compute capability 9.0: before, each lane fetches the addresses of the rows
// that its elements belong to and stores them itself.
template <int Matrices, bool Transposed>
__device__ inline void store_matrices(void* row, const std::uint32_t* r, Site) {
  static_assert(Matrices == 2 || Matrices == 4);
  const unsigned lane = (threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) % 32;
  const unsigned group = lane / 4, pair = lane % 4;
  const auto address = reinterpret_cast<unsigned long long>(row);
#pragma unroll
  for (int m = 0; m < Matrices; ++m) {
    if constexpr (Transposed) {
      const unsigned long long low = __shfl_sync(0xffffffffu, address, 8 * m + 2 * pair);
      const unsigned long long high = __shfl_sync(0xffffffffu, address, 8 * m + 2 * pair + 1);
      reinterpret_cast<std::uint16_t*>(low)[group] = static_cast<std::uint16_t>(r[m]);
      reinterpret_cast<std::uint16_t*>(high)[group] = static_cast<std::uint16_t>(r[m] >> 16);
    } else {
      const unsigned long long target = __shfl_sync(0xffffffffu, address, 8 * m + group);
      reinterpret_cast<std::uint32_t*>(target)[pair] = r[m];
    }
  }
}
#else
template <int Matrices, bool Transposed>
__device__ inline void store_matrices(void* row, const std::uint32_t* r, Site) {
  static_assert(Matrices == 2 || Matrices == 4);
  const std::uint32_t address = shared_address(row);
  if constexpr (Matrices == 4 && Transposed) {
    asm volatile(
        "stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], {%1,%2,%3,%4};" ::"r"(address),
        "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3])
        : "memory");
  } else if constexpr (Matrices == 4) {
    asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1,%2,%3,%4};" ::"r"(address),
                 "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3])
                 : "memory");
  } else if constexpr (Transposed) {
    asm volatile("stmatrix.sync.aligned.m8n8.x2.trans.shared.b16 [%0], {%1,%2};" ::"r"(address),
                 "r"(r[0]), "r"(r[1])
                 : "memory");
  } else {
    asm volatile("stmatrix.sync.aligned.m8n8.x2.shared.b16 [%0], {%1,%2};" ::"r"(address),
                 "r"(r[0]), "r"(r[1])
                 : "memory");
  }
}
#endif

// ---- Products of tiles ----

__device__ inline void multiply_bf16(float* d, const std::uint32_t* a, const std::uint32_t* b,
                                     const float* c, Site) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};"
      : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), "f"(c[1]),
        "f"(c[2]), "f"(c[3]));
}
__device__ inline void multiply_f16(float* d, const std::uint32_t* a, const std::uint32_t* b,
                                    const float* c, Site) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
      "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};"
      : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), "f"(c[1]),
        "f"(c[2]), "f"(c[3]));
}
__device__ inline void multiply_tf32(float* d, const std::uint32_t* a, const std::uint32_t* b,
                                     const float* c, Site) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
      "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};"
      : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), "f"(c[1]),
        "f"(c[2]), "f"(c[3]));
}
__device__ inline std::uint32_t round_to_tf32(float x) {
  std::uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return bits;
}

// ---- Other ----

__device__ inline float exp2_approximately(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
__device__ inline void named_barrier(int id, int threads, Site) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}
__device__ inline unsigned load_acquire(const unsigned* address, Site) {
  unsigned value;
  asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(address) : "memory");
  return value;
}
__device__ inline void store_release(unsigned* address, unsigned value) {
  asm volatile("st.release.gpu.global.u32 [%0], %1;" ::"l"(address), "r"(value) : "memory");
}

}  // namespace leet::cuda::instructions
#endif  // LEET_CUDA_PTX_HPP
