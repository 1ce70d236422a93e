// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/samples.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace leet::bench {
namespace {

// Two threads at work for all of `wall`, undisturbed.
Sample steady(double wall, double probe = 1.0) { return {wall, 2 * wall, 0.0, probe}; }

TEST(Percentile, InterpolatesBetweenNeighbours) {
  const std::vector<double> values = {1, 2, 4, 8};
  EXPECT_DOUBLE_EQ(percentile(values, 0), 1);
  EXPECT_DOUBLE_EQ(percentile(values, 0.5), 3);
  EXPECT_DOUBLE_EQ(percentile(values, 1), 8);
  EXPECT_DOUBLE_EQ(percentile(values, 0.1), 1.3);
  const std::vector<double> one = {7};
  EXPECT_DOUBLE_EQ(percentile(one, 0.95), 7);
}

TEST(Classify, QuietIsWithinFourPerCentOfTheBestProbe) {
  EXPECT_EQ(classify(steady(1, 1.04), 2, 0, 1.0), SampleState::kQuiet);
  EXPECT_EQ(classify(steady(1, 1.05), 2, 0, 1.0), SampleState::kBusy);
  EXPECT_EQ(classify(steady(1, 1.30), 2, 0, 1.0), SampleState::kBusy);
}

TEST(Classify, CpuTimeShortOfThreadsTimesWallIsDiscarded) {
  EXPECT_EQ(classify({1, 1.95, 0.0, 1}, 2, 0, 1.0), SampleState::kQuiet);
  EXPECT_EQ(classify({1, 1.93, 0.0, 1}, 2, 0, 1.0), SampleState::kDiscarded);
  EXPECT_EQ(classify({1, 1.0, 0.0, 1}, 1, 0, 1.0), SampleState::kQuiet);
  // However quiet, and also where the clocks say nothing.
  EXPECT_EQ(classify({1, 0, 0.0, 1}, 1, 0, 1.0), SampleState::kDiscarded);
}

TEST(Classify, IdleThreadsOfTheWorkItselfAreAllowed) {
  EXPECT_EQ(classify({1, 1.0, 0.0, 1}, 2, 0.5, 1.0), SampleState::kQuiet);
  EXPECT_EQ(classify({1, 0.9, 0.0, 1}, 2, 0.5, 1.0), SampleState::kDiscarded);
}

TEST(IdleShare, IsTheLeastOfAllSamples) {
  const std::vector<Sample> half = {{1, 1.0, 0.0, 1}, {1, 1.2, 0.0, 1}, {1, 1.1, 0.0, 1}};
  EXPECT_DOUBLE_EQ(idle_share(half, 2), 0.4);
  EXPECT_DOUBLE_EQ(idle_share({}, 2), 0);
}

TEST(IdleShare, WaitingForACpuIsNotIdleness) {
  // Another program has one of the CPUs all the time.
  const std::vector<Sample> crowded = {{1, 1.0, 1.0, 1}, {1, 1.1, 0.9, 1}};
  EXPECT_DOUBLE_EQ(idle_share(crowded, 2), 0);
  EXPECT_EQ(summarise(crowded, 2, 1.0).discarded, 2);
}

TEST(IdleShare, IsNotKnownWithoutDelays) {
  const std::vector<Sample> samples = {{1, 1.0, std::nullopt, 1}, {1, 1.0, 0.0, 1}};
  EXPECT_DOUBLE_EQ(idle_share(samples, 2), 0);
  EXPECT_EQ(summarise(samples, 2, 1.0).discarded, 2);
}

TEST(Summary, FiguresAreOfQuietSamplesWhereThereAreAny) {
  const std::vector<Sample> samples = {steady(1), steady(10, 1.3),    steady(12, 1.3),
                                       steady(3), {0.1, 0.1, 0.1, 1}, steady(2)};
  const Summary summary = summarise(samples, 2, 1.0);
  EXPECT_EQ(summary.quiet, 3);
  EXPECT_EQ(summary.busy, 2);
  EXPECT_EQ(summary.discarded, 1);
  ASSERT_TRUE(summary.seconds);
  EXPECT_DOUBLE_EQ(summary.seconds->median, 2);
  EXPECT_DOUBLE_EQ(summary.seconds->p5, 1.1);
  EXPECT_DOUBLE_EQ(summary.seconds->p95, 2.9);
  EXPECT_DOUBLE_EQ(summary.threads_busy, 2);
}

TEST(Summary, FiguresAreOfBusySamplesElse) {
  const std::vector<Sample> samples = {steady(10, 1.3), steady(12, 1.3), {1, 0.5, 0.0, 1.0}};
  const Summary summary = summarise(samples, 2, 1.0);
  EXPECT_EQ(summary.quiet, 0);
  ASSERT_TRUE(summary.seconds);
  EXPECT_DOUBLE_EQ(summary.seconds->median, 11);
}

TEST(Summary, NoFiguresWithoutASampleThatCounts) {
  EXPECT_FALSE(summarise({}, 2, 1.0).seconds);
  const std::vector<Sample> disturbed = {{1, 1.0, 1.0, 1.0}, {1, 1.5, 0.5, 1.0}};
  const Summary summary = summarise(disturbed, 2, 1.0);
  EXPECT_EQ(summary.discarded, 2);
  EXPECT_FALSE(summary.seconds);
}

TEST(Summary, TellsHowManyThreadsWereAtWork) {
  const std::vector<Sample> samples = {{2, 2.0, 0.0, 1}, {4, 4.0, 0.0, 1}};
  const Summary summary = summarise(samples, 4, 1.0);
  EXPECT_EQ(summary.quiet, 2);
  EXPECT_DOUBLE_EQ(summary.threads_busy, 1);
}

}  // namespace
}  // namespace leet::bench
