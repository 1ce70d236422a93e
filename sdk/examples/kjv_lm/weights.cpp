// SPDX-License-Identifier: Apache-2.0
#include "weights.hpp"

#include <string>

namespace kjv_lm {
namespace {

// Sizes beyond these are damage; they keep every product of two far from overflow.
constexpr std::int64_t kLargestSize = 1 << 20;
constexpr std::int64_t kMostLayers = 1 << 12;

constexpr std::size_t kModelTensors = 3;
constexpr std::size_t kLayerTensors = 11;

}  // namespace

Weights::Weights(const std::filesystem::path& file) {
  const Safetensors tensors(file);
  M = tensors.metadata("M", kLargestSize);
  H = tensors.metadata("H", kLargestSize);
  R = tensors.metadata("R", kLargestSize);
  D = tensors.metadata("D", kLargestSize);
  FF = tensors.metadata("FF", kLargestSize);
  const std::int64_t layer_count = tensors.metadata("L", kMostLayers);

  const std::size_t expected =
      kModelTensors + kLayerTensors * static_cast<std::size_t>(layer_count);
  if (tensors.tensor_count() != expected) {
    throw FileError(file, "not this kind of model: " + std::to_string(tensors.tensor_count()) +
                              " tensors, a model of " + std::to_string(layer_count) +
                              " layers has " + std::to_string(expected));
  }

  embedding = tensors.matrix("emb", kVocabulary, M);
  norm_f = tensors.vector("norm_f", M);
  log_decay = tensors.vector("log_decay", H);
  for (std::int64_t i = 0; i < layer_count; ++i) {
    const std::string prefix = "layers." + std::to_string(i) + ".";
    const auto matrix = [&](const char* name, std::int64_t in, std::int64_t out) {
      return tensors.matrix(prefix + name, in, out);
    };
    const auto vector = [&](const char* name, std::int64_t size) {
      return tensors.vector(prefix + name, size);
    };
    layers.push_back({.norm1 = vector("norm1", M),
                      .norm2 = vector("norm2", M),
                      .norm_o = vector("norm_o", H * D),
                      .wq = matrix("wq", M, H * R),
                      .wk = matrix("wk", M, H * R),
                      .wv = matrix("wv", M, H * D),
                      .wg = matrix("wg", M, H * D),
                      .wo = matrix("wo", H * D, M),
                      .w1 = matrix("w1", M, FF),
                      .w3 = matrix("w3", M, FF),
                      .w2 = matrix("w2", FF, M)});
  }
}

}  // namespace kjv_lm
