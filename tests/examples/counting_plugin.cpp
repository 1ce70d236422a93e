// SPDX-License-Identifier: Apache-2.0
//
// test.counting: a plain recurrence that keeps a record of its executes. Each appends one byte to
// the file that LEET_TEST_COUNT_FILE names: 's' for a single step, 'p' for a longer piece of text.
// LEET_TEST_MISBEHAVE=error makes execute fail, =nan makes it write NaN.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <leet/plugin.hpp>
#include <string_view>

namespace leet::plugin_counting {
namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

void record(char kind) {
  const std::string_view name = variable("LEET_TEST_COUNT_FILE");
  if (name.empty()) return;
  std::FILE* file = std::fopen(name.data(), "ab");
  if (file == nullptr) throw sdk::Error(LEET_STATUS_INTERNAL, "can't append to %s", name.data());
  const bool written = std::fputc(kind, file) == kind;
  if (std::fclose(file) != 0 || !written) {
    throw sdk::Error(LEET_STATUS_INTERNAL, "can't write to %s", name.data());
  }
}

class Counting {
 public:
  static constexpr leet_note_desc kIdentity = sdk::identity(
      {.id = "test.counting",
       .version = "0.1.0",
       .devices = {LEET_DEVICE_CPU},
       .decay_kinds = LEET_DECAYS_HEAD,
       .dtypes = LEET_DTYPES_F32,
       .features = LEET_FEATURE_STATES | LEET_FEATURE_ANY_STRIDES | LEET_FEATURE_DYNAMIC_AXES});
  static constexpr const char* kSummary = "Counts its executes";
  static constexpr const char* kReference = "none";

  static sdk::Verdict supports(const sdk::Host&, const sdk::Problem& problem, leet_device,
                               const sdk::Options&) {
    return problem.has(LEET_ROLE_OUT) ? sdk::Verdict::yes() : sdk::Verdict::no("no out: needs one");
  }

  Counting(const sdk::Host&, const sdk::Problem& problem, leet_device, const sdk::Options&)
      : scale_(static_cast<float>(problem.scale())) {
    info_.workspace_bytes =
        static_cast<std::uint64_t>(problem.shape().R * problem.shape().D) * sizeof(float);
    info_.workspace_alignment = alignof(float);
  }

  sdk::PlanInfo info() const { return info_; }

  void execute(const sdk::Host&, const sdk::Exec& exec) const {
    record(exec.shape().N == 1 ? 's' : 'p');
    const std::string_view misbehave = variable("LEET_TEST_MISBEHAVE");
    if (misbehave == "error") throw sdk::Error(LEET_STATUS_INTERNAL, "asked to fail");
    for (std::int64_t b = 0; b < exec.shape().B; ++b) {
      for (std::int64_t h = 0; h < exec.shape().H; ++h) run_head(exec, b, h);
    }
    if (misbehave == "nan") *row(exec, LEET_ROLE_OUT, 0, 0, 0) = std::nanf("");
  }

 private:
  static float* row(const sdk::Exec& exec, int role, std::int64_t i, std::int64_t j,
                    std::int64_t k) {
    return reinterpret_cast<float*>(exec.tensor(role).row(i, j, k));
  }

  void run_head(const sdk::Exec& exec, std::int64_t b, std::int64_t h) const {
    const std::int64_t R = exec.shape().R, D = exec.shape().D;
    float* const state = reinterpret_cast<float*>(exec.workspace());  // [R, D]
    std::fill(state, state + R * D, 0.0f);
    for (std::int64_t r = 0; r < R && exec.has(LEET_ROLE_STATE_IN); ++r) {
      std::copy_n(row(exec, LEET_ROLE_STATE_IN, b, h, r), D, state + r * D);
    }
    for (std::int64_t t = 0; t < exec.shape().N; ++t) {
      const float gamma = std::exp(*row(exec, LEET_ROLE_LOG_DECAY, b, h, t));
      const float* const q = row(exec, LEET_ROLE_Q, b, h, t);
      const float* const k = row(exec, LEET_ROLE_K, b, h, t);
      const float* const v = row(exec, LEET_ROLE_V, b, h, t);
      float* const out = row(exec, LEET_ROLE_OUT, b, h, t);
      std::fill(out, out + D, 0.0f);
      for (std::int64_t r = 0; r < R; ++r) {
        for (std::int64_t d = 0; d < D; ++d) {
          float& s = state[r * D + d];
          s = gamma * s + k[r] * v[d];
          out[d] += scale_ * q[r] * s;
        }
      }
    }
    for (std::int64_t r = 0; r < R && exec.has(LEET_ROLE_STATE_OUT); ++r) {
      std::copy_n(state + r * D, D, row(exec, LEET_ROLE_STATE_OUT, b, h, r));
    }
  }

  float scale_;
  sdk::PlanInfo info_;
};

}  // namespace
}  // namespace leet::plugin_counting

LEET_PLUGIN(leet::plugin_counting::Counting)
