// SPDX-License-Identifier: Apache-2.0
#ifndef LEET_EMULATOR_STACKS_HPP
#define LEET_EMULATOR_STACKS_HPP

#include <cstddef>
#include <leet/cuda/emulated/execution.hpp>

namespace leet::emulator {

// The stacks of a worker's threads, each kStackBytes at a multiple of kStackBytes. Pages that no
// thread touched cost nothing.
class Stacks {
 public:
  Stacks() = default;
  ~Stacks() { release(); }
  Stacks(const Stacks&) = delete;
  Stacks& operator=(const Stacks&) = delete;

  // At least `count` stacks; earlier ones are gone if it was fewer. False: no address space left.
  bool reserve(std::size_t count);
  char* low(std::size_t index) const { return first_ + index * kStackBytes; }

 private:
  void release();

  char* mapping_ = nullptr;
  std::size_t mapping_bytes_ = 0;
  char* first_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace leet::emulator
#endif  // LEET_EMULATOR_STACKS_HPP
