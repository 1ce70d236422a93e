// SPDX-License-Identifier: Apache-2.0
#include "attention.hpp"

#include <algorithm>

namespace kjv_lm {
namespace {

// Plans look at shapes only; execute brings the memory.
constexpr float* kNoData = nullptr;

leet::PlanOptions options(std::uint32_t dynamic_axes) {
  return {.decay_kind = LEET_DECAY_HEAD, .dynamic_axes = dynamic_axes};
}

}  // namespace

AttentionPlans::AttentionPlans(leet::Context& context, const std::string& method,
                               const AttentionShape& shape)
    : shape_(shape),
      prefill_(context.plan(
          method, tensors({shape.max_tokens, kNoData, kNoData, kNoData, kNoData}, kNoData, kNoData),
          options(LEET_DYNAMIC_N))),
      step_(context.plan(method, tensors({1, kNoData, kNoData, kNoData, kNoData}, kNoData, kNoData),
                         options(0))) {
  const leet_plan_info prefill = prefill_.info();
  const leet_plan_info step = step_.info();
  workspace_bytes_ = std::max(prefill.workspace_bytes, step.workspace_bytes);
  const std::align_val_t alignment{
      std::max<std::size_t>({prefill.workspace_alignment, step.workspace_alignment, 1})};
  workspace_ = {static_cast<std::byte*>(::operator new(workspace_bytes_, alignment)),
                AlignedFree{alignment}};
}

// The operator wants [B, H, N, R]. The activations are [N, H, R]; strides say so, and nothing is
// copied or transposed.
leet::Tensors AttentionPlans::tensors(const AttentionArguments& arguments, const float* log_decay,
                                      float* state) const {
  const auto& [H, R, D, max_tokens] = shape_;
  const auto heads_of_tokens = [H = H, N = arguments.N, max_tokens = max_tokens](
                                   auto* data, std::int64_t width) {
    return leet::tensor(data, {1, H, N, width}, {max_tokens * H * width, width, H * width, 1});
  };
  leet::Tensors tensors;
  tensors.set(LEET_ROLE_Q, heads_of_tokens(arguments.q, R));
  tensors.set(LEET_ROLE_K, heads_of_tokens(arguments.k, R));
  tensors.set(LEET_ROLE_V, heads_of_tokens(arguments.v, D));
  tensors.set(LEET_ROLE_LOG_DECAY, leet::tensor(log_decay, {1, H, 1, 1}));
  tensors.set(LEET_ROLE_STATE_IN, leet::tensor(state, {1, H, R, D}));
  tensors.set(LEET_ROLE_OUT, heads_of_tokens(arguments.out, D));
  tensors.set(LEET_ROLE_STATE_OUT, leet::tensor(state, {1, H, R, D}));  // in place
  return tensors;
}

void AttentionPlans::execute(const AttentionArguments& arguments, const float* log_decay,
                             float* state) {
  const leet::Plan& plan = arguments.N == 1 ? step_ : prefill_;
  plan.execute(tensors(arguments, log_decay, state), {workspace_.get(), workspace_bytes_});
}

Attention::Attention(AttentionPlans& plans, std::span<const float> log_decay)
    : plans_(&plans),
      log_decay_(log_decay.begin(), log_decay.end()),
      state_(static_cast<std::size_t>(plans.shape().H * plans.shape().R * plans.shape().D)) {}

void Attention::reset() { std::fill(state_.begin(), state_.end(), 0.0f); }

void Attention::execute(const AttentionArguments& arguments) {
  plans_->execute(arguments, log_decay_.data(), state_.data());
}

}  // namespace kjv_lm
