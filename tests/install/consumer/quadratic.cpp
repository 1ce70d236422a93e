// SPDX-License-Identifier: Apache-2.0
//
// acme.quadratic: the operator as it is written down, one output after the other:
//
//     o_t = scale * sum over s <= t of (q_t o gamma_t o ... o gamma_{s+1}) . k_s  v_s
//
// O(N^2 (R + D)), in double. Walking s from t down to 0, the decayed q is carried along, so that
// every decay kind, gamma = 0 included, is the same loop and nothing can overflow.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <leet/plugin.hpp>
#include <leet/plugin/log_decay.hpp>
#include <leet/plugin/scratch.hpp>

namespace acme {
namespace {

namespace sdk = leet::sdk;

// One worker's scratch.
struct Buffers {
  Buffers(sdk::Scratch& scratch, const sdk::Shape& shape)
      : q(scratch.take<double>(shape.R)),
        k(scratch.take<double>(shape.R)),
        gamma(scratch.take<double>(shape.R)),
        v(scratch.take<double>(shape.D)),
        out(scratch.take<double>(shape.D)) {}

  double *q, *k, *gamma;  // [R]
  double *v, *out;        // [D]
};

class Quadratic {
 public:
  static constexpr leet_note_desc kIdentity = sdk::identity(
      {.id = "acme.quadratic",
       .version = "1.0.0",
       .devices = {LEET_DEVICE_CPU},
       .decay_kinds = LEET_DECAYS_NONE | LEET_DECAYS_HEAD | LEET_DECAYS_STEP | LEET_DECAYS_CHANNEL,
       .dtypes = LEET_DTYPES_F32,
       .features = LEET_FEATURE_ANY_STRIDES | LEET_FEATURE_DYNAMIC_AXES});
  static constexpr const char* kSummary = "The definition, output by output, O(N^2 (R + D))";
  static constexpr const char* kReference = "Acme Corporation, internal note 1";

  static sdk::Verdict supports(const sdk::Host&, const sdk::Problem&, leet_device,
                               const sdk::Options&) {
    return sdk::Verdict::yes();
  }

  Quadratic(const sdk::Host& host, const sdk::Problem& problem, leet_device, const sdk::Options&)
      : decay_kind_(problem.decay_kind()), scale_(problem.scale()) {
    sdk::Scratch count;
    Buffers(count, problem.shape());
    bytes_a_worker_ = count.bytes();
    info_.workspace_bytes = bytes_a_worker_ * static_cast<std::uint64_t>(host.concurrency());
    info_.workspace_alignment = sdk::kCacheLine;
    info_.declared_rel_error = 1e-6;
  }

  sdk::PlanInfo info() const { return info_; }

  void execute(const sdk::Host& host, const sdk::Exec& exec) const {
    if (!exec.has(LEET_ROLE_OUT)) return;
    const sdk::Shape& shape = exec.shape();
    host.parallel_for(shape.B * shape.H, 1,
                      [&](std::int64_t begin, std::int64_t end, std::int32_t worker) {
                        sdk::Scratch scratch(exec.workspace() +
                                             static_cast<std::uint64_t>(worker) * bytes_a_worker_);
                        const Buffers buffers(scratch, shape);
                        for (std::int64_t i = begin; i < end; ++i) {
                          for (std::int64_t t = 0; t < shape.N; ++t) {
                            compute_output(exec, i / shape.H, i % shape.H, t, buffers);
                          }
                        }
                      });
  }

 private:
  void compute_output(const sdk::Exec& exec, std::int64_t b, std::int64_t h, std::int64_t t,
                      const Buffers& buffers) const {
    const auto [B, H, N, R, D, Hq, Hk, Hv, Hg, Hs, sequences] = exec.shape();
    const auto load = [&](int role, std::int64_t s, double* to, std::int64_t count) {
      if (count > 0) sdk::load_row(sdk::kF32, exec.tensor(role).row(b, h, s), to, count);
    };
    const sdk::LogDecay log_decay(exec, decay_kind_);

    std::fill(buffers.out, buffers.out + D, 0.0);
    load(LEET_ROLE_Q, t, buffers.q, R);
    for (std::int64_t s = t; s >= 0; --s) {
      load(LEET_ROLE_K, s, buffers.k, R);
      load(LEET_ROLE_V, s, buffers.v, D);
      double weight = 0;
      for (std::int64_t r = 0; r < R; ++r) weight += buffers.q[r] * buffers.k[r];
      for (std::int64_t d = 0; d < D; ++d) buffers.out[d] += weight * buffers.v[d];

      if (s == t || log_decay.varies_in_time()) {
        log_decay.row(b, h, s, R, buffers.gamma, [](double g) { return std::exp(g); });
      }
      for (std::int64_t r = 0; r < R; ++r) buffers.q[r] *= buffers.gamma[r];
    }
    for (std::int64_t d = 0; d < D; ++d) buffers.out[d] *= scale_;
    if (D > 0) {
      sdk::store_row(sdk::kF32, buffers.out, exec.tensor(LEET_ROLE_OUT).row(b, h, t), D);
    }
  }

  int decay_kind_;
  double scale_;
  std::uint64_t bytes_a_worker_ = 0;
  sdk::PlanInfo info_;
};

}  // namespace
}  // namespace acme

LEET_PLUGIN(acme::Quadratic)
