// SPDX-License-Identifier: Apache-2.0
#include "tools/common/machine.hpp"

#include <fmt/format.h>
#include <hwy/targets.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "tools/common/text.hpp"
#include "tools/leet/doctor/section.hpp"
#include "tools/leet/doctor/system.hpp"

namespace leet::doctor {
namespace {

Json bytes_fact(std::optional<double> bytes) {
  return bytes ? Json(tools::bytes_text(*bytes)) : Json();
}

// The best first; a plugin takes the first of them that it was compiled for.
std::vector<std::string> vector_targets() {
  std::vector<std::string> names;
  for (std::int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1) {
    names.emplace_back(hwy::TargetName(targets & -targets));
  }
  return names;
}

bool has(const tools::Machine& machine, const char* extension) {
  return std::ranges::find(machine.isa, extension) != machine.isa.end();
}

}  // namespace

Section check_machine() {
  Section section{"machine"};
  const tools::Machine machine = tools::this_machine();
  const System system = read_system();
  const int usable = tools::available_cpus();
  section.facts = {
      {"cpu", machine.cpu.empty() ? Json() : Json(machine.cpu)},
      {"isa", machine.isa},
      {"vector targets", vector_targets()},
      {"logical cpus", sysconf(_SC_NPROCESSORS_ONLN)},
      {"usable cpus", usable},
      {"cpu quota", system.cpu_quota ? Json(*system.cpu_quota) : Json("none")},
      {"memory", bytes_fact(system.memory_total)},
      {"memory available", bytes_fact(system.memory_free)},
      {"memory limit", system.memory_limit ? bytes_fact(system.memory_limit) : Json("none")},
      {"huge pages", system.huge_pages.empty() ? Json() : Json(system.huge_pages)}};
  if (!system.governor.empty()) section.facts["frequency governor"] = system.governor;

#if defined(__x86_64__)
  if (has(machine, "avx2") && has(machine, "fma")) {
    section.ok("the CPU has AVX2 and FMA or better");
  } else {
    section.warning("the CPU has no AVX2 with FMA; methods run on narrower vectors",
                    "Use another machine, or let the virtual machine pass its host's CPU through.");
  }
#endif
  if (system.cpu_quota && *system.cpu_quota < usable) {
    const int threads = std::max(1, static_cast<int>(std::floor(*system.cpu_quota)));
    section.warning(
        fmt::format("the control group allows {:g} CPUs' worth of time, the affinity mask {} CPUs: "
                    "that many threads are throttled",
                    *system.cpu_quota, usable),
        fmt::format("Set `threads: {}` in the configuration, or raise the quota.", threads));
  }
  constexpr double kLittle = 512 * 0x1p20;
  if (system.memory_free && *system.memory_free < kLittle) {
    section.warning(
        fmt::format("{} of memory are available", tools::bytes_text(*system.memory_free)),
        "End other programs; leet validate alone takes some hundred MiB a worker.");
  }
  if (system.huge_pages == "never") {
    section.note("transparent huge pages are off; large tensors cost more address translation",
                 "As root: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
  }
  if (system.governor == "powersave" || system.governor == "ondemand") {
    section.note(
        fmt::format("the CPU frequency governor is '{}'; benchmarks will waver", system.governor),
        "As root: cpupower frequency-set -g performance");
  }
  return section;
}

}  // namespace leet::doctor
