// SPDX-License-Identifier: Apache-2.0
#include "tools/probe/process_state.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cfenv>
#include <chrono>
#include <clocale>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>
#include <thread>

#include "core/printable.hpp"

extern char** environ;

namespace leet::probe {
namespace {

namespace fs = std::filesystem;
using Facts = std::map<std::string, std::string>;

#if defined(__x86_64__)
constexpr std::uint32_t kStickyFlags = 0x3f;
constexpr std::uint32_t kFlushToZero = 0x8000;
constexpr std::uint32_t kDenormalsAreZero = 0x40;
#endif

void add_signals(Facts& facts) {
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    struct sigaction action {};
    if (sigaction(signal, nullptr, &action) != 0) continue;  // libc's own
    const void* handler = (action.sa_flags & SA_SIGINFO) != 0
                              ? reinterpret_cast<void*>(action.sa_sigaction)
                              : reinterpret_cast<void*>(action.sa_handler);
    facts[fmt::format("the handler of signal {} ({})", signal, strsignal(signal))] =
        action.sa_handler == SIG_DFL   ? "default"
        : action.sa_handler == SIG_IGN ? "ignored"
                                       : fmt::format("{} flags {:#x}", handler, action.sa_flags);
  }
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  std::vector<int> numbers;
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    if (sigismember(&blocked, signal) == 1) numbers.push_back(signal);
  }
  facts["the blocked signals"] = fmt::format("{}", fmt::join(numbers, " "));
}

void add_environment(Facts& facts) {
  if (environ == nullptr) return;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    facts[fmt::format("the environment variable {}", text.substr(0, equals))] =
        equals == std::string_view::npos ? "" : fmt::format("'{}'", text.substr(equals + 1));
  }
}

void add_descriptors(Facts& facts) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/proc/self/fd"), closedir);
  if (!directory) return;
  for (const dirent* entry = readdir(directory.get()); entry != nullptr;
       entry = readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name[0] == '.' || name == std::to_string(dirfd(directory.get()))) continue;
    std::error_code failed;
    facts["the file descriptor " + name] = fs::read_symlink("/proc/self/fd/" + name, failed);
  }
}

void add_threads(Facts& facts) {
  std::error_code failed;
  int count = 0;
  for (fs::directory_iterator it("/proc/self/task", failed), end; !failed && it != end;
       it.increment(failed)) {
    ++count;
  }
  facts["the number of threads"] = std::to_string(count);
}

void add_children(Facts& facts) {
  siginfo_t info{};
  const bool none = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
  facts["child processes"] = none ? "none" : "some";
}

void add_affinity(Facts& facts) {
  cpu_set_t cpus;
  if (sched_getaffinity(0, sizeof cpus, &cpus) != 0) return;
  std::vector<int> numbers;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &cpus)) numbers.push_back(cpu);
  }
  facts["the CPUs to run on"] = fmt::format("{}", fmt::join(numbers, " "));
}

}  // namespace

FpState FpState::now() {
  FpState state;
#if defined(__x86_64__)
  state.control = __builtin_ia32_stmxcsr() & ~kStickyFlags;
  std::uint16_t word = 0;
  asm volatile("fnstcw %0" : "=m"(word));
  state.x87 = word;
#elif defined(__aarch64__)
  std::uint64_t word = 0;
  asm volatile("mrs %0, fpcr" : "=r"(word));
  state.control = static_cast<std::uint32_t>(word);
#else
  state.control = static_cast<std::uint32_t>(std::fegetround());
#endif
  return state;
}

std::string difference(const FpState& before, const FpState& after) {
  std::vector<std::string> parts;
#if defined(__x86_64__)
  if (before.control != after.control) {
    std::vector<std::string> modes;
    const std::uint32_t turned_on = after.control & ~before.control;
    if ((turned_on & kFlushToZero) != 0) modes.emplace_back("flush-to-zero");
    if ((turned_on & kDenormalsAreZero) != 0) modes.emplace_back("denormals-are-zero");
    parts.push_back(fmt::format("MXCSR {:#x} -> {:#x}", before.control, after.control));
    if (!modes.empty()) parts.back() += fmt::format(" ({})", fmt::join(modes, ", "));
  }
  if (before.x87 != after.x87) {
    parts.push_back(fmt::format("the x87 control word {:#x} -> {:#x}", before.x87, after.x87));
  }
#else
  if (before.control != after.control) {
    parts.push_back(
        fmt::format("the control register {:#x} -> {:#x}", before.control, after.control));
  }
#endif
  return fmt::format("{}", fmt::join(parts, ", "));
}

ProcessState ProcessState::now() {
  ProcessState state;
  Facts& facts = state.facts_;
  add_signals(facts);
  add_environment(facts);
  add_descriptors(facts);
  add_threads(facts);
  add_children(facts);
  add_affinity(facts);
  const char* locale = std::setlocale(LC_ALL, nullptr);
  facts["the locale"] = locale == nullptr ? "none" : locale;
  std::error_code failed;
  facts["the working directory"] = fs::current_path(failed);
  const mode_t mask = umask(0);
  umask(mask);
  facts["the umask"] = fmt::format("{:04o}", mask);
  return state;
}

std::vector<std::string> ProcessState::changes_to(const ProcessState& after) const {
  constexpr std::size_t kLongest = 80;
  std::vector<std::string> changes;
  for (const auto& [name, value] : facts_) {
    const auto found = after.facts_.find(name);
    if (found == after.facts_.end()) {
      changes.push_back(fmt::format("{}: {} -> gone", core::printable(name, kLongest),
                                    core::printable(value, kLongest)));
    } else if (found->second != value) {
      changes.push_back(fmt::format("{}: {} -> {}", core::printable(name, kLongest),
                                    core::printable(value, kLongest),
                                    core::printable(found->second, kLongest)));
    }
  }
  for (const auto& [name, value] : after.facts_) {
    if (facts_.contains(name)) continue;
    changes.push_back(fmt::format("{}: new, {}", core::printable(name, kLongest),
                                  core::printable(value, kLongest)));
  }
  return changes;
}

std::vector<std::string> settled_changes(const ProcessState& before) {
  constexpr int kLooks = 20;
  constexpr std::chrono::milliseconds kBetween{5};
  std::vector<std::string> changes = before.changes_to(ProcessState::now());
  for (int look = 1; look < kLooks && !changes.empty(); ++look) {
    std::this_thread::sleep_for(kBetween);
    changes = before.changes_to(ProcessState::now());
  }
  return changes;
}

}  // namespace leet::probe
