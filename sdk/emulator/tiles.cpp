// SPDX-License-Identifier: Apache-2.0
//
// The warp's tile operations, on the registers that the PTX ISA says. g = lane / 4, t = lane % 4.
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <leet/plugin/half.hpp>

#include "block.hpp"
#include "report.hpp"
#include "warp.hpp"
#include "worker.hpp"

namespace leet::emulator {
namespace {

constexpr int kRows = 16;
constexpr int kColumns = 8;

template <class Operand>
const Operand& lane_of(const std::array<void*, 32>& operands, int lane) {
  return *static_cast<const Operand*>(operands[static_cast<std::size_t>(lane)]);
}

// ---- mma.sync ----

struct Multiply {
  const std::uint32_t* a;
  const std::uint32_t* b;
  const float* c;
  float* d;
};

template <int Depth>
struct Tiles {
  double a[kRows][Depth];
  double b[Depth][kColumns];
  double c[kRows][kColumns];
};

double widen_bf16(std::uint32_t bits) {
  return sdk::to_float(sdk::Bf16{static_cast<std::uint16_t>(bits)});
}
double widen_f16(std::uint32_t bits) {
  return sdk::to_float(sdk::F16{static_cast<std::uint16_t>(bits)});
}
// The tensor core ignores the fraction's low 13 bits.
double widen_tf32(std::uint32_t bits) { return std::bit_cast<float>(bits & 0xffffe000u); }

template <double (*Widen)(std::uint32_t)>
struct HalfLayout {
  static constexpr int kDepth = 16;
  static void load(const Multiply& lane, int g, int t, Tiles<kDepth>& tiles) {
    for (int i = 0; i < 4; ++i) {
      double* const pair = &tiles.a[g + 8 * (i % 2)][2 * t + 8 * (i / 2)];
      pair[0] = Widen(lane.a[i]);
      pair[1] = Widen(lane.a[i] >> 16);
    }
    for (int i = 0; i < 2; ++i) {
      tiles.b[2 * t + 8 * i][g] = Widen(lane.b[i]);
      tiles.b[2 * t + 8 * i + 1][g] = Widen(lane.b[i] >> 16);
    }
  }
};

struct Tf32Layout {
  static constexpr int kDepth = 8;
  static void load(const Multiply& lane, int g, int t, Tiles<kDepth>& tiles) {
    for (int i = 0; i < 4; ++i) {
      tiles.a[g + 8 * (i % 2)][t + 4 * (i / 2)] = widen_tf32(lane.a[i]);
    }
    for (int i = 0; i < 2; ++i) {
      tiles.b[t + 4 * i][g] = widen_tf32(lane.b[i]);
    }
  }
};

template <class Layout>
[[gnu::always_inline]] inline void multiply_generic(const std::array<void*, 32>& operands) {
  Tiles<Layout::kDepth> tiles;
  for (int lane = 0; lane < 32; ++lane) {
    const auto& operand = lane_of<Multiply>(operands, lane);
    const int g = lane / 4, t = lane % 4;
    Layout::load(operand, g, t, tiles);
    for (int i = 0; i < 4; ++i) {
      tiles.c[g + 8 * (i / 2)][2 * t + i % 2] = operand.c[i];
    }
  }
  for (int row = 0; row < kRows; ++row) {
    double sums[kColumns];
    std::memcpy(sums, tiles.c[row], sizeof sums);
    for (int k = 0; k < Layout::kDepth; ++k) {
      for (int column = 0; column < kColumns; ++column) {
        sums[column] += tiles.a[row][k] * tiles.b[k][column];
      }
    }
    std::memcpy(tiles.c[row], sums, sizeof sums);
  }
  for (int lane = 0; lane < 32; ++lane) {
    const auto& operand = lane_of<Multiply>(operands, lane);
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) {
      operand.d[i] = static_cast<float>(tiles.c[g + 8 * (i / 2)][2 * t + i % 2]);
    }
  }
}

#if defined(__x86_64__)
template <class Layout>
[[gnu::target("avx2,fma")]] void multiply_avx2(const std::array<void*, 32>& operands) {
  multiply_generic<Layout>(operands);
}
#endif

template <class Layout>
void multiply(const std::array<void*, 32>& operands, std::uint32_t) {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (has_avx2) {
    multiply_avx2<Layout>(operands);
    return;
  }
#endif
  multiply_generic<Layout>(operands);
}

constexpr WarpOperation kMultiplyBf16 = {"mma.sync bf16", multiply<HalfLayout<widen_bf16>>, true};
constexpr WarpOperation kMultiplyF16 = {"mma.sync f16", multiply<HalfLayout<widen_f16>>, true};
constexpr WarpOperation kMultiplyTf32 = {"mma.sync tf32", multiply<Tf32Layout>, true};

// ---- ldmatrix and stmatrix ----

struct Load {
  int matrices;
  const void* row;
  std::uint32_t* registers;
};
struct Store {
  int matrices;
  void* row;
  const std::uint32_t* registers;
};

template <class Operand>
auto* row_of(const std::array<void*, 32>& operands, int matrix, int row) {
  return lane_of<Operand>(operands, matrix * 8 + row).row;
}

void load_straight(const std::array<void*, 32>& operands, std::uint32_t) {
  const int matrices = lane_of<Load>(operands, 0).matrices;
  for (int m = 0; m < matrices; ++m) {
    for (int lane = 0; lane < 32; ++lane) {
      const int g = lane / 4, t = lane % 4;
      std::memcpy(&lane_of<Load>(operands, lane).registers[m],
                  static_cast<const char*>(row_of<Load>(operands, m, g)) + 4 * t, 4);
    }
  }
}

void load_transposed(const std::array<void*, 32>& operands, std::uint32_t) {
  const int matrices = lane_of<Load>(operands, 0).matrices;
  for (int m = 0; m < matrices; ++m) {
    std::uint16_t matrix[8][8];
    for (int row = 0; row < 8; ++row) {
      std::memcpy(matrix[row], row_of<Load>(operands, m, row), sizeof matrix[row]);
    }
    for (int lane = 0; lane < 32; ++lane) {
      const int g = lane / 4, t = lane % 4;
      lane_of<Load>(operands, lane).registers[m] =
          matrix[2 * t][g] | static_cast<std::uint32_t>(matrix[2 * t + 1][g]) << 16;
    }
  }
}

void store_straight(const std::array<void*, 32>& operands, std::uint32_t) {
  const int matrices = lane_of<Store>(operands, 0).matrices;
  for (int m = 0; m < matrices; ++m) {
    for (int lane = 0; lane < 32; ++lane) {
      const int g = lane / 4, t = lane % 4;
      std::memcpy(static_cast<char*>(row_of<Store>(operands, m, g)) + 4 * t,
                  &lane_of<Store>(operands, lane).registers[m], 4);
    }
  }
}

void store_transposed(const std::array<void*, 32>& operands, std::uint32_t) {
  const int matrices = lane_of<Store>(operands, 0).matrices;
  for (int m = 0; m < matrices; ++m) {
    std::uint16_t matrix[8][8];
    for (int lane = 0; lane < 32; ++lane) {
      const int g = lane / 4, t = lane % 4;
      const std::uint32_t pair = lane_of<Store>(operands, lane).registers[m];
      matrix[2 * t][g] = static_cast<std::uint16_t>(pair);
      matrix[2 * t + 1][g] = static_cast<std::uint16_t>(pair >> 16);
    }
    for (int row = 0; row < 8; ++row) {
      std::memcpy(row_of<Store>(operands, m, row), matrix[row], sizeof matrix[row]);
    }
  }
}

constexpr WarpOperation kLoad = {"ldmatrix", load_straight, true};
constexpr WarpOperation kLoadTransposed = {"ldmatrix.trans", load_transposed, true};
constexpr WarpOperation kStore = {"stmatrix", store_straight, true};
constexpr WarpOperation kStoreTransposed = {"stmatrix.trans", store_transposed, true};

void check_row(const char* name, int matrices, const void* row, Site site) {
  constexpr std::size_t kRowBytes = 16;
  Thread& me = current();
  if (static_cast<int>(me.view.lane) >= 8 * matrices) {
    return;  // its address is not used
  }
  if (reinterpret_cast<std::uintptr_t>(row) % kRowBytes != 0) {
    misaligned(row, kRowBytes, site);
  }
  if (!me.block->shared.contains(row, kRowBytes)) {
    me.worker->fail(me, cudaErrorIllegalAddress, ReportKind::kSharedMemory,
                    format("gives %s at %s the address %p, which is not in the block's shared "
                           "memory",
                           name, describe(site).c_str(), row));
  }
}

}  // namespace

void multiply_tiles(TileType type, const std::uint32_t* a, const std::uint32_t* b, const float* c,
                    float* d, Site site) {
  // d may be c: nobody writes before everybody has read.
  Multiply operand = {a, b, c, d};
  switch (type) {
    case TileType::kBf16:
      return meet(kMultiplyBf16, 0xffffffffu, &operand, site);
    case TileType::kF16:
      return meet(kMultiplyF16, 0xffffffffu, &operand, site);
    case TileType::kTf32:
      return meet(kMultiplyTf32, 0xffffffffu, &operand, site);
  }
}

void load_matrices(int matrices, bool transposed, const void* row, std::uint32_t* registers,
                   Site site) {
  check_row("ldmatrix", matrices, row, site);
  Load operand = {matrices, row, registers};
  meet(transposed ? kLoadTransposed : kLoad, 0xffffffffu, &operand, site);
}

void store_matrices(int matrices, bool transposed, void* row, const std::uint32_t* registers,
                    Site site) {
  check_row("stmatrix", matrices, row, site);
  Store operand = {matrices, row, registers};
  meet(transposed ? kStoreTransposed : kStore, 0xffffffffu, &operand, site);
}

}  // namespace leet::emulator
