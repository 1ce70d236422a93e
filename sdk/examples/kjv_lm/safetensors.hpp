// SPDX-License-Identifier: Apache-2.0
//
// A strict reader of the safetensors format: an 8-byte little-endian header length, a JSON header,
// then the tensors' data without holes. Everything that the header says is checked against the
// file's size before it is used, so that a damaged file is an error and never a wild read.
#ifndef KJV_LM_SAFETENSORS_HPP
#define KJV_LM_SAFETENSORS_HPP

#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "files.hpp"

namespace kjv_lm {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using RowVector = Eigen::Matrix<float, 1, Eigen::Dynamic>;

class Safetensors {
 public:
  // Throws FileError.
  explicit Safetensors(const std::filesystem::path& file);

  std::size_t tensor_count() const { return tensors_.size(); }

  // A whole number in [1, highest] from the header's __metadata__. Throws FileError.
  std::int64_t metadata(const std::string& name, std::int64_t highest) const;

  // A tensor of exactly this shape, F16 or F32, as float. Throws FileError.
  Matrix matrix(const std::string& name, std::int64_t rows, std::int64_t columns) const;
  RowVector vector(const std::string& name, std::int64_t size) const;

 private:
  struct Tensor {
    std::string dtype;
    std::vector<std::int64_t> shape;
    std::size_t begin = 0;  // in the file
    std::size_t end = 0;
  };

  void read_header(const std::string& text, std::size_t data_begin);
  void check_coverage(std::size_t data_begin) const;
  const Tensor& find(const std::string& name, const std::vector<std::int64_t>& shape) const;
  void widen(const Tensor& tensor, float* to) const;

  std::filesystem::path file_;
  Bytes content_;
  std::map<std::string, std::string> metadata_;
  std::map<std::string, Tensor> tensors_;
};

}  // namespace kjv_lm
#endif  // KJV_LM_SAFETENSORS_HPP
