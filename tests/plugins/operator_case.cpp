// SPDX-License-Identifier: Apache-2.0
#include "tests/plugins/operator_case.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <stdexcept>

#include "core/registry.hpp"

namespace leet::plugin_tests {

Tensor::Tensor(leet_dtype dtype, std::array<std::int64_t, 4> extents, bool swapped,
               bool unaligned) {
  std::int64_t elements = 1;
  for (const int axis : swapped ? std::array{3, 1, 2, 0} : std::array{3, 2, 1, 0}) {
    tensor_.spec.stride[axis] = elements;
    elements *= extents[static_cast<std::size_t>(axis)];
  }
  tensor_.spec.dtype = dtype;
  tensor_.spec.rank = 4;
  tensor_.spec.alignment = unaligned ? 1 : 0;
  std::copy(extents.begin(), extents.end(), tensor_.spec.extent);
  memory_ = std::make_shared<std::byte[]>(
      static_cast<std::size_t>(elements * sdk::dtype_bytes(dtype)) + 1);
  tensor_.data = memory_.get() + (unaligned ? 1 : 0);
}

std::byte* Tensor::at(std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t l) const {
  const std::int64_t* const stride = tensor_.spec.stride;
  const std::int64_t element = i * stride[0] + j * stride[1] + k * stride[2] + l * stride[3];
  return static_cast<std::byte*>(tensor_.data) + element * sdk::dtype_bytes(tensor_.spec.dtype);
}

double Tensor::get(std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t l) const {
  double value = 0;
  sdk::load_row(tensor_.spec.dtype, at(i, j, k, l), &value, 1);
  return value;
}

void Tensor::set(std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t l, double value) {
  sdk::store_row(tensor_.spec.dtype, &value, at(i, j, k, l), 1);
}

std::vector<double> Tensor::values() const {
  std::vector<double> values;
  const std::int64_t* const extent = tensor_.spec.extent;
  for (std::int64_t i = 0; i < extent[0]; ++i)
    for (std::int64_t j = 0; j < extent[1]; ++j)
      for (std::int64_t k = 0; k < extent[2]; ++k)
        for (std::int64_t l = 0; l < extent[3]; ++l) values.push_back(get(i, j, k, l));
  return values;
}

void Tensor::fill(double value) {
  fill_with([value](auto...) { return value; });
}

Operands::Operands(const OperatorCase& c) : description_(c) {
  std::mt19937_64 random(c.seed);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> log_rate(std::log(1e-3), 0.0);
  const auto add = [&](int role, leet_dtype dtype, std::array<std::int64_t, 4> extents,
                       bool swapped) -> Tensor& {
    return tensors_[static_cast<std::size_t>(role)].emplace(dtype, extents, swapped, c.unaligned);
  };
  const auto randn = [&](double sigma) {
    return [&, sigma](auto...) { return sigma * normal(random); };
  };
  const double sigma = 1 / std::sqrt(static_cast<double>(std::max<std::int64_t>(c.R, 1)));

  add(LEET_ROLE_Q, c.q, {c.B, c.heads(c.Hq), c.N, c.R}, c.time_first).fill_with(randn(sigma));
  add(LEET_ROLE_K, c.k.value_or(c.q), {c.B, c.heads(c.Hk), c.N, c.R}, c.time_first)
      .fill_with(randn(sigma));
  add(LEET_ROLE_V, c.v.value_or(c.q), {c.B, c.heads(c.Hv), c.N, c.D}, c.time_first)
      .fill_with(randn(1));
  if (c.decay_kind != LEET_DECAY_NONE) {
    add(LEET_ROLE_LOG_DECAY, c.state_dtype(),
        {c.B, c.heads(c.Hg), c.decay_kind == LEET_DECAY_HEAD ? 1 : c.N,
         c.decay_kind == LEET_DECAY_CHANNEL ? c.R : 1},
        c.time_first)
        .fill_with([&](auto...) { return -c.rate.value_or(std::exp(log_rate(random))); });
  }
  if (c.has_out) {
    add(LEET_ROLE_OUT, c.out.value_or(c.q), {c.B, c.H, c.N, c.D}, c.time_first)
        .fill(std::numeric_limits<double>::quiet_NaN());
  }
  const auto sequences = c.offsets.empty() ? c.B : static_cast<std::int64_t>(c.offsets.size()) - 1;
  const std::array<std::int64_t, 4> state = {sequences, shape().Hs, c.R, c.D};
  if (c.has_state_in) add(LEET_ROLE_STATE_IN, c.state_dtype(), state, false).fill_with(randn(1));
  if (c.has_state_out && c.in_place) {
    tensors_[LEET_ROLE_STATE_OUT] = tensors_[LEET_ROLE_STATE_IN];  // shares the memory
  } else if (c.has_state_out) {
    add(LEET_ROLE_STATE_OUT, c.state_dtype(), state, false)
        .fill(std::numeric_limits<double>::quiet_NaN());
  }
  if (!c.offsets.empty()) {
    Tensor& offsets = add(LEET_ROLE_SEQUENCE_OFFSETS, sdk::kI64, {sequences + 1, 1, 1, 1}, false);
    std::memcpy(offsets.view().data, c.offsets.data(), c.offsets.size() * sizeof(std::int64_t));
    offsets.view().spec.rank = 1;
    offsets.view().spec.stride[0] = 1;
  }
}

sdk::Shape Operands::shape() const {
  return sdk::shape_of([&](int role) -> const leet_tensor_spec* {
    return has(role) ? &(*this)[role].view().spec : nullptr;
  });
}

const leet_tensor* const* Operands::pointers() const {
  for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
    pointers_[static_cast<std::size_t>(role)] = has(role) ? &(*this)[role].view() : nullptr;
  }
  return pointers_.data();
}

core::OracleResult Operands::oracle() const {
  // The oracle reads log_decay as plugins do, with its broadcast axes at full extent.
  std::array<const leet_tensor*, LEET_ROLE_COUNT> tensors{};
  std::copy(pointers(), pointers() + LEET_ROLE_COUNT, tensors.begin());
  leet_tensor decay{};
  if (has(LEET_ROLE_LOG_DECAY)) {
    decay = *tensors[LEET_ROLE_LOG_DECAY];
    const sdk::Shape sizes = shape();
    const std::array<std::int64_t, 4> full = {sizes.B, sizes.Hg, sizes.N, sizes.R};
    for (std::size_t axis = 0; axis < full.size(); ++axis) {
      if (decay.spec.extent[axis] == 1) decay.spec.stride[axis] = 0;
      decay.spec.extent[axis] = full[axis];
    }
    tensors[LEET_ROLE_LOG_DECAY] = &decay;
  }
  return core::run_oracle(tensors.data(), description_.scale);
}

namespace {
const core::Method& find(const std::string& name) {
  static const core::Registry registry = core::Registry::open(
      {.paths = {LEET_BINARY_DIR "/plugins"}, .configuration = {}, .default_paths = false});
  const core::Result<const core::Method*> found =
      registry.find(name.substr(0, name.find('?')), LEET_DEVICE_CPU);
  if (!found) throw std::runtime_error(found.error().message);
  return **found;
}
}  // namespace

std::unique_ptr<core::Plan> make_plan(const std::string& method, const core::HostServices& host,
                                      const Operands& operands) {
  const std::size_t mark = method.find('?');
  return make_plan(find(method), host, operands,
                   mark == std::string::npos ? "" : method.substr(mark + 1));
}

std::unique_ptr<core::Plan> make_plan(const core::Method& method, const core::HostServices& host,
                                      const Operands& operands, const std::string& options) {
  std::array<const leet_tensor_spec*, LEET_ROLE_COUNT> specs{};
  for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
    if (operands.has(role)) specs[static_cast<std::size_t>(role)] = &operands[role].view().spec;
  }
  leet_problem problem{};
  problem.struct_size = sizeof problem;
  problem.dynamic_axes = operands.description().dynamic_axes;
  problem.decay_kind = operands.description().decay_kind;
  problem.lowest_precision = LEET_PRECISION_EXACT;
  problem.deterministic = 1;
  problem.role_count = LEET_ROLE_COUNT;
  problem.scale = operands.description().scale;
  problem.specs = specs.data();
  core::Result<std::unique_ptr<core::Plan>> plan =
      core::Plan::make(method, host, problem, {LEET_DEVICE_CPU, 0}, options);
  if (!plan) throw std::runtime_error(plan.error().message);
  return std::move(*plan);
}

bool claims_decay(const std::string& method, int decay_kind) {
  return (find(method).identity.decay_kinds >> decay_kind & 1u) != 0;
}

bool claims_dtype(const std::string& method, leet_dtype dtype) {
  return (find(method).identity.dtypes & sdk::dtype_bit(dtype)) != 0;
}

void execute(const core::Plan& plan, const Operands& operands) {
  const std::uint64_t bytes = plan.info().workspace_bytes;
  const std::uint64_t alignment = std::max<std::uint64_t>(plan.info().workspace_alignment, 8);
  const std::unique_ptr<void, decltype(&std::free)> workspace(
      std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment), &std::free);
  if (bytes > 0) std::memset(workspace.get(), 0xff, bytes);
  const core::Status status =
      plan.execute(operands.pointers(), LEET_ROLE_COUNT, nullptr, workspace.get(), bytes);
  if (!status) throw std::runtime_error(status.error().message);
}

double run(const std::string& method, Operands& operands) {
  core::HostServices host(2, "warn");
  const std::unique_ptr<core::Plan> plan = make_plan(method, host, operands);
  execute(*plan, operands);
  return plan->info().declared_rel_error;
}

double relative_error(const std::vector<double>& got, const std::vector<double>& expected) {
  if (got.size() != expected.size()) throw std::logic_error("arrays of different lengths");
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    difference += (got[i] - expected[i]) * (got[i] - expected[i]);
    norm += expected[i] * expected[i];
  }
  if (std::isnan(difference)) return std::numeric_limits<double>::infinity();
  return difference == 0 ? 0 : std::sqrt(difference / norm);
}

void expect_near(const Operands& operands, const core::OracleResult& expected, double declared) {
  if (operands.has(LEET_ROLE_OUT)) {
    EXPECT_LE(relative_error(operands[LEET_ROLE_OUT].values(), expected.out), declared);
  }
  if (operands.has(LEET_ROLE_STATE_OUT)) {
    const bool f64 = sdk::same(operands.description().state_dtype(), sdk::kF64);
    EXPECT_LE(relative_error(operands[LEET_ROLE_STATE_OUT].values(), expected.state_out),
              f64 ? 1e-12 : 2e-6);
  }
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

}  // namespace leet::plugin_tests
