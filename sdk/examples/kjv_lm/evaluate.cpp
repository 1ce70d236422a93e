// SPDX-License-Identifier: Apache-2.0
#include "evaluate.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>

namespace kjv_lm {

double bits_per_byte(Model& model, std::span<const std::uint8_t> text) {
  if (text.size() < 2) throw std::invalid_argument("bits_per_byte: needs at least 2 bytes");
  model.reset();
  double nats = 0;
  // The last byte is only predicted, so it is not fed.
  prefill(model, text.first(text.size() - 1), [&](std::size_t offset, const auto& logits) {
    for (Eigen::Index i = 0; i < logits.rows(); ++i) {
      const auto scores = logits.row(i).template cast<double>().array();
      const double largest = scores.maxCoeff();
      const double log_sum = largest + std::log((scores - largest).exp().sum());
      nats += log_sum - scores(text[offset + static_cast<std::size_t>(i) + 1]);
    }
  });
  return nats / std::numbers::ln2 / static_cast<double>(text.size() - 1);
}

}  // namespace kjv_lm
