// SPDX-License-Identifier: Apache-2.0
#include "core/probe.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/child_process.hpp"
#include "core/discovery.hpp"
#include "core/printable.hpp"
#include "core/probe_cache.hpp"
#include "core/probe_protocol.hpp"

namespace leet::core {
namespace {

namespace fs = std::filesystem;
using How = ChildEnd::How;

// What the result pipe brought.
struct Results {
  bool begun = false;
  int protocol = 0;
  std::optional<ProbeStage> stage;
  std::string last_case;
  std::optional<Rule> rule;
  std::string seen;
  std::optional<std::string> stray;  // a line that no probe writes
};

// Whether the line is one that a probe writes.
bool read_line(const std::string& line, Results& results) {
  const nlohmann::json object = nlohmann::json::parse(line, nullptr, false);
  if (!object.is_object()) return false;
  const auto text = [&](const char* key) -> std::optional<std::string> {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_string()) return std::nullopt;
    return found->get<std::string>();
  };
  if (const auto found = object.find("protocol"); found != object.end()) {
    if (!found->is_number_integer()) return false;
    results.begun = true;
    results.protocol = found->get<int>();
  } else if (const auto stage = text("stage")) {
    const auto known = std::find(kProbeStages.begin(), kProbeStages.end(), *stage);
    if (known == kProbeStages.end()) return false;
    results.stage = static_cast<ProbeStage>(known - kProbeStages.begin());
  } else if (auto last_case = text("case")) {
    results.last_case = std::move(*last_case);
  } else if (const auto rule = text("rule")) {
    results.rule = parse_rule(*rule);
    results.seen = text("seen").value_or("");
    return results.rule.has_value();
  } else {
    return false;
  }
  return true;
}

Results read_results(const std::string& bytes) {
  Results results;
  for (std::size_t begin = 0; begin < bytes.size();) {
    const std::size_t end = std::min(bytes.find('\n', begin), bytes.size());
    const std::string line = bytes.substr(begin, end - begin);
    // A cut last line is of a process that ended meanwhile.
    if (!read_line(line, results) && end < bytes.size() && !results.stray) results.stray = line;
    begin = end + 1;
  }
  return results;
}

std::string_view last_line(std::string_view text) {
  const auto end = text.find_last_not_of(" \n\t");
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end + 1);
  return text.substr(text.rfind('\n') + 1);  // npos + 1 is 0
}

// ", in execute of f32, decay head"
std::string place(const Results& results) {
  if (!results.stage) return {};
  switch (*results.stage) {
    case ProbeStage::kLoad:
      return " while it was loaded";
    case ProbeStage::kEntry:
      return " in its entry";
    case ProbeStage::kExit:
      return " at the end of the process";
    default:
      return fmt::format(" in {}{}", stage_name(*results.stage),
                         results.last_case.empty() ? "" : " of " + results.last_case);
  }
}

std::string with_stderr(std::string seen, const ChildEnd& end) {
  constexpr std::size_t kLongestLine = 200;
  const std::string_view line = last_line(end.err);
  return line.empty() ? seen : fmt::format("{}; stderr: {}", seen, printable(line, kLongestLine));
}

Rule crash_rule(ProbeStage stage) {
  switch (stage) {
    case ProbeStage::kLoad:
      return Rule::kCrashLoad;
    case ProbeStage::kEntry:
      return Rule::kCrashEntry;
    case ProbeStage::kSupports:
      return Rule::kCrashSupports;
    case ProbeStage::kPlanCreate:
    case ProbeStage::kPlanDestroy:
      return Rule::kCrashPlan;
    case ProbeStage::kExecute:
      return Rule::kCrashExecute;
    case ProbeStage::kExit:
      break;
  }
  return Rule::kCrashExit;
}

// Signals that a program's own fault raises.
bool is_fault(int signal) {
  switch (signal) {
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGABRT:
    case SIGTRAP:
    case SIGSYS:
      return true;
    default:
      return false;
  }
}

Probed unprobed(std::string why) {
  return {{Rule::kUnprobedWarning, "not probed: " + std::move(why)}, false};
}

// Also used where a probe found something itself: those rules are about what this machine lacks
// now, and loading says the same again.
bool is_lasting(Rule rule) { return rule != Rule::kLoad && rule != Rule::kEntry; }

Probed judge(const ChildEnd& end, const ProbeSettings& settings) {
  if (end.how == How::kNotStarted) return unprobed("the probe can't be started: " + end.why);
  const Results results = read_results(end.results);
  if (!results.begun) {
    const std::string how = end.how == How::kExited      ? fmt::format("exit status {}", end.number)
                            : end.how == How::kSignalled ? fmt::format("signal {}", end.number)
                            : end.how == How::kTimedOut  ? "no end"
                                                         : "no word";
    return unprobed(
        with_stderr(fmt::format("what was started as the probe gave {} and no results", how), end));
  }
  if (results.protocol != kProbeProtocol) {
    return unprobed(
        fmt::format("the probe speaks protocol {}, this library {}; they must be of "
                    "one version",
                    results.protocol, kProbeProtocol));
  }
  if (!results.stage) {
    // The probe inspects the file again, which may have changed since this process did.
    if (results.rule && !usable(*results.rule)) return {{*results.rule, results.seen}, false};
    return unprobed("the probe did not get as far as loading it");
  }

  const bool passed = results.rule == Rule::kOk && results.stage == ProbeStage::kExit;
  switch (end.how) {
    case How::kTimedOut:
      return {
          {Rule::kTimeout, fmt::format("no end after {} s{}", settings.seconds, place(results))}};
    case How::kTooLarge:
      return {{Rule::kMemory,
               fmt::format("more than {} MiB resident{}", settings.memory_mib, place(results))}};
    default:
      break;
  }
  if (results.stray) {
    return {{Rule::kSideEffects, fmt::format("wrote to a file descriptor that is not its own: {}",
                                             printable(*results.stray, 100))}};
  }
  if (results.rule && *results.rule != Rule::kOk) {
    return {{*results.rule, results.seen}, is_lasting(*results.rule)};
  }
  if (end.how == How::kSignalled) {
    std::string seen = with_stderr(
        fmt::format("signal {} ({}){}", end.number, strsignal(end.number), place(results)), end);
    if (is_fault(end.number)) return {{crash_rule(*results.stage), std::move(seen)}};
    // Perhaps sent by somebody, or by a system short of memory.
    return {{Rule::kVanished, std::move(seen)}, false};
  }
  if (end.how == How::kExited && (!passed || end.number != 0)) {
    return {{Rule::kVanished, with_stderr(fmt::format("ended the process with exit status {}{}",
                                                      end.number, place(results)),
                                          end)}};
  }
  if (!passed) return {{Rule::kVanished, "ended the process" + place(results)}, false};
  if (!end.out.empty()) {
    return {{Rule::kStdout, fmt::format("printed to stdout: {}", printable(end.out, 100))}};
  }
  return {{Rule::kOk, results.seen}};
}

// More at once would make each other late on the wall's clock, and take that many times the memory.
std::size_t probes_at_once() {
  constexpr int kMost = 8;
  cpu_set_t cpus;
  if (sched_getaffinity(0, sizeof cpus, &cpus) != 0) return 1;
  return static_cast<std::size_t>(std::clamp(CPU_COUNT(&cpus), 1, kMost));
}

}  // namespace

fs::path find_probe() {
  if (const char* named = secure_getenv("LEET_PROBE"); named != nullptr && named[0] != '\0') {
    return named;
  }
  std::vector<fs::path> places;
  if (const fs::path own = own_directory(); !own.empty()) {
    places.push_back(own / ".." / "libexec" / "leet" / "leet-probe");
    places.push_back(own / ".." / ".." / "libexec" / "leet" / "leet-probe");  // lib/<architecture>
  }
  places.emplace_back(LEET_INSTALLED_PROBE);
  for (const fs::path& file : places) {
    std::error_code failed;
    if (fs::is_regular_file(file, failed)) return fs::canonical(file, failed);
  }
  return {};
}

std::vector<Probed> run_probes(const fs::path& program, const std::vector<fs::path>& files,
                               const ProbeSettings& settings) {
  std::vector<Probed> probed;
  if (program.empty()) {
    probed.assign(files.size(), unprobed("there is no leet-probe beside the library"));
    return probed;
  }
  std::vector<std::vector<std::string>> commands;
  for (const fs::path& file : files) {
    commands.push_back({program.string(), std::string(probe_policy_name(settings.policy)),
                        file.string(), std::to_string(getpid())});
  }
  const ChildLimits limits{std::chrono::seconds(settings.seconds),
                           std::int64_t{settings.memory_mib} << 20};
  std::vector<ChildEnd> ends = run_children(commands, limits, probes_at_once());
  for (std::size_t i = 0; i < ends.size(); ++i) {
    // A busy machine is late, and one short of processes or descriptors starts none. That is not
    // the plugin's doing, so it has another try without the others.
    if (ends[i].how == How::kTimedOut || ends[i].how == How::kNotStarted) {
      ends[i] = run_children({commands[i]}, limits, 1).at(0);
    }
    probed.push_back(judge(ends[i], settings));
  }
  return probed;
}

std::vector<ProbeFinding> probe_files(const std::vector<fs::path>& files,
                                      const ProbeSettings& settings, std::string& problem) {
  constexpr int kMostChanges = 2;
  struct File {
    std::optional<ProbeSubject> subject;
    int changes = 0;     // while it was probed
    bool alone = false;  // a copy of one whose finding may not be its own
  };
  const fs::path program = find_probe();
  ProbeCache cache(probe_environment(program, settings));
  std::vector<ProbeFinding> findings(files.size());
  std::vector<File> states(files.size());
  std::vector<std::size_t> pending(files.size());
  std::iota(pending.begin(), pending.end(), std::size_t{0});
  while (!pending.empty()) {
    // Copies of one file are one file.
    std::map<ProbeSubject, std::vector<std::size_t>> same;
    std::vector<std::vector<std::size_t>> groups;
    for (const std::size_t i : pending) {
      File& file = states[i];
      file.subject = subject_of(files[i]);
      if (!file.subject || file.alone) {
        groups.push_back({i});
      } else if (auto known = program.empty() ? std::nullopt : cache.find(*file.subject)) {
        findings[i] = std::move(*known);
      } else {
        same[*file.subject].push_back(i);
      }
    }
    pending.clear();
    for (auto& [subject, indices] : same) groups.push_back(std::move(indices));
    std::vector<fs::path> firsts;
    for (const auto& indices : groups) firsts.push_back(files[indices[0]]);
    const std::vector<Probed> probed = run_probes(program, firsts, settings);

    for (std::size_t group = 0; group < groups.size(); ++group) {
      const std::vector<std::size_t>& indices = groups[group];
      const std::size_t first = indices[0];
      const auto subject = states[first].subject;
      // Which of the two contents the probe opened is anyone's guess.
      const bool changed = subject_of(files[first]) != subject;
      if (!changed) {
        findings[first] = probed[group].finding;
        if (subject && probed[group].lasting) cache.keep(*subject, findings[first]);
      } else if (++states[first].changes < kMostChanges) {
        pending.push_back(first);
      } else {
        findings[first] = {Rule::kUnreadable, "it keeps changing while it is probed"};
      }
      for (auto copy = indices.begin() + 1; copy != indices.end(); ++copy) {
        if (!changed && probed[group].lasting) {
          findings[*copy] = findings[first];
        } else {
          states[*copy].alone = true;
          pending.push_back(*copy);
        }
      }
    }
  }
  problem = cache.problem();
  return findings;
}

}  // namespace leet::core
