// SPDX-License-Identifier: Apache-2.0
//
// test.counting: the recurrent method, with a record of its executes. Each appends one byte to the
// file that LEET_TEST_COUNT_FILE names: 's' for a single step, 'p' for a longer piece of text.
// LEET_TEST_MISBEHAVE=error makes execute fail, =nan makes it write NaN.
#include <cstdio>
#include <cstdlib>
#include <leet/plugin.hpp>
#include <limits>
#include <string_view>

#include "plugins/recurrent/recurrent_cpu.hpp"

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

  static sdk::Verdict supports(const sdk::Problem&, leet_device, const sdk::Options&) {
    return sdk::Verdict::yes();
  }

  Counting(const sdk::Host& host, const sdk::Problem& problem, leet_device, const sdk::Options&)
      : config_{problem.decay_kind(), problem.scale(),
                plugin_recurrent::bytes_a_worker<float>(problem.shape())} {
    info_.workspace_bytes = config_.bytes_a_worker * static_cast<std::uint64_t>(host.concurrency());
    info_.workspace_alignment = 64;
  }

  sdk::PlanInfo info() const { return info_; }

  void execute(const sdk::Host& host, const sdk::Exec& exec) const {
    record(exec.shape().N == 1 ? 's' : 'p');
    const std::string_view misbehave = variable("LEET_TEST_MISBEHAVE");
    if (misbehave == "error") throw sdk::Error(LEET_STATUS_INTERNAL, "asked to fail");
    plugin_recurrent::execute_cpu<float>(host, exec, config_);
    if (misbehave == "nan") {
      const float nan = std::numeric_limits<float>::quiet_NaN();
      sdk::store_row(sdk::kF32, &nan, exec.tensor(LEET_ROLE_OUT).row(0, 0, 0), 1);
    }
  }

 private:
  plugin_recurrent::Config config_;
  sdk::PlanInfo info_;
};

}  // namespace
}  // namespace leet::plugin_counting

LEET_PLUGIN(leet::plugin_counting::Counting)
