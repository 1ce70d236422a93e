// SPDX-License-Identifier: Apache-2.0
//
// The log_decay tensor, or its absence, as every decay kind is read.
#ifndef LEET_PLUGIN_LOG_DECAY_HPP
#define LEET_PLUGIN_LOG_DECAY_HPP

#include <leet/plugin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <leet/plugin/dtype.hpp>
#include <leet/plugin/problem.hpp>

namespace leet::sdk {

// Over log_decay in host memory; lives no longer than the Exec that brought it.
class LogDecay {
 public:
  LogDecay(const Exec& exec, int decay_kind) : kind_(decay_kind) {
    if (exec.has(LEET_ROLE_LOG_DECAY)) tensor_ = exec.raw().tensors[LEET_ROLE_LOG_DECAY];
  }

  // Whether two steps of one head may differ.
  bool varies_in_time() const { return kind_ == LEET_DECAY_STEP || kind_ == LEET_DECAY_CHANNEL; }

  // g at [b, h, t, r], h counting log_decay's own heads; 0 where there is no decay.
  double at(std::int64_t b, std::int64_t h, std::int64_t t, std::int64_t r) const {
    if (tensor_ == nullptr) return 0;
    const TensorView view(*tensor_);
    const std::byte* element = view.row(b, h, t) + r * view.stride(3) * dtype_bytes(view.dtype());
    if (same(view.dtype(), kF64)) {
      double g;
      std::memcpy(&g, element, sizeof g);
      return g;
    }
    float g;
    std::memcpy(&g, element, sizeof g);
    return g;
  }

  // Writes from_log(g) for the R key channels of one step, and computes it once where they share
  // it.
  template <class Factor, class FromLog>
  void row(std::int64_t b, std::int64_t h, std::int64_t t, std::int64_t R, Factor* to,
           FromLog&& from_log) const {
    if (R == 0) return;  // no element to read
    if (kind_ == LEET_DECAY_CHANNEL) {
      for (std::int64_t r = 0; r < R; ++r) to[r] = from_log(at(b, h, t, r));
    } else {
      std::fill(to, to + R, from_log(at(b, h, t, 0)));
    }
  }

 private:
  const leet_tensor* tensor_ = nullptr;
  int kind_;
};

}  // namespace leet::sdk
#endif  // LEET_PLUGIN_LOG_DECAY_HPP
