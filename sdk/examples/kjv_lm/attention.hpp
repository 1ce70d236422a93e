// SPDX-License-Identifier: Apache-2.0
//
// The operator in the model: the only part of this program that knows LeetDecoding. A method is
// asked for by name, planned once, and executed on the activations where they lie.
#ifndef KJV_LM_ATTENTION_HPP
#define KJV_LM_ATTENTION_HPP

#include <cstddef>
#include <cstdint>
#include <leet/leet.hpp>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <vector>

namespace kjv_lm {

struct AttentionShape {
  std::int64_t H = 0;           // heads
  std::int64_t R = 0;           // key dimension
  std::int64_t D = 0;           // value dimension
  std::int64_t max_tokens = 0;  // the most that one call brings
};

// One layer's activations, token by token and in each token head by head: q, k [N, H*R]; v, out
// [N, H*D].
struct AttentionArguments {
  std::int64_t N = 0;
  const float* q = nullptr;
  const float* k = nullptr;
  const float* v = nullptr;
  float* out = nullptr;
};

// A method's plans for one shape, with the workspace that they execute in: one for prefill, which
// takes any N up to max_tokens, and one for single steps, for which a method may have a path of its
// own. All layers of a model have one shape and run one after the other, so they share this.
class AttentionPlans {
 public:
  // Throws leet::Exception: UNAVAILABLE (no such method), UNSUPPORTED (with the method's reason).
  // `context` must outlive this object.
  AttentionPlans(leet::Context& context, const std::string& method, const AttentionShape& shape);

  const AttentionShape& shape() const { return shape_; }

  // Carries `state` ([H, R, D]) from before the arguments' tokens to after them. Allocates nothing.
  // Throws leet::Exception. One call at a time.
  void execute(const AttentionArguments& arguments, const float* log_decay, float* state);

 private:
  struct AlignedFree {
    std::align_val_t alignment;
    void operator()(std::byte* memory) const { ::operator delete(memory, alignment); }
  };

  leet::Tensors tensors(const AttentionArguments& arguments, const float* log_decay,
                        float* state) const;

  AttentionShape shape_;
  leet::Plan prefill_;
  leet::Plan step_;
  std::unique_ptr<std::byte, AlignedFree> workspace_;
  std::size_t workspace_bytes_ = 0;
};

// One layer's attention: its decays and the state that stands for all tokens seen so far.
class Attention {
 public:
  // `log_decay` [H] is copied; `plans` must outlive this object.
  Attention(AttentionPlans& plans, std::span<const float> log_decay);

  // Forgets all tokens.
  void reset();

  // Computes the next tokens' outputs. Throws leet::Exception.
  void execute(const AttentionArguments& arguments);

 private:
  AttentionPlans* plans_;
  std::vector<float> log_decay_;
  std::vector<float> state_;
};

}  // namespace kjv_lm
#endif  // KJV_LM_ATTENTION_HPP
