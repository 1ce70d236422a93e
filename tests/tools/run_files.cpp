// SPDX-License-Identifier: Apache-2.0
#include "tests/tools/run_files.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <stdexcept>

namespace leet::tests {

tools::Array array_of(leet_dtype dtype, Extents extents, const std::vector<double>& values) {
  tools::Array array = tools::Array::zeros(dtype, std::move(extents));
  if (array.size() != static_cast<std::int64_t>(values.size())) {
    throw std::invalid_argument("array_of: as many values as the extents say");
  }
  sdk::store_row(dtype, values.data(), array.data.data(), array.size());
  return array;
}

tools::Array random_array(leet_dtype dtype, Extents extents, unsigned seed, double lowest,
                          double highest) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<double> uniform(lowest, highest);
  tools::Array array = tools::Array::zeros(dtype, std::move(extents));
  std::vector<double> values(static_cast<std::size_t>(array.size()));
  for (double& value : values) value = uniform(generator);
  sdk::store_row(dtype, values.data(), array.data.data(), array.size());
  return array;
}

tools::Array offsets_array(const std::vector<std::int64_t>& offsets) {
  tools::Array array = tools::Array::zeros(sdk::kI64, {static_cast<std::int64_t>(offsets.size())});
  if (!offsets.empty()) std::memcpy(array.data.data(), offsets.data(), array.data.size());
  return array;
}

tools::Array swap_axes(const tools::Array& array) {
  const Extents& extents = array.extents;
  std::int64_t row = sdk::dtype_bytes(array.dtype);
  for (std::size_t axis = 3; axis < extents.size(); ++axis) row *= extents[axis];
  tools::Array swapped = array;
  std::swap(swapped.extents[1], swapped.extents[2]);
  for (std::int64_t b = 0; b < extents[0]; ++b) {
    for (std::int64_t i = 0; i < extents[1]; ++i) {
      for (std::int64_t j = 0; j < extents[2]; ++j) {
        const std::int64_t from = (b * extents[1] + i) * extents[2] + j;
        const std::int64_t to = (b * extents[2] + j) * extents[1] + i;
        std::memcpy(swapped.data.data() + to * row, array.data.data() + from * row,
                    static_cast<std::size_t>(row));
      }
    }
  }
  return swapped;
}

RunFiles::RunFiles() {
  set("--q", random_array(sdk::kF32, {1, 2, 5, 3}, 1));
  set("--k", random_array(sdk::kF32, {1, 2, 5, 3}, 2));
  set("--v", random_array(sdk::kF32, {1, 2, 5, 4}, 3));
  set("--log-decay", array_of(sdk::kF32, {2}, {-0.1, -0.5}));
  set("--out", path("o.npy"));
}

void RunFiles::set(const std::string& option, const tools::Array& array) {
  const std::filesystem::path file = path(option.substr(2) + ".npy");
  if (const core::Status status = tools::write_npy(file, array); !status) {
    throw std::runtime_error(status.error().message);
  }
  options_[option] = file;
}

std::vector<std::string> RunFiles::names() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path())) {
    names.push_back(entry.path().lexically_relative(directory_.path()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> RunFiles::arguments(const std::string& method) const {
  std::vector<std::string> arguments = {"run", method};
  for (const auto& [option, value] : options_) {
    arguments.push_back(option);
    if (!value.empty()) arguments.push_back(value);  // a flag has none
  }
  return arguments;
}

tools::Array RunFiles::output(const std::string& option) const {
  core::Result<tools::Array> array = tools::read_npy(options_.at(option));
  if (!array) throw std::runtime_error(array.error().message);
  return std::move(*array);
}

}  // namespace leet::tests
