// SPDX-License-Identifier: Apache-2.0
#ifndef LEET_TESTS_CUDA_DEVICE_ARRAY_HPP
#define LEET_TESTS_CUDA_DEVICE_ARRAY_HPP

#include <gtest/gtest.h>

#include <cstddef>
#include <leet/cuda/language.hpp>
#include <vector>

namespace leet::cuda_test {

// Device memory and its copies from and to the host.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t count) : count_(count) {
    EXPECT_EQ(cudaMalloc(&data_, count * sizeof(T)), cudaSuccess);
  }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    EXPECT_EQ(cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice),
              cudaSuccess);
  }
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() const { return data_; }
  std::vector<T> to_host() const {
    std::vector<T> values(count_);
    EXPECT_EQ(cudaMemcpy(values.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost),
              cudaSuccess);
    return values;
  }

 private:
  T* data_ = nullptr;
  std::size_t count_;
};

}  // namespace leet::cuda_test
#endif  // LEET_TESTS_CUDA_DEVICE_ARRAY_HPP
