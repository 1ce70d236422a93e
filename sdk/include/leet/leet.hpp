// SPDX-License-Identifier: Apache-2.0
//
// leet/leet.hpp - the C++20 API for host applications: RAII and exceptions over leet/leet.h.
// Header-only; link with libleet.
//
//     leet::Context context;                                  // finds and loads the plugins
//     leet::Tensors tensors;
//     tensors.set(LEET_ROLE_Q, leet::tensor(q, {B, H, N, R}));
//     tensors.set(LEET_ROLE_K, leet::tensor(k, {B, H, N, R}));
//     tensors.set(LEET_ROLE_V, leet::tensor(v, {B, H, N, D}));
//     tensors.set(LEET_ROLE_LOG_DECAY, leet::tensor(log_decay, {1, H, 1, 1}));
//     tensors.set(LEET_ROLE_OUT, leet::tensor(out, {B, H, N, D}));
//     leet::Plan plan = context.plan("auto", tensors, {.decay_kind = LEET_DECAY_HEAD});
//     plan.execute(tensors);
//
// Shapes, roles and rules are in leet/plugin.h. Failures throw leet::Exception. Nothing here owns
// tensor memory.
#ifndef LEET_LEET_HPP
#define LEET_LEET_HPP

#if __cplusplus < 202002L
#error "leet/leet.hpp needs C++20"
#endif

#include <leet/leet.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <leet/plugin/half.hpp>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace leet {

using F16 = sdk::F16;
using Bf16 = sdk::Bf16;

// A failed call: its status and the one line that says what was wrong and what would be right.
class Exception : public std::runtime_error {
 public:
  explicit Exception(const leet_error& error)
      : std::runtime_error(error.message[0] != 0 ? error.message : leet_status_name(error.code)),
        status_(error.code),
        domain_(error.domain),
        native_code_(error.native_code) {}

  leet_status status() const noexcept { return status_; }
  // The failing layer's own code and whose numbering it is, LEET_DOMAIN_*.
  std::int32_t domain() const noexcept { return domain_; }
  std::int32_t native_code() const noexcept { return native_code_; }

 private:
  leet_status status_;
  std::int32_t domain_;
  std::int32_t native_code_;
};

namespace detail {
// Calls `function(error)` and throws what it reports.
template <class Function>
void call(Function&& function) {
  leet_error error{};
  error.struct_size = sizeof error;
  const leet_status status = function(&error);
  if (status == LEET_STATUS_OK) return;
  error.code = status;
  throw Exception(error);
}

template <class T>
constexpr leet_dtype dtype_of() {
  static_assert(std::is_same_v<T, F16> || std::is_same_v<T, Bf16> || std::is_same_v<T, float> ||
                    std::is_same_v<T, double> || std::is_same_v<T, std::int64_t>,
                "a tensor's elements are float, double, leet::F16, leet::Bf16 or std::int64_t");
  if constexpr (std::is_same_v<T, F16>) return {LEET_DTYPE_FLOAT, 16, 1};
  if constexpr (std::is_same_v<T, Bf16>) return {LEET_DTYPE_BFLOAT, 16, 1};
  if constexpr (std::is_same_v<T, float>) return {LEET_DTYPE_FLOAT, 32, 1};
  if constexpr (std::is_same_v<T, double>) return {LEET_DTYPE_FLOAT, 64, 1};
  if constexpr (std::is_same_v<T, std::int64_t>) return {LEET_DTYPE_INT, 64, 1};
}
}  // namespace detail

// A view of the caller's memory. T is float, double, F16, Bf16 or int64_t, const for inputs.
// Strides are in elements; without them the tensor is contiguous. Throws std::invalid_argument for
// a rank above LEET_MAX_RANK or strides of another rank.
template <class T>
leet_tensor tensor(T* data, std::span<const std::int64_t> extents,
                   std::span<const std::int64_t> strides = {}) {
  if (extents.size() > LEET_MAX_RANK || (!strides.empty() && strides.size() != extents.size())) {
    throw std::invalid_argument(
        "leet::tensor: rank must be at most 5, and strides as many as extents");
  }
  leet_tensor tensor{};
  tensor.data = const_cast<std::remove_const_t<T>*>(data);
  tensor.spec.dtype = detail::dtype_of<std::remove_const_t<T>>();
  tensor.spec.rank = static_cast<std::int32_t>(extents.size());
  std::int64_t contiguous = 1;
  for (std::size_t axis = extents.size(); axis-- > 0;) {
    tensor.spec.extent[axis] = extents[axis];
    tensor.spec.stride[axis] = strides.empty() ? contiguous : strides[axis];
    contiguous *= extents[axis];
  }
  return tensor;
}

template <class T>
leet_tensor tensor(T* data, std::initializer_list<std::int64_t> extents,
                   std::initializer_list<std::int64_t> strides = {}) {
  return tensor(data, std::span(extents.begin(), extents.size()),
                std::span(strides.begin(), strides.size()));
}

// The tensors of one problem, by role. A value: copies are independent, the memory that they point
// to is not.
class Tensors {
 public:
  void set(int role, const leet_tensor& tensor) {
    slots_.at(static_cast<std::size_t>(role)) = {tensor, true};
  }
  void clear(int role) { slots_.at(static_cast<std::size_t>(role)).present = false; }
  const leet_tensor* get(int role) const {
    const Slot& slot = slots_.at(static_cast<std::size_t>(role));
    return slot.present ? &slot.tensor : nullptr;
  }

  // The array that leet_plan_execute takes; valid as long as this object is neither changed nor
  // moved.
  std::array<const leet_tensor*, LEET_ROLE_COUNT> pointers() const {
    std::array<const leet_tensor*, LEET_ROLE_COUNT> pointers{};
    for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
      pointers[static_cast<std::size_t>(role)] = get(role);
    }
    return pointers;
  }

 private:
  struct Slot {
    leet_tensor tensor{};
    bool present = false;
  };
  std::array<Slot, LEET_ROLE_COUNT> slots_{};
};

// What a plan is asked for beside the tensors; see leet_problem.
struct PlanOptions {
  std::int32_t decay_kind = LEET_DECAY_NONE;
  double scale = 1.0;
  std::int32_t lowest_precision = LEET_PRECISION_EXACT;
  bool deterministic = false;
  std::uint32_t dynamic_axes = 0;  // LEET_DYNAMIC_*: the tensors then have the largest extents
  leet_device device = {LEET_DEVICE_CPU, 0};
  std::string method_options = {};  // "key=value;key=value"
};

// A method's plan. Movable; any number of threads may execute it at once. Must not outlive its
// context.
class Plan {
 public:
  // What was planned.
  leet_plan_info info() const {
    leet_plan_info info{};
    info.struct_size = sizeof info;
    detail::call([&](leet_error* error) { return leet_plan_get_info(plan_.get(), &info, error); });
    return info;
  }

  // The method that "auto" chose, or that was asked for, and why it is this one.
  leet_method_info method() const {
    leet_method_info info{};
    info.struct_size = sizeof info;
    detail::call(
        [&](leet_error* error) { return leet_plan_get_method(plan_.get(), &info, error); });
    return info;
  }
  std::string reason() const { return leet_plan_reason(plan_.get()); }

  // Computes on the tensors' memory. Without a workspace each call allocates its own.
  void execute(const Tensors& tensors, std::span<std::byte> workspace = {},
               void* stream = nullptr) const {
    const auto pointers = tensors.pointers();
    detail::call([&](leet_error* error) {
      return leet_plan_execute(plan_.get(), pointers.data(), LEET_ROLE_COUNT, stream,
                               workspace.data(), workspace.size(), error);
    });
  }

  // Checks arguments and values without computing; see leet_plan_check.
  void check(const Tensors& tensors) const {
    const auto pointers = tensors.pointers();
    detail::call([&](leet_error* error) {
      return leet_plan_check(plan_.get(), pointers.data(), LEET_ROLE_COUNT, error);
    });
  }

 private:
  friend class Context;
  struct Destroy {
    void operator()(leet_plan* plan) const { leet_plan_destroy(plan); }
  };
  explicit Plan(leet_plan* plan) : plan_(plan) {}
  std::unique_ptr<leet_plan, Destroy> plan_;
};

struct ContextOptions {
  int threads = 0;                             // 0: as configured
  std::string configuration = {};              // empty: found as leet_context_options says
  std::vector<std::string> plugin_paths = {};  // searched first
  bool only_plugin_paths = false;
  std::string log_level = {};            // empty: as configured
  std::optional<bool> pin_threads = {};  // unset: as configured
  std::string probe = {};                // off, contract or self-test; empty: as configured
  int probe_seconds = 0;                 // 0: as configured
};

// A set of loaded plugins, a configuration and a thread pool. Movable. [thread-safe]
class Context {
 public:
  Context() : Context(ContextOptions{}) {}
  explicit Context(const ContextOptions& options) {
    std::vector<const char*> paths;
    for (const std::string& path : options.plugin_paths) paths.push_back(path.c_str());
    leet_context_options raw{};
    raw.struct_size = sizeof raw;
    raw.threads = options.threads;
    raw.configuration = options.configuration.empty() ? nullptr : options.configuration.c_str();
    raw.plugin_paths = paths.data();
    raw.plugin_path_count = static_cast<std::uint32_t>(paths.size());
    raw.only_plugin_paths = options.only_plugin_paths ? 1 : 0;
    raw.log_level = options.log_level.empty() ? nullptr : options.log_level.c_str();
    if (options.pin_threads) raw.pin_threads = *options.pin_threads ? 1 : -1;
    raw.probe = options.probe.empty() ? nullptr : options.probe.c_str();
    raw.probe_seconds = options.probe_seconds;
    leet_context* context = nullptr;
    detail::call([&](leet_error* error) { return leet_context_create(&raw, &context, error); });
    context_.reset(context);
  }

  // All methods, sorted by id. The strings live as long as the context.
  std::vector<leet_method_info> methods() const {
    std::vector<leet_method_info> methods(leet_method_count(context_.get()));
    for (std::uint32_t i = 0; i < methods.size(); ++i) {
      methods[i].struct_size = sizeof methods[i];
      detail::call([&](leet_error* error) {
        return leet_method_get(context_.get(), i, &methods[i], error);
      });
    }
    return methods;
  }

  // Every candidate file and what became of it.
  std::vector<leet_report_entry> report() const {
    std::vector<leet_report_entry> entries(leet_report_count(context_.get()));
    for (std::uint32_t i = 0; i < entries.size(); ++i) {
      entries[i].struct_size = sizeof entries[i];
      detail::call([&](leet_error* error) {
        return leet_report_get(context_.get(), i, &entries[i], error);
      });
    }
    return entries;
  }

  // Methods are named by id, by a unique suffix of it ("chunked"), or "auto": the one that is
  // expected to be fastest.

  // Whether `method` can compute what `tensors` describe; their data pointers are not looked at.
  leet_verdict supports(const std::string& method, const Tensors& tensors,
                        const PlanOptions& options) const {
    leet_verdict verdict{};
    verdict.struct_size = sizeof verdict;
    with_problem(tensors, options, [&](const leet_problem& problem, leet_error* error) {
      return leet_supports(context_.get(), method.c_str(), &problem, options.device,
                           options.method_options.c_str(), &verdict, error);
    });
    return verdict;
  }

  // A plan of `method` for what `tensors` describe; their data pointers are not looked at.
  Plan plan(const std::string& method, const Tensors& tensors, const PlanOptions& options) {
    leet_plan* plan = nullptr;
    with_problem(tensors, options, [&](const leet_problem& problem, leet_error* error) {
      return leet_plan_create(context_.get(), method.c_str(), &problem, options.device,
                              options.method_options.c_str(), &plan, error);
    });
    return Plan(plan);
  }

  leet_context* handle() const { return context_.get(); }

 private:
  struct Destroy {
    void operator()(leet_context* context) const { leet_context_destroy(context); }
  };

  template <class Function>
  static void with_problem(const Tensors& tensors, const PlanOptions& options,
                           Function&& function) {
    std::array<const leet_tensor_spec*, LEET_ROLE_COUNT> specs{};
    for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
      if (tensors.get(role) != nullptr) {
        specs[static_cast<std::size_t>(role)] = &tensors.get(role)->spec;
      }
    }
    leet_problem problem{};
    problem.struct_size = sizeof problem;
    problem.dynamic_axes = options.dynamic_axes;
    problem.decay_kind = options.decay_kind;
    problem.lowest_precision = options.lowest_precision;
    problem.deterministic = options.deterministic ? 1 : 0;
    problem.role_count = LEET_ROLE_COUNT;
    problem.scale = options.scale;
    problem.specs = specs.data();
    detail::call([&](leet_error* error) { return function(problem, error); });
  }

  std::unique_ptr<leet_context, Destroy> context_;
};

}  // namespace leet
#endif  // LEET_LEET_HPP
