// SPDX-License-Identifier: Apache-2.0
#include "core/overlap.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <leet/plugin/dtype.hpp>
#include <random>
#include <set>
#include <vector>

namespace leet::core {
namespace {

leet_tensor tensor(std::intptr_t address, leet_dtype dtype,
                   std::initializer_list<std::int64_t> extents,
                   std::initializer_list<std::int64_t> strides) {
  leet_tensor tensor{};
  tensor.data = reinterpret_cast<void*>(address);  // never followed
  tensor.spec.dtype = dtype;
  tensor.spec.rank = static_cast<std::int32_t>(extents.size());
  std::copy(extents.begin(), extents.end(), tensor.spec.extent);
  std::copy(strides.begin(), strides.end(), tensor.spec.stride);
  return tensor;
}

// Every byte address of every element, with repetitions.
std::vector<std::intptr_t> bytes_of(const leet_tensor& tensor) {
  std::vector<std::intptr_t> starts = {reinterpret_cast<std::intptr_t>(tensor.data)};
  const std::int64_t width = sdk::dtype_bytes(tensor.spec.dtype);
  for (int axis = 0; axis < tensor.spec.rank; ++axis) {
    std::vector<std::intptr_t> next;
    for (const std::intptr_t start : starts) {
      for (std::int64_t i = 0; i < tensor.spec.extent[axis]; ++i) {
        next.push_back(start + i * tensor.spec.stride[axis] * width);
      }
    }
    starts = std::move(next);
  }
  std::vector<std::intptr_t> bytes;
  for (const std::intptr_t start : starts) {
    for (std::int64_t i = 0; i < width; ++i) bytes.push_back(start + i);
  }
  return bytes;
}

TEST(Overlap, TellsInterleavedSlicesFromSharedOnes) {
  // q, k and v as slices of one fused buffer [N=8, 3 * 4].
  const leet_tensor q = tensor(1 << 20, sdk::kF32, {8, 4}, {12, 1});
  const leet_tensor k = tensor((1 << 20) + 16, sdk::kF32, {8, 4}, {12, 1});
  const leet_tensor wide_k = tensor((1 << 20) + 12, sdk::kF32, {8, 4}, {12, 1});
  EXPECT_FALSE(share_memory(q, k));
  EXPECT_TRUE(share_memory(q, wide_k));
  EXPECT_TRUE(share_memory(q, q));
}

TEST(Overlap, SeesElementsThatOverlapInPart) {
  const leet_tensor a = tensor(1 << 20, sdk::kF32, {4}, {2});
  EXPECT_FALSE(share_memory(a, tensor((1 << 20) + 4, sdk::kF32, {4}, {2})));
  EXPECT_TRUE(share_memory(a, tensor((1 << 20) + 5, sdk::kF32, {4}, {2})));
}

TEST(Overlap, EmptyTensorsShareNothing) {
  const leet_tensor full = tensor(1 << 20, sdk::kF32, {4, 4}, {4, 1});
  EXPECT_FALSE(share_memory(full, tensor(1 << 20, sdk::kF32, {0, 4}, {4, 1})));
  EXPECT_FALSE(overlaps_itself(tensor(0, sdk::kF32, {0, 4}, {1, 1}).spec));
}

TEST(Overlap, SpanCountsToTheFarthestElementAndRefusesHugeOnes) {
  EXPECT_EQ(byte_span(tensor(0, sdk::kF32, {3, 5}, {10, 1}).spec), (2 * 10 + 4) * 4 + 4);
  EXPECT_EQ(byte_span(tensor(0, sdk::kF16, {1, 1}, {1 << 30, 7}).spec), 2);
  EXPECT_EQ(byte_span(tensor(0, sdk::kF32, {0, 5}, {10, 1}).spec), 0);
  EXPECT_EQ(byte_span(tensor(0, sdk::kF32, {INT64_MAX, 2}, {INT64_MAX, 1}).spec), -1);
  EXPECT_EQ(byte_span(tensor(0, sdk::kF64, {2}, {std::int64_t{1} << 57}).spec), -1);
}

TEST(Overlap, AgreesWithListingEveryByte) {
  const unsigned seed = 20260801;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const auto below = [&](int n) {
    return static_cast<std::int64_t>(random() % static_cast<unsigned>(n));
  };
  const leet_dtype dtypes[] = {sdk::kF16, sdk::kF32, sdk::kF64};
  int shared = 0;
  int overlapping = 0;
  constexpr int kRounds = 4000;
  for (int round = 0; round < kRounds; ++round) {
    leet_tensor pair[2];
    std::set<std::intptr_t> bytes[2];
    for (int i = 0; i < 2; ++i) {
      pair[i] = tensor((1 << 20) + below(40), dtypes[below(3)],
                       {1 + below(4), 1 + below(4), 1 + below(4)}, {below(30), below(9), below(4)});
      const std::vector<std::intptr_t> all = bytes_of(pair[i]);
      bytes[i].insert(all.begin(), all.end());
      const bool repeats = bytes[i].size() != all.size();
      overlapping += repeats;
      EXPECT_EQ(overlaps_itself(pair[i].spec), repeats) << "round " << round;
    }
    bool common = false;
    for (const std::intptr_t byte : bytes[0]) common = common || bytes[1].count(byte) != 0;
    shared += common;
    EXPECT_EQ(share_memory(pair[0], pair[1]), common) << "round " << round;
  }
  // Both answers must have been tested.
  EXPECT_GT(shared, kRounds / 10);
  EXPECT_LT(shared, kRounds * 9 / 10);
  EXPECT_GT(overlapping, kRounds / 10);
  EXPECT_LT(overlapping, 2 * kRounds * 9 / 10);
}

}  // namespace
}  // namespace leet::core
