// SPDX-License-Identifier: Apache-2.0
#include "tools/validate/description.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>

namespace leet::validate {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::uint32_t kAlignment = 64;
constexpr std::int64_t kHugeStride = (std::int64_t{1} << 31) + 72;

using Extents = std::array<std::int64_t, 4>;

Extents extents_of(const Description& d, int role) {
  switch (role) {
    case LEET_ROLE_Q:
    case LEET_ROLE_K:
      return {d.B, d.heads(role), d.N, d.R};
    case LEET_ROLE_V:
    case LEET_ROLE_OUT:
      return {d.B, d.heads(role), d.N, d.D};
    case LEET_ROLE_LOG_DECAY:
      return {d.layout == Layout::kBroadcast ? std::min<std::int64_t>(d.B, 1) : d.B, d.heads(role),
              d.decay_kind == LEET_DECAY_HEAD ? 1 : d.N,
              d.decay_kind == LEET_DECAY_CHANNEL ? d.R : 1};
    default:
      return {d.sequences(), d.heads(role), d.R, d.D};
  }
}

bool is_state(int role) { return role == LEET_ROLE_STATE_IN || role == LEET_ROLE_STATE_OUT; }

Extents strides_of(const Description& d, int role) {
  const Extents extent = extents_of(d, role);
  const auto dense = [&](std::int64_t a, std::int64_t b, std::int64_t c) {
    // Gaps of 3 elements after a row, 5 after a head, 7 after a batch entry.
    const std::int64_t row = extent[3] + (d.layout == Layout::kGaps ? 3 : 0);
    const std::int64_t middle = extent[2] * row + (d.layout == Layout::kGaps ? 5 : 0);
    const std::int64_t outer = extent[1] * middle + (d.layout == Layout::kGaps ? 7 : 0);
    return Extents{a * outer, b * middle, c * row, 1};
  };
  switch (d.layout) {
    case Layout::kBnhd:
      if (is_state(role)) return dense(1, 1, 1);
      return {extent[1] * extent[2] * extent[3], extent[3], extent[1] * extent[3], 1};
    case Layout::kBroadcast:
      if (role == LEET_ROLE_K || role == LEET_ROLE_V) return dense(0, 1, 1);
      return dense(1, 1, 1);
    case Layout::kHuge: {
      const Extents near = dense(1, 1, 1);
      return {extent[1] * kHugeStride, kHugeStride, near[2], 1};
    }
    default:
      return dense(1, 1, 1);
  }
}

double rate_of(DecayLaw law, std::int64_t head, Random& random) {
  static constexpr double kSpreadRates[] = {0, 1e-5, 1e-3, 0.1, 0.917, 5, 100, kInfinity};
  switch (law) {
    case DecayLaw::kOne:
      return 0;
    case DecayLaw::kTiny:
      return 1e-5;
    case DecayLaw::kZero:
      return kInfinity;
    case DecayLaw::kSpread:
      return kSpreadRates[head % static_cast<std::int64_t>(std::size(kSpreadRates))];
    default:
      return std::pow(10.0, -4.0 * random.uniform());
  }
}

std::vector<double> make_log_decay(const Description& d, Random& random) {
  const Extents extent = extents_of(d, LEET_ROLE_LOG_DECAY);
  const bool varies = d.law == DecayLaw::kMixed || d.law == DecayLaw::kSometimesZero;
  std::vector<double> g;
  for (std::int64_t b = 0; b < extent[0]; ++b) {
    for (std::int64_t h = 0; h < extent[1]; ++h) {
      const double rate = rate_of(d.law, h, random);
      const bool zero_head = d.law == DecayLaw::kSometimesZero && h % 2 == 1;
      for (std::int64_t t = 0; t < extent[2]; ++t) {
        const bool zero_step = d.decay_kind == LEET_DECAY_HEAD ? zero_head : t % 17 == 16;
        for (std::int64_t r = 0; r < extent[3]; ++r) {
          double value = -rate * (varies ? 0.5 + random.uniform() : 1.0);
          if (d.law == DecayLaw::kSometimesZero && zero_step && r % 3 != 2) value = -kInfinity;
          g.push_back(value == 0 ? 0.0 : value);
        }
      }
    }
  }
  return g;
}

}  // namespace

std::int64_t Description::heads(int role) const {
  const auto or_H = [&](std::int64_t heads) { return heads < 0 ? H : heads; };
  switch (role) {
    case LEET_ROLE_Q:
      return or_H(Hq);
    case LEET_ROLE_K:
      return or_H(Hk);
    case LEET_ROLE_V:
      return or_H(Hv);
    case LEET_ROLE_LOG_DECAY:
      return or_H(Hg);
    case LEET_ROLE_OUT:
      return H;
    default: {
      const std::int64_t decays = decay_kind == LEET_DECAY_NONE ? 1 : or_H(Hg);
      return std::lcm(std::lcm(or_H(Hk), or_H(Hv)), decays);
    }
  }
}

std::int64_t Description::sequences() const {
  return lengths.empty() ? B : static_cast<std::int64_t>(lengths.size());
}

leet_dtype Description::state_dtype() const {
  return sdk::same(in, sdk::kF64) ? sdk::kF64 : sdk::kF32;
}

bool Description::has(int role) const {
  switch (role) {
    case LEET_ROLE_LOG_DECAY:
      return decay_kind != LEET_DECAY_NONE;
    case LEET_ROLE_STATE_IN:
      return state_in;
    case LEET_ROLE_STATE_OUT:
      return state_out;
    case LEET_ROLE_SEQUENCE_OFFSETS:
      return !lengths.empty();
    default:
      return true;
  }
}

std::uint32_t Description::required_features(std::uint32_t dynamic_axes) const {
  std::uint32_t features = 0;
  if (state_in || state_out) features |= LEET_FEATURE_STATES;
  if (!lengths.empty()) features |= LEET_FEATURE_VARLEN;
  for (const int role : {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_LOG_DECAY}) {
    if (has(role) && heads(role) != H) features |= LEET_FEATURE_SHARED_HEADS;
  }
  if (layout != Layout::kBhnd && layout != Layout::kUnaligned) features |= LEET_FEATURE_ANY_STRIDES;
  if (dynamic_axes != 0) features |= LEET_FEATURE_DYNAMIC_AXES;
  if (sdk::is_16_bit(in) && sdk::same(out, sdk::kF32)) features |= LEET_FEATURE_F32_OUT;
  return features;
}

std::string dtype_label(const Description& description) {
  const std::string in = sdk::dtype_name(description.in);
  if (sdk::same(description.in, description.out)) return in;
  return in + "-" + sdk::dtype_name(description.out);
}

Specs make_specs(const Description& description, const Description& memory) {
  Specs specs;
  for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
    if (!description.has(role)) continue;
    leet_tensor_spec spec{};
    spec.alignment = description.layout == Layout::kBhnd ? kAlignment : 0;
    if (role == LEET_ROLE_SEQUENCE_OFFSETS) {
      spec.dtype = sdk::kI64;
      spec.rank = 1;
      spec.extent[0] = description.sequences() + 1;
      spec.stride[0] = 1;
    } else {
      const bool wide = role == LEET_ROLE_LOG_DECAY || is_state(role);
      spec.dtype = wide                    ? description.state_dtype()
                   : role == LEET_ROLE_OUT ? description.out
                                           : description.in;
      spec.rank = 4;
      std::ranges::copy(extents_of(description, role), spec.extent);
      std::ranges::copy(strides_of(memory, role), spec.stride);
    }
    specs[static_cast<std::size_t>(role)] = spec;
  }
  return specs;
}

ProblemView::ProblemView(const Description& description, const Specs& specs,
                         std::uint32_t dynamic_axes) {
  for (std::size_t role = 0; role < specs.size(); ++role) {
    pointers[role] = specs[role] ? &*specs[role] : nullptr;
  }
  problem.struct_size = sizeof problem;
  problem.dynamic_axes = dynamic_axes;
  problem.decay_kind = description.decay_kind;
  problem.lowest_precision = LEET_PRECISION_EXACT;
  problem.deterministic = description.deterministic ? 1 : 0;
  problem.role_count = LEET_ROLE_COUNT;
  problem.scale = description.scale;
  problem.specs = pointers.data();
}

const std::vector<double>& Inputs::by_role(int role) const {
  switch (role) {
    case LEET_ROLE_Q:
      return q;
    case LEET_ROLE_K:
      return k;
    case LEET_ROLE_V:
      return v;
    case LEET_ROLE_LOG_DECAY:
      return g;
    default:
      return state;
  }
}

void round_to(leet_dtype dtype, std::vector<double>& values) {
  std::array<std::byte, sizeof(double)> stored{};
  for (double& value : values) {
    sdk::store_row(dtype, &value, stored.data(), 1);
    sdk::load_row(dtype, stored.data(), &value, 1);
  }
}

Inputs make_inputs(const Description& d, Random random) {
  Inputs inputs;
  const double deviation = 1.0 / std::sqrt(static_cast<double>(std::max<std::int64_t>(d.R, 1)));
  const auto fill = [&](std::vector<double>& values, int role, leet_dtype dtype) {
    const Extents extent = extents_of(d, role);
    values.resize(static_cast<std::size_t>(extent[0] * extent[1] * extent[2] * extent[3]));
    for (double& value : values) value = deviation * random.normal();
    round_to(dtype, values);
  };
  fill(inputs.q, LEET_ROLE_Q, d.in);
  fill(inputs.k, LEET_ROLE_K, d.in);
  fill(inputs.v, LEET_ROLE_V, d.in);
  if (d.layout == Layout::kBroadcast && d.B > 0) {
    for (auto* values : {&inputs.k, &inputs.v}) {
      const auto entry = static_cast<std::ptrdiff_t>(values->size()) / d.B;
      for (std::int64_t b = 1; b < d.B; ++b) {
        std::copy_n(values->begin(), entry, values->begin() + b * entry);
      }
    }
  }
  if (d.has(LEET_ROLE_LOG_DECAY)) {
    inputs.g = make_log_decay(d, random);
    round_to(d.state_dtype(), inputs.g);
  }
  if (d.state_in) fill(inputs.state, LEET_ROLE_STATE_IN, d.state_dtype());
  return inputs;
}

}  // namespace leet::validate
