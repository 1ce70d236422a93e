// SPDX-License-Identifier: Apache-2.0
//
// One problem in the validator's terms: sizes, dtypes, decay and memory layout as plain values, the
// tensor specs that follow from them, and the inputs that a seed gives it.
#ifndef LEET_TOOLS_VALIDATE_DESCRIPTION_HPP
#define LEET_TOOLS_VALIDATE_DESCRIPTION_HPP

#include <leet/plugin.h>

#include <array>
#include <cstdint>
#include <leet/plugin/dtype.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tools/validate/random.hpp"

namespace leet::validate {

enum class DecayLaw {
  kMixed,          // a rate for each head between 1e-4 and 1, varied by step and channel
  kSpread,         // the heads' rates run from 0 through 1e-5, 0.917 and 100 to infinity
  kOne,            // g = 0
  kTiny,           // g = -1e-5
  kZero,           // g = -inf
  kSometimesZero,  // kMixed with g = -inf here and there
};

enum class Layout {
  kBhnd,       // contiguous [B, H, N, .], aligned to 64 bytes
  kBnhd,       // contiguous [B, N, H, .]
  kGaps,       // [B, H, N, .] with unused elements after every row, head and batch
  kUnaligned,  // kBhnd, one element after an aligned address
  kBroadcast,  // k, v and log_decay are one batch entry, by strides of 0
  kHuge,       // batch entries and heads more than 2^31 elements apart
};

struct Description {
  leet_dtype in = sdk::kF32;   // q, k, v
  leet_dtype out = sdk::kF32;  // out
  std::int32_t decay_kind = LEET_DECAY_HEAD;
  std::int64_t B = 2, H = 2, N = 65, R = 16, D = 24;
  std::int64_t Hq = -1, Hk = -1, Hv = -1, Hg = -1;  // -1: H
  DecayLaw law = DecayLaw::kMixed;
  Layout layout = Layout::kBhnd;
  bool state_in = false;
  bool state_out = false;
  bool in_place = false;                   // state_out is state_in's memory
  std::vector<std::int64_t> lengths = {};  // of packed sequences; then B = 1 and N is their sum
  double scale = 1;
  bool deterministic = false;

  std::int64_t heads(int role) const;  // of the tensor with this role
  std::int64_t sequences() const;      // recurrences a head
  leet_dtype state_dtype() const;      // f32, or f64 with f64 inputs
  bool has(int role) const;
  std::uint32_t required_features(std::uint32_t dynamic_axes = 0) const;  // LEET_FEATURE_* bits
};

// "f32", or "bf16-f32" where out differs from the inputs.
std::string dtype_label(const Description& description);

using Specs = std::array<std::optional<leet_tensor_spec>, LEET_ROLE_COUNT>;

// The specs of the description's tensors as a host would pass them (log_decay with extents of 1).
// Strides are those of `memory`, whose sizes may be larger: a tensor inside a larger buffer.
Specs make_specs(const Description& description, const Description& memory);

// The problem over `specs`, which must outlive it.
struct ProblemView {
  ProblemView(const Description& description, const Specs& specs, std::uint32_t dynamic_axes = 0);
  ProblemView(const ProblemView&) = delete;
  ProblemView& operator=(const ProblemView&) = delete;

  std::array<const leet_tensor_spec*, LEET_ROLE_COUNT> pointers{};
  leet_problem problem{};
};

// Values in the order of the axes, each already rounded to its tensor's dtype.
struct Inputs {
  std::vector<double> q, k, v;
  std::vector<double> g;      // [B, H_g, 1 or N, 1 or R] by decay kind
  std::vector<double> state;  // [sequences, H_s, R, D]

  const std::vector<double>& by_role(int role) const;
};

// randn / sqrt(R) for q, k, v and the state.
Inputs make_inputs(const Description& description, Random random);

// Rounds values as storing them in `dtype` would.
void round_to(leet_dtype dtype, std::vector<double>& values);

}  // namespace leet::validate
#endif  // LEET_TOOLS_VALIDATE_DESCRIPTION_HPP
