// SPDX-License-Identifier: Apache-2.0
//
// Threads that share a context, a plan or nothing, with every method of the build. What is right
// for one thread must be right, to the bit, for many at once; ThreadSanitizer runs this too.
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <leet/leet.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/methods.hpp"

namespace leet {
namespace {

constexpr int kThreads = 4;

ContextOptions build_tree() {
  return {.threads = 2,
          .plugin_paths = {LEET_BINARY_DIR "/plugins"},
          .only_plugin_paths = true,
          .log_level = "off"};
}

// Inputs that threads share, with a ragged tail in every direction and two heads on one state.
class Problem {
 public:
  Problem() {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (std::vector<float>* const values : {&q_, &k_, &v_}) {
      for (float& value : *values) value = normal(random);
    }
  }

  Tensors tensors(std::vector<float>& out) {
    out.assign(kH * kN * kD, NAN);
    Tensors tensors;
    tensors.set(LEET_ROLE_Q, tensor(q_.data(), {1, kH, kN, kR}));
    tensors.set(LEET_ROLE_K, tensor(k_.data(), {1, kH, kN, kR}));
    tensors.set(LEET_ROLE_V, tensor(v_.data(), {1, kH, kN, kD}));
    tensors.set(LEET_ROLE_LOG_DECAY, tensor(log_decay_.data(), {1, kH, 1, 1}));
    tensors.set(LEET_ROLE_OUT, tensor(out.data(), {1, kH, kN, kD}));
    return tensors;
  }

 private:
  static constexpr std::int64_t kH = 3, kN = 137, kR = 19, kD = 21;
  std::vector<float> q_ = std::vector<float>(kH * kN * kR);
  std::vector<float> k_ = std::vector<float>(kH * kN * kR);
  std::vector<float> v_ = std::vector<float>(kH * kN * kD);
  std::vector<float> log_decay_ = {-0.1F, 0, -3};
};

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void run_threads(const std::function<void()>& body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(body);
  for (std::thread& thread : threads) thread.join();
}

class Concurrency : public ::testing::TestWithParam<std::string> {
 protected:
  Concurrency() : context_(build_tree()) {
    std::vector<float> out;
    const Tensors tensors = problem_.tensors(out);
    context_.plan(GetParam(), tensors, kOptions).execute(tensors);
    expected_ = out;
    EXPECT_FALSE(std::isnan(expected_.back()));
  }

  static inline const PlanOptions kOptions = {.decay_kind = LEET_DECAY_HEAD, .deterministic = true};
  Context context_;
  Problem problem_;
  std::vector<float> expected_;
};

TEST_P(Concurrency, ThreadsExecuteOnePlan) {
  std::vector<float> unused;
  const Plan plan = context_.plan(GetParam(), problem_.tensors(unused), kOptions);
  run_threads([&] {
    for (int turn = 0; turn < 4; ++turn) {
      std::vector<float> out;
      plan.execute(problem_.tensors(out));
      EXPECT_TRUE(same_bits(out, expected_));
    }
  });
}

TEST_P(Concurrency, ThreadsPlanInOneContext) {
  run_threads([&] {
    for (int turn = 0; turn < 4; ++turn) {
      std::vector<float> out;
      const Tensors tensors = problem_.tensors(out);
      EXPECT_NE(context_.supports(GetParam(), tensors, kOptions).answer, LEET_ANSWER_NO);
      context_.plan(GetParam(), tensors, kOptions).execute(tensors);
      EXPECT_TRUE(same_bits(out, expected_));
    }
  });
}

TEST_P(Concurrency, ThreadsHaveContextsOfTheirOwn) {
  run_threads([&] {
    Context context(build_tree());
    std::vector<float> out;
    const Tensors tensors = problem_.tensors(out);
    context.plan(GetParam(), tensors, kOptions).execute(tensors);
    EXPECT_TRUE(same_bits(out, expected_));
  });
}

INSTANTIATE_TEST_SUITE_P(Methods, Concurrency, ::testing::ValuesIn(tests::methods()),
                         [](const auto& method) { return tests::test_name(method.param); });

}  // namespace
}  // namespace leet
