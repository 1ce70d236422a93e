// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string_view>
#include <utility>

namespace leet::emulator {
namespace {

// A broken kernel fails in every block: the first reports say all.
constexpr std::size_t kMaxReports = 16;

std::mutex mutex;
std::vector<Report>& reports() {
  static std::vector<Report> instance;
  return instance;
}

}  // namespace

void add_report(ReportKind kind, std::string text) {
  const std::lock_guard lock(mutex);
  if (reports().size() < kMaxReports) {
    reports().push_back({kind, std::move(text)});
  }
}

std::vector<Report> take_reports() {
  const std::lock_guard lock(mutex);
  return std::exchange(reports(), {});
}

const char* report_kind_name(ReportKind kind) {
  switch (kind) {
    case ReportKind::kLaunch:
      return "launch";
    case ReportKind::kBarrierDivergence:
      return "barrier-divergence";
    case ReportKind::kWarpDivergence:
      return "warp-divergence";
    case ReportKind::kSharedMemory:
      return "shared-memory";
    case ReportKind::kMisaligned:
      return "misaligned";
    case ReportKind::kLivelock:
      return "livelock";
  }
  return "unknown";
}

std::string format(const char* pattern, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, pattern);
  std::vsnprintf(text, sizeof text, pattern, arguments);
  va_end(arguments);
  return text;
}

std::string kernel_name(const char* pretty_function) {
  std::string_view name = pretty_function;
  constexpr std::string_view kStart = "Kernel = ";
  const auto start = name.find(kStart);
  if (start == name.npos) {
    return pretty_function;
  }
  name.remove_prefix(start + kStart.size());
  name = name.substr(0, name.find_first_of(";]"));
  for (const std::string_view anonymous : {"{anonymous}::", "(anonymous namespace)::"}) {
    if (name.starts_with(anonymous)) {
      name.remove_prefix(anonymous.size());
    }
  }
  return std::string(name);
}

std::string describe(const ThreadView& thread) {
  const auto& [bx, by, bz] = thread.block_index;
  const auto& [tx, ty, tz] = thread.thread_index;
  return format("block (%u,%u,%u) thread (%u,%u,%u)", bx, by, bz, tx, ty, tz);
}

std::string describe(Site site) {
  const char* const slash = std::strrchr(site.file, '/');
  return format("%s:%d", slash != nullptr ? slash + 1 : site.file, site.line);
}

bool same_site(Site a, Site b) {
  return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

}  // namespace leet::emulator
