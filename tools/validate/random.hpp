// SPDX-License-Identifier: Apache-2.0
//
// The generator of the validator's inputs. Written out, because std::normal_distribution differs
// between standard libraries and a seed must reproduce a case everywhere.
#ifndef LEET_TOOLS_VALIDATE_RANDOM_HPP
#define LEET_TOOLS_VALIDATE_RANDOM_HPP

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>

namespace leet::validate {

// xoshiro256++ (Blackman and Vigna), seeded through splitmix64.
class Random {
 public:
  // One stream for each (seed, name), so that a case is the same alone and among others.
  Random(std::uint64_t seed, std::string_view name) {
    std::uint64_t mixed = 0xcbf29ce484222325u ^ seed;  // FNV-1a
    for (const char c : name) mixed = (mixed ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    for (std::uint64_t& word : state_) {
      mixed += 0x9e3779b97f4a7c15u;
      std::uint64_t z = mixed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
      word = z ^ (z >> 31);
    }
  }

  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

  // Standard normal, by Box and Muller.
  double normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
  }

 private:
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace leet::validate
#endif  // LEET_TOOLS_VALIDATE_RANDOM_HPP
