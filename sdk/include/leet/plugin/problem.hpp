// SPDX-License-Identifier: Apache-2.0
//
// A problem and one execution of it, as C++ values over the ABI's structs. They own nothing and
// live as long as the call that brought them. The core has checked everything that they show.
#ifndef LEET_PLUGIN_PROBLEM_HPP
#define LEET_PLUGIN_PROBLEM_HPP

#include <leet/plugin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <leet/plugin/dtype.hpp>
#include <leet/plugin/shape.hpp>
#include <optional>

namespace leet::sdk {

// What is to be computed: specs by role, without data.
class Problem {
 public:
  explicit Problem(const leet_problem& problem)
      : problem_(problem), shape_(shape_of([&](int role) { return spec(role); })) {}

  // Maxima along the dynamic axes.
  const Shape& shape() const { return shape_; }

  const leet_tensor_spec* spec(int role) const {
    return static_cast<std::uint32_t>(role) < problem_.role_count ? problem_.specs[role] : nullptr;
  }
  bool has(int role) const { return spec(role) != nullptr; }
  leet_dtype dtype(int role) const { return spec(role)->dtype; }

  int decay_kind() const { return problem_.decay_kind; }
  int lowest_precision() const { return problem_.lowest_precision; }
  bool deterministic() const { return problem_.deterministic != 0; }
  double scale() const { return problem_.scale; }
  const leet_problem& raw() const { return problem_; }

 private:
  const leet_problem& problem_;
  Shape shape_;
};

// A strided tensor. Rows are its last axis.
class TensorView {
 public:
  explicit TensorView(const leet_tensor& tensor) : tensor_(&tensor) {}

  leet_dtype dtype() const { return tensor_->spec.dtype; }
  std::int64_t stride(int axis) const { return tensor_->spec.stride[axis]; }  // in elements

  // The address of element [i, j, k, 0] of a rank-4 tensor: a row of q, k, v, out by (batch, head,
  // time), of a state by (sequence, head, key channel). int64 throughout, because tensors may have
  // more than 2^31 elements.
  std::byte* row(std::int64_t i, std::int64_t j, std::int64_t k) const {
    const std::int64_t element = i * stride(0) + j * stride(1) + k * stride(2);
    return static_cast<std::byte*>(tensor_->data) + element * dtype_bytes(dtype());
  }

 private:
  const leet_tensor* tensor_;
};

// One recurrence's stretch of time: rows [begin, end) of batch `batch`.
struct Sequence {
  std::int64_t batch;
  std::int64_t begin;
  std::int64_t end;

  std::int64_t length() const { return end - begin; }
};

// One execution: actual tensors by role.
class Exec {
 public:
  explicit Exec(const leet_exec& exec)
      : exec_(exec), shape_(shape_of([&](int role) -> const leet_tensor_spec* {
          return has(role) ? &exec.tensors[role]->spec : nullptr;
        })) {}

  const Shape& shape() const { return shape_; }

  bool has(int role) const {
    return static_cast<std::uint32_t>(role) < exec_.role_count && exec_.tensors[role] != nullptr;
  }
  std::optional<TensorView> find(int role) const {
    return has(role) ? std::optional(tensor(role)) : std::nullopt;
  }
  TensorView tensor(int role) const { return TensorView(*exec_.tensors[role]); }

  // Whether no output has an element, so that there is nothing to do. The other extents may then
  // be of any size, because no tensor need have memory.
  bool writes_nothing() const {
    for (const int role : {LEET_ROLE_OUT, LEET_ROLE_STATE_OUT}) {
      if (!has(role)) continue;
      const std::int64_t* const extent = exec_.tensors[role]->spec.extent;
      if (extent[0] > 0 && extent[1] > 0 && extent[2] > 0 && extent[3] > 0) return false;
    }
    return true;
  }

  // The time span of sequence i in [0, shape().sequences). Reads sequence_offsets, so only where
  // they are in host memory.
  Sequence sequence(std::int64_t i) const {
    if (!has(LEET_ROLE_SEQUENCE_OFFSETS)) return {i, 0, shape_.N};
    return {0, sequence_offset(i), sequence_offset(i + 1)};
  }

  std::byte* workspace() const { return static_cast<std::byte*>(exec_.workspace); }
  void* stream() const { return exec_.stream; }
  leet_device device() const { return exec_.device; }
  std::uint64_t correlation_id() const { return exec_.correlation_id; }
  const leet_exec& raw() const { return exec_; }

 private:
  // memcpy because the tensor may begin at any byte that its spec allows.
  std::int64_t sequence_offset(std::int64_t i) const {
    const leet_tensor& offsets = *exec_.tensors[LEET_ROLE_SEQUENCE_OFFSETS];
    std::int64_t offset;
    std::memcpy(&offset,
                static_cast<const std::byte*>(offsets.data) +
                    i * offsets.spec.stride[0] * static_cast<std::int64_t>(sizeof offset),
                sizeof offset);
    return offset;
  }

  const leet_exec& exec_;
  Shape shape_;
};

// The operator's tensors of one execute. Points into exec, which must live as long.
struct Operands {
  explicit Operands(const Exec& exec)
      : q(exec.tensor(LEET_ROLE_Q)),
        k(exec.tensor(LEET_ROLE_K)),
        v(exec.tensor(LEET_ROLE_V)),
        out(exec.find(LEET_ROLE_OUT)),
        state_in(exec.find(LEET_ROLE_STATE_IN)),
        state_out(exec.find(LEET_ROLE_STATE_OUT)) {}

  TensorView q, k, v;
  std::optional<TensorView> out, state_in, state_out;
};

}  // namespace leet::sdk
#endif  // LEET_PLUGIN_PROBLEM_HPP
