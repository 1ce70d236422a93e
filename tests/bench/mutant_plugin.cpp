// SPDX-License-Identifier: Apache-2.0
//
// test.bench_mutant: the recurrence in double, broken as its option says.
#include <cmath>
#include <csignal>
#include <cstddef>
#include <leet/plugin.hpp>
#include <leet/plugin/log_decay.hpp>
#include <string>
#include <vector>

namespace leet::plugin_bench_mutant {
namespace {

float& element(const sdk::Exec& exec, int role, std::int64_t b, std::int64_t h, std::int64_t row,
               std::int64_t column) {
  return reinterpret_cast<float*>(exec.tensor(role).row(b, h, row))[column];
}

class BenchMutant {
 public:
  static constexpr leet_note_desc kIdentity = sdk::identity({.id = "test.bench_mutant",
                                                             .version = "1.0.0",
                                                             .devices = {LEET_DEVICE_CPU},
                                                             .decay_kinds = LEET_DECAYS_HEAD,
                                                             .dtypes = LEET_DTYPES_F32});
  static constexpr const char* kSummary = "The recurrence in double, broken as its option says";
  static constexpr const char* kReference = "the operator's definition";
  static constexpr leet_option kOptions[] = {sdk::option(
      "fault", "none",
      "none; wrong; late (right at the first execute only); odd (refuses an odd R); "
      "plan or execute (fails there); interrupt (Ctrl-C at the tenth execute with N=3)")};

  static sdk::Verdict supports(const sdk::Host&, const sdk::Problem& problem, leet_device,
                               const sdk::Options& options) {
    if (options.get("fault") == "odd" && problem.shape().R % 2 == 1) {
      return sdk::Verdict::no("R=%lld: needs an even number",
                              static_cast<long long>(problem.shape().R));
    }
    return sdk::Verdict::yes();
  }

  BenchMutant(const sdk::Host&, const sdk::Problem& problem, leet_device,
              const sdk::Options& options)
      : fault_(options.get("fault")), decay_kind_(problem.decay_kind()), scale_(problem.scale()) {
    if (fault_ == "plan") throw sdk::Error(LEET_STATUS_INTERNAL, "the plan fell through");
  }

  sdk::PlanInfo info() const { return {}; }

  void execute(const sdk::Host&, const sdk::Exec& exec) const {
    if (fault_ == "execute") throw sdk::Error(LEET_STATUS_INTERNAL, "the execute fell through");
    const sdk::Shape& shape = exec.shape();
    for (std::int64_t b = 0; b < shape.B; ++b) {
      for (std::int64_t h = 0; h < shape.H; ++h) run_head(exec, b, h);
    }
    ++executes_;
    if (fault_ == "interrupt" && shape.N == 3 && executes_ == 10) std::raise(SIGINT);
    if (fault_ == "wrong" || (fault_ == "late" && executes_ > 1)) {
      float& last =
          element(exec, LEET_ROLE_OUT, shape.B - 1, shape.H - 1, shape.N - 1, shape.D - 1);
      last = last * 1.1f + 0.1f;
    }
  }

 private:
  void run_head(const sdk::Exec& exec, std::int64_t b, std::int64_t h) const {
    const sdk::Shape& shape = exec.shape();
    const double gamma = std::exp(sdk::LogDecay(exec, decay_kind_).at(b, h, 0, 0));
    std::vector<double> state(static_cast<std::size_t>(shape.R * shape.D));
    for (std::int64_t t = 0; t < shape.N; ++t) {
      for (std::int64_t d = 0; d < shape.D; ++d) {
        const double v = element(exec, LEET_ROLE_V, b, h, t, d);
        double sum = 0;
        for (std::int64_t r = 0; r < shape.R; ++r) {
          double& s = state[static_cast<std::size_t>(r * shape.D + d)];
          s = gamma * s + element(exec, LEET_ROLE_K, b, h, t, r) * v;
          sum += element(exec, LEET_ROLE_Q, b, h, t, r) * s;
        }
        element(exec, LEET_ROLE_OUT, b, h, t, d) = static_cast<float>(scale_ * sum);
      }
    }
  }

  std::string fault_;
  int decay_kind_;
  double scale_;
  mutable int executes_ = 0;  // leet bench executes on one thread
};

}  // namespace
}  // namespace leet::plugin_bench_mutant

LEET_PLUGIN(leet::plugin_bench_mutant::BenchMutant)
