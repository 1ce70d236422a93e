// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "core/registry.hpp"

namespace leet::core {
namespace {

constexpr struct {
  std::int32_t type;
  std::string_view name;
} kDevices[] = {{LEET_DEVICE_CPU, "cpu"},
                {LEET_DEVICE_CUDA, "cuda"},
                {LEET_DEVICE_CUDA_EMULATED, "cuda_emulated"},
                {LEET_DEVICE_CUDA_CHECKED, "cuda_checked"}};

}  // namespace

std::string device_name(std::int32_t device_type) {
  for (const auto& device : kDevices) {
    if (device.type == device_type) return std::string(device.name);
  }
  return fmt::format("device_type_{}", device_type);
}

Result<std::int32_t> parse_device(std::string_view name) {
  for (const auto& device : kDevices) {
    if (device.name == name) return device.type;
  }
  return Error{LEET_STATUS_INVALID_ARGUMENT,
               fmt::format("unknown device '{}': cpu, cuda, cuda_emulated or cuda_checked", name)};
}

}  // namespace leet::core
