// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <mutex>
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
  std::string name = pretty_function;
  const std::string start = "Kernel = ";
  if (const auto found = name.find(start); found != name.npos) {
    name.erase(0, found + start.size());
    name.resize(std::min(name.find_first_of(";]"), name.size()));
  }
  for (const std::string anonymous : {"{anonymous}::", "(anonymous namespace)::"}) {  // g++, clang
    for (auto found = name.find(anonymous); found != name.npos; found = name.find(anonymous)) {
      name.erase(found, anonymous.size());
    }
  }
  return name;
}

std::string describe(const ThreadView& thread) {
  const auto& [bx, by, bz] = thread.block_index;
  const auto& [tx, ty, tz] = thread.thread_index;
  return format("block (%u,%u,%u) thread (%u,%u,%u)", bx, by, bz, tx, ty, tz);
}

SiteText describe(Site site) {
  const char* const slash = std::strrchr(site.file, '/');
  SiteText result;
  std::snprintf(result.text, sizeof result.text, "%s:%d", slash != nullptr ? slash + 1 : site.file,
                site.line);
  return result;
}

bool same_site(Site a, Site b) {
  return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

}  // namespace leet::emulator
