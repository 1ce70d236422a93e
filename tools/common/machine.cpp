// SPDX-License-Identifier: Apache-2.0
#include "tools/common/machine.hpp"

#include <sched.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

namespace leet::tools {
namespace {

// As /proc/cpuinfo spells them, x86 then Arm. What decides how fast a method can be.
constexpr std::array<std::string_view, 16> kExtensions = {
    "avx2",        "fma",      "f16c",     "avx512f",  "avx512bw", "avx512_bf16",
    "avx512_fp16", "avx_vnni", "amx_tile", "amx_bf16", "amx_fp16", "asimd",
    "asimdhp",     "sve",      "sve2",     "bf16"};

}  // namespace

Machine this_machine() {
  Machine machine;
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line) && !line.empty();) {  // the first processor
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string key = line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1);
    std::istringstream value(line.substr(colon + 1));
    if (key == "model name") {
      std::getline(value >> std::ws, machine.cpu);
    } else if (key == "flags" || key == "Features") {
      for (std::string flag; value >> flag;) {
        if (std::find(kExtensions.begin(), kExtensions.end(), flag) != kExtensions.end()) {
          machine.isa.push_back(flag);
        }
      }
    }
  }
  return machine;
}

int available_cpus() {
  cpu_set_t cpus;
  if (sched_getaffinity(0, sizeof cpus, &cpus) == 0) return std::max(1, CPU_COUNT(&cpus));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace leet::tools
