// SPDX-License-Identifier: Apache-2.0
//
// How the emulator runs kernels: indices, barriers, warp operations, atomics, flags between blocks,
// orders, and what it says of kernels that break the rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <leet/cuda/kernel.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "tests/cuda/device_array.hpp"
#include "tests/cuda/emulated_test.hpp"

namespace leet::cuda_test {
namespace {

using emulator::Order;
using emulator::ReportKind;
using testing::AllOf;
using testing::Each;
using testing::HasSubstr;

cuda::LaunchConfig shape(dim3 grid, dim3 block) {
  cuda::LaunchConfig config;
  config.grid = grid;
  config.block = block;
  return config;
}

class Execution : public EmulatedTest {
 protected:
  // Runs the kernel to its end.
  template <auto Kernel, class... Arguments>
  static cudaError_t run(const cuda::LaunchConfig& config, Arguments... arguments) {
    const cudaError_t error = cuda::launch<Kernel>(config, arguments...);
    return error != cudaSuccess ? error : cudaDeviceSynchronize();
  }

  // Expects the kernel to fail with that error and one report.
  template <auto Kernel, class... Arguments>
  static std::string failure(cudaError_t error, ReportKind kind, const cuda::LaunchConfig& config,
                             Arguments... arguments) {
    EXPECT_EQ(run<Kernel>(config, arguments...), error);
    const std::string text = expect_report(kind);
    EXPECT_EQ(cudaDeviceReset(), cudaSuccess);
    return text;
  }

  static void set_order(Order threads, Order blocks = Order::kForward, std::uint64_t seed = 1) {
    emulator::Settings settings;
    settings.os_threads = 1;
    settings.thread_order = threads;
    settings.block_order = blocks;
    settings.seed = seed;
    emulator::set_settings(settings);
  }
};

// ---- Indices ----

struct Indices {
  uint3 thread, block;
  dim3 block_size, grid_size;
};
__global__ void write_indices(Indices* out) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  out[block * (blockDim.x * blockDim.y * blockDim.z) + thread] = {threadIdx, blockIdx, blockDim,
                                                                  gridDim};
}
TEST_F(Execution, EveryThreadHasItsIndices) {
  DeviceArray<Indices> out(2 * 3 * 2 * 5 * 3 * 2);
  ASSERT_EQ(run<write_indices>(shape(dim3(2, 3, 2), dim3(5, 3, 2)), out.data()), cudaSuccess);
  const auto indices = out.to_host();
  const Indices& last = indices.back();
  EXPECT_EQ(last.thread.x + last.thread.y + last.thread.z, 4u + 2u + 1u);
  EXPECT_EQ(last.block.x + last.block.y + last.block.z, 1u + 2u + 1u);
  EXPECT_EQ(last.block_size.y, 3u);
  EXPECT_EQ(last.grid_size.y, 3u);
  const Indices& other = indices[30 * 3 + 7];  // block (1,1,0), thread (2,1,0)
  EXPECT_EQ(other.block.x, 1u);
  EXPECT_EQ(other.block.y, 1u);
  EXPECT_EQ(other.thread.x, 2u);
  EXPECT_EQ(other.thread.y, 1u);
}

// ---- Barriers ----

__global__ void reverse_by_shared_memory(int* data) {
  LEET_SHARED(int, copy, [256]);
  copy[threadIdx.x] = data[threadIdx.x];
  __syncthreads();
  data[threadIdx.x] = copy[blockDim.x - 1 - threadIdx.x];
}
TEST_F(Execution, BarriersOrderABlock) {
  for (const Order order : {Order::kForward, Order::kReverse, Order::kRandom}) {
    set_order(order);
    std::vector<int> values(256), expected(256);
    std::iota(values.begin(), values.end(), 0);
    std::reverse_copy(values.begin(), values.end(), expected.begin());
    DeviceArray<int> data(values);
    ASSERT_EQ(run<reverse_by_shared_memory>(shape(1, 256), data.data()), cudaSuccess);
    EXPECT_EQ(data.to_host(), expected);
  }
}

__global__ void forgetful(int* data) {
  LEET_SHARED(int, copy, [64]);
  copy[threadIdx.x] = static_cast<int>(threadIdx.x);
  data[threadIdx.x] = copy[63 - threadIdx.x];  // no barrier
}
TEST_F(Execution, AMissingBarrierShowsInTheResult) {
  DeviceArray<int> data(64);
  ASSERT_EQ(run<forgetful>(shape(1, 64), data.data()), cudaSuccess);
  EXPECT_EQ(data.to_host()[0], -1);  // shared memory starts as NaNs
}

__global__ void vote(int* out) {
  const int thread = static_cast<int>(threadIdx.x);
  // Straight after each other, so that results may not overtake each other either.
  const int count = __syncthreads_count(thread % 3 == 0);
  const int any = __syncthreads_or(thread == 50);
  const int all = __syncthreads_and(thread != 50);
  out[thread] = count * 100 + any * 10 + all;
}
TEST_F(Execution, BarriersVote) {
  for (const Order order : {Order::kForward, Order::kReverse, Order::kRandom}) {
    set_order(order);
    DeviceArray<int> out(96);
    ASSERT_EQ(run<vote>(shape(1, 96), out.data()), cudaSuccess);
    EXPECT_THAT(out.to_host(), Each(32 * 100 + 10));
  }
}

__global__ void hand_over(int* out) {
  LEET_SHARED(int, box, [2]);
  const int pair = static_cast<int>(threadIdx.x / 64);  // of warps, with a barrier of their own
  for (int i = 0; i < 3; ++i) {
    if (threadIdx.x % 64 == 0) {
      box[pair] = 10 * pair + i;
    }
    cuda::named_barrier(1 + pair, 64);
    out[threadIdx.x] = box[pair];
    cuda::named_barrier(1 + pair, 64);
  }
}
TEST_F(Execution, NamedBarriersOrderPartsOfABlock) {
  set_order(Order::kReverse);
  DeviceArray<int> out(128);
  ASSERT_EQ(run<hand_over>(shape(1, 128), out.data()), cudaSuccess);
  EXPECT_EQ(out.to_host()[63], 2);
  EXPECT_EQ(out.to_host()[127], 12);
}

__global__ void sum_over_grid(int* parts, int* out) {
  if (threadIdx.x == 0) {
    parts[blockIdx.x] = static_cast<int>(blockIdx.x);
  }
  cuda::grid_sync();
  int sum = 0;
  for (unsigned block = 0; block < gridDim.x; ++block) {
    sum += parts[block];
  }
  out[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}
TEST_F(Execution, GridsSynchroniseInCooperativeLaunches) {
  DeviceArray<int> parts(20), out(20 * 32);
  cuda::LaunchConfig config = shape(20, 32);
  config.cooperative = true;
  ASSERT_EQ(run<sum_over_grid>(config, parts.data(), out.data()), cudaSuccess);
  EXPECT_THAT(out.to_host(), Each(190));
  EXPECT_THAT(failure<sum_over_grid>(cudaErrorLaunchFailure, ReportKind::kBarrierDivergence,
                                     shape(20, 32), parts.data(), out.data()),
              HasSubstr("not cooperative"));
}

__global__ void diverge(int limit) {
  if (static_cast<int>(threadIdx.x) < limit) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}
TEST_F(Execution, DivergedBarriersAreReportedWithBothPlaces) {
  const std::string text =
      failure<diverge>(cudaErrorLaunchFailure, ReportKind::kBarrierDivergence, shape(1, 64), 40);
  EXPECT_THAT(text,
              AllOf(HasSubstr("kernel leet::cuda_test::diverge: block (0,0,0) thread (40,0,0)"),
                    HasSubstr("execution_test.cpp:"), HasSubstr("40 threads")));
}

__global__ void leave_early(int limit) {
  if (static_cast<int>(threadIdx.x) >= limit) {
    return;
  }
  __syncthreads();
}
TEST_F(Execution, ThreadsThatLeaveBeforeABarrierAreReported) {
  EXPECT_THAT(failure<leave_early>(cudaErrorLaunchFailure, ReportKind::kBarrierDivergence,
                                   shape(1, 64), 40),
              HasSubstr("returns while 40 threads"));
}

__global__ void wait_for_more_than_there_are() { cuda::named_barrier(3, 64); }
__global__ void misuse_barrier(int id, int threads) { cuda::named_barrier(id, threads); }
TEST_F(Execution, MisusedNamedBarriersAreReported) {
  EXPECT_THAT(failure<misuse_barrier>(cudaErrorLaunchFailure, ReportKind::kBarrierDivergence,
                                      shape(1, 64), 16, 32),
              HasSubstr("with id 16; ids are 1 to 15"));
  EXPECT_THAT(failure<misuse_barrier>(cudaErrorLaunchFailure, ReportKind::kBarrierDivergence,
                                      shape(1, 64), 1, 48),
              HasSubstr("for 48 threads"));
  EXPECT_THAT(failure<wait_for_more_than_there_are>(cudaErrorLaunchFailure,
                                                    ReportKind::kBarrierDivergence, shape(1, 32)),
              HasSubstr("64 threads"));
}

// ---- Warps ----

__global__ void shuffle(int* out) {
  const int lane = static_cast<int>(threadIdx.x);
  const unsigned all = 0xffffffffu;
  out[lane] = __shfl_sync(all, lane, 5);
  out[32 + lane] = __shfl_up_sync(all, lane, 3);
  out[64 + lane] = __shfl_down_sync(all, lane, 3);
  out[96 + lane] = __shfl_xor_sync(all, lane, 9);
  out[128 + lane] = __shfl_sync(all, lane, 9, 8);
  out[160 + lane] = __shfl_down_sync(all, lane, 3, 8);
  out[192 + lane] = static_cast<int>(__shfl_sync(all, 0x100000000ll + lane, 31) >> 32);
}
TEST_F(Execution, ShufflesMoveValuesBetweenLanes) {
  DeviceArray<int> out(224);
  ASSERT_EQ(run<shuffle>(shape(1, 32), out.data()), cudaSuccess);
  const auto values = out.to_host();
  for (int lane = 0; lane < 32; ++lane) {
    const auto at = [&](int test) { return values[static_cast<std::size_t>(32 * test + lane)]; };
    EXPECT_EQ(at(0), 5);
    EXPECT_EQ(at(1), lane < 3 ? lane : lane - 3);
    EXPECT_EQ(at(2), lane + 3 > 31 ? lane : lane + 3);
    EXPECT_EQ(at(3), lane ^ 9);
    EXPECT_EQ(at(4), lane / 8 * 8 + 1);
    EXPECT_EQ(at(5), lane % 8 + 3 > 7 ? lane : lane + 3);
    EXPECT_EQ(at(6), 1);
  }
}

__global__ void vote_in_warp(unsigned* out) {
  const unsigned lane = threadIdx.x;
  const unsigned odd = 0xaaaaaaaau;
  const unsigned mine = lane % 2 ? odd : ~odd;  // two halves at once
  out[lane] = __ballot_sync(mine, lane >= 16);
  out[32 + lane] =
      static_cast<unsigned>(__any_sync(mine, lane == 3) * 2 + __all_sync(mine, lane % 2 == 1));
  out[64 + lane] = __reduce_add_sync(mine, lane);
  out[96 + lane] = static_cast<unsigned>(__reduce_min_sync(mine, -static_cast<int>(lane)));
  out[128 + lane] = __reduce_max_sync(mine, lane) + 100 * __reduce_xor_sync(mine, lane);
}
TEST_F(Execution, LanesOfDisjointMasksVoteApart) {
  DeviceArray<unsigned> out(160);
  ASSERT_EQ(run<vote_in_warp>(shape(1, 32), out.data()), cudaSuccess);
  const auto values = out.to_host();
  for (unsigned lane = 0; lane < 32; ++lane) {
    const bool odd = lane % 2 == 1;
    EXPECT_EQ(values[lane], odd ? 0xaaaa0000u : 0x55550000u);
    EXPECT_EQ(values[32 + lane], odd ? 3u : 0u);
    EXPECT_EQ(values[64 + lane], odd ? 256u : 240u);
    EXPECT_EQ(values[96 + lane], static_cast<unsigned>(odd ? -31 : -30));
    EXPECT_EQ(values[128 + lane], odd ? 31u : 30u);  // the XOR of 16 such numbers is 0
  }
}

__global__ void shuffle_without_itself(unsigned mask) { __shfl_sync(mask, 1, 0); }
__global__ void operations_that_differ() {
  if (threadIdx.x < 16) {
    __syncwarp();
  } else {
    __ballot_sync(0xffffffffu, 1);
  }
}
__global__ void multiply_in_part(float* out) {
  cuda::FragmentA a = {};
  cuda::FragmentB b = {};
  cuda::FragmentC c = {};
  cuda::mma_bf16(c, a, b, c);
  *out = c.x[0];
}
__global__ void multiply_in_two_places(bool* which, float* out) {
  cuda::FragmentA a = {};
  cuda::FragmentB b = {};
  cuda::FragmentC c = {};
  if (which[threadIdx.x]) {
    cuda::mma_bf16(c, a, b, c);
  } else {
    cuda::mma_bf16(c, a, b, c);
  }
  *out = c.x[0];
}
__global__ void shuffle_with_the_dead() {
  if (threadIdx.x != 7) {
    __syncwarp(~(1u << 7));
    __syncwarp();
  }
}
TEST_F(Execution, MisusedWarpOperationsAreReported) {
  EXPECT_THAT(failure<shuffle_without_itself>(cudaErrorLaunchFailure, ReportKind::kWarpDivergence,
                                              shape(1, 32), 0x0000ffffu),
              HasSubstr("mask 0000ffff: the calling lane is not in the mask"));
  EXPECT_THAT(failure<operations_that_differ>(cudaErrorLaunchFailure, ReportKind::kWarpDivergence,
                                              shape(1, 32)),
              AllOf(HasSubstr("__ballot_sync"), HasSubstr("__syncwarp")));
  DeviceArray<float> out(1);
  EXPECT_THAT(failure<multiply_in_part>(cudaErrorLaunchFailure, ReportKind::kWarpDivergence,
                                        shape(1, 16), out.data()),
              HasSubstr("full warp"));
  DeviceArray<bool> which(32);
  EXPECT_EQ(cudaMemset(which.data(), 0, 32), cudaSuccess);
  EXPECT_EQ(cudaMemset(which.data(), 1, 20), cudaSuccess);
  EXPECT_THAT(failure<multiply_in_two_places>(cudaErrorLaunchFailure, ReportKind::kWarpDivergence,
                                              shape(1, 32), which.data(), out.data()),
              HasSubstr("lanes 000fffff"));
  EXPECT_THAT(failure<shuffle_with_the_dead>(cudaErrorLaunchFailure, ReportKind::kWarpDivergence,
                                             shape(1, 32)),
              HasSubstr("lanes 00000080 of the mask have returned"));
}

// ---- Atomics and flags between blocks ----

__global__ void count(unsigned* sum, float* float_sum, int* most, int* least, unsigned* changes) {
  const int index = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  atomicAdd(sum, 1);
  atomicAdd(float_sum, 0.5f);
  atomicMax(most, index);
  atomicMin(least, -index);
  atomicXor(changes, 1u << index % 32);
  atomicOr(changes + 1, 1u << index % 32);
}
TEST_F(Execution, AtomicsLoseNothing) {
  DeviceArray<unsigned> sum(std::vector<unsigned>{0});
  DeviceArray<unsigned> changes(std::vector<unsigned>{0, 0});
  DeviceArray<float> float_sum(std::vector<float>{0});
  DeviceArray<int> most(std::vector<int>{0}), least(std::vector<int>{0});
  ASSERT_EQ(run<count>(shape(100, 96), sum.data(), float_sum.data(), most.data(), least.data(),
                       changes.data()),
            cudaSuccess);
  EXPECT_EQ(sum.to_host()[0], 9600u);
  EXPECT_EQ(float_sum.to_host()[0], 4800.0f);
  EXPECT_EQ(most.to_host()[0], 9599);
  EXPECT_EQ(least.to_host()[0], -9599);
  EXPECT_EQ(changes.to_host()[0], 0u);
  EXPECT_EQ(changes.to_host()[1], 0xffffffffu);
}

// Each block adds 1 to what the block `distance` before it published.
__global__ void chain(unsigned* flags, unsigned* out, int distance) {
  const int before = static_cast<int>(blockIdx.x) - distance;
  if (threadIdx.x == 0) {
    unsigned value = 0;
    if (before >= 0 && before < static_cast<int>(gridDim.x)) {
      while ((value = cuda::load_acquire(flags + before)) == 0) {
        cuda::spin_pause();
      }
    }
    out[blockIdx.x] = value;
    cuda::store_release(flags + blockIdx.x, value + 1);
  }
}
TEST_F(Execution, BlocksWaitForEarlierOnes) {
  DeviceArray<unsigned> flags(std::vector<unsigned>(50, 0)), out(50);
  ASSERT_EQ(run<chain>(shape(50, 32), flags.data(), out.data(), 1), cudaSuccess);
  EXPECT_EQ(out.to_host()[49], 49u);
}

TEST_F(Execution, WaitingForABlockThatCannotRunIsALivelock) {
  set_order(Order::kForward);
  DeviceArray<unsigned> flags(std::vector<unsigned>(8, 0)), out(8);
  EXPECT_THAT(failure<chain>(cudaErrorLaunchTimeout, ReportKind::kLivelock, shape(8, 32),
                             flags.data(), out.data(), -1),
              AllOf(HasSubstr("kernel leet::cuda_test::chain: "), HasSubstr("1 of 8 blocks")));
}

TEST_F(Execution, WaitingForLaterBlocksWorksWhereAllRunAtOnce) {
  emulator::Settings settings;
  settings.os_threads = 1;
  settings.resident_blocks = 8;
  emulator::set_settings(settings);
  DeviceArray<unsigned> flags(std::vector<unsigned>(8, 0)), out(8);
  ASSERT_EQ(run<chain>(shape(8, 32), flags.data(), out.data(), -1), cudaSuccess);
  EXPECT_EQ(out.to_host()[0], 7u);
}

TEST_F(Execution, LivelockIsSeenOnSeveralWorkers) {
  DeviceArray<unsigned> flags(std::vector<unsigned>(8, 0)), out(8);
  EXPECT_THAT(failure<chain>(cudaErrorLaunchTimeout, ReportKind::kLivelock, shape(8, 32),
                             flags.data(), out.data(), -1),
              HasSubstr("2 of 8 blocks"));
}

__global__ void wait_together(const unsigned* flag) {
  unsigned value = 0;
  do {
    value = threadIdx.x == 0 ? cuda::load_acquire(flag) : 0;
    value = __shfl_sync(0xffffffffu, value, 0);
    cuda::spin_pause();
  } while (value == 0);
}
TEST_F(Execution, AWarpThatWaitsTogetherIsALivelockToo) {
  set_order(Order::kForward);
  DeviceArray<unsigned> flag(std::vector<unsigned>{0});
  failure<wait_together>(cudaErrorLaunchTimeout, ReportKind::kLivelock, shape(1, 64), flag.data());
}

// ---- Orders ----

__global__ void log_order(unsigned* next, int* threads, int* blocks) {
  const unsigned at = atomicAdd(next, 1);
  threads[at] = static_cast<int>(threadIdx.x);
  blocks[at] = static_cast<int>(blockIdx.x);
}
TEST_F(Execution, ThreadsAndBlocksRunInTheOrderAskedFor) {
  const auto logged = [](Order threads, Order blocks, std::uint64_t seed) {
    set_order(threads, blocks, seed);
    DeviceArray<unsigned> next(std::vector<unsigned>{0});
    DeviceArray<int> thread_log(40 * 10), block_log(40 * 10);
    EXPECT_EQ(run<log_order>(shape(10, 40), next.data(), thread_log.data(), block_log.data()),
              cudaSuccess);
    auto result = thread_log.to_host();
    const auto block_order = block_log.to_host();
    result.resize(40);  // the first block's threads, then the blocks
    for (std::size_t block = 0; block < 10; ++block) {
      result.push_back(block_order[40 * block]);
    }
    return result;
  };
  std::vector<int> forward(50);
  std::iota(forward.begin(), forward.begin() + 40, 0);
  std::iota(forward.begin() + 40, forward.end(), 0);
  EXPECT_EQ(logged(Order::kForward, Order::kForward, 1), forward);
  std::vector<int> reverse = forward;
  std::reverse(reverse.begin(), reverse.begin() + 40);
  std::reverse(reverse.begin() + 40, reverse.end());
  EXPECT_EQ(logged(Order::kReverse, Order::kReverse, 1), reverse);

  const auto random = logged(Order::kRandom, Order::kRandom, 1);
  EXPECT_EQ(random, logged(Order::kRandom, Order::kRandom, 1));
  EXPECT_NE(random, logged(Order::kRandom, Order::kRandom, 2));
  EXPECT_NE(random, forward);
  auto sorted = random;
  std::sort(sorted.begin(), sorted.begin() + 40);
  std::sort(sorted.begin() + 40, sorted.end());
  EXPECT_EQ(sorted, forward);
}

// ---- Memory ----

__global__ void take_pieces(float* out) {
  cuda::SharedMemory shared;
  float* const first = shared.take<float>(3, "first");
  double* const second = shared.take<double>(2, "second");
  LEET_SHARED(float, grid, [2][8]);
  if (threadIdx.x == 0) {
    out[0] = first[2];
    second[1] = 2.5;
    grid[1][7] = 3.5f;
  }
  __syncthreads();
  out[1] = static_cast<float>(second[1]);
  out[2] = grid[1][7];
}
TEST_F(Execution, SharedMemoryIsHandedOutByName) {
  constexpr std::size_t kBytes = cuda::SharedSize{}.add<float>(3).add<double>(2).bytes;
  static_assert(kBytes == 32);
  cuda::LaunchConfig config = shape(1, 32);
  config.shared_bytes = kBytes;
  DeviceArray<float> out(3);
  ASSERT_EQ(run<take_pieces>(config, out.data()), cudaSuccess);
  const auto values = out.to_host();
  EXPECT_NE(values[0], values[0]);  // NaN: nobody wrote it
  EXPECT_EQ(values[1], 2.5f);
  EXPECT_EQ(values[2], 3.5f);

  config.shared_bytes = 24;
  EXPECT_THAT(
      failure<take_pieces>(cudaErrorIllegalAddress, ReportKind::kSharedMemory, config, out.data()),
      HasSubstr("'second' of shared memory ends at byte 32, but the launch gave 24"));
}

__global__ void take_apart() {
  cuda::SharedMemory shared;
  shared.take<float>(threadIdx.x == 3 ? 5 : 4, "piece");
}
__global__ void too_much_static() {
  LEET_SHARED(float, a, [12 * 1024]);
  LEET_SHARED(float, b, [1]);
  a[0] = b[0] = 0.0f;
}
TEST_F(Execution, MisusedSharedMemoryIsReported) {
  cuda::LaunchConfig config = shape(1, 32);
  config.shared_bytes = 64;
  EXPECT_THAT(failure<take_apart>(cudaErrorLaunchFailure, ReportKind::kSharedMemory, config),
              AllOf(HasSubstr("thread (3,0,0)"), HasSubstr("20 bytes as 'piece'")));
  EXPECT_THAT(
      failure<too_much_static>(cudaErrorLaunchFailure, ReportKind::kSharedMemory, shape(1, 32)),
      HasSubstr("array b"));
}

__global__ void load_misaligned(const float* data, float* out) {
  *out = cuda::load_vector<float4>(data + 1).x;
}
__global__ void matrix_from_global_memory(const float* data, float* out) {
  cuda::FragmentA a;
  cuda::ldmatrix_x4(a, data);
  *out = static_cast<float>(a.x[0]);
}
__global__ void copy_to_global_memory(float* data) { cuda::cp_async<16>(data, data); }
TEST_F(Execution, MisusedAddressesAreReported) {
  DeviceArray<float> data(64);
  EXPECT_THAT(failure<load_misaligned>(cudaErrorMisalignedAddress, ReportKind::kMisaligned,
                                       shape(1, 1), data.data(), data.data()),
              HasSubstr("16 bytes"));
  DeviceArray<float> others(64);
  EXPECT_THAT(failure<matrix_from_global_memory>(cudaErrorIllegalAddress, ReportKind::kSharedMemory,
                                                 shape(1, 32), others.data(), others.data()),
              HasSubstr("ldmatrix at execution_test.cpp:"));
  DeviceArray<float> more(64);
  EXPECT_THAT(failure<copy_to_global_memory>(cudaErrorIllegalAddress, ReportKind::kSharedMemory,
                                             shape(1, 1), more.data()),
              HasSubstr("cp.async"));
}

__global__ void read_before_waiting(const float* source, float* out) {
  LEET_SHARED(float, shared, [2][32]);
  for (int group = 0; group < 2; ++group) {
    cuda::cp_async<4>(&shared[group][threadIdx.x], source + threadIdx.x);
    cuda::cp_async_commit();
  }
  cuda::cp_async_wait<1>();
  out[threadIdx.x] = shared[0][threadIdx.x];
  out[32 + threadIdx.x] = shared[1][threadIdx.x];
}
TEST_F(Execution, ACopyThatNobodyWaitedForIsNotThere) {
  DeviceArray<float> source(std::vector<float>(32, 1.0f)), out(64);
  ASSERT_EQ(run<read_before_waiting>(shape(1, 32), source.data(), out.data()), cudaSuccess);
  EXPECT_EQ(out.to_host()[9], 1.0f);
  const float later = out.to_host()[32 + 9];
  EXPECT_NE(later, later);
}

// A thread's stack is large enough for what kernels keep in registers.
__global__ void deep(int* out) {
  volatile int array[4096];
  for (int i = 0; i < 4096; ++i) {
    array[i] = i;
  }
  __syncthreads();
  int sum = 0;
  for (int i = 0; i < 4096; ++i) {
    sum += array[i] != i;
  }
  out[threadIdx.x] = sum;
}
TEST_F(Execution, ThreadsKeepTheirLocalArraysAcrossBarriers) {
  DeviceArray<int> out(1024);
  ASSERT_EQ(run<deep>(shape(1, 1024), out.data()), cudaSuccess);
  EXPECT_THAT(out.to_host(), Each(0));
}

}  // namespace
}  // namespace leet::cuda_test
