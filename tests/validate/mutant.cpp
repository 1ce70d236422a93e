// SPDX-License-Identifier: Apache-2.0
//
// A small, correct method with one fault at a time, picked by the environment variable MUTATION:
// the validator's own test. Without it, or with "none", the method is right.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <leet/plugin.hpp>
#include <string_view>
#include <thread>
#include <vector>

namespace {

namespace sdk = leet::sdk;

bool mutated(std::string_view name) {
  const char* value = std::getenv("MUTATION");
  return value != nullptr && name == value;
}

constexpr std::int64_t kBlock = 64;

struct AtLoad {
  AtLoad() {
    if (mutated("crash-at-load")) std::raise(SIGSEGV);
    if (mutated("exit-at-load")) std::_Exit(0);
  }
} at_load;

#ifdef MUTANT_WITHOUT_FEATURES
constexpr std::uint32_t kFeatures = 0;
#else
constexpr std::uint32_t kFeatures = LEET_FEATURE_STATES | LEET_FEATURE_VARLEN |
                                    LEET_FEATURE_SHARED_HEADS | LEET_FEATURE_ANY_STRIDES |
                                    LEET_FEATURE_DYNAMIC_AXES | LEET_FEATURE_F32_OUT;
#endif

class Mutant {
 public:
  static constexpr leet_note_desc kIdentity = sdk::identity(
      {.id = "test.mutant",
       .version = "1.0.0",
       .decay_kinds = LEET_DECAYS_NONE | LEET_DECAYS_HEAD | LEET_DECAYS_STEP | LEET_DECAYS_CHANNEL,
       .dtypes = LEET_DTYPES_F16 | LEET_DTYPES_BF16 | LEET_DTYPES_F32 | LEET_DTYPES_F64,
       .features = kFeatures});
  static constexpr const char* kSummary = "The recurrence in double, with a fault on request";
  static constexpr const char* kReference = "the operator's definition";

  static sdk::Verdict supports(const sdk::Host&, const sdk::Problem& problem, leet_device,
                               const sdk::Options&) {
    if (mutated("refuses-all")) return sdk::Verdict::no("not today");
    if (mutated("refuses-without-reason") && problem.decay_kind() == LEET_DECAY_HEAD) {
      return sdk::Verdict::no("%s", "");
    }
    if (mutated("refuses-a-claim") && sdk::same(problem.dtype(LEET_ROLE_Q), sdk::kBf16)) {
      return sdk::Verdict::no("bf16 is not supported after all");
    }
    if (mutated("impure-supports")) {
      static std::atomic<int> calls{0};
      return sdk::Verdict::yes(1.0 + calls++);
    }
    return sdk::Verdict::yes();
  }

  Mutant(const sdk::Host&, const sdk::Problem& problem, leet_device, const sdk::Options&)
      : decay_kind_(problem.decay_kind()), scale_(problem.scale()) {
    if (mutated("plan-fails")) throw sdk::Error(LEET_STATUS_UNSUPPORTED, "changed my mind");
    if (mutated("ignores-strides")) {
      const sdk::Shape& shape = problem.shape();
      dense_ = shape.B * shape.H * shape.N > 0;
    }
  }

  sdk::PlanInfo info() const {
    sdk::PlanInfo info;
    info.workspace_bytes = 256;
    info.workspace_alignment = 64;
    info.declared_rel_error = mutated("declares-too-little") ? 1e-9 : 5e-3;
    return info;
  }

  void execute(const sdk::Host&, const sdk::Exec& exec) const {
    const auto& tensors = exec.raw().tensors;
    const sdk::Shape& shape = exec.shape();
    if (mutated("crash")) std::raise(SIGSEGV);
    if (mutated("crash-once-in-a-while") && shape.N == 65) std::raise(SIGSEGV);
    if (mutated("exit")) std::_Exit(0);
    if (mutated("interrupt-worker")) kill(getpid(), SIGINT);
    if (mutated("interrupt") && shape.N == 65) {
      kill(0, SIGINT);  // Ctrl-C reaches every process of the terminal's group
      std::this_thread::sleep_for(std::chrono::hours(1));
    }
    if (mutated("hang")) std::this_thread::sleep_for(std::chrono::hours(1));
    if (mutated("prints")) {
      [[maybe_unused]] const auto written = write(1, "{\"end\":0,\"status\":4}\n", 21);
    }
    forge_message();
    if (mutated("writes-nothing")) return;
    if (mutated("workspace-overrun")) exec.workspace()[256] = std::byte{1};

    for (std::int64_t i = 0; i < shape.sequences; ++i) {
      for (std::int64_t s = 0; s < shape.Hs; ++s) run_head(exec, exec.sequence(i), i, s);
    }

    if (shape.B * shape.H * shape.N == 0) return;
    if (mutated("modifies-q") && shape.R > 0) {
      static_cast<std::byte*>(tensors[LEET_ROLE_Q]->data)[0] ^= std::byte{1};
    }
    if (mutated("writes-past-out") && shape.D > 0) {
      const sdk::TensorView out = exec.tensor(LEET_ROLE_OUT);
      std::byte* row = out.row(shape.B - 1, shape.H - 1, shape.N - 1);
      std::memset(row + shape.D * sdk::dtype_bytes(out.dtype()), 0, 1);
    }
  }

 private:
  void run_head(const sdk::Exec& exec, sdk::Sequence sequence, std::int64_t i,
                std::int64_t s) const {
    const sdk::Shape& shape = exec.shape();
    const std::int64_t R = shape.R;
    const std::int64_t D = shape.D;
    static std::vector<double> shared_state;
    std::vector<double> own_state;
    std::vector<double>& state = mutated("not-reentrant") ? shared_state : own_state;
    state.assign(static_cast<std::size_t>(R * D), 0.0);
    for (std::int64_t r = 0; r < R && exec.has(LEET_ROLE_STATE_IN); ++r) {
      load(exec, LEET_ROLE_STATE_IN, i, s, r, state.data() + r * D, D);
    }
    std::vector<double> q(R), k(R), v(D), g(R), out(D);
    for (std::int64_t t = sequence.begin; t < sequence.end; ++t) {
      load(exec, LEET_ROLE_K, sequence.batch, shape.state_source(s, shape.Hk), t, k.data(), R);
      load(exec, LEET_ROLE_V, sequence.batch, shape.state_source(s, shape.Hv), t, v.data(), D);
      if (decay_kind_ != LEET_DECAY_NONE) {
        load_decay(exec, sequence.batch, shape.state_source(s, shape.Hg), t, g.data(), R);
      }
      for (std::int64_t r = 0; r < R; ++r) {
        const double gamma = gamma_of(g[static_cast<std::size_t>(r)], shape, t - sequence.begin);
        for (std::int64_t d = 0; d < D; ++d) {
          double& x = state[static_cast<std::size_t>(r * D + d)];
          x = gamma * x + k[static_cast<std::size_t>(r)] * v[static_cast<std::size_t>(d)];
        }
      }
      if (mutated("not-reentrant")) std::this_thread::yield();
      for (std::int64_t h = s * shape.group(); h < (s + 1) * shape.group(); ++h) {
        load(exec, LEET_ROLE_Q, sequence.batch, shape.shared(h, shape.Hq), t, q.data(), R);
        for (std::int64_t d = 0; d < D; ++d) {
          double sum = 0;
          for (std::int64_t r = 0; r < R; ++r) {
            sum += q[static_cast<std::size_t>(r)] * state[static_cast<std::size_t>(r * D + d)];
          }
          out[static_cast<std::size_t>(d)] = result_of(scale_ * sum, exec, t);
        }
        store(exec, LEET_ROLE_OUT, sequence.batch, h, t, out.data(), D);
      }
    }
    for (std::int64_t r = 0; r < R && exec.has(LEET_ROLE_STATE_OUT); ++r) {
      store(exec, LEET_ROLE_STATE_OUT, i, s, r, state.data() + r * D, D);
    }
  }

  // Into the pipe that the worker's results go through.
  static void forge_message() {
    static constexpr struct {
      const char* mutation;
      std::string_view line;
    } kForged[] = {
        {"forges-text", "[]\n"},
        {"forges-type", "{\"begin\":\"x\"}\n"},
        {"forges-negative",
         "{\"end\":-7,\"status\":0,\"check\":\"\",\"message\":\"\",\"seconds\":0}\n"},
        {"forges-large",
         "{\"end\":1048576,\"status\":0,\"check\":\"\",\"message\":\"\",\"seconds\":0}\n"},
        {"forges-status",
         "{\"end\":0,\"status\":99,\"check\":\"\",\"message\":\"\",\"seconds\":0}\n"}};
    for (const auto& [mutation, line] : kForged) {
      if (!mutated(mutation)) continue;
      [[maybe_unused]] const auto written = write(3, line.data(), line.size());
    }
  }

  static double gamma_of(double g, const sdk::Shape& shape, std::int64_t t) {
    if (mutated("ignores-decay")) return 1;
    if (mutated("wrong-for-few-heads") && shape.B * shape.H < 4) return 1;
    if (mutated("off-by-one-at-blocks") && t > 0 && t % kBlock == 0) return std::exp(2 * g);
    if (mutated("gamma-in-16-bits")) {
      return sdk::to_float(sdk::to_bf16(static_cast<float>(std::exp(g))));
    }
    return std::exp(g);
  }

  static double result_of(double value, const sdk::Exec& exec, std::int64_t t) {
    if (mutated("all-zeros")) return 0;
    if (mutated("drops-the-tail") && t >= exec.shape().N / kBlock * kBlock &&
        exec.shape().N >= kBlock) {
      return 0;
    }
    if (mutated("reads-workspace")) {
      float garbage = 0;
      std::memcpy(&garbage, exec.workspace(), sizeof garbage);
      return garbage == 0 || std::isnan(garbage) ? value : 2 * value;
    }
    if (mutated("nondeterministic")) {
      static std::atomic<std::uint64_t> calls{0};
      return value * (1 + 1e-7 * static_cast<double>(calls++ % 7));
    }
    if (mutated("sees-the-future")) {
      float future = 0;
      const auto last = exec.tensor(LEET_ROLE_V).row(0, 0, exec.shape().N - 1);
      if (exec.shape().D > 0) sdk::load_row(exec.tensor(LEET_ROLE_V).dtype(), last, &future, 1);
      return std::isfinite(future) ? value * (1 + 1e-7 * future) : value;
    }
    return value;
  }

  // The address of a row; the mutation takes every tensor for a dense one.
  std::byte* row(const sdk::Exec& exec, int role, std::int64_t a, std::int64_t b,
                 std::int64_t c) const {
    if (!dense_ || role != LEET_ROLE_Q) return exec.tensor(role).row(a, b, c);
    const leet_tensor& tensor = *exec.raw().tensors[role];
    const auto& extent = tensor.spec.extent;
    return static_cast<std::byte*>(tensor.data) +
           ((a * extent[1] + b) * extent[2] + c) * extent[3] * sdk::dtype_bytes(tensor.spec.dtype);
  }

  void load(const sdk::Exec& exec, int role, std::int64_t a, std::int64_t b, std::int64_t c,
            double* to, std::int64_t count) const {
    sdk::load_row(exec.tensor(role).dtype(), row(exec, role, a, b, c), to, count);
  }

  static void load_decay(const sdk::Exec& exec, std::int64_t b, std::int64_t h, std::int64_t t,
                         double* to, std::int64_t count) {
    const sdk::TensorView g = exec.tensor(LEET_ROLE_LOG_DECAY);
    for (std::int64_t r = 0; r < count; ++r) {
      sdk::load_row(g.dtype(), g.row(b, h, t) + r * g.stride(3) * sdk::dtype_bytes(g.dtype()),
                    to + r, 1);
    }
  }

  void store(const sdk::Exec& exec, int role, std::int64_t a, std::int64_t b, std::int64_t c,
             const double* from, std::int64_t count) const {
    sdk::store_row(exec.tensor(role).dtype(), from, row(exec, role, a, b, c), count);
  }

  int decay_kind_;
  double scale_;
  bool dense_ = false;
};

}  // namespace

LEET_PLUGIN(Mutant)
