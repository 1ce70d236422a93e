// SPDX-License-Identifier: Apache-2.0
#ifndef LEET_EMULATOR_WARP_HPP
#define LEET_EMULATOR_WARP_HPP

#include <array>
#include <cstdint>

#include "block.hpp"

namespace leet::emulator {

struct WarpOperation {
  const char* name;  // one operation, one address
  // Computes the results of the lanes in the mask from the operands of all of them.
  void (*complete)(const std::array<void*, 32>& operands, std::uint32_t mask);
  // One instruction of the whole warp, as ldmatrix and mma.sync are.
  bool aligned;
};

// Brings the calling lane and its operand to the operation; returns when it is done.
void meet(const WarpOperation& operation, std::uint32_t mask, void* operand, Site site);

}  // namespace leet::emulator
#endif  // LEET_EMULATOR_WARP_HPP
