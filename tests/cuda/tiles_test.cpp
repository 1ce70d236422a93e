// SPDX-License-Identifier: Apache-2.0
//
// The twins of the PTX instructions, element by element: where each operand's and result's elements
// are in the lanes' registers is written down here from the PTX ISA's text ("Matrix Fragments for
// mma.m16n8k16", "mma.m16n8k8", "ldmatrix", "stmatrix", "cp.async"), not from the twins' code.
//
// The same tests hold the instructions themselves to that on a machine with a GPU:
//   nvcc -std=c++20 -arch=native -Isdk/include -I. -x cu tests/cuda/tiles_test.cpp
//        tests/cuda/kernels/tile_probe.cu -lgtest -lgtest_main -o tiles_on_gpu && ./tiles_on_gpu
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <leet/plugin/half.hpp>
#include <limits>
#include <random>
#include <vector>

#include "tests/cuda/device_array.hpp"
#include "tests/cuda/emulated_test.hpp"
#include "tests/cuda/kernels/tile_probe.hpp"

namespace leet::cuda_test {
namespace {

using cuda::FragmentA;
using cuda::FragmentB;
using cuda::FragmentC;

class Tiles : public EmulatedTest {};

// ---- mma.sync ----

// Integers small enough that every sum is exact, so that one wrong element shows.
struct Product16x8 {
  explicit Product16x8(int depth) : K(depth), a(16 * depth), b(depth * 8), c(16 * 8), d(16 * 8) {
    std::mt19937 random(7);
    for (auto* matrix : {&a, &b, &c}) {
      for (float& x : *matrix) {
        x = static_cast<float>(static_cast<int>(random() % 17) - 8);
      }
    }
    for (int row = 0; row < 16; ++row) {
      for (int column = 0; column < 8; ++column) {
        float sum = c[at(row, column, 8)];
        for (int k = 0; k < K; ++k) {
          sum += a[at(row, k, K)] * b[at(k, column, 8)];
        }
        d[at(row, column, 8)] = sum;
      }
    }
  }
  static std::size_t at(int row, int column, int columns) {
    return static_cast<std::size_t>(row * columns + column);
  }

  int K;
  std::vector<float> a, b, c, d;
};

std::uint32_t pair(Product product, float low, float high) {
  const auto bits = [&](float x) -> std::uint32_t {
    return product == Product::kBf16 ? sdk::to_bf16(x).bits : sdk::to_f16(x).bits;
  };
  return bits(low) | bits(high) << 16;
}

void expect_product(Product product) {
  const bool tf32 = product == Product::kTf32;
  const Product16x8 matrices(tf32 ? 8 : 16);
  const int K = matrices.K;
  std::vector<FragmentA> a(32);
  std::vector<FragmentB> b(32);
  std::vector<FragmentC> c(32);
  for (std::size_t lane = 0; lane < 32; ++lane) {
    const int group = static_cast<int>(lane) >> 2, in_group = static_cast<int>(lane) % 4;
    if (tf32) {
      // a0..a3: row = group for a0 and a2, group + 8 for a1 and a3; column = in_group for a0 and
      // a1, in_group + 4 for a2 and a3. b0, b1: row = in_group, in_group + 4; column = group.
      const int rows[4] = {group, group + 8, group, group + 8};
      const int columns[4] = {in_group, in_group, in_group + 4, in_group + 4};
      for (int i = 0; i < 4; ++i) {
        a[lane].x[i] =
            std::bit_cast<std::uint32_t>(matrices.a[matrices.at(rows[i], columns[i], K)]);
      }
      b[lane].x[0] = std::bit_cast<std::uint32_t>(matrices.b[matrices.at(in_group, group, 8)]);
      b[lane].x[1] = std::bit_cast<std::uint32_t>(matrices.b[matrices.at(in_group + 4, group, 8)]);
    } else {
      // a0..a7: row = group for a0, a1, a4, a5, else group + 8; column = 2 in_group + (i & 1), and
      // + 8 for a4..a7. b0..b3: row = 2 in_group + (i & 1), and + 8 for b2, b3; column = group.
      float elements[8];
      for (int i = 0; i < 8; ++i) {
        const bool upper = i < 2 || (i >= 4 && i < 6);
        const int row = upper ? group : group + 8;
        const int column = in_group * 2 + (i & 1) + (i >= 4 ? 8 : 0);
        elements[i] = matrices.a[matrices.at(row, column, K)];
      }
      for (int i = 0; i < 4; ++i) {
        a[lane].x[i] = pair(product, elements[2 * i], elements[2 * i + 1]);
      }
      for (int i = 0; i < 4; ++i) {
        const int row = in_group * 2 + (i & 1) + (i >= 2 ? 8 : 0);
        elements[i] = matrices.b[matrices.at(row, group, 8)];
      }
      b[lane].x[0] = pair(product, elements[0], elements[1]);
      b[lane].x[1] = pair(product, elements[2], elements[3]);
    }
    // c0..c3: row = group for c0, c1, else group + 8; column = 2 in_group + (i & 1).
    for (int i = 0; i < 4; ++i) {
      c[lane].x[i] = matrices.c[matrices.at(i < 2 ? group : group + 8, in_group * 2 + (i & 1), 8)];
    }
  }

  DeviceArray<FragmentA> device_a(a);
  DeviceArray<FragmentB> device_b(b);
  DeviceArray<FragmentC> device_c(c), device_d(32);
  ASSERT_EQ(
      launch_product(product, device_a.data(), device_b.data(), device_c.data(), device_d.data()),
      cudaSuccess);
  const std::vector<FragmentC> d = device_d.to_host();
  for (std::size_t lane = 0; lane < 32; ++lane) {
    const int group = static_cast<int>(lane) >> 2, in_group = static_cast<int>(lane) % 4;
    for (int i = 0; i < 4; ++i) {
      const int row = i < 2 ? group : group + 8, column = in_group * 2 + (i & 1);
      EXPECT_EQ(d[lane].x[i], matrices.d[matrices.at(row, column, 8)])
          << "row " << row << " column " << column;
    }
  }
}

TEST_F(Tiles, ProductOfBf16) { expect_product(Product::kBf16); }
TEST_F(Tiles, ProductOfF16) { expect_product(Product::kF16); }
TEST_F(Tiles, ProductOfTf32) { expect_product(Product::kTf32); }

TEST_F(Tiles, ProductOfTf32IgnoresTheLowBitsOfItsOperands) {
  const std::uint32_t one_and_more = std::bit_cast<std::uint32_t>(1.0f) | 0x1fffu;
  DeviceArray<FragmentA> a(
      std::vector<FragmentA>(32, {{one_and_more, one_and_more, one_and_more, one_and_more}}));
  DeviceArray<FragmentB> b(std::vector<FragmentB>(32, {{one_and_more, one_and_more}}));
  DeviceArray<FragmentC> c(std::vector<FragmentC>(32, FragmentC{})), d(32);
  ASSERT_EQ(launch_product(Product::kTf32, a.data(), b.data(), c.data(), d.data()), cudaSuccess);
  EXPECT_EQ(d.to_host()[5].x[2], 8.0f);
}

// ---- ldmatrix and stmatrix ----

bool is_x2(Matrices matrices) {
  return matrices == Matrices::kX2 || matrices == Matrices::kX2Transposed;
}
bool is_transposed(Matrices matrices) {
  return matrices == Matrices::kX2Transposed || matrices == Matrices::kX4Transposed;
}

// The rows in an order of no regularity, so that each lane's address matters.
std::vector<int> shuffled_rows() {
  std::vector<int> rows(32);
  for (int i = 0; i < 32; ++i) {
    rows[static_cast<std::size_t>(i)] = (i * 13 + 5) % 32;
  }
  return rows;
}

// Element `half` of register m in a lane: row lane / 4, column 2 (lane % 4) + half of matrix m, or
// the other way round if transposed; matrix m's row i has the address that lane 8m + i gave.
std::size_t place(Matrices matrices, const std::vector<int>& rows, int lane, int m, int half) {
  int row = lane / 4, column = lane % 4 * 2 + half;
  if (is_transposed(matrices)) {
    std::swap(row, column);
  }
  return static_cast<std::size_t>(rows[static_cast<std::size_t>(8 * m + row)] * 8 + column);
}

constexpr Matrices kAllMatrices[] = {Matrices::kX2, Matrices::kX2Transposed, Matrices::kX4,
                                     Matrices::kX4Transposed};

TEST_F(Tiles, MatricesAreLoaded) {
  std::vector<std::uint16_t> memory(256);
  for (std::size_t i = 0; i < memory.size(); ++i) {
    memory[i] = static_cast<std::uint16_t>(1000 + i);
  }
  const std::vector<int> rows = shuffled_rows();
  DeviceArray<std::uint16_t> device_memory(memory);
  DeviceArray<int> device_rows(rows);
  for (const Matrices matrices : kAllMatrices) {
    DeviceArray<FragmentA> device_out(32);
    ASSERT_EQ(launch_load(matrices, device_memory.data(), device_rows.data(), device_out.data()),
              cudaSuccess);
    const auto out = device_out.to_host();
    for (int lane = 0; lane < 32; ++lane) {
      for (int m = 0; m < (is_x2(matrices) ? 2 : 4); ++m) {
        const std::uint32_t low = memory[place(matrices, rows, lane, m, 0)];
        const std::uint32_t high = memory[place(matrices, rows, lane, m, 1)];
        EXPECT_EQ(out[static_cast<std::size_t>(lane)].x[m], low | high << 16)
            << "variant " << static_cast<int>(matrices) << " lane " << lane << " matrix " << m;
      }
    }
  }
}

TEST_F(Tiles, MatricesAreStored) {
  std::vector<FragmentA> fragments(32);
  for (std::uint32_t lane = 0; lane < 32; ++lane) {
    for (std::uint32_t m = 0; m < 4; ++m) {
      fragments[lane].x[m] = (2000 + lane * 8 + 2 * m) | (2001 + lane * 8 + 2 * m) << 16;
    }
  }
  const std::vector<int> rows = shuffled_rows();
  DeviceArray<FragmentA> device_fragments(fragments);
  DeviceArray<int> device_rows(rows);
  for (const Matrices matrices : kAllMatrices) {
    std::vector<std::uint16_t> expected(256);
    for (int lane = 0; lane < 32; ++lane) {
      for (int m = 0; m < (is_x2(matrices) ? 2 : 4); ++m) {
        const std::uint32_t bits = fragments[static_cast<std::size_t>(lane)].x[m];
        expected[place(matrices, rows, lane, m, 0)] = static_cast<std::uint16_t>(bits);
        expected[place(matrices, rows, lane, m, 1)] = static_cast<std::uint16_t>(bits >> 16);
      }
    }
    DeviceArray<std::uint16_t> device_memory(256);
    ASSERT_EQ(
        launch_store(matrices, device_fragments.data(), device_rows.data(), device_memory.data()),
        cudaSuccess);
    EXPECT_EQ(device_memory.to_host(), expected) << "variant " << static_cast<int>(matrices);
  }
}

// ---- cp.async ----

TEST_F(Tiles, AsynchronousCopiesFillUpWithZeros) {
  for (const int bytes : {4, 8, 16}) {
    std::vector<std::uint8_t> source(static_cast<std::size_t>(32 * bytes));
    for (std::size_t i = 0; i < source.size(); ++i) {
      source[i] = static_cast<std::uint8_t>(i + 1);
    }
    DeviceArray<std::uint8_t> device_source(source);
    for (const int source_bytes : {0, 2, bytes}) {
      DeviceArray<std::uint8_t> device_out(source.size());
      ASSERT_EQ(launch_copy(bytes, source_bytes, device_source.data(), device_out.data()),
                cudaSuccess);
      std::vector<std::uint8_t> expected = source;
      for (std::size_t i = 0; i < expected.size(); ++i) {
        if (i % static_cast<std::size_t>(bytes) >= static_cast<std::size_t>(source_bytes)) {
          expected[i] = 0;
        }
      }
      EXPECT_EQ(device_out.to_host(), expected) << bytes << " bytes, " << source_bytes << " read";
    }
  }
}

TEST_F(Tiles, WaitingForGroupsLeavesTheLastOnesUnderWay) {
  std::vector<float> first(32, 1.0f), second(32, 2.0f);
  DeviceArray<float> device_first(first), device_second(second), out(64);
  ASSERT_EQ(launch_two_groups(device_first.data(), device_second.data(), out.data()), cudaSuccess);
  const auto result = out.to_host();
  for (std::size_t lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(result[lane], 1.0f);
    EXPECT_EQ(result[32 + lane], 2.0f);
  }
}

// ---- Conversions ----

TEST_F(Tiles, NumbersAreConverted) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {0.0f,   1.0f,      -2.5f,   1.0f / 3,   70000.0f,   1e-7f,
                                1e-41f, kInfinity, -1e-39f, 0x1.002p0f, 0x1.001p0f, -130.0f};
  DeviceArray<float> device_x(x);
  DeviceArray<Conversions> device_out(x.size());
  ASSERT_EQ(launch_conversions(device_x.data(), static_cast<int>(x.size()), device_out.data()),
            cudaSuccess);
  const auto out = device_out.to_host();
  for (std::size_t i = 0; i < x.size(); ++i) {
    SCOPED_TRACE(x[i]);
    const sdk::F16 f16 = sdk::to_f16(x[i]), minus_f16 = sdk::to_f16(-x[i]);
    const sdk::Bf16 bf16 = sdk::to_bf16(x[i]), minus_bf16 = sdk::to_bf16(-x[i]);
    EXPECT_EQ(out[i].f16, sdk::to_float(f16));
    EXPECT_EQ(out[i].bf16, sdk::to_float(bf16));
    EXPECT_EQ(out[i].packed_f16, f16.bits | std::uint32_t{minus_f16.bits} << 16);
    EXPECT_EQ(out[i].packed_bf16, bf16.bits | std::uint32_t{minus_bf16.bits} << 16);
    EXPECT_EQ(out[i].unpacked_f16, sdk::to_float(f16));
    EXPECT_EQ(out[i].unpacked_bf16, sdk::to_float(bf16));
    // Within half a unit of the 10 bits of fraction that are left; the low bits are zero.
    const float tf32 = std::bit_cast<float>(out[i].tf32);
    EXPECT_EQ(out[i].tf32 & 0x1fffu, 0u);
    if (std::isfinite(x[i])) {
      EXPECT_LE(std::fabs(tf32 - x[i]), std::max(std::fabs(x[i]) * 0x1p-11f, 0x1p-137f));
    }
    if (std::isnormal(std::exp2(x[i]))) {
      EXPECT_FLOAT_EQ(out[i].exp2, std::exp2(x[i]));
    }
  }
  EXPECT_EQ(std::bit_cast<float>(out[9].tf32), 0x1.004p0f);  // a tie, away from zero
  EXPECT_EQ(std::bit_cast<float>(out[10].tf32), 1.0f);
  EXPECT_EQ(out[11].exp2, 0.0f);  // a subnormal, flushed
}

}  // namespace
}  // namespace leet::cuda_test
