// SPDX-License-Identifier: Apache-2.0
#include "core/overlap.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <leet/plugin/dtype.hpp>

namespace leet::core {
namespace {

// A sum of terms step * x, 0 <= x <= limit, with one term for each axis of up to two tensors and
// one for the bytes of an element.
class Sum {
 public:
  // Where one term fills the gaps of another the two are one: with dense layouts little is left to
  // search.
  void add(std::int64_t step, std::int64_t limit) {
    if (limit == 0) return;
    terms_[count_++] = {step, limit};
  }

  // Whether the sum can be `target`.
  bool reaches(std::int64_t target) {
    if (target < 0) return false;
    merge();
    std::int64_t rest = 0;
    for (std::size_t i = count_; i-- > 0;) {
      rest_[i] = rest;  // the most that the terms after i can add
      rest += terms_[i].step * terms_[i].limit;
    }
    if (target > rest) return false;
    budget_ = kBudget;
    return search(0, target);
  }

 private:
  struct Term {
    std::int64_t step;
    std::int64_t limit;
  };
  static constexpr int kBudget = 20000;

  // Joins terms a, b with b.step = m * a.step and m <= a.limit + 1: together they reach every
  // multiple of a.step up to a.limit + m * b.limit. Leaves the terms in descending order of their
  // steps.
  void merge() {
    std::sort(terms_.begin(), terms_.begin() + static_cast<std::ptrdiff_t>(count_),
              [](const Term& a, const Term& b) { return a.step < b.step; });
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      const Term term = terms_[i];
      bool joined = false;
      for (std::size_t j = 0; j < kept && !joined; ++j) {
        Term& base = terms_[j];
        if (term.step % base.step == 0 && term.step / base.step <= base.limit + 1) {
          base.limit += term.step / base.step * term.limit;
          joined = true;
        }
      }
      if (!joined) terms_[kept++] = term;
    }
    count_ = kept;
    std::reverse(terms_.begin(), terms_.begin() + static_cast<std::ptrdiff_t>(count_));
  }

  bool search(std::size_t i, std::int64_t target) {
    if (target == 0) return true;
    if (i == count_) return false;
    if (--budget_ < 0) return true;
    const auto [step, limit] = terms_[i];
    const std::int64_t highest = std::min(limit, target / step);
    const std::int64_t missing = std::max<std::int64_t>(0, target - rest_[i]);
    const std::int64_t lowest = (missing + step - 1) / step;
    for (std::int64_t x = highest; x >= lowest; --x) {
      if (search(i + 1, target - x * step)) return true;
    }
    return false;
  }

  std::array<Term, 2 * LEET_MAX_RANK + 1> terms_{};
  std::array<std::int64_t, 2 * LEET_MAX_RANK + 1> rest_{};
  std::size_t count_ = 0;
  int budget_ = 0;
};

bool has_elements(const leet_tensor_spec& spec) {
  return std::all_of(spec.extent, spec.extent + spec.rank, [](std::int64_t n) { return n > 0; });
}

std::int64_t byte_step(const leet_tensor_spec& spec, int axis) {
  return spec.stride[axis] * sdk::dtype_bytes(spec.dtype);
}

}  // namespace

std::int64_t byte_span(const leet_tensor_spec& spec) {
  if (!has_elements(spec)) return 0;
  constexpr std::int64_t kLimit = std::int64_t{1} << 60;
  std::int64_t span = sdk::dtype_bytes(spec.dtype);
  for (int axis = 0; axis < spec.rank; ++axis) {
    std::int64_t reach = 0;
    if (__builtin_mul_overflow(spec.stride[axis], sdk::dtype_bytes(spec.dtype), &reach) ||
        __builtin_mul_overflow(reach, spec.extent[axis] - 1, &reach) ||
        __builtin_add_overflow(span, reach, &span) || span >= kLimit) {
      return -1;
    }
  }
  return span;
}

bool share_memory(const leet_tensor& a, const leet_tensor& b) {
  const std::int64_t span_a = byte_span(a.spec);
  const std::int64_t span_b = byte_span(b.spec);
  if (span_a == 0 || span_b == 0) return false;
  const auto begin_a = reinterpret_cast<std::uintptr_t>(a.data);
  const auto begin_b = reinterpret_cast<std::uintptr_t>(b.data);
  if (begin_a + static_cast<std::uintptr_t>(span_a) <= begin_b ||
      begin_b + static_cast<std::uintptr_t>(span_b) <= begin_a) {
    return false;
  }

  // A byte of a at begin_a + sum(step_a i) + p is one of b at begin_b + sum(step_b j) + p'.
  // Counting j and p' down from their ends makes every coefficient positive: sum(step_a i) + p +
  // sum(step_b j') + p'' = begin_b - begin_a + span_b - 1.
  Sum sum;
  for (const leet_tensor* tensor : {&a, &b}) {
    for (int axis = 0; axis < tensor->spec.rank; ++axis) {
      if (tensor->spec.stride[axis] != 0) {
        sum.add(byte_step(tensor->spec, axis), tensor->spec.extent[axis] - 1);
      }
    }
  }
  sum.add(1, sdk::dtype_bytes(a.spec.dtype) + sdk::dtype_bytes(b.spec.dtype) - 2);
  return sum.reaches(static_cast<std::int64_t>(begin_b - begin_a) + span_b - 1);
}

bool overlaps_itself(const leet_tensor_spec& spec) {
  if (!has_elements(spec)) return false;
  const std::int64_t bytes = sdk::dtype_bytes(spec.dtype);

  // Indices that differ, for the last time in the order of the axes at axis `top`, there by at
  // least 1: the differences of the axes before it lie in [-(n - 1), n - 1], and are counted from
  // the lower end.
  for (int top = 0; top < spec.rank; ++top) {
    if (spec.extent[top] < 2) continue;
    if (spec.stride[top] == 0) return true;
    Sum sum;
    std::int64_t target = bytes - 1 - byte_step(spec, top);
    sum.add(byte_step(spec, top), spec.extent[top] - 2);
    sum.add(1, 2 * (bytes - 1));
    for (int axis = 0; axis < top; ++axis) {
      if (spec.stride[axis] == 0) continue;
      sum.add(byte_step(spec, axis), 2 * (spec.extent[axis] - 1));
      target += byte_step(spec, axis) * (spec.extent[axis] - 1);
    }
    if (sum.reaches(target)) return true;
  }
  return false;
}

}  // namespace leet::core
