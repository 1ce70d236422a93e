// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/measure.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <leet/plugin/dtype.hpp>
#include <memory>
#include <utility>

#include "core/plan.hpp"

namespace leet::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr leet_device kCpu = {LEET_DEVICE_CPU, 0};

// A shorter sample would be made of clock reading and threads gathering.
constexpr double kShortestSample = 300e-6;

// Sampling goes on until there are so many quiet samples, but no longer than kPatience times the
// seconds asked for; never fewer than kFewestSamples, however slow the method.
constexpr std::size_t kFewestSamples = 5;
constexpr std::size_t kMostSamples = 5000;
constexpr int kEnoughQuiet = 20;
constexpr double kPatience = 4;

// Around each point, beside those of the other points with as many threads.
constexpr int kCeilingRounds = 6;

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double free_memory() {
  return static_cast<double>(sysconf(_SC_AVPHYS_PAGES)) *
         static_cast<double>(sysconf(_SC_PAGESIZE));
}

bool same_problem(const Point& a, const Point& b) {
  return a.B == b.B && a.H == b.H && a.N == b.N && a.R == b.R && a.D == b.D &&
         sdk::same(a.dtype, b.dtype) && a.decay_kind == b.decay_kind;
}

struct Failed {
  core::Error error;
};

}  // namespace

// A plan with its tensors and workspace; executes go round the copies.
class Bench::Run {
 public:
  Run(std::unique_ptr<core::Plan> plan, Tensors tensors)
      : plan_(std::move(plan)),
        tensors_(std::move(tensors)),
        workspace_(plan_->info().workspace_bytes + plan_->info().workspace_alignment) {
    void* begin = workspace_.data();
    std::size_t space = workspace_.size();
    begin_ =
        std::align(plan_->info().workspace_alignment, plan_->info().workspace_bytes, begin, space);
  }

  Tensors& tensors() { return tensors_; }
  // That of the last execute.
  std::int64_t copy() const { return copy_; }

  // On the next copy, beginning with the first. Throws Failed.
  void execute() {
    copy_ = (copy_ + 1) % tensors_.copies();
    const core::Status status = plan_->execute(tensors_.pointers(copy_), LEET_ROLE_COUNT, nullptr,
                                               begin_, plan_->info().workspace_bytes);
    if (!status) throw Failed{status.error()};
  }

 private:
  std::unique_ptr<core::Plan> plan_;
  Tensors tensors_;
  HugePages workspace_;
  void* begin_ = nullptr;
  std::int64_t copy_ = -1;
};

Bench::Lane::Lane(int threads, const Settings& settings)
    : host(threads, settings.log_level, settings.pin_threads),
      meter(host.threads()),
      ceilings(meter) {}

Bench::Bench(Settings settings, std::function<bool()> stopped)
    : settings_(std::move(settings)), stopped_(std::move(stopped)) {}

Bench::~Bench() = default;

const Bench::Lane* Bench::lane(int threads) const {
  const auto found = lanes_.find(threads);
  return found == lanes_.end() ? nullptr : found->second.get();
}

Bench::Lane& Bench::lane_for(int threads) {
  std::unique_ptr<Lane>& lane = lanes_[threads];
  if (!lane) lane = std::make_unique<Lane>(threads, settings_);
  return *lane;
}

const Gate& Bench::gate_for(const Point& point, const Tensors& tensors, core::ThreadPool& pool) {
  if (!gate_ || !same_problem(point, gate_point_)) {
    gate_.reset();  // two at once could be too much memory
    gate_ = std::make_unique<Gate>(point, tensors.pointers(0), pool);
    gate_point_ = point;
  }
  return *gate_;
}

core::Result<core::Selection> Bench::choose(const core::Registry& registry, const Point& point) {
  const PointProblem problem(point);
  return core::select(registry, lane_for(point.threads).host, core::kAuto, problem.problem(), kCpu,
                      "");
}

std::optional<Measurement> Bench::measure(const Subject& subject, const Point& point) {
  Measurement measurement;
  measurement.subject = subject;
  measurement.point = point;
  const PointProblem problem(point);
  measurement.bytes_min = problem.bytes_min();
  const std::int64_t copies =
      copies_for(problem.footprint(), static_cast<double>(last_level_cache_bytes()), free_memory());
  if (copies == 0) {
    measurement.unsupported = fmt::format(
        "the tensors take {:.1f} GiB; half of the free memory, {:.1f} GiB, is the most used here",
        problem.footprint() / 0x1p30, free_memory() / 2 / 0x1p30);
    return measurement;
  }
  measurement.working_set = problem.footprint() * static_cast<double>(copies);

  Lane& lane = lane_for(point.threads);
  const auto refused = [&](const core::Error& error) {
    if (error.code == LEET_STATUS_UNSUPPORTED) {
      measurement.unsupported = error.message;
    } else {
      measurement.failure = error;
    }
    return measurement;
  };
  const core::Result<core::Selection> selection = core::select(
      *subject.registry, lane.host, subject.name, problem.problem(), kCpu, subject.options);
  if (!selection) return refused(selection.error());
  measurement.method = selection->method->identity.id;
  core::Result<std::unique_ptr<core::Plan>> plan =
      core::Plan::make(*selection->method, lane.host, problem.problem(), kCpu, subject.options);
  if (!plan) return refused(plan.error());
  measurement.predicted_seconds = (*plan)->info().predicted_seconds;
  Run run(std::move(*plan), Tensors(point, problem, settings_.seed, copies));
  const Gate& gate = gate_for(point, run.tensors(), lane.host.threads());
  measurement.checked = gate.checked();
  if (stopped_()) return std::nullopt;
  try {
    run.execute();
    measurement.verdict = gate.judge(run.tensors().pointers(0));
    if (!measurement.verdict->correct) return measurement;
    lane.ceilings.sample(sdk::same(point.dtype, sdk::kF64), kCeilingRounds);
    take_samples(run, lane, measurement);
    if (stopped_()) return std::nullopt;
    lane.ceilings.sample(sdk::same(point.dtype, sdk::kF64), kCeilingRounds);
  } catch (const Failed& failed) {
    measurement.samples.clear();
    measurement.failure = failed.error;
    return measurement;
  }
  if (point.N > 1) {
    // What was timed must be right too. States have moved on by now; without them every execute
    // computes the same.
    const Verdict again = gate.judge(run.tensors().pointers(run.copy()));
    if (!again.correct) {
      measurement.verdict = again;
      measurement.verdict->message = "when timed: " + again.message;
      measurement.samples.clear();
    }
  }
  return measurement;
}

void Bench::take_samples(Run& run, Lane& lane, Measurement& measurement) {
  // Warm: every page has been touched and every thread has run.
  for (std::int64_t i = 0; i < run.tensors().copies() && !stopped_(); ++i) run.execute();
  const Clock::time_point warm = Clock::now();
  std::int64_t executes = 0;
  do {
    run.execute();
    ++executes;
  } while (since(warm) < kShortestSample);
  const double seconds_each = since(warm) / static_cast<double>(executes);
  measurement.repeats = std::max<std::int64_t>(
      1, static_cast<std::int64_t>(std::ceil(kShortestSample / seconds_each)));

  const Clock::time_point begin = Clock::now();
  int quiet = 0;
  while (measurement.samples.size() < kMostSamples && !stopped_()) {
    measurement.samples.push_back(lane.meter.sample([&] {
      for (std::int64_t i = 0; i < measurement.repeats; ++i) run.execute();
    }));
    const double probe = measurement.samples.back().probe;
    quiet += probe <= kQuietProbe * lane.meter.best_probe() ? 1 : 0;
    const double elapsed = since(begin);
    const bool enough = quiet >= kEnoughQuiet || elapsed >= kPatience * settings_.seconds;
    if (measurement.samples.size() >= kFewestSamples && elapsed >= settings_.seconds && enough) {
      break;
    }
  }
}

}  // namespace leet::bench
