// SPDX-License-Identifier: Apache-2.0
//
// The sizes of a problem, by the letters that mean the same everywhere, and the rule by which heads
// are shared.
#ifndef LEET_PLUGIN_SHAPE_HPP
#define LEET_PLUGIN_SHAPE_HPP

#include <leet/plugin.h>

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace leet::sdk {

struct Shape {
  std::int64_t B = 0;   // batch
  std::int64_t H = 0;   // output heads
  std::int64_t N = 0;   // time, of all packed sequences together
  std::int64_t R = 0;   // key dimension
  std::int64_t D = 0;   // value dimension
  std::int64_t Hq = 0;  // heads of q
  std::int64_t Hk = 0;  // heads of k
  std::int64_t Hv = 0;  // heads of v
  std::int64_t Hg = 1;  // heads of log_decay; 1 without one
  // Heads of the states, lcm(Hk, Hv, Hg); 0 where one of them does not divide H.
  std::int64_t Hs = 0;
  std::int64_t sequences = 0;  // recurrences per head: B, or the number of packed sequences

  // The index that output head h reads in a tensor of `heads` heads.
  std::int64_t shared(std::int64_t h, std::int64_t heads) const { return h * heads / H; }

  // State head s is read by the output heads [s * group, (s + 1) * group), and itself reads head
  // s * H_x / H_s of tensor x.
  std::int64_t group() const { return Hs == 0 ? 0 : H / Hs; }
  std::int64_t state_source(std::int64_t s, std::int64_t heads) const { return s * heads / Hs; }
};

// The shape that a set of tensor specs describes. `spec(role)` gives a const leet_tensor_spec* or
// null; q, k and v are there. The specs need not agree with each other: the core's checks compare
// each of them with the result.
template <class SpecOfRole>
Shape shape_of(SpecOfRole&& spec) {
  const leet_tensor_spec& q = *spec(LEET_ROLE_Q);
  const leet_tensor_spec& k = *spec(LEET_ROLE_K);
  const leet_tensor_spec& v = *spec(LEET_ROLE_V);
  const leet_tensor_spec* g = spec(LEET_ROLE_LOG_DECAY);
  const leet_tensor_spec* out = spec(LEET_ROLE_OUT);
  const leet_tensor_spec* offsets = spec(LEET_ROLE_SEQUENCE_OFFSETS);

  Shape shape;
  shape.B = q.extent[0];
  shape.N = q.extent[2];
  shape.R = q.extent[3];
  shape.D = v.extent[3];
  shape.Hq = q.extent[1];
  shape.Hk = k.extent[1];
  shape.Hv = v.extent[1];
  if (g != nullptr) shape.Hg = g->extent[1];
  shape.H = out != nullptr ? out->extent[1] : std::max({shape.Hq, shape.Hk, shape.Hv, shape.Hg});
  const auto divides_H = [&](std::int64_t heads) {
    return heads == 0 ? shape.H == 0 : shape.H % heads == 0;
  };
  if (divides_H(shape.Hk) && divides_H(shape.Hv) && divides_H(shape.Hg)) {
    shape.Hs = std::lcm(std::lcm(shape.Hk, shape.Hv), shape.Hg);
  }
  shape.sequences = offsets != nullptr ? offsets->extent[0] - 1 : shape.B;
  return shape;
}

}  // namespace leet::sdk
#endif  // LEET_PLUGIN_SHAPE_HPP
