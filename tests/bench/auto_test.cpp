// SPDX-License-Identifier: Apache-2.0
//
// What "auto" takes of this project's methods, by their own predictions: nothing here is timed, and
// only where the best method is far from the others is there a row. `leet bench all` measured the
// rows, and shows whether they hold on another machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "core/host_services.hpp"
#include "core/registry.hpp"
#include "core/selection.hpp"
#include "tools/bench/axes.hpp"
#include "tools/bench/tensors.hpp"

namespace leet::bench {
namespace {

using Methods = std::vector<std::string>;

// Whatever is near the best.
const Methods kSweeps = {"leet.fleet", "leet.recurrent"};
const Methods kChunks = {"leet.chunked", "leet.lightning", "leet.recursive", "leet.scan"};

Methods either(Methods a, const Methods& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

struct Row {
  const char* axes;  // as after -a, separated by spaces
  Methods good;
};

void PrintTo(const Row& row, std::ostream* stream) { *stream << row.axes; }

class AutoTest : public testing::TestWithParam<Row> {
 protected:
  static void SetUpTestSuite() {
    core::RegistryOptions options;
    options.paths = {LEET_BINARY_DIR "/plugins"};
    options.default_paths = false;
    options.configuration.probe.policy = core::ProbePolicy::kOff;
    registry_ = std::make_unique<core::Registry>(core::Registry::open(options));
  }
  static void TearDownTestSuite() { registry_.reset(); }

  static std::vector<Point> points(const std::string& axes) {
    std::vector<std::string> texts;
    for (std::size_t begin = 0; begin < axes.size();) {
      const std::size_t end = std::min(axes.find(' ', begin), axes.size());
      texts.push_back(axes.substr(begin, end - begin));
      begin = end + 1;
    }
    const core::Result<Axes> parsed = parse_axes(texts, 64);
    EXPECT_TRUE(parsed) << axes;
    return points_of(*parsed);
  }

  static std::unique_ptr<core::Registry> registry_;
};
std::unique_ptr<core::Registry> AutoTest::registry_;

TEST_P(AutoTest, TakesAGoodMethod) {
  for (const Point& point : points(GetParam().axes)) {
    const core::HostServices host(point.threads, "off");
    const PointProblem problem(point);
    const core::Result<core::Selection> selection =
        core::select(*registry_, host, core::kAuto, problem.problem(), {LEET_DEVICE_CPU, 0}, "");
    ASSERT_TRUE(selection) << selection.error().message;
    EXPECT_THAT(GetParam().good, testing::Contains(selection->method->identity.id))
        << "N=" << point.N << " B=" << point.B << " H=" << point.H << " R=" << point.R
        << " threads=" << point.threads << ": " << selection->reason;
  }
}

TEST_P(AutoTest, EveryMethodThatCanPredictsItsTime) {
  for (const Point& point : points(GetParam().axes)) {
    const core::HostServices host(point.threads, "off");
    const PointProblem problem(point);
    const auto judgements =
        core::judge_all(registry_->methods(), host, problem.problem(), {LEET_DEVICE_CPU, 0});
    ASSERT_TRUE(judgements) << judgements.error().message;
    for (const core::Judgement& judgement : *judgements) {
      if (judgement.verdict.answer == LEET_ANSWER_NO) continue;
      EXPECT_GT(judgement.verdict.predicted_seconds, 0) << judgement.method->identity.id;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, AutoTest,
    testing::Values(
        // Decoding: the state is read and written in place, once.
        Row{"N=1 H=1,2,8,64 B=1,4 R=64,128,256 dtype=f32,bf16 decay=head,step,channel threads=1,2",
            {"leet.recurrent"}},
        // All in one chunk: without a state there is nothing to update.
        Row{"N=16 H=1,8,64 R=128,256 dtype=f32,bf16 decay=head,step,channel threads=1,2", kChunks},
        // Long, with a constant decay: sweeps reach more of the peak than chunks.
        Row{"N=1024,4096,16384 H=1,8,32 R=64,128,256 dtype=f32,bf16 decay=none,head threads=1,2",
            kSweeps},
        Row{"N=1024,4096,16384 H=1,8,32 R=128 decay=step threads=1,2",
            either({"leet.recurrent"}, kChunks)},
        // A decay for each channel costs the sweep an operation each step, a chunk only its edges.
        Row{"N=1024,4096,16384 H=8,32 R=64,128,256 decay=channel threads=1,2", {"leet.lightning"}},
        // One head on two threads: who cuts its columns weighs the keys twice.
        Row{"N=1024,4096,65536 H=1 R=128 decay=channel threads=2", {"leet.recursive"}},
        // Only plain kernels compute in f64.
        Row{"N=1,64,1024 H=1,8 dtype=f64 threads=1,2", either(kSweeps, kChunks)}));

}  // namespace
}  // namespace leet::bench
