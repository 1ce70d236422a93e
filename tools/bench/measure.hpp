// SPDX-License-Identifier: Apache-2.0
//
// One method at one point: the gate, the warm-up, the samples.
#ifndef LEET_TOOLS_BENCH_MEASURE_HPP
#define LEET_TOOLS_BENCH_MEASURE_HPP

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/host_services.hpp"
#include "core/result.hpp"
#include "core/selection.hpp"
#include "tools/bench/axes.hpp"
#include "tools/bench/ceilings.hpp"
#include "tools/bench/gate.hpp"
#include "tools/bench/meter.hpp"
#include "tools/bench/samples.hpp"
#include "tools/bench/subjects.hpp"
#include "tools/bench/tensors.hpp"

namespace leet::bench {

struct Settings {
  double seconds = 1;  // of samples, a point
  std::uint64_t seed = 0;
  std::string log_level = "warn";
  bool pin_threads = false;
};

// What became of a point. Samples are there exactly when the gate was green.
struct Measurement {
  Subject subject;
  std::string method;  // its id; the one chosen where the subject is "auto", empty where none was
  Point point;
  std::optional<std::string> unsupported;  // the reason
  std::optional<core::Error> failure;      // of the plan or an execute
  std::optional<Verdict> verdict;
  double checked = 0;            // the share of out that the gate compared
  double predicted_seconds = 0;  // by the method; 0 = not known
  double bytes_min = 0;
  double working_set = 0;    // bytes that the executes go round
  std::int64_t repeats = 1;  // executes in a sample
  std::vector<Sample> samples;
};

class Bench {
 public:
  // `stopped` is asked between samples.
  Bench(Settings settings, std::function<bool()> stopped);
  ~Bench();

  // Nothing when it was stopped. Points of one problem should follow each other: the oracle's
  // answer is kept for the last.
  std::optional<Measurement> measure(const Subject& subject, const Point& point);

  // What "auto" takes at a point. Errors: those of core::select.
  core::Result<core::Selection> choose(const core::Registry& registry, const Point& point);

  // What is known of the machine with this number of threads by now; call it at the end, when the
  // whole run has been seen. Absent before the first green measurement with so many.
  struct Lane {
    Lane(int threads, const Settings& settings);

    core::HostServices host;
    Meter meter;
    Ceilings ceilings;
  };
  const Lane* lane(int threads) const;

 private:
  class Run;
  Lane& lane_for(int threads);
  const Gate& gate_for(const Point& point, const Tensors& tensors, core::ThreadPool& pool);
  void take_samples(Run& run, Lane& lane, Measurement& measurement);

  Settings settings_;
  std::function<bool()> stopped_;
  std::map<int, std::unique_ptr<Lane>> lanes_;
  Point gate_point_;
  std::unique_ptr<Gate> gate_;
};

}  // namespace leet::bench
#endif  // LEET_TOOLS_BENCH_MEASURE_HPP
