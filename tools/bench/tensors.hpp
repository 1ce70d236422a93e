// SPDX-License-Identifier: Apache-2.0
//
// The tensors of a point, several times over: executes go round the copies, so that what one left
// in the caches is gone when its turn comes again.
#ifndef LEET_TOOLS_BENCH_TENSORS_HPP
#define LEET_TOOLS_BENCH_TENSORS_HPP

#include <leet/plugin.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tools/bench/axes.hpp"
#include "tools/bench/huge_pages.hpp"

namespace leet::bench {

// The specs of a point's tensors, contiguous [B, H, N, .], and their problem. With N = 1 there is
// a state, read and written in place.
class PointProblem {
 public:
  explicit PointProblem(const Point& point);
  PointProblem(const PointProblem&) = delete;  // the problem points to the specs
  PointProblem& operator=(const PointProblem&) = delete;

  const leet_problem& problem() const { return problem_; }
  // Null where absent.
  const leet_tensor_spec* spec(int role) const { return pointers_[static_cast<std::size_t>(role)]; }

  // Of the elements of one tensor.
  double bytes(int role) const;
  // What any method moves at least: inputs read once, outputs written once.
  double bytes_min() const;
  // What one copy of the tensors takes; the two states are one.
  double footprint() const;

 private:
  std::array<leet_tensor_spec, LEET_ROLE_COUNT> specs_{};
  std::array<const leet_tensor_spec*, LEET_ROLE_COUNT> pointers_{};
  leet_problem problem_{};
};

// How many copies: enough to fill twice the last cache, at least one, at most 1024 and what half of
// the free memory holds; 0 where that isn't even one.
std::int64_t copies_for(double footprint, double cache_bytes, double free_bytes);

class Tensors {
 public:
  // q, k, v and the state are normal with a deviation of 1 / sqrt(R), rounded to their dtype; the
  // decays are RetNet's. Every copy has the same values. Throws std::bad_alloc.
  Tensors(const Point& point, const PointProblem& problem, std::uint64_t seed, std::int64_t copies);

  std::int64_t copies() const { return static_cast<std::int64_t>(copies_.size()); }
  // LEET_ROLE_COUNT tensors by role.
  const leet_tensor* const* pointers(std::int64_t copy) const {
    return copies_[static_cast<std::size_t>(copy)].pointers.data();
  }

  // NaN in every element of a copy's out.
  void poison_out(std::int64_t copy);

 private:
  struct Copy {
    std::array<leet_tensor, LEET_ROLE_COUNT> tensors{};
    std::array<const leet_tensor*, LEET_ROLE_COUNT> pointers{};
  };
  void place(const PointProblem& problem, std::int64_t copies);
  void fill(const Point& point, std::uint64_t seed);

  std::vector<HugePages> memory_;
  std::vector<Copy> copies_;
};

// RetNet's decays for heads h = 0 .. H - 1: log(1 - 2^-5) for the first, log(1 - 2^-9) for the
// last.
double head_log_decay(std::int64_t h, std::int64_t H);

}  // namespace leet::bench
#endif  // LEET_TOOLS_BENCH_TENSORS_HPP
