// SPDX-License-Identifier: Apache-2.0
//
// The model's sizes and weights, as they lie in its safetensors file.
#ifndef KJV_LM_WEIGHTS_HPP
#define KJV_LM_WEIGHTS_HPP

#include <cstdint>
#include <filesystem>
#include <vector>

#include "safetensors.hpp"

namespace kjv_lm {

inline constexpr std::int64_t kVocabulary = 256;  // tokens are bytes

// Matrices are [in, out], used as x * W.
struct LayerWeights {
  RowVector norm1, norm2;  // [M]
  RowVector norm_o;        // [H*D]
  Matrix wq, wk;           // [M, H*R]
  Matrix wv, wg;           // [M, H*D]
  Matrix wo;               // [H*D, M]
  Matrix w1, w3;           // [M, FF]
  Matrix w2;               // [FF, M]
};

struct Weights {
  // Throws FileError when the file is damaged or holds another model.
  explicit Weights(const std::filesystem::path& file);

  std::int64_t M = 0;   // model width
  std::int64_t H = 0;   // heads
  std::int64_t R = 0;   // key dimension
  std::int64_t D = 0;   // value dimension
  std::int64_t FF = 0;  // feed-forward width

  Matrix embedding;     // [256, M]
  RowVector norm_f;     // [M]
  RowVector log_decay;  // [H]
  std::vector<LayerWeights> layers;
};

}  // namespace kjv_lm
#endif  // KJV_LM_WEIGHTS_HPP
