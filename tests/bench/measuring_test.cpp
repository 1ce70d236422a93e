// SPDX-License-Identifier: Apache-2.0
//
// That the measuring parts do their work; never how fast.
#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "core/thread_pool.hpp"
#include "tools/bench/ceilings.hpp"
#include "tools/bench/fma_kernels.hpp"
#include "tools/bench/huge_pages.hpp"
#include "tools/bench/meter.hpp"

namespace leet::bench {
namespace {

TEST(FmaKernel, RunsOnThisProcessor) {
  for (const bool f64 : {false, true}) {
    const FmaKernel kernel = widest_fma_kernel(f64);
    kernel.run(100);
    EXPECT_GT(kernel.flops, 0);
  }
  EXPECT_EQ(widest_fma_kernel(false).flops, 2 * widest_fma_kernel(true).flops);
}

TEST(ScaleInPlace, ScalesEveryElementOnce) {
  HugePages memory(4096 * sizeof(float));
  auto* const values = reinterpret_cast<float*>(memory.data());
  for (int i = 0; i < 4096; ++i) values[i] = static_cast<float>(i);
  scale_in_place(memory.data(), 4000 * sizeof(float), 2.0f);
  for (int i = 0; i < 4000; ++i) ASSERT_EQ(values[i], 2.0f * static_cast<float>(i));
  for (int i = 4000; i < 4096; ++i) ASSERT_EQ(values[i], static_cast<float>(i));
}

TEST(Cache, HasASize) { EXPECT_GE(last_level_cache_bytes(), std::size_t{64} << 10); }

TEST(Meter, RunsOnceOnEachThreadOfThePool) {
  core::ThreadPool pool(3);
  Meter meter(pool);
  EXPECT_EQ(meter.threads(), 3);
  bool together = false;
  std::vector<std::atomic<int>> runs(3);
  // On a crowded machine they may not come together at the first try.
  for (int attempt = 0; attempt < 100 && !together; ++attempt) {
    for (auto& count : runs) count = 0;
    together = meter.on_every_thread([&](int worker) { ++runs[static_cast<std::size_t>(worker)]; });
  }
  EXPECT_TRUE(together);
  for (const auto& count : runs) EXPECT_EQ(count, 1);
}

TEST(Meter, ASampleHasEveryClock) {
  core::ThreadPool pool(1);
  Meter meter(pool);
  int calls = 0;
  const Sample sample = meter.sample([&] {
    ++calls;
    for (int i = 0; i < 1'000'000; ++i) asm volatile("nop");
  });
  EXPECT_EQ(calls, 1);
  EXPECT_GT(sample.wall, 0);
  EXPECT_GT(sample.cpu, 0);
  EXPECT_GE(sample.probe, meter.best_probe());
  EXPECT_GT(meter.best_probe(), 0);
}

}  // namespace
}  // namespace leet::bench
