// SPDX-License-Identifier: Apache-2.0
#include "core/thread_pool.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cfenv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <mutex>
#include <new>
#include <set>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace {
std::atomic<std::int64_t> allocations = 0;
}

// Counts what the whole program allocates. Not inlined: GCC 12 would then take new and free() for
// a mismatched pair.
__attribute__((noinline)) void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
__attribute__((noinline)) void operator delete(void* memory) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace leet::core {
namespace {

// Calls a C++ body through the C callback.
template <class Body>
leet_status loop(ThreadPool& pool, std::int64_t count, std::int64_t grain, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  return pool.parallel_for(
      count, grain,
      [](void* arg, std::int64_t begin, std::int64_t end, std::int32_t worker) -> leet_status {
        return (*static_cast<Plain*>(arg))(begin, end, worker);
      },
      const_cast<std::remove_const_t<Plain>*>(&body));
}

int os_threads() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/proc/self/task")) {
    ++count;
  }
  return count;
}

// Waits until `ready` holds; false after 20 s.
template <class Condition>
bool eventually(Condition&& ready) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!ready()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST(ThreadPool, RunsEveryItemOnceInPiecesOfAtMostGrain) {
  for (const int workers : {1, 2, 4, 7}) {
    ThreadPool pool(workers);
    for (const std::int64_t count : {0, 1, 2, 63, 65, 100, 257}) {
      for (const std::int64_t grain : {1, 2, 3, 64, 300}) {
        std::vector<std::atomic<int>> seen(static_cast<std::size_t>(count));
        std::atomic<bool> sound = true;
        const auto status = loop(
            pool, count, grain, [&](std::int64_t begin, std::int64_t end, std::int32_t worker) {
              if (begin >= end || end - begin > grain || worker < 0 || worker >= workers)
                sound = false;
              for (std::int64_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
              return LEET_STATUS_OK;
            });
        EXPECT_EQ(status, LEET_STATUS_OK);
        EXPECT_TRUE(sound) << workers << " workers, count " << count << ", grain " << grain;
        EXPECT_TRUE(std::ranges::all_of(seen, [](const auto& times) { return times == 1; }))
            << workers << " workers, count " << count << ", grain " << grain;
      }
    }
  }
}

TEST(ThreadPool, UsesAllWorkersAtOnce) {
  constexpr int kWorkers = 4;
  ThreadPool pool(kWorkers);
  for (int repeat = 0; repeat < 20; ++repeat) {
    std::atomic<int> inside = 0;
    std::array<std::atomic<int>, kWorkers> per_worker{};
    std::atomic<bool> met = true;
    // Each piece waits for all the others, so each needs a thread of its own.
    loop(pool, kWorkers, 1, [&](std::int64_t, std::int64_t, std::int32_t worker) {
      ++per_worker[static_cast<std::size_t>(worker)];
      ++inside;
      if (!eventually([&] { return inside == kWorkers; })) met = false;
      return LEET_STATUS_OK;
    });
    ASSERT_TRUE(met);
    for (const auto& pieces : per_worker) EXPECT_EQ(pieces, 1);
  }
}

TEST(ThreadPool, WakesWorkersThatHaveGoneToSleep) {
  ThreadPool pool(2);
  for (int repeat = 0; repeat < 5; ++repeat) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // far beyond the spinning
    std::atomic<int> inside = 0;
    std::atomic<bool> met = true;
    loop(pool, 2, 1, [&](std::int64_t, std::int64_t, std::int32_t) {
      ++inside;
      if (!eventually([&] { return inside == 2; })) met = false;
      return LEET_STATUS_OK;
    });
    ASSERT_TRUE(met);
  }
}

TEST(ThreadPool, CallerIsWorkerZero) {
  ThreadPool pool(4);
  const auto caller = std::this_thread::get_id();
  std::atomic<bool> sound = true;
  loop(pool, 1000, 1, [&](std::int64_t, std::int64_t, std::int32_t worker) {
    if ((worker == 0) != (std::this_thread::get_id() == caller)) sound = false;
    return LEET_STATUS_OK;
  });
  EXPECT_TRUE(sound);
}

TEST(ThreadPool, PiecesOfOneWorkerNeverOverlap) {
  constexpr int kWorkers = 4;
  ThreadPool pool(kWorkers);
  std::array<int, kWorkers> busy{};  // plain, so that TSan sees an overlap too
  std::array<std::int64_t, kWorkers> items{};
  std::atomic<bool> sound = true;
  for (int repeat = 0; repeat < 2000; ++repeat) {
    loop(pool, 16, 1, [&](std::int64_t begin, std::int64_t end, std::int32_t worker) {
      const auto w = static_cast<std::size_t>(worker);
      if (busy[w]++ != 0) sound = false;
      items[w] += end - begin;
      --busy[w];
      return LEET_STATUS_OK;
    });
  }
  EXPECT_TRUE(sound);
  std::int64_t total = 0;
  for (const std::int64_t of_worker : items) total += of_worker;
  EXPECT_EQ(total, 2000 * 16);
}

TEST(ThreadPool, HandsOutPiecesInOrder) {
  ThreadPool pool(3);
  std::array<std::vector<std::int64_t>, 3> of_worker;
  loop(pool, 500, 1, [&](std::int64_t begin, std::int64_t, std::int32_t worker) {
    of_worker[static_cast<std::size_t>(worker)].push_back(begin);
    return LEET_STATUS_OK;
  });
  for (const auto& begins : of_worker) EXPECT_TRUE(std::ranges::is_sorted(begins));

  std::vector<std::int64_t> order;
  ThreadPool alone(1);
  loop(alone, 10, 3, [&](std::int64_t begin, std::int64_t end, std::int32_t) {
    order.push_back(begin);
    order.push_back(end);
    return LEET_STATUS_OK;
  });
  EXPECT_EQ(order, (std::vector<std::int64_t>{0, 3, 3, 6, 6, 9, 9, 10}));
}

// Whichever of two failing pieces ends first, the lower one's status comes back.
TEST(ThreadPool, GivesTheStatusOfTheLowestFailingPiece) {
  ThreadPool pool(2);
  for (int repeat = 0; repeat < 20; ++repeat) {
    const std::int64_t first = repeat % 2;  // the piece that fails first
    std::atomic<int> inside = 0;
    std::atomic<bool> first_failed = false;
    const auto status = loop(pool, 2, 1, [&](std::int64_t piece, std::int64_t, std::int32_t) {
      ++inside;
      eventually([&] { return inside == 2; });
      if (piece == first) {
        first_failed = true;
      } else {
        eventually([&] { return first_failed.load(); });
        std::this_thread::sleep_for(std::chrono::milliseconds(2));  // until it is recorded
      }
      return piece == 0 ? LEET_STATUS_DEVICE_ERROR : LEET_STATUS_OUT_OF_MEMORY;
    });
    ASSERT_EQ(status, LEET_STATUS_DEVICE_ERROR) << "piece " << first << " failed first";
  }
}

TEST(ThreadPool, SkipsWhatFollowsAFailureAndRecovers) {
  ThreadPool pool(3);
  std::atomic<std::int64_t> run = 0;
  constexpr std::int64_t kMany = 1'000'000'000'000;  // never ends unless skipped
  const auto failing = [&](std::int64_t, std::int64_t, std::int32_t) -> leet_status {
    return ++run > 100 ? LEET_STATUS_INTERNAL : LEET_STATUS_OK;
  };
  EXPECT_EQ(loop(pool, kMany, 1, failing), LEET_STATUS_INTERNAL);
  EXPECT_LE(run, 103);  // a piece for each worker at most
  EXPECT_EQ(loop(pool, 8, 1, [](auto...) { return LEET_STATUS_OK; }), LEET_STATUS_OK);
}

TEST(ThreadPool, CountsBeyondInt32AndGrainsThatWouldOverflow) {
  ThreadPool pool(2);
  constexpr std::int64_t kCount = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kGrain = kCount / 3 * 2;
  std::mutex mutex;
  std::set<std::pair<std::int64_t, std::int64_t>> pieces;
  loop(pool, kCount, kGrain, [&](std::int64_t begin, std::int64_t end, std::int32_t) {
    const std::lock_guard lock(mutex);
    pieces.emplace(begin, end);
    return LEET_STATUS_OK;
  });
  EXPECT_EQ(pieces,
            (std::set<std::pair<std::int64_t, std::int64_t>>{{0, kGrain}, {kGrain, kCount}}));
}

TEST(ThreadPool, NestedCallsRunInlineWithTheSameWorkerIndex) {
  ThreadPool pool(4);
  std::atomic<bool> sound = true;
  std::atomic<std::int64_t> items = 0;
  std::atomic<int> inside = 0;
  const auto status = loop(pool, 4, 1, [&](std::int64_t, std::int64_t, std::int32_t outer) {
    ++inside;
    eventually([&] { return inside == 4; });  // one piece on each worker
    const auto thread = std::this_thread::get_id();
    return loop(pool, 10, 3, [&](std::int64_t begin, std::int64_t end, std::int32_t inner) {
      if (inner != outer || std::this_thread::get_id() != thread) sound = false;
      items += end - begin;
      return LEET_STATUS_OK;
    });
  });
  EXPECT_EQ(status, LEET_STATUS_OK);
  EXPECT_TRUE(sound);
  EXPECT_EQ(items, 40);
}

// From a body of one pool into another and back: the worker index of the first is still known.
TEST(ThreadPool, NestedCallsFindTheirPoolBeneathAnother) {
  ThreadPool first(3);
  ThreadPool second(1);
  std::atomic<bool> sound = true;
  std::atomic<int> inside = 0;
  loop(first, 3, 1, [&](std::int64_t, std::int64_t, std::int32_t outer) {
    ++inside;
    eventually([&] { return inside == 3; });  // one piece on each worker
    return loop(second, 1, 1, [&](std::int64_t, std::int64_t, std::int32_t) {
      return loop(first, 5, 1, [&](std::int64_t, std::int64_t, std::int32_t inner) {
        if (inner != outer) sound = false;
        return LEET_STATUS_OK;
      });
    });
  });
  EXPECT_TRUE(sound);
}

TEST(ThreadPool, NestedFailureComesBack) {
  ThreadPool pool(2);
  const auto status = loop(pool, 8, 1, [&](std::int64_t outer, std::int64_t, std::int32_t) {
    return loop(pool, 8, 1, [&](std::int64_t inner, std::int64_t, std::int32_t) -> leet_status {
      return outer == 3 && inner == 5 ? LEET_STATUS_UNSUPPORTED : LEET_STATUS_OK;
    });
  });
  EXPECT_EQ(status, LEET_STATUS_UNSUPPORTED);
}

TEST(ThreadPool, ConcurrentCallersRunInlineOnTheirOwnThreads) {
  ThreadPool pool(2);
  std::atomic<bool> first_inside = false;
  std::atomic<bool> second_done = false;
  std::atomic<bool> sound = true;
  std::thread holder([&] {
    loop(pool, 2, 1, [&](std::int64_t, std::int64_t, std::int32_t) {
      first_inside = true;
      if (!eventually([&] { return second_done.load(); })) sound = false;
      return LEET_STATUS_OK;
    });
  });
  ASSERT_TRUE(eventually([&] { return first_inside.load(); }));
  const auto caller = std::this_thread::get_id();
  std::int64_t items = 0;  // plain: all on this thread
  loop(pool, 100, 1, [&](std::int64_t begin, std::int64_t end, std::int32_t worker) {
    if (worker != 0 || std::this_thread::get_id() != caller) sound = false;
    items += end - begin;
    return LEET_STATUS_OK;
  });
  second_done = true;
  holder.join();
  EXPECT_EQ(items, 100);
  EXPECT_TRUE(sound);
}

TEST(ThreadPool, ManyCallersAtOnce) {
  ThreadPool pool(3);
  std::atomic<std::int64_t> items = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 6; ++caller) {
    callers.emplace_back([&] {
      for (int repeat = 0; repeat < 500; ++repeat) {
        loop(pool, 7, 2, [&](std::int64_t begin, std::int64_t end, std::int32_t) {
          items += end - begin;
          return LEET_STATUS_OK;
        });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(items, 6 * 500 * 7);
}

TEST(ThreadPool, WorkersHaveTheCallersFloatingPointEnvironment) {
  constexpr int kWorkers = 3;
  ThreadPool pool(kWorkers);
  for (const int rounding : {FE_UPWARD, FE_TOWARDZERO, FE_TONEAREST}) {
    ASSERT_EQ(std::fesetround(rounding), 0);
    std::atomic<int> inside = 0;
    std::atomic<int> wrong = 0;
    loop(pool, kWorkers, 1, [&](std::int64_t, std::int64_t, std::int32_t) {
      ++inside;
      eventually([&] { return inside == kWorkers; });  // one piece on each worker
      if (std::fegetround() != rounding) ++wrong;
      return LEET_STATUS_OK;
    });
    std::fesetround(FE_TONEAREST);
    EXPECT_EQ(wrong, 0) << "rounding mode " << rounding;
  }
}

TEST(ThreadPool, StartsNoThreadBeforeALoopCanUseIt) {
  std::thread([] {}).join();  // ThreadSanitizer brings a thread of its own with the first one
  const int before = os_threads();
  ThreadPool pool(4);
  loop(pool, 0, 1, [](auto...) { return LEET_STATUS_OK; });
  loop(pool, 100, 100, [](auto...) { return LEET_STATUS_OK; });
  EXPECT_EQ(os_threads(), before);
  loop(pool, 2, 1, [](auto...) { return LEET_STATUS_OK; });
  EXPECT_EQ(os_threads(), before + 3);
}

TEST(ThreadPool, AllocatesNothingOnceItsThreadsRun) {
  ThreadPool pool(3);
  const auto failing = [](std::int64_t begin, std::int64_t, std::int32_t) -> leet_status {
    return begin == 50 ? LEET_STATUS_INTERNAL : LEET_STATUS_OK;
  };
  loop(pool, 100, 1, failing);
  const std::int64_t before = allocations;
  for (int repeat = 0; repeat < 10; ++repeat) loop(pool, 100, 1, failing);
  EXPECT_EQ(allocations, before);
}

TEST(ThreadPool, ZeroWorkersMeansTheAffinityMask) {
  cpu_set_t cpus;
  ASSERT_EQ(sched_getaffinity(0, sizeof cpus, &cpus), 0);
  EXPECT_EQ(ThreadPool(0).concurrency(), CPU_COUNT(&cpus));
  EXPECT_EQ(ThreadPool(5).concurrency(), 5);

  std::thread([cpus] {
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
      if (CPU_ISSET(cpu, &cpus)) CPU_SET(cpu, &one);
    }
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    EXPECT_EQ(ThreadPool(0).concurrency(), 1);
  }).join();
}

// The calling thread's affinity mask.
std::set<int> own_cpus() {
  cpu_set_t mask;
  std::set<int> cpus;
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &mask)) cpus.insert(cpu);
  }
  return cpus;
}

// The masks of a pool's workers, by worker; every one takes part.
std::vector<std::set<int>> masks_of(ThreadPool& pool) {
  std::vector<std::set<int>> masks(static_cast<std::size_t>(pool.concurrency()));
  std::atomic<int> arrived = 0;
  const leet_status status =
      loop(pool, pool.concurrency(), 1, [&](std::int64_t, std::int64_t, std::int32_t worker) {
        ++arrived;
        if (!eventually([&] { return arrived == pool.concurrency(); })) return LEET_STATUS_INTERNAL;
        masks[static_cast<std::size_t>(worker)] = own_cpus();
        return LEET_STATUS_OK;
      });
  EXPECT_EQ(status, LEET_STATUS_OK);
  return masks;
}

TEST(ThreadPool, PinsItsThreadsAndNotTheCaller) {
  const std::set<int> all = own_cpus();
  const auto cpus = static_cast<int>(all.size());
  ThreadPool pool(cpus + 1, true);
  const auto masks = masks_of(pool);
  EXPECT_EQ(masks[0], all);
  std::set<int> used;
  for (std::size_t worker = 1; worker < masks.size(); ++worker) {
    ASSERT_EQ(masks[worker].size(), 1u) << worker;
    used.insert(*masks[worker].begin());
  }
  EXPECT_EQ(used, all);  // in turn: no CPU has two while another has none
  EXPECT_EQ(own_cpus(), all);
}

TEST(ThreadPool, LeavesItsThreadsFreeUnlessTold) {
  ThreadPool pool(2);
  for (const std::set<int>& mask : masks_of(pool)) EXPECT_EQ(mask, own_cpus());
}

TEST(ThreadPool, RefusesBadArguments) {
  ThreadPool pool(2);
  const auto body = [](std::int64_t, std::int64_t, std::int32_t) { return LEET_STATUS_OK; };
  EXPECT_EQ(loop(pool, 10, 0, body), LEET_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(loop(pool, 10, -1, body), LEET_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(loop(pool, -1, 1, body), LEET_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(pool.parallel_for(1, 1, nullptr, nullptr), LEET_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(loop(pool, 0, 1, body), LEET_STATUS_OK);
}

}  // namespace
}  // namespace leet::core
