// SPDX-License-Identifier: Apache-2.0
//
// Chunks of C = 64 steps: O = (Q K^T o M) V + gamma^(i+1) Q S within a chunk, then
// S = gamma^L S + sum over j of gamma^(L-1-j) k_j v_j^T, as in Lightning Attention-2
// (arXiv 2401.04658). One block of 256 threads computes 32 columns of D; S, the chunk's q, k, v and
// its masked scores are in shared memory. Its largest |out| is found by shuffles and an atomic.
#include "decay.hpp"

namespace leet::cuda_test {
namespace {

constexpr int R = kR;
constexpr int C = 64;
constexpr int kColumns = 32;  // of D, a block
constexpr int kThreads = 256;
constexpr int kPitch = R + 4;       // of q and k: neighbouring rows in different banks
constexpr int kScorePitch = C + 1;  // of the scores
constexpr int kTile = 4;            // a thread computes kTile x kTile scores
constexpr int kRun = 8;             // and kRun columns of one row of out and S
static_assert(C / kTile * (C / kTile) == kThreads && C * kColumns / kRun == kThreads && R == C);

struct Shared {
  float* q;       // [C, kPitch]
  float* k;       // [C, kPitch]
  float* v;       // [C, kColumns]
  float* state;   // [R, kColumns]
  float* scores;  // [C, kScorePitch]
  float* power;   // [C + 1]: gamma^i

  static constexpr std::size_t kBytes = cuda::SharedSize{}
                                            .add<float>(C * kPitch)
                                            .add<float>(C * kPitch)
                                            .add<float>(C * kColumns)
                                            .add<float>(R * kColumns)
                                            .add<float>(C * kScorePitch)
                                            .add<float>(C + 1)
                                            .bytes;
  __device__ static Shared take() {
    cuda::SharedMemory memory;
    Shared shared;
    shared.q = memory.take<float>(C * kPitch, "q");
    shared.k = memory.take<float>(C * kPitch, "k");
    shared.v = memory.take<float>(C * kColumns, "v");
    shared.state = memory.take<float>(R * kColumns, "state");
    shared.scores = memory.take<float>(C * kScorePitch, "scores");
    shared.power = memory.take<float>(C + 1, "power");
    return shared;
  }
};

// Rows from `length` on become zeros.
__device__ void load_chunk(const Shared& shared, const float* q, const float* k, const float* v,
                           int length, int columns, int D) {
  for (int e = threadIdx.x; e < C * R / 4; e += kThreads) {
    const int row = e / (R / 4), column = e % (R / 4) * 4;
    float4 q4 = make_float4(0, 0, 0, 0), k4 = q4;
    if (row < length) {
      q4 = cuda::load_vector<float4>(q + row * R + column);
      k4 = cuda::load_vector<float4>(k + row * R + column);
    }
    cuda::store_vector(shared.q + row * kPitch + column, q4);
    cuda::store_vector(shared.k + row * kPitch + column, k4);
  }
  for (int e = threadIdx.x; e < C * kColumns; e += kThreads) {
    const int row = e / kColumns, column = e % kColumns;
    const bool inside = row < length && column < columns;
    shared.v[e] = inside ? v[static_cast<std::int64_t>(row) * D + column] : 0.0f;
  }
}

// scores = Q K^T o M, [C, C]; tiles right of the diagonal are all zero.
__device__ void compute_scores(const Shared& shared) {
  const int row = threadIdx.x / (C / kTile) * kTile, column = threadIdx.x % (C / kTile) * kTile;
  float sum[kTile][kTile] = {};
  if (column <= row) {
    for (int r = 0; r < R; ++r) {
#pragma unroll
      for (int i = 0; i < kTile; ++i) {
#pragma unroll
        for (int j = 0; j < kTile; ++j) {
          sum[i][j] = fmaf(shared.q[(row + i) * kPitch + r], shared.k[(column + j) * kPitch + r],
                           sum[i][j]);
        }
      }
    }
  }
#pragma unroll
  for (int i = 0; i < kTile; ++i) {
#pragma unroll
    for (int j = 0; j < kTile; ++j) {
      const int distance = row + i - (column + j);
      shared.scores[(row + i) * kScorePitch + column + j] =
          distance >= 0 ? sum[i][j] * shared.power[distance] : 0.0f;
    }
  }
}

__global__ void __launch_bounds__(kThreads) decay_fp32(DecayProblem problem) {
  const Shared shared = Shared::take();
  LEET_SHARED(float, warp_largest, [kThreads / 32]);

  const int head = blockIdx.y, D = problem.D, first_column = blockIdx.x * kColumns;
  const int columns = min(kColumns, D - first_column);
  const std::int64_t step = static_cast<std::int64_t>(head) * problem.N;
  const float* q = static_cast<const float*>(problem.q) + step * R;
  const float* k = static_cast<const float*>(problem.k) + step * R;
  const float* v = static_cast<const float*>(problem.v) + step * D + first_column;
  float* out = problem.out + step * D + first_column;

  const float log2_decay = problem.log2_decay[head % problem.H];
  for (int i = threadIdx.x; i <= C; i += kThreads) {
    shared.power[i] = exp2f(log2_decay * static_cast<float>(i));
  }
  for (int i = threadIdx.x; i < R * kColumns; i += kThreads) {
    shared.state[i] = 0.0f;
  }

  // This thread's row of the chunk, and of the state, and its first column.
  const int row = threadIdx.x / (kColumns / kRun);
  const int column = threadIdx.x % (kColumns / kRun) * kRun;
  float largest = 0.0f;
  for (int start = 0; start < problem.N; start += C) {
    const int length = min(C, problem.N - start);
    const std::int64_t offset = start;
    load_chunk(shared, q + offset * R, k + offset * R, v + offset * D, length, columns, D);
    __syncthreads();

    compute_scores(shared);
    float sum[kRun] = {};
    for (int r = 0; r < R; ++r) {
      const float factor = shared.q[row * kPitch + r];
#pragma unroll
      for (int c = 0; c < kRun; ++c) {
        sum[c] = fmaf(factor, shared.state[r * kColumns + column + c], sum[c]);
      }
    }
#pragma unroll
    for (int c = 0; c < kRun; ++c) {
      sum[c] *= shared.power[row + 1];
    }
    __syncthreads();

    for (int j = 0; j <= row; ++j) {
      const float factor = shared.scores[row * kScorePitch + j];
#pragma unroll
      for (int c = 0; c < kRun; ++c) {
        sum[c] = fmaf(factor, shared.v[j * kColumns + column + c], sum[c]);
      }
    }
    if (row < length) {
#pragma unroll
      for (int c = 0; c < kRun; ++c) {
        if (column + c < columns) {
          out[(offset + row) * D + column + c] = sum[c];
          largest = fmaxf(largest, fabsf(sum[c]));
        }
      }
    }

    float state[kRun];
#pragma unroll
    for (int c = 0; c < kRun; ++c) {
      state[c] = shared.state[row * kColumns + column + c] * shared.power[length];
    }
    for (int j = 0; j < length; ++j) {
      const float factor = shared.k[j * kPitch + row] * shared.power[length - 1 - j];
#pragma unroll
      for (int c = 0; c < kRun; ++c) {
        state[c] = fmaf(factor, shared.v[j * kColumns + column + c], state[c]);
      }
    }
#pragma unroll
    for (int c = 0; c < kRun; ++c) {  // this thread's own elements, which all have read above
      shared.state[row * kColumns + column + c] = state[c];
    }
    __syncthreads();
  }

#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, distance));
  }
  if (threadIdx.x % 32 == 0) {
    warp_largest[threadIdx.x / 32] = largest;
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int warp = 1; warp < kThreads / 32; ++warp) {
      largest = fmaxf(largest, warp_largest[warp]);
    }
    atomicMax(problem.largest_bits, __float_as_int(largest));  // ordered as the floats are
  }
}

}  // namespace

cudaError_t launch_decay_fp32(const DecayProblem& problem, cudaStream_t stream) {
  if (const cudaError_t error = cuda::allow_shared_memory<decay_fp32>(Shared::kBytes);
      error != cudaSuccess) {
    return error;
  }
  const auto slices = static_cast<unsigned>((problem.D + kColumns - 1) / kColumns);
  const auto heads = static_cast<unsigned>(problem.B * problem.H);
  cuda::LaunchConfig config;
  config.grid = dim3(slices, heads);
  config.block = dim3(kThreads);
  config.shared_bytes = Shared::kBytes;
  config.stream = stream;
  return cuda::launch<decay_fp32>(config, problem);
}

}  // namespace leet::cuda_test
