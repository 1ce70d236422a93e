// SPDX-License-Identifier: Apache-2.0
//
// One call of the operator for the tests: sizes and choices in, tensors with random values out, and
// the ways to run a method or the oracle on them.
#ifndef LEET_TESTS_PLUGINS_OPERATOR_CASE_HPP
#define LEET_TESTS_PLUGINS_OPERATOR_CASE_HPP

#include <leet/plugin.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <leet/plugin/dtype.hpp>
#include <leet/plugin/shape.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/host_services.hpp"
#include "core/plan.hpp"
#include "core/reference/oracle.hpp"

namespace leet::plugin_tests {

// What to compute. Aggregate: name the fields that differ from these.
struct OperatorCase {
  std::int64_t B = 1, H = 2, N = 100, R = 20, D = 24;
  std::int64_t Hq = -1, Hk = -1, Hv = -1, Hg = -1;  // -1: H
  leet_dtype q = sdk::kF32;
  std::optional<leet_dtype> k = {}, v = {}, out = {};  // as q where absent
  int decay_kind = LEET_DECAY_HEAD;
  std::optional<double> rate = {};  // -log_decay everywhere; random in [0.001, 1] where absent
  double scale = 0.5;
  bool has_out = true;
  bool has_state_in = false;
  bool has_state_out = true;
  bool in_place = false;                   // state_out is state_in's memory
  bool time_first = false;                 // [B, N, H, *] in memory
  bool unaligned = false;                  // every tensor begins at an odd address
  std::vector<std::int64_t> offsets = {};  // varlen where not empty
  std::uint32_t dynamic_axes = 0;
  unsigned seed = 1;

  std::int64_t heads(std::int64_t given) const { return given < 0 ? H : given; }
  leet_dtype state_dtype() const { return sdk::same(q, sdk::kF64) ? sdk::kF64 : sdk::kF32; }
};

// A tensor and its memory. Elements outside of its strides do not exist.
class Tensor {
 public:
  // Contiguous in the order of the axes, or with axes 1 and 2 swapped in memory.
  Tensor(leet_dtype dtype, std::array<std::int64_t, 4> extents, bool swapped, bool unaligned);

  const leet_tensor& view() const { return tensor_; }
  leet_tensor& view() { return tensor_; }

  double get(std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t l) const;
  void set(std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t l, double value);
  std::vector<double> values() const;  // in the order of the axes
  void fill(double value);

  // All elements, in the order of the axes; `value(i, j, k, l)`.
  template <class Value>
  void fill_with(Value&& value) {
    const std::int64_t* const extent = tensor_.spec.extent;
    for (std::int64_t i = 0; i < extent[0]; ++i)
      for (std::int64_t j = 0; j < extent[1]; ++j)
        for (std::int64_t k = 0; k < extent[2]; ++k)
          for (std::int64_t l = 0; l < extent[3]; ++l) set(i, j, k, l, value(i, j, k, l));
  }

 private:
  std::byte* at(std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t l) const;

  leet_tensor tensor_{};
  std::shared_ptr<std::byte[]> memory_;
};

// The tensors of a case, outputs filled with NaN.
class Operands {
 public:
  explicit Operands(const OperatorCase& description);
  Operands(Operands&&) = default;  // no copies: they would share memory

  const OperatorCase& description() const { return description_; }
  sdk::Shape shape() const;
  bool has(int role) const { return tensors_[static_cast<std::size_t>(role)].has_value(); }
  Tensor& operator[](int role) { return *tensors_[static_cast<std::size_t>(role)]; }
  const Tensor& operator[](int role) const { return *tensors_[static_cast<std::size_t>(role)]; }

  // Pointers by role, LEET_ROLE_COUNT of them; valid until the next call.
  const leet_tensor* const* pointers() const;

  core::OracleResult oracle() const;

 private:
  OperatorCase description_;
  std::array<std::optional<Tensor>, LEET_ROLE_COUNT> tensors_;
  mutable std::array<const leet_tensor*, LEET_ROLE_COUNT> pointers_{};
};

// A plan for these operands' specs. A failure is thrown as std::runtime_error with the message.
std::unique_ptr<core::Plan> make_plan(const core::Method& method, const core::HostServices& host,
                                      const Operands& operands, const std::string& options);

// The same of a method in the build's plugin directory, by name and perhaps options: "recurrent",
// "recurrent?kernel=plain".
std::unique_ptr<core::Plan> make_plan(const std::string& method, const core::HostServices& host,
                                      const Operands& operands);

// Whether the note of such a method claims a decay kind, or a dtype.
bool claims_decay(const std::string& method, int decay_kind);
bool claims_dtype(const std::string& method, leet_dtype dtype);

// Executes a plan on other operands than those it was made for (dynamic axes), or on the same.
// `workspace` is filled with NaN bytes first.
void execute(const core::Plan& plan, const Operands& operands);

// Plan and execute with two workers; gives the plan's declared error.
double run(const std::string& method, Operands& operands);

// ||got - expected|| / ||expected||; 0 where both are zero, infinite where got is not finite.
double relative_error(const std::vector<double>& got, const std::vector<double>& expected);

// EXPECTs that what is in the outputs lies within `declared` (out) and within the arithmetic's gate
// (state_out) of what the oracle gave before the run.
void expect_near(const Operands& operands, const core::OracleResult& expected, double declared);

// Whether two arrays hold the same bits, NaN included.
bool same_bits(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace leet::plugin_tests
#endif  // LEET_TESTS_PLUGINS_OPERATOR_CASE_HPP
