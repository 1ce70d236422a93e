// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <leet/plugin/problem.hpp>
#include <leet/plugin/shape.hpp>
#include <map>
#include <tuple>
#include <vector>

#include "tests/sdk/problem_builder.hpp"

namespace leet::sdk {
namespace {

using sdk_test::contiguous;
using sdk_test::ProblemBuilder;

TEST(Shape, ReadsTheLettersFromTheTensors) {
  ProblemBuilder builder(2, 4, 5, 3, 6);
  const Problem problem(builder.raw);
  const Shape& shape = problem.shape();
  EXPECT_EQ(shape.B, 2);
  EXPECT_EQ(shape.H, 4);
  EXPECT_EQ(shape.N, 5);
  EXPECT_EQ(shape.R, 3);
  EXPECT_EQ(shape.D, 6);
  EXPECT_EQ(shape.Hg, 1);
  EXPECT_EQ(shape.Hs, 4);
  EXPECT_EQ(shape.sequences, 2);
}

TEST(Shape, CountsPackedSequences) {
  ProblemBuilder builder(1, 2, 9, 3, 3);
  builder.set(LEET_ROLE_SEQUENCE_OFFSETS, contiguous(kI64, {5}));
  EXPECT_EQ(Problem(builder.raw).shape().sequences, 4);
}

TEST(Shape, WithoutOutHasTheLargestNumberOfHeads) {
  for (const int largest : {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_LOG_DECAY}) {
    ProblemBuilder builder(1, 2, 3, 4, 5);
    builder.clear(LEET_ROLE_OUT);
    builder.set(LEET_ROLE_LOG_DECAY, contiguous(kF32, {1, 2, 3, 4}));
    builder.at(largest).extent[1] = 6;
    EXPECT_EQ(Problem(builder.raw).shape().H, 6) << "role " << largest;
  }
}

Shape shape_with_heads(std::int64_t H, std::int64_t Hq, std::int64_t Hk, std::int64_t Hv,
                       std::int64_t Hg) {
  ProblemBuilder builder(1, H, 2, 2, 2);
  builder.at(LEET_ROLE_Q).extent[1] = Hq;
  builder.at(LEET_ROLE_K).extent[1] = Hk;
  builder.at(LEET_ROLE_V).extent[1] = Hv;
  builder.set(LEET_ROLE_LOG_DECAY, contiguous(kF32, {1, Hg, 2, 2}));
  return Problem(builder.raw).shape();
}

std::vector<std::int64_t> divisors(std::int64_t H) {
  std::vector<std::int64_t> result;
  for (std::int64_t d = 1; d <= H; ++d) {
    if (H % d == 0) result.push_back(d);
  }
  return result;
}

// By definition: output head h reads head h * H_x / H of x; the states are as many as there are
// runs of output heads with the same k, v and decay, if all runs are equally long.
TEST(Shape, SharesHeadsAsTheDefinitionDoes) {
  for (const std::int64_t H : {1, 2, 3, 4, 6, 8, 12, 30}) {
    for (const std::int64_t Hk : divisors(H)) {
      for (const std::int64_t Hv : divisors(H)) {
        for (const std::int64_t Hg : divisors(H)) {
          const Shape shape = shape_with_heads(H, 1, Hk, Hv, Hg);
          SCOPED_TRACE(testing::Message()
                       << "H " << H << " Hk " << Hk << " Hv " << Hv << " Hg " << Hg);
          ASSERT_GT(shape.Hs, 0);
          ASSERT_EQ(shape.group() * shape.Hs, H);
          std::map<std::int64_t, std::tuple<std::int64_t, std::int64_t, std::int64_t>> reads;
          for (std::int64_t h = 0; h < H; ++h) {
            const std::tuple mine{shape.shared(h, Hk), shape.shared(h, Hv), shape.shared(h, Hg)};
            ASSERT_EQ(mine, std::tuple(h / (H / Hk), h / (H / Hv), h / (H / Hg)));
            const std::int64_t s = h / shape.group();
            ASSERT_EQ(mine, reads.try_emplace(s, mine).first->second);  // a state has one source
            ASSERT_EQ(mine, std::tuple(shape.state_source(s, Hk), shape.state_source(s, Hv),
                                       shape.state_source(s, Hg)));
          }
          // No fewer equal groups would do: each smaller divisor puts two sources in one.
          for (const std::int64_t fewer : divisors(H)) {
            if (fewer >= shape.Hs) continue;
            bool splits = false;
            for (std::int64_t h = 0; h < H; ++h) {
              const std::int64_t first = h / (H / fewer) * (H / fewer);
              splits = splits || reads.at(h / shape.group()) != reads.at(first / shape.group());
            }
            ASSERT_TRUE(splits) << fewer << " states would do";
          }
        }
      }
    }
  }
}

TEST(Shape, HasNoStateHeadsWhereHeadsDoNotDivide) {
  EXPECT_EQ(shape_with_heads(6, 6, 4, 6, 6).Hs, 0);
  EXPECT_EQ(shape_with_heads(6, 6, 6, 5, 1).Hs, 0);
  EXPECT_EQ(shape_with_heads(6, 6, 6, 6, 12).Hs, 0);
  EXPECT_EQ(shape_with_heads(6, 4, 6, 6, 6).Hs, 6);  // q has no part in the states
  EXPECT_EQ(shape_with_heads(6, 6, 4, 6, 6).group(), 0);
}

TEST(TensorView, AddressesRowsByTheirStrides) {
  std::vector<std::byte> memory(2 * 3 * 4 * 5 * 4);
  const leet_tensor tensor{memory.data(), contiguous(kF32, {2, 3, 4, 5})};
  EXPECT_EQ(TensorView(tensor).row(1, 2, 3), memory.data() + 4 * (60 + 40 + 15));
}

TEST(TensorView, AddressesBeyondInt32) {
  constexpr std::int64_t kStride = (std::int64_t{1} << 31) + 7;  // elements
  constexpr std::size_t kBytes = 4 * kStride + 4;
  // Addresses alone: nothing behind them is read or written.
  void* const memory =
      mmap(nullptr, kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  leet_tensor tensor{memory, contiguous(kF32, {2, 1, 1, 1})};
  tensor.spec.stride[0] = kStride;
  EXPECT_EQ(TensorView(tensor).row(1, 0, 0) - TensorView(tensor).row(0, 0, 0), 4 * kStride);
  munmap(memory, kBytes);
}

TEST(Exec, GivesTheSpansOfSequences) {
  std::array<leet_tensor, LEET_ROLE_COUNT> tensors{};
  std::array<const leet_tensor*, LEET_ROLE_COUNT> pointers{};
  const auto set = [&](std::size_t role, const leet_tensor_spec& spec, void* data) {
    tensors[role] = {data, spec};
    pointers[role] = &tensors[role];
  };
  set(LEET_ROLE_Q, contiguous(kF32, {3, 1, 7, 2}), nullptr);
  set(LEET_ROLE_K, contiguous(kF32, {3, 1, 7, 2}), nullptr);
  set(LEET_ROLE_V, contiguous(kF32, {3, 1, 7, 2}), nullptr);
  leet_exec raw{};
  raw.struct_size = sizeof raw;
  raw.role_count = LEET_ROLE_COUNT;
  raw.tensors = pointers.data();
  {
    const Exec exec(raw);
    EXPECT_EQ(exec.shape().sequences, 3);
    const Sequence second = exec.sequence(1);
    EXPECT_EQ(second.batch, 1);
    EXPECT_EQ(second.begin, 0);
    EXPECT_EQ(second.length(), 7);
  }
  // Every second element, and at an odd address.
  const std::array<std::int64_t, 8> offsets = {0, -1, 4, -1, 4, -1, 7, -1};
  std::vector<std::byte> memory(sizeof offsets + 1);
  std::memcpy(memory.data() + 1, offsets.data(), sizeof offsets);
  leet_tensor_spec spec = contiguous(kI64, {4});
  spec.stride[0] = 2;
  spec.alignment = 1;
  set(LEET_ROLE_SEQUENCE_OFFSETS, spec, memory.data() + 1);
  const Exec exec(raw);
  EXPECT_EQ(exec.shape().sequences, 3);
  EXPECT_EQ(exec.sequence(0).end, 4);
  EXPECT_EQ(exec.sequence(1).length(), 0);
  EXPECT_EQ(exec.sequence(2).batch, 0);
  EXPECT_EQ(exec.sequence(2).begin, 4);
  EXPECT_EQ(exec.sequence(2).end, 7);
}

}  // namespace
}  // namespace leet::sdk
