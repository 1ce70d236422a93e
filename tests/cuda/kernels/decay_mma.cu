// SPDX-License-Identifier: Apache-2.0
//
// The same chunks as decay_fp32.cu, which it has to agree with, on tensor cores: bf16 in, sums in
// float. One block of 4 warps computes 32 columns of D; a warp has 16 rows of the chunk and 16 rows
// of S, the latter as float accumulators that stay in its registers, with a bf16 copy in shared
// memory for the product with Q. Scores go from accumulators to an operand within the registers.
#include "decay.hpp"

namespace leet::cuda_test {
namespace {

using cuda::Bf16;
using cuda::FragmentA;
using cuda::FragmentB;
using cuda::FragmentC;

constexpr int R = kR;
constexpr int C = 64;
constexpr int kColumns = 32;  // of D, a block
constexpr int kThreads = 128;
constexpr int kPitch = R + 8;               // rows of q and k start in different banks
constexpr int kColumnPitch = kColumns + 8;  // and those of v and S
constexpr int kStrip = 16;                  // rows a warp, and depth of a product
constexpr int kDepths = R / kStrip;
constexpr int kTiles = kColumns / 8;
static_assert(C / kStrip == kThreads / 32 && R == C);

struct Shared {
  Bf16* q;       // [C, kPitch]
  Bf16* k;       // [C, kPitch]
  Bf16* v;       // [C, kColumnPitch]
  Bf16* state;   // [R, kColumnPitch]
  float* power;  // [C + 1]: gamma^i

  static constexpr std::size_t kBytes = cuda::SharedSize{}
                                            .add<Bf16>(C * kPitch)
                                            .add<Bf16>(C * kPitch)
                                            .add<Bf16>(C * kColumnPitch)
                                            .add<Bf16>(R * kColumnPitch)
                                            .add<float>(C + 1)
                                            .bytes;
  __device__ static Shared take() {
    cuda::SharedMemory memory;
    Shared shared;
    shared.q = memory.take<Bf16>(C * kPitch, "q");
    shared.k = memory.take<Bf16>(C * kPitch, "k");
    shared.v = memory.take<Bf16>(C * kColumnPitch, "v");
    shared.state = memory.take<Bf16>(R * kColumnPitch, "state");
    shared.power = memory.take<float>(C + 1, "power");
    return shared;
  }
};

// Where a lane's elements of the fragments are.
struct Lane {
  int lane = static_cast<int>(threadIdx.x % 32);
  int first_row = static_cast<int>(threadIdx.x / 32) * kStrip;  // of this warp
  int g = lane / 4;
  int t = lane % 4;
};

// [C, width] of a row-major array into shared memory; rows from `length` on become zeros.
__device__ void load_rows(Bf16* shared, int pitch, const Bf16* global, std::int64_t stride,
                          int width, int length) {
  constexpr int kPerCopy = 8;
  const int copies = width / kPerCopy;
  for (int e = threadIdx.x; e < C * copies; e += kThreads) {
    const int row = e / copies, column = e % copies * kPerCopy;
    const Bf16* source = row < length ? global + row * stride + column : global;
    cuda::cp_async<16>(shared + row * pitch + column, source, row < length ? 16 : 0);
  }
}

// The 16 rows from `row` on and 8 columns of a [., kColumnPitch] array, as the operand B.
__device__ FragmentB load_columns(const Bf16* array, int row, int tile, const Lane& at) {
  FragmentB b;
  cuda::ldmatrix_x2_trans(b, array + (row + at.lane % 16) * kColumnPitch + tile * 8);
  return b;
}

// gamma^(i+1) Q S for the warp's rows i.
__device__ void multiply_state(FragmentC* sum, const FragmentA* q, const Shared& shared,
                               const Lane& at) {
#pragma unroll
  for (int depth = 0; depth < kDepths; ++depth) {
#pragma unroll
    for (int tile = 0; tile < kTiles; ++tile) {
      const FragmentB state = load_columns(shared.state, depth * kStrip, tile, at);
      cuda::mma_bf16(sum[tile], q[depth], state, sum[tile]);
    }
  }
#pragma unroll
  for (int tile = 0; tile < kTiles; ++tile) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      sum[tile].x[i] *= shared.power[at.first_row + at.g + i / 2 * 8 + 1];
    }
  }
}

// Adds (Q K^T o M) V over the 16 steps from `first` on.
__device__ void multiply_scores(FragmentC* sum, const FragmentA* q, const Shared& shared, int first,
                                const Lane& at) {
  FragmentA scores;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    FragmentC product = {};
#pragma unroll
    for (int depth = 0; depth < kDepths; ++depth) {
      FragmentB k;
      const int step = first + half * 8 + at.lane % 8;
      cuda::ldmatrix_x2(k, shared.k + step * kPitch + depth * kStrip + at.lane / 8 % 2 * 8);
      cuda::mma_bf16(product, q[depth], k, product);
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int distance = at.first_row + at.g + i / 2 * 8 - (first + half * 8 + at.t * 2 + i % 2);
      product.x[i] = distance >= 0 ? product.x[i] * shared.power[distance] : 0.0f;
    }
    scores.x[half * 2] = cuda::pack_bf16(product.x[0], product.x[1]);
    scores.x[half * 2 + 1] = cuda::pack_bf16(product.x[2], product.x[3]);
  }
#pragma unroll
  for (int tile = 0; tile < kTiles; ++tile) {
    cuda::mma_bf16(sum[tile], scores, load_columns(shared.v, first, tile, at), sum[tile]);
  }
}

// S = gamma^L S + K^T (gamma^(L-1-j) V) for the warp's rows of S.
__device__ void update_state(FragmentC* state, const Shared& shared, int length, const Lane& at) {
#pragma unroll
  for (int tile = 0; tile < kTiles; ++tile) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      state[tile].x[i] *= shared.power[length];
    }
  }
#pragma unroll
  for (int first = 0; first < C; first += kStrip) {
    FragmentA k;  // transposed while loading: matrices by columns of K first, then by steps
    const int step = first + at.lane % 8 + at.lane / 16 * 8;
    cuda::ldmatrix_x4_trans(k, shared.k + step * kPitch + at.first_row + at.lane / 8 % 2 * 8);
    float weight[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int left = length - 1 - (first + at.t * 2 + i % 2 + i / 2 * 8);
      weight[i] = left >= 0 ? shared.power[left] : 0.0f;
    }
#pragma unroll
    for (int tile = 0; tile < kTiles; ++tile) {
      FragmentB v = load_columns(shared.v, first, tile, at);
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const float2 pair = cuda::unpack_bf16(v.x[i]);
        v.x[i] = cuda::pack_bf16(pair.x * weight[2 * i], pair.y * weight[2 * i + 1]);
      }
      cuda::mma_bf16(state[tile], k, v, state[tile]);
    }
  }
}

__global__ void __launch_bounds__(kThreads) decay_mma(DecayProblem problem) {
  const Shared shared = Shared::take();
  const Lane at;

  const int head = blockIdx.y, D = problem.D, first_column = blockIdx.x * kColumns;
  const std::int64_t step = static_cast<std::int64_t>(head) * problem.N;
  const Bf16* q = static_cast<const Bf16*>(problem.q) + step * R;
  const Bf16* k = static_cast<const Bf16*>(problem.k) + step * R;
  const Bf16* v = static_cast<const Bf16*>(problem.v) + step * D + first_column;
  float* out = problem.out + step * D + first_column;

  const float log2_decay = problem.log2_decay[head % problem.H];
  for (int i = threadIdx.x; i <= C; i += kThreads) {
    shared.power[i] = exp2f(log2_decay * static_cast<float>(i));
  }
  for (int i = threadIdx.x; i < R * kColumnPitch; i += kThreads) {
    shared.state[i] = cuda::to_bf16(0.0f);
  }

  FragmentC state[kTiles] = {};
  for (int start = 0; start < problem.N; start += C) {
    const int length = min(C, problem.N - start);
    const std::int64_t offset = start;
    load_rows(shared.q, kPitch, q + offset * R, R, R, length);
    load_rows(shared.k, kPitch, k + offset * R, R, R, length);
    load_rows(shared.v, kColumnPitch, v + offset * D, D, kColumns, length);
    cuda::cp_async_commit();
    cuda::cp_async_wait<0>();
    __syncthreads();

    FragmentA q_rows[kDepths];
#pragma unroll
    for (int depth = 0; depth < kDepths; ++depth) {
      cuda::ldmatrix_x4(q_rows[depth], shared.q + (at.first_row + at.lane % 16) * kPitch +
                                           depth * kStrip + at.lane / 16 * 8);
    }
    FragmentC sum[kTiles] = {};
    multiply_state(sum, q_rows, shared, at);
    for (int first = 0; first <= at.first_row; first += kStrip) {
      multiply_scores(sum, q_rows, shared, first, at);
    }
#pragma unroll
    for (int tile = 0; tile < kTiles; ++tile) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = at.first_row + at.g + half * 8;
        if (row < length) {
          cuda::store_vector(out + (offset + row) * D + tile * 8 + at.t * 2,
                             make_float2(sum[tile].x[2 * half], sum[tile].x[2 * half + 1]));
        }
      }
    }

    update_state(state, shared, length, at);
    __syncthreads();  // all have read what the next chunk, and the new state, overwrite
#pragma unroll
    for (int tile = 0; tile < kTiles; ++tile) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        Bf16* target =
            shared.state + (at.first_row + at.g + half * 8) * kColumnPitch + tile * 8 + at.t * 2;
        cuda::store_vector(target,
                           cuda::pack_bf16(state[tile].x[2 * half], state[tile].x[2 * half + 1]));
      }
    }
  }
}

}  // namespace

cudaError_t launch_decay_mma(const DecayProblem& problem, cudaStream_t stream) {
  if (problem.D % kColumns != 0) {
    return cudaErrorInvalidValue;
  }
  cuda::LaunchConfig config;
  config.grid = dim3(static_cast<unsigned>(problem.D / kColumns),
                     static_cast<unsigned>(problem.B * problem.H));
  config.block = dim3(kThreads);
  config.shared_bytes = Shared::kBytes;
  config.stream = stream;
  return cuda::launch<decay_mma>(config, problem);
}

}  // namespace leet::cuda_test
