// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/gate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <leet/plugin/dtype.hpp>
#include <leet/plugin/problem.hpp>
#include <new>
#include <optional>
#include <span>

#include "tools/validate/judge.hpp"

namespace leet::bench {
namespace {

// About a second of the oracle on one thread.
constexpr double kOracleCells = 0x1p29;

// Wide enough that a token of a window is judged as one, and that the exponentials of a step are
// not most of the work.
constexpr std::int64_t kWindow = 32;

// The tensors as one head with some of its columns, in the same memory.
class WindowTensors {
 public:
  WindowTensors(const leet_tensor* const* tensors, const Window& window) {
    for (int role = 0; role < LEET_ROLE_SEQUENCE_OFFSETS; ++role) {
      const auto index = static_cast<std::size_t>(role);
      if (tensors[role] == nullptr) continue;
      tensors_[index] = *tensors[role];
      leet_tensor_spec& spec = tensors_[index].spec;
      const bool has_columns =
          role != LEET_ROLE_Q && role != LEET_ROLE_K && role != LEET_ROLE_LOG_DECAY;
      // log_decay may be given for one batch entry and one step.
      const std::int64_t b = std::min(window.b, spec.extent[0] - 1);
      const std::int64_t column = has_columns ? window.first : 0;
      tensors_[index].data = sdk::TensorView(*tensors[role]).row(b, window.h, 0) +
                             column * sdk::dtype_bytes(spec.dtype);
      spec.extent[0] = spec.extent[1] = 1;
      if (has_columns) spec.extent[3] = window.count;
      if (role == LEET_ROLE_LOG_DECAY) broadcast(spec, *tensors[LEET_ROLE_Q]);
      pointers_[index] = &tensors_[index];
    }
  }
  WindowTensors(const WindowTensors&) = delete;
  WindowTensors& operator=(const WindowTensors&) = delete;

  const leet_tensor* const* pointers() const { return pointers_.data(); }

  // In the order of the axes.
  std::vector<double> values(int role) const {
    const leet_tensor& tensor = tensors_[static_cast<std::size_t>(role)];
    const std::int64_t rows = tensor.spec.extent[2];
    const std::int64_t columns = tensor.spec.extent[3];
    std::vector<double> values(static_cast<std::size_t>(rows * columns));
    for (std::int64_t row = 0; row < rows; ++row) {
      sdk::load_row(tensor.spec.dtype, sdk::TensorView(tensor).row(0, 0, row),
                    values.data() + row * columns, columns);
    }
    return values;
  }

 private:
  // The form that the oracle reads: full extents, with strides of 0.
  static void broadcast(leet_tensor_spec& decay, const leet_tensor& q) {
    for (const int axis : {2, 3}) {
      if (decay.extent[axis] == 1) decay.stride[axis] = 0;
      decay.extent[axis] = q.spec.extent[axis];
    }
  }

  std::array<leet_tensor, LEET_ROLE_COUNT> tensors_{};
  std::array<const leet_tensor*, LEET_ROLE_COUNT> pointers_{};
};

// The first element that is no finite number, for a message.
std::optional<std::string> find_non_finite(const char* name, const leet_tensor& tensor) {
  const leet_tensor_spec& spec = tensor.spec;
  std::vector<double> row(static_cast<std::size_t>(spec.extent[3]));
  for (std::int64_t b = 0; b < spec.extent[0]; ++b) {
    for (std::int64_t h = 0; h < spec.extent[1]; ++h) {
      for (std::int64_t n = 0; n < spec.extent[2]; ++n) {
        sdk::load_row(spec.dtype, sdk::TensorView(tensor).row(b, h, n), row.data(), spec.extent[3]);
        const auto found =
            std::find_if_not(row.begin(), row.end(), [](double x) { return std::isfinite(x); });
        if (found == row.end()) continue;
        return fmt::format("{}[{}, {}, {}, {}] is {}: not written, or computed wrongly", name, b, h,
                           n, found - row.begin(), *found);
      }
    }
  }
  return std::nullopt;
}

}  // namespace

std::vector<Window> windows_of(const Point& point, double cells) {
  const bool everything = point.cells() <= cells;
  const std::int64_t width = everything ? point.D : std::min(kWindow, point.D);
  const std::int64_t a_head = (point.D + width - 1) / width;
  const std::int64_t total = point.B * point.H * a_head;
  const double affordable = cells * static_cast<double>(total) / point.cells();
  const std::int64_t count =
      everything ? total
                 : std::clamp<std::int64_t>(static_cast<std::int64_t>(affordable), 1, total);
  std::vector<Window> windows;
  for (std::int64_t i = 0; i < count; ++i) {
    // The last one alone where there is but one: tails are where kernels err.
    const std::int64_t index = count > 1 ? i * (total - 1) / (count - 1) : total - 1;
    const std::int64_t head = index / a_head;
    const std::int64_t first = index % a_head * width;
    windows.push_back({head / point.H, head % point.H, first, std::min(width, point.D - first)});
  }
  return windows;
}

Gate::Gate(const Point& point, const leet_tensor* const* tensors, core::ThreadPool& pool)
    : point_(point), windows_(windows_of(point, kOracleCells)), expected_(windows_.size()) {
  struct Work {
    const leet_tensor* const* tensors;
    Gate& gate;
  } work{tensors, *this};
  const leet_status status = pool.parallel_for(
      static_cast<std::int64_t>(windows_.size()), 1,
      [](void* arg, std::int64_t begin, std::int64_t end, std::int32_t) -> leet_status {
        auto& ours = *static_cast<Work*>(arg);
        try {
          for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
            const WindowTensors window(ours.tensors, ours.gate.windows_[i]);
            ours.gate.expected_[i] = core::run_oracle(window.pointers(), 1.0);
          }
          return LEET_STATUS_OK;
        } catch (const std::bad_alloc&) {
          return LEET_STATUS_OUT_OF_MEMORY;
        }
      },
      &work);
  if (status != LEET_STATUS_OK) throw std::bad_alloc();
  double columns = 0;
  for (const Window& window : windows_) columns += static_cast<double>(window.count);
  checked_ = columns / (static_cast<double>(point.B) * static_cast<double>(point.H) *
                        static_cast<double>(point.D));
}

Verdict Gate::judge(const leet_tensor* const* tensors) const {
  Verdict verdict{true, 0, {}};
  const auto fault = [&](const std::string& message) {
    verdict.correct = false;
    if (verdict.message.empty()) verdict.message = message;
  };
  const leet_dtype arithmetic = sdk::same(point_.dtype, sdk::kF64) ? sdk::kF64 : sdk::kF32;
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    const Window& window = windows_[i];
    const WindowTensors view(tensors, window);
    const auto compare = [&](const validate::Expected& expected, int role) {
      const validate::Judgement judgement = validate::judge(view.values(role), expected);
      verdict.error = std::max(verdict.error, judgement.relative_error);
      if (judgement.ok) return;
      fault(fmt::format("b={} h={} columns {} to {}: {}", window.b, window.h, window.first,
                        window.first + window.count - 1, judgement.message));
    };
    compare({.name = "out",
             .extents = {1, 1, point_.N, window.count},
             .values = expected_[i].out,
             .magnitude = expected_[i].out_magnitude,
             .stored = point_.dtype,
             .arithmetic = arithmetic},
            LEET_ROLE_OUT);
    if (tensors[LEET_ROLE_STATE_OUT] == nullptr) continue;
    compare({.name = "state_out",
             .extents = {1, 1, point_.R, window.count},
             .values = expected_[i].state_out,
             .magnitude = expected_[i].state_magnitude,
             .stored = arithmetic,
             .arithmetic = arithmetic,
             .is_state = true},
            LEET_ROLE_STATE_OUT);
  }
  for (const auto& [role, name] :
       {std::pair{LEET_ROLE_OUT, "out"}, std::pair{LEET_ROLE_STATE_OUT, "state_out"}}) {
    if (tensors[role] == nullptr) continue;
    if (const auto message = find_non_finite(name, *tensors[role])) fault(*message);
  }
  return verdict;
}

}  // namespace leet::bench
