// SPDX-License-Identifier: Apache-2.0
//
// test.moody: the recurrence in double, by a plugin that fails where its option says, for the exit
// codes of the tools.
#include <signal.h>
#include <unistd.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <leet/plugin.hpp>
#include <leet/plugin/log_decay.hpp>
#include <string>
#include <utility>
#include <vector>

namespace leet::plugin_moody {
namespace {

class Moody {
 public:
  static constexpr leet_note_desc kIdentity =
      sdk::identity({.id = "test.moody",
                     .version = "1.2.3",
                     .devices = {LEET_DEVICE_CPU},
                     .decay_kinds = LEET_DECAYS_NONE | LEET_DECAYS_HEAD,
                     .dtypes = LEET_DTYPES_F32,
                     .features = LEET_FEATURE_STATES});
  static constexpr const char* kSummary = "Fails where its option says";
  static constexpr const char* kReference = "none";
  static constexpr leet_option kOptions[] = {
      sdk::option("fail", "never", "never, supports, plan, execute, interrupt or stuck"),
      sdk::option("mood", "calm", "calm, or grim: out is zero"),
      sdk::option("predict", "0", "seconds; beyond 1 the verdict is slow")};

  static sdk::Verdict supports(const sdk::Host&, const sdk::Problem&, leet_device,
                               const sdk::Options& options) {
    if (options.get("fail") == "supports") return sdk::Verdict::no("not today\nnor tomorrow");
    const double seconds = std::stod(std::string(options.get("predict")));
    return seconds > 1 ? sdk::Verdict::slow(seconds, "a bad day") : sdk::Verdict::yes(seconds);
  }

  Moody(const sdk::Host&, const sdk::Problem& problem, leet_device, const sdk::Options& options)
      : decay_kind_(problem.decay_kind()),
        scale_(problem.scale()),
        is_grim_(options.get("mood") == "grim"),
        fail_(options.get("fail")) {
    if (options.get("fail") == "plan") {
      throw sdk::Error(LEET_STATUS_INTERNAL, "the plan fell through");
    }
  }

  sdk::PlanInfo info() const { return {}; }

  void execute(const sdk::Host&, const sdk::Exec& exec) const {
    if (fail_ == "execute") throw sdk::Error(LEET_STATUS_INVALID_ARGUMENT, "changed its mind");
    if (fail_ == "interrupt" || fail_ == "stuck") kill(getpid(), SIGINT);  // as Ctrl-C does
    while (fail_ == "stuck") pause();
    const sdk::Shape& shape = exec.shape();
    for (std::int64_t b = 0; b < shape.B; ++b) {
      for (std::int64_t h = 0; h < shape.H; ++h) run_head(exec, b, h);
    }
  }

 private:
  static float& element(const sdk::Exec& exec, int role, std::int64_t b, std::int64_t h,
                        std::int64_t row, std::int64_t column) {
    return reinterpret_cast<float*>(exec.tensor(role).row(b, h, row))[column];
  }

  void run_head(const sdk::Exec& exec, std::int64_t b, std::int64_t h) const {
    const auto [R, D] = std::pair(exec.shape().R, exec.shape().D);
    const double gamma = std::exp(sdk::LogDecay(exec, decay_kind_).at(b, h, 0, 0));
    std::vector<double> state(static_cast<std::size_t>(R * D));
    const auto at = [&](std::int64_t r, std::int64_t d) -> double& {
      return state[static_cast<std::size_t>(r * D + d)];
    };
    for (std::int64_t i = 0; exec.has(LEET_ROLE_STATE_IN) && i < R * D; ++i) {
      at(i / D, i % D) = element(exec, LEET_ROLE_STATE_IN, b, h, i / D, i % D);
    }
    for (std::int64_t t = 0; t < exec.shape().N; ++t) {
      for (std::int64_t d = 0; d < D; ++d) {
        double sum = 0;
        for (std::int64_t r = 0; r < R; ++r) {
          at(r, d) =
              gamma * at(r, d) + static_cast<double>(element(exec, LEET_ROLE_K, b, h, t, r)) *
                                     element(exec, LEET_ROLE_V, b, h, t, d);
          sum += element(exec, LEET_ROLE_Q, b, h, t, r) * at(r, d);
        }
        if (!exec.has(LEET_ROLE_OUT)) continue;
        element(exec, LEET_ROLE_OUT, b, h, t, d) = is_grim_ ? 0 : static_cast<float>(scale_ * sum);
      }
    }
    for (std::int64_t i = 0; exec.has(LEET_ROLE_STATE_OUT) && i < R * D; ++i) {
      element(exec, LEET_ROLE_STATE_OUT, b, h, i / D, i % D) = static_cast<float>(at(i / D, i % D));
    }
  }

  int decay_kind_;
  double scale_;
  bool is_grim_;
  std::string fail_;
};

}  // namespace
}  // namespace leet::plugin_moody

LEET_PLUGIN(leet::plugin_moody::Moody)
