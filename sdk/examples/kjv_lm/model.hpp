// SPDX-License-Identifier: Apache-2.0
//
// The language model: bytes in, for each byte the logits of the next one out. Dense layers by
// Eigen in float, attention by the method that the caller names. The equations are in the README
// beside the model's file.
#ifndef KJV_LM_MODEL_HPP
#define KJV_LM_MODEL_HPP

#include <cstdint>
#include <leet/leet.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "attention.hpp"
#include "weights.hpp"

namespace kjv_lm {

// The computed logits have a NaN or an infinity, so something computed wrongly.
class NotFinite : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Not movable: layers refer to the plans.
class Model {
 public:
  // `max_tokens` is the most that one forward() takes; memory grows with it. `context` and
  // `weights` must outlive the model. Throws leet::Exception as AttentionPlans does.
  Model(leet::Context& context, const std::string& method, const Weights& weights,
        std::int64_t max_tokens);
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  std::int64_t max_tokens() const { return plans_.shape().max_tokens; }

  // Forgets the text.
  void reset();

  // Appends 1 to max_tokens() bytes to the text and gives their logits, [bytes, 256]: row i scores
  // what follows bytes[i]. The rows live until the next call. Throws leet::Exception, NotFinite.
  Eigen::Ref<const Matrix> forward(std::span<const std::uint8_t> bytes);

 private:
  void attend(const LayerWeights& layer, Attention& attention, Eigen::Index N);
  void feed_forward(const LayerWeights& layer, Eigen::Index N);

  const Weights& weights_;
  AttentionPlans plans_;
  std::vector<Attention> attentions_;  // by layer

  // Activations of up to max_tokens rows, reused by every layer and every call.
  Matrix x_, h_;         // [max_tokens, M]
  Matrix q_, k_;         // [max_tokens, H*R]
  Matrix v_, gate_, o_;  // [max_tokens, H*D]
  Matrix a_, b_;         // [max_tokens, FF]
  Matrix logits_;        // [max_tokens, 256]
};

// Appends text of any length in passes of at most max_tokens() bytes, the state carried between
// them, and calls `use(offset, logits)` with each pass's logits.
template <class Use>
void prefill(Model& model, std::span<const std::uint8_t> text, Use&& use) {
  const auto most = static_cast<std::size_t>(model.max_tokens());
  for (std::size_t offset = 0; offset < text.size(); offset += most) {
    use(offset, model.forward(text.subspan(offset, std::min(most, text.size() - offset))));
  }
}

}  // namespace kjv_lm
#endif  // KJV_LM_MODEL_HPP
