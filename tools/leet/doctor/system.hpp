// SPDX-License-Identifier: Apache-2.0
//
// What Linux tells of the machine and of what this process may take of it.
#ifndef LEET_TOOLS_LEET_DOCTOR_SYSTEM_HPP
#define LEET_TOOLS_LEET_DOCTOR_SYSTEM_HPP

#include <filesystem>
#include <optional>
#include <string>

namespace leet::doctor {

// Nothing, or an empty text, where the system doesn't tell.
struct System {
  std::optional<double> cpu_quota;     // CPUs' worth of time, by the control groups
  std::optional<double> memory_limit;  // bytes, by the control groups
  std::optional<double> memory_total;  // bytes
  std::optional<double> memory_free;   // bytes that can be had without swapping
  std::string huge_pages;              // always, madvise or never
  std::string governor;                // of the CPUs' frequency
};

// `root` stands for /, so that tests can have machines of their own.
System read_system(const std::filesystem::path& root = "/");

}  // namespace leet::doctor
#endif  // LEET_TOOLS_LEET_DOCTOR_SYSTEM_HPP
