// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <system_error>

#include "tools/bench/axes.hpp"
#include "tools/bench/choice.hpp"
#include "tools/bench/compare.hpp"
#include "tools/bench/fork_join.hpp"
#include "tools/bench/measure.hpp"
#include "tools/bench/overhead.hpp"
#include "tools/bench/report.hpp"
#include "tools/bench/subjects.hpp"
#include "tools/common/exit_code.hpp"
#include "tools/common/interrupt.hpp"
#include "tools/common/machine.hpp"
#include "tools/common/names.hpp"
#include "tools/common/progress.hpp"
#include "tools/common/reporter.hpp"
#include "tools/common/session.hpp"

namespace leet::bench {
namespace {

using tools::ExitCode;
using tools::Reporter;

std::string joined_options(const BenchOptions& options) {
  return fmt::format("{}", fmt::join(options.method_options, ";"));
}

int exit_code_of(std::span<const Record> records) {
  const auto any = [&](auto&& predicate) {
    return std::any_of(records.begin(), records.end(), predicate);
  };
  if (any([](const Record& r) {
        return r.measurement.failure && r.measurement.failure->code == LEET_STATUS_INVALID_ARGUMENT;
      })) {
    return ExitCode::kExitUsage;
  }
  if (any([](const Record& r) { return r.measurement.failure.has_value(); })) {
    return ExitCode::kExitPluginFailed;
  }
  if (any([](const Record& r) { return r.measurement.verdict && !r.correct(); })) {
    return ExitCode::kExitNegative;
  }
  if (!any([](const Record& r) { return r.correct(); })) return ExitCode::kExitNothingToRun;
  return ExitCode::kExitOk;
}

// Ceilings and quiet samples are judged by the whole run, so records are made at its end.
std::vector<Record> make_records(std::vector<Measurement> measurements, const Bench& bench) {
  std::vector<Record> records;
  for (Measurement& measurement : measurements) {
    MachineCeilings ceilings;
    double best_probe = 0;
    const Bench::Lane* const lane = bench.lane(measurement.point.threads);
    if (lane != nullptr && !measurement.samples.empty()) {
      best_probe = lane->meter.best_probe();
      ceilings.isa = lane->ceilings.isa();
      ceilings.peak_gflops =
          lane->ceilings.peak_gflops(sdk::same(measurement.point.dtype, sdk::kF64));
      ceilings.bandwidth_gbs = lane->ceilings.bandwidth_gbs();
      ceilings.cache_bytes = static_cast<double>(last_level_cache_bytes());
    }
    records.push_back(make_record(std::move(measurement), best_probe, std::move(ceilings)));
  }
  return records;
}

core::Result<std::vector<tools::Json>> read_records(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (!stream.is_open() || stream.bad()) {
    return core::Error{LEET_STATUS_INVALID_ARGUMENT,
                       fmt::format("{}: can't be read: {}", file.string(),
                                   std::generic_category().message(errno))};
  }
  core::Result<std::vector<tools::Json>> records = parse_records(text);
  if (records) return records;
  core::Error error = records.error();
  error.message = fmt::format("{}: {}", file.string(), error.message);
  return error;
}

}  // namespace

int run_bench(const tools::GlobalOptions& global, const BenchOptions& options) {
  const Reporter reporter("bench", options.json);
  const core::Result<Axes> axes = parse_axes(options.axes, tools::available_cpus());
  if (!axes) return reporter.fail(axes.error());
  const core::Result<tools::Session> session = tools::open_session(global);
  if (!session) return reporter.fail(session.error());
  auto subjects = subjects_of(*session, options.methods, joined_options(options));
  if (!subjects) return reporter.fail(subjects.error());
  std::unique_ptr<Peers> peers;
  if (!options.peers.empty()) {
    auto opened = open_peers(session->configuration, options.peers);
    if (!opened) return reporter.fail(opened.error());
    peers = std::move(*opened);
    subjects->insert(subjects->end(), peers->subjects.begin(), peers->subjects.end());
  }

  const RunFacts facts{tools::this_machine(), options.seed};
  const tools::Interrupt interrupt;
  Bench bench({options.seconds, options.seed, session->configuration.log_level,
               session->configuration.pin_threads},
              tools::Interrupt::requested);
  tools::Progress progress;
  const std::vector<Point> points = points_of(*axes);
  const std::size_t total = points.size() * subjects->size();
  std::vector<Measurement> measurements;
  for (std::size_t i = 0; i < total && !tools::Interrupt::requested(); ++i) {
    const Point& point = points[i / subjects->size()];
    const Subject& subject = (*subjects)[i % subjects->size()];
    progress.show(fmt::format("{}/{} {} B={} H={} N={} R={} D={} {} {} threads={}", i + 1, total,
                              label_of(subject), point.B, point.H, point.N, point.R, point.D,
                              sdk::dtype_name(point.dtype),
                              tools::decay_kind_name(point.decay_kind), point.threads));
    std::optional<Measurement> measurement = bench.measure(subject, point);
    if (measurement) measurements.push_back(std::move(*measurement));
  }
  progress.clear();

  const bool interrupted = tools::Interrupt::requested();
  const std::vector<Record> records = make_records(std::move(measurements), bench);
  std::vector<Choice> choices;
  for (std::size_t begin = 0; begin < records.size(); begin += subjects->size()) {
    const auto of_point =
        std::span(records).subspan(begin, std::min(subjects->size(), records.size() - begin));
    std::optional<core::Result<core::Selection>> selection;
    if (options.method_options.empty()) {
      selection = bench.choose(session->registry, of_point.front().measurement.point);
    }
    choices.push_back(make_choice(of_point, selection));
  }
  if (options.json) {
    tools::Json json = reporter.record();
    json["interrupted"] = interrupted;
    json["records"] = tools::Json::array();
    for (const Record& record : records) json["records"].push_back(to_json(record, facts));
    json["points"] = tools::Json::array();
    for (const Choice& choice : choices) json["points"].push_back(to_json(choice));
    Reporter::print(json);
  } else {
    for (const std::string& line : table(records)) fmt::print("{}\n", line);
    const std::vector<std::string> crossover = crossover_lines(choices);
    if (!crossover.empty()) fmt::print("\n{}\n", fmt::join(crossover, "\n"));
  }
  if (interrupted) {
    reporter.say(fmt::format("interrupted after {} of {} points", records.size(), total));
    return ExitCode::kExitInterrupted;
  }
  return exit_code_of(records);
}

int run_overhead(const tools::GlobalOptions& global, const BenchOptions& options) {
  const Reporter reporter("bench", options.json);
  const core::Result<tools::Session> session = tools::open_session(global);
  if (!session) return reporter.fail(session.error());
  const auto subjects = subjects_of(*session, options.methods, joined_options(options));
  if (!subjects) return reporter.fail(subjects.error());
  const core::Result<Axes> axes = parse_axes(options.axes, tools::available_cpus());
  if (!axes) return reporter.fail(axes.error());
  const tools::Machine machine = tools::this_machine();
  tools::Json json = {{"schema", "leet.bench-overhead/1"}, {"records", tools::Json::array()}};
  for (const Subject& subject : *subjects) {
    if (subject.name == core::kAuto) {
      return reporter.fail({LEET_STATUS_INVALID_ARGUMENT,
                            "--overhead auto: auto is a choice made before a plan; name methods"});
    }
    const auto method = session->registry.find(subject.name, LEET_DEVICE_CPU);
    if (!method) return reporter.fail(method.error());
    const core::Result<Overhead> overhead = measure_overhead(**method, global, subject.options);
    if (!overhead) return reporter.fail(overhead.error());
    json["records"].push_back({{"method", subject.name},
                               {"dispatch_ns", 1e9 * overhead->dispatch()},
                               {"check_ns", 1e9 * overhead->check},
                               {"call_ns", 1e9 * overhead->call},
                               {"execute_ns", 1e9 * overhead->execute},
                               {"cpu", machine.cpu},
                               {"isa", machine.isa},
                               {"options", subject.options}});
    if (options.json) continue;
    fmt::print(
        "{}: {:.0f} ns from leet_plan_execute to the plugin's execute, {:.0f} of them to "
        "check arguments ({:.0f} ns with the execute)\n",
        subject.name, 1e9 * overhead->dispatch(), 1e9 * overhead->check, 1e9 * overhead->call);
  }
  json["fork_join"] = tools::Json::array();
  for (const int threads : axes->threads) {
    const ForkJoin loop = measure_fork_join(threads, session->configuration.pin_threads);
    json["fork_join"].push_back(
        {{"threads", loop.threads},
         {"pinned", loop.pinned},
         {"empty_ns", 1e9 * loop.empty},
         {"everyone_ns", loop.everyone ? tools::Json(1e9 * *loop.everyone) : tools::Json()}});
    if (options.json) continue;
    fmt::print(
        "fork-join of {} thread{}{}: {:.0f} ns with nothing to do, {} until every worker "
        "has taken part\n",
        threads, threads == 1 ? "" : "s", loop.pinned ? ", pinned" : "", 1e9 * loop.empty,
        loop.everyone ? fmt::format("{:.0f} ns", 1e9 * *loop.everyone) : "never");
  }
  if (options.json) Reporter::print(json);
  return ExitCode::kExitOk;
}

int run_compare(const BenchOptions& options) {
  const Reporter reporter("bench", options.json);
  const auto before = read_records(options.compare.at(0));
  if (!before) return reporter.fail(before.error());
  const auto after = read_records(options.compare.at(1));
  if (!after) return reporter.fail(after.error());
  const ChangeReport report = compare_runs(*before, *after);
  if (options.json) {
    Reporter::print(to_json(report));
  } else {
    for (const std::string& line : change_lines(report)) fmt::print("{}\n", line);
  }
  if (!options.fail_on_regression) return ExitCode::kExitOk;
  const bool regressed = std::any_of(
      report.changes.begin(), report.changes.end(),
      [&](const Change& change) { return change.regressed(*options.fail_on_regression); });
  return regressed ? ExitCode::kExitNegative : ExitCode::kExitOk;
}

}  // namespace leet::bench
