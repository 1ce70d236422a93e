// SPDX-License-Identifier: Apache-2.0
#include "core/spec_check.hpp"

#include <fmt/format.h>

#include <bit>
#include <leet/plugin/dtype.hpp>
#include <string>

#include "core/argument_check.hpp"
#include "core/overlap.hpp"

namespace leet::core {
namespace {

Error invalid(std::string message) { return {LEET_STATUS_INVALID_ARGUMENT, std::move(message)}; }

bool is_output(int role) { return role == LEET_ROLE_OUT || role == LEET_ROLE_STATE_OUT; }

std::string extents_text(const leet_tensor_spec& spec) {
  return fmt::format("[{}]", fmt::join(spec.extent, spec.extent + spec.rank, ", "));
}

// Also where there are no elements or a stride is 0, so that nobody's product of extents leaves
// int64.
Status check_extents(int role, const leet_tensor_spec& spec) {
  constexpr std::int64_t kMaxExtent = std::int64_t{1} << 40;
  constexpr std::int64_t kMaxBytes = std::int64_t{1} << 60;
  const char* name = role_name(role);
  std::int64_t bytes = sdk::dtype_bytes(spec.dtype);
  for (int axis = 0; axis < spec.rank; ++axis) {
    const std::int64_t extent = spec.extent[axis];
    if (extent < 0) {
      return invalid(
          fmt::format("{}: extent {} along axis {}; needs 0 or more", name, extent, axis));
    }
    if (extent > kMaxExtent) {
      return invalid(
          fmt::format("{}: extent {} along axis {}; needs 2^40 or less", name, extent, axis));
    }
    if (extent == 0) continue;
    if (__builtin_mul_overflow(bytes, extent, &bytes) || bytes >= kMaxBytes) {
      return invalid(
          fmt::format("{}: extents {}; the product of those that are not 0 needs to stay "
                      "below 2^60 bytes",
                      name, extents_text(spec)));
    }
  }
  return {};
}

// What needs no other tensor: rank, extents, strides, alignment.
Status check_layout(int role, const leet_tensor_spec& spec) {
  const char* name = role_name(role);
  const int rank = role == LEET_ROLE_SEQUENCE_OFFSETS ? 1 : 4;
  if (spec.rank != rank) {
    return invalid(fmt::format("{}: rank {}; needs rank {}", name, spec.rank, rank));
  }
  if (Status status = check_extents(role, spec); !status) return status;
  for (int axis = 0; axis < rank; ++axis) {
    if (spec.stride[axis] < 0) {
      return invalid(fmt::format("{}: stride {} along axis {}; negative strides are not supported",
                                 name, spec.stride[axis], axis));
    }
  }
  const bool any_last_stride = role == LEET_ROLE_LOG_DECAY || role == LEET_ROLE_SEQUENCE_OFFSETS;
  if (!any_last_stride && spec.extent[3] > 1 && spec.stride[3] != 1) {
    return invalid(fmt::format("{}: stride {} along its last axis; needs 1", name, spec.stride[3]));
  }
  if (spec.alignment != 0 && !std::has_single_bit(spec.alignment)) {
    return invalid(fmt::format("{}: alignment {}; needs a power of two", name, spec.alignment));
  }
  if (byte_span(spec) < 0) {
    return invalid(fmt::format("{}: extents {} with these strides span 2^60 bytes or more", name,
                               extents_text(spec)));
  }
  if (is_output(role) && overlaps_itself(spec)) {  // never without elements, whatever the strides
    for (int axis = 0; axis < rank; ++axis) {
      if (spec.stride[axis] != 0 || spec.extent[axis] < 2) continue;
      return invalid(
          fmt::format("{}: stride 0 along axis {}; an output can't be broadcast", name, axis));
    }
    return invalid(fmt::format("{}: its strides put several elements in one place", name));
  }
  return {};
}

Status check_dtypes(const SpecPointers& specs) {
  bool wide = false;  // with f64 tensors the decay and the states are f64 too
  for (const int role : {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_OUT}) {
    const leet_tensor_spec* spec = specs[static_cast<std::size_t>(role)];
    if (spec == nullptr) continue;
    if (sdk::dtype_bit(spec->dtype) == 0) {
      return invalid(fmt::format("{}: dtype {}; needs f16, bf16, f32 or f64", role_name(role),
                                 sdk::dtype_name(spec->dtype)));
    }
    wide = wide || sdk::same(spec->dtype, sdk::kF64);
  }
  for (const int role : {LEET_ROLE_LOG_DECAY, LEET_ROLE_STATE_IN, LEET_ROLE_STATE_OUT}) {
    const leet_tensor_spec* spec = specs[static_cast<std::size_t>(role)];
    if (spec == nullptr || sdk::same(spec->dtype, wide ? sdk::kF64 : sdk::kF32)) continue;
    return invalid(fmt::format("{}: dtype {}; needs {} beside {} tensors", role_name(role),
                               sdk::dtype_name(spec->dtype), wide ? "f64" : "f32",
                               wide ? "f64" : "f32, f16 or bf16"));
  }
  const leet_tensor_spec* offsets = specs[LEET_ROLE_SEQUENCE_OFFSETS];
  if (offsets != nullptr && !sdk::same(offsets->dtype, sdk::kI64)) {
    return invalid(
        fmt::format("sequence_offsets: dtype {}; needs i64", sdk::dtype_name(offsets->dtype)));
  }
  return {};
}

Status check_extent(int role, char letter, std::int64_t seen, std::int64_t right,
                    const char* right_from) {
  if (seen == right) return {};
  return invalid(
      fmt::format("{}: {}={}; needs {}, as {}", role_name(role), letter, seen, right, right_from));
}

Status check_heads(const SpecPointers& specs, const sdk::Shape& shape) {
  for (const int role : {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_LOG_DECAY}) {
    const leet_tensor_spec* spec = specs[static_cast<std::size_t>(role)];
    if (spec == nullptr) continue;
    const std::int64_t heads = spec->extent[1];
    if (heads == 0 ? shape.H == 0 : shape.H % heads == 0) continue;
    return invalid(fmt::format("{}: {} heads; needs a divisor of the {} output heads",
                               role_name(role), heads, shape.H));
  }
  return {};
}

// log_decay against the shape and the decay kind.
Status check_decay(const leet_tensor_spec* decay, std::int32_t kind, const sdk::Shape& shape) {
  if (kind == LEET_DECAY_NONE) {
    if (decay == nullptr) return {};
    return invalid("log_decay: given with decay kind 'none'; leave it out or choose another kind");
  }
  if (decay == nullptr) {
    return invalid("log_decay: absent; every decay kind but 'none' needs it");
  }
  struct Axis {
    int index;
    char letter;
    std::int64_t full;
    bool may_vary;
  };
  for (const Axis& axis :
       {Axis{0, 'B', shape.B, true}, Axis{2, 'N', shape.N, kind >= LEET_DECAY_STEP},
        Axis{3, 'R', shape.R, kind == LEET_DECAY_CHANNEL}}) {
    const std::int64_t extent = decay->extent[axis.index];
    if (extent != 1 && extent != axis.full) {
      return invalid(
          fmt::format("log_decay: {}={}; needs {} as q, or 1", axis.letter, extent, axis.full));
    }
    if (!axis.may_vary && extent > 1 && decay->stride[axis.index] != 0) {
      return invalid(fmt::format(
          "log_decay: varies along {} ({} values) although the decay kind is '{}'; needs an extent "
          "of 1 or a stride of 0 there",
          axis.letter, extent, kind == LEET_DECAY_HEAD ? "head" : "step"));
    }
  }
  return {};
}

Status check_states(const SpecPointers& specs, const sdk::Shape& shape) {
  for (const int role : {LEET_ROLE_STATE_IN, LEET_ROLE_STATE_OUT}) {
    const leet_tensor_spec* spec = specs[static_cast<std::size_t>(role)];
    if (spec == nullptr) continue;
    const std::array<std::int64_t, 4> right = {shape.sequences, shape.Hs, shape.R, shape.D};
    for (std::size_t axis = 0; axis < right.size(); ++axis) {
      if (spec->extent[axis] == right[axis]) continue;
      return invalid(fmt::format(
          "{}: extents {}; needs [{}, {}, {}, {}], that is [{}, lcm of k's, v's and log_decay's "
          "heads, R, D]",
          role_name(role), extents_text(*spec), right[0], right[1], right[2], right[3],
          specs[LEET_ROLE_SEQUENCE_OFFSETS] != nullptr ? "sequences" : "B"));
    }
  }
  return {};
}

}  // namespace

Status check_specs(const SpecPointers& specs, std::int32_t decay_kind, sdk::Shape& shape) {
  for (const int role : {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V}) {
    if (specs[static_cast<std::size_t>(role)] == nullptr) {
      return invalid(fmt::format("{}: absent; q, k and v are always needed", role_name(role)));
    }
  }
  if (specs[LEET_ROLE_OUT] == nullptr && specs[LEET_ROLE_STATE_OUT] == nullptr) {
    return invalid("out and state_out: both absent; needs at least one of them");
  }
  if (Status status = check_dtypes(specs); !status) return status;
  for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
    const leet_tensor_spec* spec = specs[static_cast<std::size_t>(role)];
    if (spec == nullptr) continue;
    if (Status status = check_layout(role, *spec); !status) return status;
  }

  shape = sdk::shape_of([&](int role) { return specs[static_cast<std::size_t>(role)]; });
  if (Status status = check_heads(specs, shape); !status) return status;
  for (const int role : {LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_OUT}) {
    const leet_tensor_spec* spec = specs[static_cast<std::size_t>(role)];
    if (spec == nullptr) continue;
    const auto& extent = spec->extent;
    if (Status s = check_extent(role, 'B', extent[0], shape.B, "q"); !s) return s;
    if (Status s = check_extent(role, 'N', extent[2], shape.N, "q"); !s) return s;
    if (role == LEET_ROLE_K) {
      if (Status s = check_extent(role, 'R', extent[3], shape.R, "q"); !s) return s;
    } else {
      if (Status s = check_extent(role, 'D', extent[3], shape.D, "v"); !s) return s;
    }
  }
  if (const leet_tensor_spec* offsets = specs[LEET_ROLE_SEQUENCE_OFFSETS]) {
    if (offsets->extent[0] < 1) {
      return invalid("sequence_offsets: 0 values; needs the number of sequences + 1");
    }
    if (shape.B != 1) {
      return invalid(fmt::format(
          "sequence_offsets: with B={}; packed sequences lie along N and need B=1", shape.B));
    }
  }
  if (Status s = check_decay(specs[LEET_ROLE_LOG_DECAY], decay_kind, shape); !s) return s;
  return check_states(specs, shape);
}

leet_tensor_spec canonical_spec(int role, const leet_tensor_spec& spec, const sdk::Shape& shape) {
  leet_tensor_spec canonical = spec;
  canonical.reserved = 0;
  if (canonical.alignment == 0) {
    canonical.alignment = static_cast<std::uint32_t>(sdk::dtype_bytes(spec.dtype));
  }
  if (role == LEET_ROLE_LOG_DECAY) {
    const std::array<std::int64_t, 4> full = {shape.B, spec.extent[1], shape.N, shape.R};
    for (std::size_t axis = 0; axis < full.size(); ++axis) {
      if (axis == 1) continue;
      if (spec.extent[axis] == 1) canonical.stride[axis] = 0;
      canonical.extent[axis] = full[axis];
    }
  }
  return canonical;
}

}  // namespace leet::core
