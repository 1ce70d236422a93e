// SPDX-License-Identifier: Apache-2.0
#include "tools/validate/worker.hpp"

#include <fmt/format.h>
#include <regex.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <exception>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/registry.hpp"
#include "tools/common/exit_code.hpp"

namespace leet::validate {
namespace {

// A POSIX extended regular expression; an empty text is none.
class Pattern {
 public:
  Pattern() = default;
  ~Pattern() {
    if (compiled_) regfree(&expression_);
  }
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  // Errors: INVALID_ARGUMENT with the option's name.
  core::Status compile(const char* option, const std::string& text) {
    if (text.empty()) return {};
    const int error = regcomp(&expression_, text.c_str(), REG_EXTENDED | REG_NOSUB);
    if (error == 0) {
      compiled_ = true;
      return {};
    }
    std::array<char, 128> why{};
    regerror(error, &expression_, why.data(), why.size());
    return core::Error{
        LEET_STATUS_INVALID_ARGUMENT,
        fmt::format("{}='{}': not a regular expression: {}", option, text, why.data())};
  }

  bool given() const { return compiled_; }
  bool matches(const std::string& text) const {
    return regexec(&expression_, text.c_str(), 0, nullptr, 0) == 0;
  }

 private:
  regex_t expression_{};
  bool compiled_ = false;
};

// The line's bytes, all of them; a parent that is gone ends the worker.
void write_line(int descriptor, const nlohmann::json& object) {
  const std::string line =
      object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  for (std::string_view rest = line; !rest.empty();) {
    const ssize_t written = write(descriptor, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) _exit(tools::kExitInternal);
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

Result guarded(const Case& to_run, const Subject& subject, const Settings& settings) {
  try {
    return to_run.run(subject, settings);
  } catch (const std::exception& e) {
    return Result::fail(fmt::format("the case itself failed: {}", e.what()));
  }
}

}  // namespace

core::Result<std::vector<Case>> select_cases(const Selection& selection) {
  Pattern filter;
  Pattern exclude;
  for (const core::Status& status : {filter.compile("--filter", selection.filter),
                                     exclude.compile("--exclude", selection.exclude)}) {
    if (!status) return status.error();
  }
  std::vector<Case> selected;
  for (Case& candidate : make_cases(selection.level)) {
    if (!selection.only.empty() && candidate.id != selection.only) continue;
    if (filter.given() && !filter.matches(candidate.id)) continue;
    if (exclude.given() && exclude.matches(candidate.id)) continue;
    selected.push_back(std::move(candidate));
  }
  return selected;
}

void run_job(const Job& job, const std::vector<Case>& cases, const Sink& sink) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  auto start = Clock::now();
  sink.begin(kLoadIndex);
  core::RegistryOptions options;
  options.paths = {job.file};
  options.default_paths = false;
  // This process is a probe itself, and the cases say more.
  options.configuration.probe.policy = core::ProbePolicy::kOff;
  const core::Registry registry = core::Registry::open(options);
  const auto method = registry.find(job.method, job.device_type);
  if (!method) {
    std::string why = method.error().message;
    for (const core::LoadReportEntry& entry : registry.report().entries) {
      why = fmt::format("{}: {}", core::rule_code(entry.rule), entry.seen);
    }
    sink.end(kLoadIndex, Result::fail(why), since(start));
    return;
  }
  const Subject subject(**method, {job.device_type, 0});
  sink.end(kLoadIndex, Result::pass(), since(start));

  for (std::size_t i = job.from; i < cases.size(); i += job.stride) {
    const auto index = static_cast<std::int64_t>(i);
    start = Clock::now();
    sink.begin(index);
    const Result result = guarded(cases[i], subject, job.settings);
    sink.end(index, result, since(start));
  }
}

int run_worker(const Job& job, int descriptor) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto cases = select_cases(job.selection);
  if (!cases) return tools::kExitUsage;
  const Sink sink{
      .begin =
          [&](std::int64_t index) {
            write_line(descriptor, {{"begin", index}});
          },
      .end =
          [&](std::int64_t index, const Result& result, double seconds) {
            write_line(descriptor, {{"end", index},
                                    {"status", static_cast<int>(result.status)},
                                    {"check", result.check},
                                    {"message", result.message},
                                    {"seconds", seconds}});
          },
  };
  run_job(job, *cases, sink);
  write_line(descriptor, {{"done", true}});
  return tools::kExitOk;
}

}  // namespace leet::validate
