// SPDX-License-Identifier: Apache-2.0
//
// peer.openblas: chunks whose products are calls of OpenBLAS, as a program without kernels of its
// own would compute the operator. What `leet bench --peer openblas` holds methods against; a plugin
// so that it is checked, threaded and timed exactly as they are.
//
// With P = (Q K^T) o M of a chunk of C steps, t = 0 .. C - 1, and S the state before it:
//
//     O = scale (P V + diag(gamma^(t+1)) Q S)
//     S = gamma^C S + (diag(gamma^(C-1-t)) K)^T V
//
// Bound: sgemm of C, R and D rows and columns; 4 N R D + 2 N C (R + D) flops, because sgemm knows
// no triangles.
#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <leet/plugin.hpp>
#include <leet/plugin/cost.hpp>
#include <leet/plugin/log_decay.hpp>
#include <leet/plugin/scratch.hpp>

namespace leet::peer_openblas {
namespace {

// Row-major, rows `stride` elements apart.
struct Matrix {
  const float* data;
  std::int64_t stride;
};

// c [rows, columns] = alpha a b + beta c, where a is given as its transpose or b is.
enum class Given { kPlain, kTransposedA, kTransposedB };
void multiply(Given given, std::int64_t rows, std::int64_t columns, std::int64_t inner, float alpha,
              Matrix a, Matrix b, float beta, float* c, std::int64_t c_stride) {
  const auto size = [](std::int64_t value) { return static_cast<blasint>(value); };
  cblas_sgemm(CblasRowMajor, given == Given::kTransposedA ? CblasTrans : CblasNoTrans,
              given == Given::kTransposedB ? CblasTrans : CblasNoTrans, size(rows), size(columns),
              size(inner), alpha, a.data, size(a.stride), b.data, size(b.stride), beta, c,
              size(c_stride));
}

// A worker's arrays.
struct Buffers {
  Buffers(sdk::Scratch& scratch, const sdk::Shape& shape, std::int64_t C)
      : state(scratch.take<float>(shape.R * shape.D)),
        scores(scratch.take<float>(C * C)),
        q(scratch.take<float>(C * shape.R)),
        k(scratch.take<float>(C * shape.R)),
        powers(scratch.take<float>(C + 1)) {}

  float* state;   // [R, columns of the piece]
  float* scores;  // [C, C]
  float* q;       // [C, R], times gamma^(t+1)
  float* k;       // [C, R], times gamma^(C-1-t)
  float* powers;  // gamma^0 .. gamma^C
};

// Some columns of one head: nobody else's state.
struct Piece {
  std::int64_t b, h;
  std::int64_t first, columns;
};

class OpenBlas {
 public:
  static constexpr leet_note_desc kIdentity =
      sdk::identity({.id = "peer.openblas",
                     .version = "0.1.0",
                     .decay_kinds = LEET_DECAYS_NONE | LEET_DECAYS_HEAD,
                     .dtypes = LEET_DTYPES_F32,
                     .features = LEET_FEATURE_STATES});
  static constexpr const char* kSummary = "OpenBLAS's sgemm on chunks; a peer to compare with";
  static constexpr const char* kReference =
      "Hua et al. 2022, Transformer Quality in Linear Time (arXiv 2202.10447), section 3.3";
  static constexpr leet_option kOptions[] = {
      sdk::option("chunk", "32", "steps in a chunk, 1 to 1024")};

  static sdk::Verdict supports(const sdk::Host&, const sdk::Problem& problem, leet_device,
                               const sdk::Options& options) {
    chunk(options);
    const sdk::Shape& shape = problem.shape();
    constexpr std::int64_t kLargest = 1 << 20;  // far from where blasint ends
    if (std::min(shape.R, shape.D) < 1 || std::max(shape.R, shape.D) > kLargest) {
      return sdk::Verdict::no("R=%lld D=%lld: needs 1 to %lld", static_cast<long long>(shape.R),
                              static_cast<long long>(shape.D), static_cast<long long>(kLargest));
    }
    for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
      const leet_tensor_spec* const spec = problem.spec(role);
      if (spec != nullptr && spec->alignment < sdk::dtype_bytes(spec->dtype)) {
        return sdk::Verdict::no("elements that are not on their own boundaries");
      }
    }
    return sdk::Verdict::yes();
  }

  OpenBlas(const sdk::Host& host, const sdk::Problem& problem, leet_device,
           const sdk::Options& options)
      : decay_kind_(problem.decay_kind()),
        scale_(static_cast<float>(problem.scale())),
        C_(std::clamp<std::int64_t>(chunk(options), 1,
                                    std::max<std::int64_t>(problem.shape().N, 1))) {
    // Threads are the host's; workers call sgemm at once.
    openblas_set_num_threads(1);
    sdk::Scratch count;
    Buffers(count, problem.shape(), C_);
    bytes_a_worker_ = count.bytes();
    info_.workspace_bytes = bytes_a_worker_ * static_cast<std::uint64_t>(host.concurrency());
    info_.workspace_alignment = sdk::kCacheLine;
    info_.bytes_moved = sdk::compulsory_bytes(problem);
    const sdk::Shape& shape = problem.shape();
    info_.flops = 2.0 * static_cast<double>(shape.B * shape.H * shape.N) *
                  static_cast<double>(2 * shape.R * shape.D + C_ * (shape.R + shape.D));
    info_.declared_rel_error = 5e-6;
    std::snprintf(choice_, sizeof choice_, "%s, chunks of %lld steps", openblas_get_corename(),
                  static_cast<long long>(C_));
    info_.choice = choice_;
  }

  sdk::PlanInfo info() const { return info_; }

  void execute(const sdk::Host& host, const sdk::Exec& exec) const {
    if (exec.writes_nothing()) return;
    const sdk::Shape& shape = exec.shape();
    const std::int64_t heads = shape.B * shape.H;
    const std::int64_t cuts =
        std::clamp<std::int64_t>((host.concurrency() + heads - 1) / heads, 1, shape.D);
    const std::int64_t width = (shape.D + cuts - 1) / cuts;
    const std::int64_t pieces = (shape.D + width - 1) / width;
    host.parallel_for(
        heads * pieces, 1, [&](std::int64_t begin, std::int64_t end, std::int32_t worker) {
          sdk::Scratch scratch(exec.workspace() +
                               static_cast<std::uint64_t>(worker) * bytes_a_worker_);
          const Buffers buffers(scratch, shape, C_);
          for (std::int64_t i = begin; i < end; ++i) {
            const std::int64_t first = i % pieces * width;
            const std::int64_t head = i / pieces;
            run(exec, {head / shape.H, head % shape.H, first, std::min(width, shape.D - first)},
                buffers);
          }
        });
  }

 private:
  static std::int64_t chunk(const sdk::Options& options) {
    return options.get_int("chunk", 1, 1024);
  }

  static float* row(const sdk::TensorView& tensor, const Piece& piece, std::int64_t index) {
    return reinterpret_cast<float*>(tensor.row(piece.b, piece.h, index));
  }

  void run(const sdk::Exec& exec, const Piece& piece, const Buffers& buffers) const {
    const sdk::Shape& shape = exec.shape();
    const sdk::Operands operands(exec);
    const double g = sdk::LogDecay(exec, decay_kind_).at(piece.b, piece.h, 0, 0);
    for (std::int64_t i = 0; i <= C_; ++i) {
      // The power 0 apart: 0 * -inf is no number.
      buffers.powers[i] = i == 0 ? 1 : static_cast<float>(std::exp(g * static_cast<double>(i)));
    }
    const auto columns = static_cast<std::size_t>(piece.columns);
    for (std::int64_t r = 0; r < shape.R; ++r) {
      float* const to = buffers.state + r * piece.columns;
      if (operands.state_in) {
        std::memcpy(to, row(*operands.state_in, piece, r) + piece.first, columns * sizeof(float));
      } else {
        std::fill_n(to, piece.columns, 0.0f);
      }
    }
    for (std::int64_t t = 0; t < shape.N; t += C_) {
      const std::int64_t steps = std::min(C_, shape.N - t);
      if (operands.out) output(operands, piece, t, steps, shape, buffers);
      if (operands.state_out || t + steps < shape.N) {
        update(operands, piece, t, steps, shape, buffers);
      }
    }
    if (!operands.state_out) return;
    for (std::int64_t r = 0; r < shape.R; ++r) {
      std::memcpy(row(*operands.state_out, piece, r) + piece.first,
                  buffers.state + r * piece.columns, columns * sizeof(float));
    }
  }

  // Rows [t, t + steps) of out, from the state before them.
  void output(const sdk::Operands& operands, const Piece& piece, std::int64_t t, std::int64_t steps,
              const sdk::Shape& shape, const Buffers& buffers) const {
    const std::int64_t R = shape.R, D = shape.D;
    const float* const q = row(operands.q, piece, t);
    const float* const k = row(operands.k, piece, t);
    const float* const v = row(operands.v, piece, t) + piece.first;
    float* const out = row(*operands.out, piece, t) + piece.first;
    multiply(Given::kTransposedB, steps, steps, R, 1, {q, R}, {k, R}, 0, buffers.scores, steps);
    for (std::int64_t i = 0; i < steps; ++i) {
      float* const scores = buffers.scores + i * steps;
      for (std::int64_t j = 0; j <= i; ++j) scores[j] *= buffers.powers[i - j];
      std::fill(scores + i + 1, scores + steps, 0.0f);
    }
    weigh(q, steps, R, buffers.q, [&](std::int64_t i) { return buffers.powers[i + 1]; });
    multiply(Given::kPlain, steps, piece.columns, R, scale_, {buffers.q, R},
             {buffers.state, piece.columns}, 0, out, D);
    multiply(Given::kPlain, steps, piece.columns, steps, scale_, {buffers.scores, steps}, {v, D}, 1,
             out, D);
  }

  void update(const sdk::Operands& operands, const Piece& piece, std::int64_t t, std::int64_t steps,
              const sdk::Shape& shape, const Buffers& buffers) const {
    const std::int64_t R = shape.R, D = shape.D;
    weigh(row(operands.k, piece, t), steps, R, buffers.k,
          [&](std::int64_t i) { return buffers.powers[steps - 1 - i]; });
    multiply(Given::kTransposedA, R, piece.columns, steps, 1, {buffers.k, R},
             {row(operands.v, piece, t) + piece.first, D}, buffers.powers[steps], buffers.state,
             piece.columns);
  }

  // to [steps, R] = from, row i times weight(i).
  template <class Weight>
  static void weigh(const float* from, std::int64_t steps, std::int64_t R, float* to,
                    Weight&& weight) {
    for (std::int64_t i = 0; i < steps; ++i) {
      const float factor = weight(i);
      for (std::int64_t r = 0; r < R; ++r) to[i * R + r] = factor * from[i * R + r];
    }
  }

  int decay_kind_;
  float scale_;
  std::int64_t C_;
  std::uint64_t bytes_a_worker_ = 0;
  sdk::PlanInfo info_;
  char choice_[96];
};

}  // namespace
}  // namespace leet::peer_openblas

LEET_PLUGIN(leet::peer_openblas::OpenBlas)
