// SPDX-License-Identifier: Apache-2.0
#ifndef LEET_EMULATOR_REPORT_HPP
#define LEET_EMULATOR_REPORT_HPP

#include <leet/cuda/emulated/control.hpp>
#include <leet/cuda/emulated/execution.hpp>
#include <string>

namespace leet::emulator {

// [thread-safe] Beyond the first few, reports are only counted.
void add_report(ReportKind kind, std::string text);

// printf into a string.
[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...);

// "decay_fp32<64, 32>" of KernelLaunch::name.
std::string kernel_name(const char* pretty_function);
// "block (0,1,0) thread (17,0,0)"
std::string describe(const ThreadView& thread);
// "decay.cu:12", in memory of its own: threads that fail leave their stacks as they are.
struct SiteText {
  char text[128];
  const char* c_str() const { return text; }
};
SiteText describe(Site site);
bool same_site(Site a, Site b);

}  // namespace leet::emulator
#endif  // LEET_EMULATOR_REPORT_HPP
