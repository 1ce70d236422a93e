// SPDX-License-Identifier: Apache-2.0
#include "model.hpp"

#include <cmath>

namespace kjv_lm {
namespace {

constexpr float kEpsilon = 1e-5f;

float rms_scale(const Eigen::Ref<const RowVector>& x) {
  return 1.0f / std::sqrt(x.squaredNorm() / static_cast<float>(x.size()) + kEpsilon);
}

// Row by row: out = x / sqrt(mean(x^2) + eps) * weight.
void rms_norm(const Eigen::Ref<const Matrix>& x, const RowVector& weight, Eigen::Ref<Matrix> out) {
  for (Eigen::Index i = 0; i < x.rows(); ++i) {
    out.row(i) = (x.row(i) * rms_scale(x.row(i))).cwiseProduct(weight);
  }
}

void silu(Eigen::Ref<Matrix> x) { x = x.array() / (1.0f + (-x.array()).exp()); }

}  // namespace

Model::Model(leet::Context& context, const std::string& method, const Weights& weights,
             std::int64_t max_tokens)
    : weights_(weights),
      plans_(context, method, {weights.H, weights.R, weights.D, max_tokens}),
      attentions_(weights.layers.size(),
                  Attention(plans_, {weights.log_decay.data(),
                                     static_cast<std::size_t>(weights.log_decay.size())})),
      x_(max_tokens, weights.M),
      h_(max_tokens, weights.M),
      q_(max_tokens, weights.H * weights.R),
      k_(max_tokens, weights.H * weights.R),
      v_(max_tokens, weights.H * weights.D),
      gate_(max_tokens, weights.H * weights.D),
      o_(max_tokens, weights.H * weights.D),
      a_(max_tokens, weights.FF),
      b_(max_tokens, weights.FF),
      logits_(max_tokens, kVocabulary) {}

void Model::reset() {
  for (Attention& attention : attentions_) attention.reset();
}

Eigen::Ref<const Matrix> Model::forward(std::span<const std::uint8_t> bytes) {
  if (bytes.empty() || bytes.size() > static_cast<std::size_t>(max_tokens())) {
    throw std::invalid_argument("Model::forward: 1 to max_tokens() bytes at once");
  }
  const auto N = static_cast<Eigen::Index>(bytes.size());
  for (Eigen::Index i = 0; i < N; ++i) {
    x_.row(i) = weights_.embedding.row(bytes[static_cast<std::size_t>(i)]);
  }
  for (std::size_t i = 0; i < weights_.layers.size(); ++i) {
    attend(weights_.layers[i], attentions_[i], N);
    feed_forward(weights_.layers[i], N);
  }
  rms_norm(x_.topRows(N), weights_.norm_f, h_.topRows(N));
  auto logits = logits_.topRows(N);
  logits.noalias() = h_.topRows(N) * weights_.embedding.transpose();
  if (!logits.allFinite()) throw NotFinite("the logits have a NaN or an infinity");
  return logits;
}

// x = x + (norm(operator(q, k, v)) * gate) wo
void Model::attend(const LayerWeights& layer, Attention& attention, Eigen::Index N) {
  auto x = x_.topRows(N), h = h_.topRows(N);
  auto q = q_.topRows(N), k = k_.topRows(N), v = v_.topRows(N), gate = gate_.topRows(N);
  auto o = o_.topRows(N);

  rms_norm(x, layer.norm1, h);
  q.noalias() = h * layer.wq;
  k.noalias() = h * layer.wk;
  v.noalias() = h * layer.wv;
  gate.noalias() = h * layer.wg;
  silu(q);
  silu(k);
  silu(gate);

  attention.execute({.N = N, .q = q.data(), .k = k.data(), .v = v.data(), .out = o.data()});

  for (Eigen::Index i = 0; i < N; ++i) {
    for (Eigen::Index head = 0; head < weights_.H; ++head) {
      auto values = o.row(i).segment(head * weights_.D, weights_.D);
      values *= rms_scale(values);
    }
    o.row(i) = o.row(i).cwiseProduct(layer.norm_o).cwiseProduct(gate.row(i));
  }
  x.noalias() += o * layer.wo;
}

// x = x + (silu(h w1) * (h w3)) w2
void Model::feed_forward(const LayerWeights& layer, Eigen::Index N) {
  auto x = x_.topRows(N), h = h_.topRows(N), a = a_.topRows(N), b = b_.topRows(N);
  rms_norm(x, layer.norm2, h);
  a.noalias() = h * layer.w1;
  b.noalias() = h * layer.w3;
  silu(a);
  a = a.cwiseProduct(b);
  x.noalias() += a * layer.w2;
}

}  // namespace kjv_lm
