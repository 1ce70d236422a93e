// SPDX-License-Identifier: Apache-2.0
#include "core/argument_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <leet/plugin/dtype.hpp>
#include <string>

#include "core/overlap.hpp"
#include "core/spec_check.hpp"

namespace leet::core {
namespace {

constexpr std::uint32_t kKnownAxes =
    LEET_DYNAMIC_B | LEET_DYNAMIC_N | LEET_DYNAMIC_SEQUENCES | LEET_DYNAMIC_STRIDES;

Error invalid(std::string message) { return {LEET_STATUS_INVALID_ARGUMENT, std::move(message)}; }
Error unknown(std::string message) { return {LEET_STATUS_UNSUPPORTED, std::move(message)}; }

// The problem's own fields; its specs are judged by check_specs.
Status check_fields(const leet_problem& problem) {
  if (!LEET_HAS(&problem, leet_problem, specs)) {
    return invalid(fmt::format("problem: struct_size {}; needs {} of leet/plugin.h",
                               problem.struct_size, sizeof(leet_problem)));
  }
  if (problem.must_understand != 0) {
    return unknown(fmt::format("must_understand={:#x}: this host has ABI {}.{}, which has none",
                               problem.must_understand, LEET_ABI_MAJOR, LEET_ABI_MINOR));
  }
  if ((problem.dynamic_axes & ~kKnownAxes) != 0) {
    return unknown(
        fmt::format("dynamic_axes={:#x}: this host knows {:#x}", problem.dynamic_axes, kKnownAxes));
  }
  if (problem.decay_kind < LEET_DECAY_NONE || problem.decay_kind > LEET_DECAY_CHANNEL) {
    return unknown(fmt::format("decay_kind={}: this host knows {} to {}", problem.decay_kind,
                               +LEET_DECAY_NONE, +LEET_DECAY_CHANNEL));
  }
  if (problem.lowest_precision < LEET_PRECISION_EXACT ||
      problem.lowest_precision > LEET_PRECISION_TF32) {
    return unknown(fmt::format("lowest_precision={}: this host knows {} to {}",
                               problem.lowest_precision, +LEET_PRECISION_EXACT,
                               +LEET_PRECISION_TF32));
  }
  if (!std::isfinite(problem.scale)) {
    return invalid(fmt::format("scale={}: needs a finite number", problem.scale));
  }
  if (problem.specs == nullptr) return invalid("problem: specs is null");
  for (std::uint32_t role = LEET_ROLE_COUNT; role < problem.role_count; ++role) {
    if (problem.specs[role] != nullptr) {
      return unknown(
          fmt::format("tensor role {}: this host knows 0 to {}", role, LEET_ROLE_COUNT - 1));
    }
  }
  return {};
}

bool same_spec(const leet_tensor_spec& a, const leet_tensor_spec& b) {
  return a.rank == b.rank && sdk::same(a.dtype, b.dtype) &&
         std::equal(a.extent, a.extent + LEET_MAX_RANK, b.extent) &&
         std::equal(a.stride, a.stride + LEET_MAX_RANK, b.stride);
}

Status check_size(const char* what, std::int64_t actual, std::int64_t planned, bool dynamic) {
  if (dynamic ? actual <= planned : actual == planned) return {};
  return invalid(fmt::format("{}={}: the plan was made for {}{}", what, actual,
                             dynamic ? "at most " : "", planned));
}

// Tensors whose specs differ from the plan's, which only the dynamic axes may allow.
Status check_against_plan(const CheckedProblem& problem, const SpecPointers& specs,
                          CheckedTensors& out) {
  const std::uint32_t dynamic = problem.problem().dynamic_axes;
  sdk::Shape actual;
  if (Status s = check_specs(specs, problem.problem().decay_kind, actual); !s) return s;
  const sdk::Shape& planned = problem.shape();
  const bool b = (dynamic & LEET_DYNAMIC_B) != 0;
  const bool varlen = problem.has(LEET_ROLE_SEQUENCE_OFFSETS);
  const bool sequences = varlen ? (dynamic & LEET_DYNAMIC_SEQUENCES) != 0 : b;
  if (Status s = check_size("B", actual.B, planned.B, b); !s) return s;
  if (Status s = check_size("N", actual.N, planned.N, (dynamic & LEET_DYNAMIC_N) != 0); !s)
    return s;
  if (Status s = check_size("sequences", actual.sequences, planned.sequences, sequences); !s) {
    return s;
  }
  if (Status s = check_size("R", actual.R, planned.R, false); !s) return s;
  if (Status s = check_size("D", actual.D, planned.D, false); !s) return s;

  for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
    const auto index = static_cast<std::size_t>(role);
    if (specs[index] == nullptr) continue;
    const leet_tensor_spec& plan = *problem.spec(role);
    const leet_tensor_spec canonical = canonical_spec(role, *specs[index], actual);
    if (!sdk::same(canonical.dtype, plan.dtype)) {
      return invalid(fmt::format("{}: dtype {}; the plan was made for {}", role_name(role),
                                 sdk::dtype_name(canonical.dtype), sdk::dtype_name(plan.dtype)));
    }
    if (plan.rank == 4 && canonical.extent[1] != plan.extent[1]) {
      return invalid(fmt::format("{}: {} heads; the plan was made for {}", role_name(role),
                                 canonical.extent[1], plan.extent[1]));
    }
    for (int axis = 0; axis < plan.rank && (dynamic & LEET_DYNAMIC_STRIDES) == 0; ++axis) {
      if (canonical.extent[axis] > 1 && canonical.stride[axis] != plan.stride[axis]) {
        return invalid(fmt::format(
            "{}: stride {} along axis {}; the plan was made for {} (dynamic strides allow others)",
            role_name(role), canonical.stride[axis], axis, plan.stride[axis]));
      }
    }
    out.tensors[index].spec = canonical;
    out.tensors[index].spec.alignment = plan.alignment;
  }
  return {};
}

bool same_place(const leet_tensor& a, const leet_tensor& b) {
  return a.data == b.data && std::equal(a.spec.stride, a.spec.stride + a.spec.rank, b.spec.stride);
}

Status check_memory(const CheckedTensors& checked) {
  for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
    const leet_tensor* tensor = checked.pointers[static_cast<std::size_t>(role)];
    if (tensor == nullptr || byte_span(tensor->spec) == 0) continue;
    if (tensor->data == nullptr) return invalid(fmt::format("{}: data is null", role_name(role)));
    if (reinterpret_cast<std::uintptr_t>(tensor->data) % tensor->spec.alignment != 0) {
      return invalid(fmt::format("{}: data at {}; the plan was promised a multiple of {} bytes",
                                 role_name(role), tensor->data, tensor->spec.alignment));
    }
  }
  for (const int output : {LEET_ROLE_OUT, LEET_ROLE_STATE_OUT}) {
    const leet_tensor* written = checked.pointers[static_cast<std::size_t>(output)];
    if (written == nullptr) continue;
    for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
      const leet_tensor* other = checked.pointers[static_cast<std::size_t>(role)];
      if (other == nullptr || role == output) continue;
      const bool in_place = output == LEET_ROLE_STATE_OUT && role == LEET_ROLE_STATE_IN &&
                            same_place(*written, *other);
      if (in_place || !share_memory(*written, *other)) continue;
      return invalid(
          fmt::format("{}: shares memory with {}; an output needs its own (only state_out "
                      "may be state_in's, with the same strides)",
                      role_name(output), role_name(role)));
    }
  }
  return {};
}

Status check_decay_values(const leet_tensor& decay) {
  const leet_tensor_spec& spec = decay.spec;
  std::int64_t distinct[4];  // a broadcast value is looked at once
  for (int axis = 0; axis < 4; ++axis) {
    distinct[axis] =
        spec.stride[axis] == 0 ? std::min<std::int64_t>(spec.extent[axis], 1) : spec.extent[axis];
  }
  const std::int64_t bytes = sdk::dtype_bytes(spec.dtype);
  for (std::int64_t b = 0; b < distinct[0]; ++b) {
    for (std::int64_t h = 0; h < distinct[1]; ++h) {
      for (std::int64_t n = 0; n < distinct[2]; ++n) {
        for (std::int64_t r = 0; r < distinct[3]; ++r) {
          const std::int64_t element =
              b * spec.stride[0] + h * spec.stride[1] + n * spec.stride[2] + r * spec.stride[3];
          double value = 0;
          sdk::load_row(spec.dtype, static_cast<const std::byte*>(decay.data) + element * bytes,
                        &value, 1);
          if (value <= 0) continue;
          return invalid(fmt::format(
              "log_decay[{}, {}, {}, {}] is {}: needs a number <= 0, the logarithm of the decay", b,
              h, n, r, value));
        }
      }
    }
  }
  return {};
}

Status check_offset_values(const leet_tensor& offsets, std::int64_t N) {
  const auto value = [&](std::int64_t i) {
    std::int64_t x = 0;
    std::memcpy(&x,
                static_cast<const std::byte*>(offsets.data) +
                    i * offsets.spec.stride[0] * static_cast<std::int64_t>(sizeof x),
                sizeof x);
    return x;
  };
  const std::int64_t last = offsets.spec.extent[0] - 1;
  if (value(0) != 0) return invalid(fmt::format("sequence_offsets[0] is {}: needs 0", value(0)));
  for (std::int64_t i = 1; i <= last; ++i) {
    if (value(i) >= value(i - 1)) continue;
    return invalid(fmt::format("sequence_offsets[{}] is {}: needs at least the {} before it", i,
                               value(i), value(i - 1)));
  }
  if (value(last) != N) {
    return invalid(fmt::format("sequence_offsets[{}] is {}: the last one needs to be N={}", last,
                               value(last), N));
  }
  return {};
}

}  // namespace

const char* role_name(int role) {
  static constexpr const char* kNames[LEET_ROLE_COUNT] = {
      "q", "k", "v", "log_decay", "state_in", "out", "state_out", "sequence_offsets"};
  return role >= 0 && role < LEET_ROLE_COUNT ? kNames[role] : "unknown role";
}

Result<CheckedProblem> check_problem(const leet_problem& problem) {
  if (Status status = check_fields(problem); !status) return status.error();
  CheckedProblem checked;
  CheckedProblem::Content& content = *checked.content_;
  SpecPointers specs{};
  for (std::uint32_t role = 0; role < std::min<std::uint32_t>(problem.role_count, LEET_ROLE_COUNT);
       ++role) {
    specs[role] = problem.specs[role];
  }
  if (Status status = check_specs(specs, problem.decay_kind, content.shape); !status) {
    return status.error();
  }
  for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
    const auto index = static_cast<std::size_t>(role);
    if (specs[index] == nullptr) continue;
    content.given[index] = *specs[index];
    content.specs[index] = canonical_spec(role, *specs[index], content.shape);
    content.pointers[index] = &content.specs[index];
  }
  content.problem.struct_size = sizeof(leet_problem);
  content.problem.dynamic_axes = problem.dynamic_axes;
  content.problem.decay_kind = problem.decay_kind;
  content.problem.lowest_precision = problem.lowest_precision;
  content.problem.deterministic = problem.deterministic;
  content.problem.role_count = LEET_ROLE_COUNT;
  content.problem.scale = problem.scale;
  content.problem.specs = content.pointers.data();
  return checked;
}

Status check_tensors(const CheckedProblem& problem, const leet_tensor* const* tensors,
                     std::uint32_t count, CheckedTensors& out) {
  if (tensors == nullptr) return invalid("tensors: null; needs an array of pointers by role");
  SpecPointers specs{};
  bool as_planned = true;
  for (std::uint32_t role = 0; role < std::max<std::uint32_t>(count, LEET_ROLE_COUNT); ++role) {
    const leet_tensor* tensor = role < count ? tensors[role] : nullptr;
    const bool planned = role < LEET_ROLE_COUNT && problem.has(static_cast<int>(role));
    if ((tensor != nullptr) != planned) {
      return invalid(fmt::format("{}: {} although the plan was made {} it",
                                 role_name(static_cast<int>(role)), planned ? "absent" : "given",
                                 planned ? "with" : "without"));
    }
    if (tensor == nullptr) continue;
    specs[role] = &tensor->spec;
    as_planned = as_planned && same_spec(tensor->spec, problem.given(static_cast<int>(role)));
    out.tensors[role] = {tensor->data, *problem.spec(static_cast<int>(role))};
    out.pointers[role] = &out.tensors[role];
  }
  if (!as_planned) {
    if (Status status = check_against_plan(problem, specs, out); !status) return status;
  }
  return check_memory(out);
}

Status check_values(const CheckedTensors& tensors) {
  if (const leet_tensor* decay = tensors.pointers[LEET_ROLE_LOG_DECAY]) {
    if (Status status = check_decay_values(*decay); !status) return status;
  }
  if (const leet_tensor* offsets = tensors.pointers[LEET_ROLE_SEQUENCE_OFFSETS]) {
    return check_offset_values(*offsets, tensors.pointers[LEET_ROLE_Q]->spec.extent[2]);
  }
  return {};
}

}  // namespace leet::core
