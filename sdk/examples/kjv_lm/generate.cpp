// SPDX-License-Identifier: Apache-2.0
#include "generate.hpp"

namespace kjv_lm {
namespace {

std::uint8_t likeliest(const Eigen::Ref<const RowVector>& logits) {
  Eigen::Index byte = 0;
  logits.maxCoeff(&byte);
  return static_cast<std::uint8_t>(byte);
}

}  // namespace

Matrix read_prompt(Model& model, std::span<const std::uint8_t> prompt, Rows rows) {
  model.reset();
  const bool all = rows == Rows::kAll;
  Matrix wanted(all ? static_cast<Eigen::Index>(prompt.size()) : 1, kVocabulary);
  prefill(model, prompt, [&](std::size_t offset, const auto& logits) {
    if (all) {
      wanted.middleRows(static_cast<Eigen::Index>(offset), logits.rows()) = logits;
    } else {
      wanted = logits.bottomRows(1);
    }
  });
  return wanted;
}

std::string generate_greedily(Model& model, const Eigen::Ref<const RowVector>& logits,
                              std::int64_t count) {
  std::string text;
  if (count == 0) return text;
  std::uint8_t byte = likeliest(logits);
  text += static_cast<char>(byte);
  while (static_cast<std::int64_t>(text.size()) < count) {
    byte = likeliest(model.forward({&byte, 1}).row(0));
    text += static_cast<char>(byte);
  }
  return text;
}

}  // namespace kjv_lm
