// SPDX-License-Identifier: Apache-2.0
#include "tile_probe.hpp"

namespace leet::cuda_test {
namespace {

constexpr int kWarp = 32;

cuda::LaunchConfig one_warp() {
  cuda::LaunchConfig config;
  config.grid = dim3(1);
  config.block = dim3(kWarp);
  return config;
}

template <Product product>
__global__ void multiply(const cuda::FragmentA* a, const cuda::FragmentB* b,
                         const cuda::FragmentC* c, cuda::FragmentC* out) {
  const unsigned lane = threadIdx.x;
  cuda::FragmentC d;
  if constexpr (product == Product::kBf16) {
    cuda::mma_bf16(d, a[lane], b[lane], c[lane]);
  } else if constexpr (product == Product::kF16) {
    cuda::mma_f16(d, a[lane], b[lane], c[lane]);
  } else {
    cuda::mma_tf32(d, a[lane], b[lane], c[lane]);
  }
  out[lane] = d;
}

template <Matrices matrices>
__global__ void load(const std::uint16_t* memory, const int* rows, cuda::FragmentA* out) {
  LEET_SHARED(uint4, shared, [kWarp]);
  const unsigned lane = threadIdx.x;
  shared[lane] = cuda::load_vector<uint4>(memory + 8 * lane);
  __syncwarp();
  cuda::FragmentA a = {};
  cuda::FragmentB b = {};
  const void* row = &shared[rows[lane]];
  if constexpr (matrices == Matrices::kX2) {
    cuda::ldmatrix_x2(b, row);
  } else if constexpr (matrices == Matrices::kX2Transposed) {
    cuda::ldmatrix_x2_trans(b, row);
  } else if constexpr (matrices == Matrices::kX4) {
    cuda::ldmatrix_x4(a, row);
  } else {
    cuda::ldmatrix_x4_trans(a, row);
  }
  if constexpr (matrices == Matrices::kX2 || matrices == Matrices::kX2Transposed) {
    a.x[0] = b.x[0];
    a.x[1] = b.x[1];
  }
  out[lane] = a;
}

template <Matrices matrices>
__global__ void store(const cuda::FragmentA* fragments, const int* rows, std::uint16_t* memory) {
  LEET_SHARED(uint4, shared, [kWarp]);
  const unsigned lane = threadIdx.x;
  shared[lane] = make_uint4(0, 0, 0, 0);
  __syncwarp();
  const cuda::FragmentA a = fragments[lane];
  const cuda::FragmentB b = {{a.x[0], a.x[1]}};
  void* row = &shared[rows[lane]];
  if constexpr (matrices == Matrices::kX2) {
    cuda::stmatrix_x2(row, b);
  } else if constexpr (matrices == Matrices::kX2Transposed) {
    cuda::stmatrix_x2_trans(row, b);
  } else if constexpr (matrices == Matrices::kX4) {
    cuda::stmatrix_x4(row, a);
  } else {
    cuda::stmatrix_x4_trans(row, a);
  }
  __syncwarp();
  cuda::store_vector(memory + 8 * lane, shared[lane]);
}

template <int Bytes>
__global__ void copy(int source_bytes, const std::uint8_t* source, std::uint8_t* out) {
  LEET_SHARED(uint4, shared, [kWarp]);
  const unsigned lane = threadIdx.x;
  auto* bytes = reinterpret_cast<std::uint8_t*>(shared) + Bytes * lane;
  cuda::cp_async<Bytes>(bytes, source + Bytes * lane, source_bytes);
  cuda::cp_async_commit();
  cuda::cp_async_wait<0>();
  for (int i = 0; i < Bytes; ++i) {
    out[Bytes * lane + i] = bytes[i];
  }
}

__global__ void two_groups(const float* first, const float* second, float* out) {
  LEET_SHARED(float, shared, [2][kWarp]);
  const unsigned lane = threadIdx.x;
  cuda::cp_async<4>(&shared[0][lane], first + lane);
  cuda::cp_async_commit();
  cuda::cp_async<4>(&shared[1][lane], second + lane);
  cuda::cp_async_commit();
  cuda::cp_async_wait<1>();
  out[lane] = shared[0][lane];
  cuda::cp_async_wait<0>();
  out[kWarp + lane] = shared[1][lane];
}

__global__ void convert(const float* x, int count, Conversions* out) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) {
    Conversions result;
    result.f16 = cuda::to_float(cuda::to_f16(x[i]));
    result.bf16 = cuda::to_float(cuda::to_bf16(x[i]));
    result.packed_f16 = cuda::pack_f16(x[i], -x[i]);
    result.packed_bf16 = cuda::pack_bf16(x[i], -x[i]);
    result.unpacked_f16 = cuda::unpack_f16(result.packed_f16).x;
    result.unpacked_bf16 = cuda::unpack_bf16(result.packed_bf16).x;
    result.tf32 = cuda::round_to_tf32(x[i]);
    result.exp2 = cuda::exp2_approximately(x[i]);
    out[i] = result;
  }
}

}  // namespace

cudaError_t launch_product(Product product, const cuda::FragmentA* a, const cuda::FragmentB* b,
                           const cuda::FragmentC* c, cuda::FragmentC* out) {
  switch (product) {
    case Product::kBf16:
      return cuda::launch<multiply<Product::kBf16>>(one_warp(), a, b, c, out);
    case Product::kF16:
      return cuda::launch<multiply<Product::kF16>>(one_warp(), a, b, c, out);
    case Product::kTf32:
      return cuda::launch<multiply<Product::kTf32>>(one_warp(), a, b, c, out);
  }
  return cudaErrorInvalidValue;
}

cudaError_t launch_load(Matrices matrices, const std::uint16_t* memory, const int* rows,
                        cuda::FragmentA* out) {
  switch (matrices) {
    case Matrices::kX2:
      return cuda::launch<load<Matrices::kX2>>(one_warp(), memory, rows, out);
    case Matrices::kX2Transposed:
      return cuda::launch<load<Matrices::kX2Transposed>>(one_warp(), memory, rows, out);
    case Matrices::kX4:
      return cuda::launch<load<Matrices::kX4>>(one_warp(), memory, rows, out);
    case Matrices::kX4Transposed:
      return cuda::launch<load<Matrices::kX4Transposed>>(one_warp(), memory, rows, out);
  }
  return cudaErrorInvalidValue;
}

cudaError_t launch_store(Matrices matrices, const cuda::FragmentA* fragments, const int* rows,
                         std::uint16_t* memory) {
  switch (matrices) {
    case Matrices::kX2:
      return cuda::launch<store<Matrices::kX2>>(one_warp(), fragments, rows, memory);
    case Matrices::kX2Transposed:
      return cuda::launch<store<Matrices::kX2Transposed>>(one_warp(), fragments, rows, memory);
    case Matrices::kX4:
      return cuda::launch<store<Matrices::kX4>>(one_warp(), fragments, rows, memory);
    case Matrices::kX4Transposed:
      return cuda::launch<store<Matrices::kX4Transposed>>(one_warp(), fragments, rows, memory);
  }
  return cudaErrorInvalidValue;
}

cudaError_t launch_copy(int bytes, int source_bytes, const std::uint8_t* source,
                        std::uint8_t* out) {
  switch (bytes) {
    case 4:
      return cuda::launch<copy<4>>(one_warp(), source_bytes, source, out);
    case 8:
      return cuda::launch<copy<8>>(one_warp(), source_bytes, source, out);
    case 16:
      return cuda::launch<copy<16>>(one_warp(), source_bytes, source, out);
  }
  return cudaErrorInvalidValue;
}

cudaError_t launch_two_groups(const float* first, const float* second, float* out) {
  return cuda::launch<two_groups>(one_warp(), first, second, out);
}

cudaError_t launch_conversions(const float* x, int count, Conversions* out) {
  cuda::LaunchConfig config = one_warp();
  config.grid = dim3(static_cast<unsigned>((count + kWarp - 1) / kWarp));
  return cuda::launch<convert>(config, x, count, out);
}

}  // namespace leet::cuda_test
