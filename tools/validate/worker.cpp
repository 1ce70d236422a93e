// SPDX-License-Identifier: Apache-2.0
#include "tools/validate/worker.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <string_view>

#include "core/registry.hpp"
#include "tools/common/exit_code.hpp"

namespace leet::validate {
namespace {

core::Result<std::optional<std::regex>> compile(const char* option, const std::string& text) {
  if (text.empty()) return std::optional<std::regex>();
  try {
    return std::optional<std::regex>(std::regex(text, std::regex::extended));
  } catch (const std::regex_error& e) {
    return core::Error{
        LEET_STATUS_INVALID_ARGUMENT,
        fmt::format("{}='{}': not a regular expression: {}", option, text, e.what())};
  }
}

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
  const auto filter = compile("--filter", selection.filter);
  if (!filter) return filter.error();
  const auto exclude = compile("--exclude", selection.exclude);
  if (!exclude) return exclude.error();
  std::vector<Case> selected;
  for (Case& candidate : make_cases(selection.level)) {
    if (!selection.only.empty() && candidate.id != selection.only) continue;
    if (*filter && !std::regex_search(candidate.id, **filter)) continue;
    if (*exclude && std::regex_search(candidate.id, **exclude)) continue;
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
