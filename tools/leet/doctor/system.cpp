// SPDX-License-Identifier: Apache-2.0
#include "tools/leet/doctor/system.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>

namespace leet::doctor {
namespace {

namespace fs = std::filesystem;

std::string first_line(const fs::path& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

void lower(std::optional<double>& limit, std::optional<double> other) {
  if (other && (!limit || *other < *limit)) limit = other;
}

// What a group of version 1 or 2 may take; the files of the other version aren't there.
void add_group(const fs::path& group, System& system) {
  std::istringstream cpu_max(first_line(group / "cpu.max"));  // "200000 100000" or "max 100000"
  std::string quota, period;
  cpu_max >> quota >> period;
  if (quota.empty()) {
    quota = first_line(group / "cpu.cfs_quota_us");  // -1: none
    period = first_line(group / "cpu.cfs_period_us");
  }
  const auto a = number(quota);
  const auto b = number(period);
  if (a && b && *a > 0 && *b > 0) lower(system.cpu_quota, *a / *b);

  constexpr double kNoLimit = 0x1p62;  // version 1 has a number for it
  for (const char* file : {"memory.max", "memory.limit_in_bytes"}) {
    const auto bytes = number(first_line(group / file));
    if (bytes && *bytes < kNoLimit) lower(system.memory_limit, bytes);
  }
}

// A group is bound by all those above it, too.
void add_groups(const fs::path& mount, const fs::path& path, System& system) {
  fs::path group = mount / path.relative_path();
  add_group(mount, system);
  for (; group != mount && group.has_relative_path(); group = group.parent_path()) {
    add_group(group, system);
  }
}

}  // namespace

System read_system(const fs::path& root) {
  System system;
  // "0::/user.slice" of version 2, "4:cpu,cpuacct:/docker/..." of version 1.
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path mount = root / "sys/fs/cgroup";
    const fs::path path = line.substr(second + 1);
    if (controllers.empty()) {
      add_groups(mount, path, system);
    } else {
      std::istringstream names(controllers);
      for (std::string name; std::getline(names, name, ',');) {
        if (name == "cpu" || name == "memory") add_groups(mount / name, path, system);
      }
    }
  }

  std::ifstream meminfo(root / "proc/meminfo");
  for (std::string line; std::getline(meminfo, line);) {
    std::istringstream words(line);
    std::string name;
    double kib = 0;
    words >> name >> kib;
    if (name == "MemTotal:") system.memory_total = kib * 1024;
    if (name == "MemAvailable:") system.memory_free = kib * 1024;
  }

  // "always [madvise] never"
  const std::string pages = first_line(root / "sys/kernel/mm/transparent_hugepage/enabled");
  const std::size_t open = pages.find('[');
  const std::size_t close = pages.find(']');
  if (open < close && close != std::string::npos) {
    system.huge_pages = pages.substr(open + 1, close - open - 1);
  }
  system.governor = first_line(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  return system;
}

}  // namespace leet::doctor
