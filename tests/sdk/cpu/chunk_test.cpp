// SPDX-License-Identifier: Apache-2.0
//
// What scans of states need of Chunk and PlainChunk: states of chunks alone, combined, are those of
// the chunks one after the other; and ranges of panels are parts of the whole.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "chunk_test.cpp"
#include <gtest/gtest.h>
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <array>
#include <cmath>
#include <leet/cpu/chunk-inl.hpp>
#include <leet/cpu/plain_chunk.hpp>
#include <random>
#include <vector>

#include "every_target.hpp"

#ifndef LEET_TESTS_SDK_CPU_CHUNK_TEST_ONCE
#define LEET_TESTS_SDK_CPU_CHUNK_TEST_ONCE
namespace leet::cpu_tests {

constexpr std::int64_t kN = 50, kR = 9, kD = 70;
constexpr cpu::ChunkConfig kConfig{LEET_DECAY_NONE, 0.5, 16};

// One head of random tensors.
class Problem {
 public:
  explicit Problem(int decay_kind) {
    add(LEET_ROLE_Q, kR, 1);
    add(LEET_ROLE_K, kR, 1);
    add(LEET_ROLE_V, kD, 1);
    add(LEET_ROLE_OUT, kD, 0);
    if (decay_kind != LEET_DECAY_NONE) {
      add(LEET_ROLE_LOG_DECAY, kR, 1);
      for (float& g : data_[LEET_ROLE_LOG_DECAY]) g = -g * g;
      std::int64_t* const stride = tensors_[LEET_ROLE_LOG_DECAY].spec.stride;
      if (decay_kind != LEET_DECAY_CHANNEL) stride[3] = 0;
      if (decay_kind == LEET_DECAY_HEAD) stride[2] = 0;
    }
    exec_.role_count = LEET_ROLE_COUNT;
    exec_.tensors = pointers_.data();
  }

  sdk::Exec exec() const { return sdk::Exec(exec_); }
  const std::vector<float>& out() const { return data_[LEET_ROLE_OUT]; }

 private:
  void add(std::size_t role, std::int64_t columns, float sigma) {
    std::mt19937 engine(static_cast<unsigned>(role));
    std::normal_distribution<float> normal;
    data_[role].resize(static_cast<std::size_t>(kN * columns));
    for (float& value : data_[role]) value = sigma * normal(engine);
    tensors_[role].data = data_[role].data();
    tensors_[role].spec = {
        sdk::kF32, 4, 4, 0, {1, 1, kN, columns}, {kN * columns, kN * columns, columns, 1}};
    pointers_[role] = &tensors_[role];
  }

  std::array<std::vector<float>, LEET_ROLE_COUNT> data_;
  std::array<leet_tensor, LEET_ROLE_COUNT> tensors_{};
  std::array<const leet_tensor*, LEET_ROLE_COUNT> pointers_{};
  leet_exec exec_{};
};

template <class Real>
double difference(const std::vector<Real>& a, const std::vector<Real>& b) {
  double sum = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    norm += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(sum / norm);
}

template <class Chunk>
void check_combining(double tolerance) {
  using Real = typename Chunk::Real;
  using Factor = typename Chunk::Factor;
  for (const int kind : {LEET_DECAY_NONE, LEET_DECAY_HEAD, LEET_DECAY_STEP, LEET_DECAY_CHANNEL}) {
    SCOPED_TRACE(testing::Message() << "decay " << kind);
    const Problem problem(kind);
    const sdk::Exec exec = problem.exec();
    cpu::ChunkConfig config = kConfig;
    config.decay_kind = kind;
    std::vector<std::byte> memory(Chunk::bytes(exec.shape(), config) + 64);
    auto* const aligned =
        memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64);
    Chunk chunk(exec, config, sdk::Scratch(aligned));
    const auto size = static_cast<std::size_t>(chunk.panel_size());

    for (std::int64_t panel = 0; panel < chunk.panels(); ++panel) {
      // Before each chunk, the state in sequence, and the same by combining chunks' own.
      std::vector<Real> state(size), own(size), combined(size);
      std::vector<Factor> all(kR, Factor(1));
      chunk.begin(0, 0, panel, panel + 1);
      chunk.load_state(panel, state.data());
      for (std::int64_t t = 0; t < kN; t += config.C) {
        chunk.load(t, std::min(config.C, kN - t), cpu::kForUpdate);
        chunk.update(panel, nullptr, own.data());
        Chunk::add_decayed(chunk.total(), combined.data(), own.data(), combined.data(), kR);
        Chunk::multiply(all.data(), chunk.total(), all.data(), kR);
        chunk.update(panel, state.data(), state.data());
        EXPECT_LE(difference(combined, state), tolerance);
      }
      // Of the sum of the logs.
      double expected = 0;
      const sdk::LogDecay log_decay(exec, kind);
      for (std::int64_t t = 0; t < kN; ++t) expected += log_decay.at(0, 0, t, kR - 1);
      EXPECT_NEAR(static_cast<double>(all[kR - 1]) / std::exp(expected), 1, 1e-12);
    }
  }
}

// Rows of out by panels begun one at a time, and all together.
template <class Chunk>
void check_ranges() {
  for (const int kind : {LEET_DECAY_STEP, LEET_DECAY_CHANNEL}) {
    const Problem whole(kind), parts(kind);
    for (const Problem* problem : {&whole, &parts}) {
      const sdk::Exec exec = problem->exec();
      cpu::ChunkConfig config = kConfig;
      config.decay_kind = kind;
      std::vector<std::byte> memory(Chunk::bytes(exec.shape(), config) + 64);
      auto* const aligned =
          memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64);
      Chunk chunk(exec, config, sdk::Scratch(aligned));
      ASSERT_GT(chunk.panels(), 1);
      const std::int64_t width = problem == &whole ? chunk.panels() : 1;
      for (std::int64_t first = 0; first < chunk.panels(); first += width) {
        chunk.begin(0, 0, first, first + width);
        chunk.load(16, 16, cpu::kForOutput);
        chunk.query(0);
        for (std::int64_t p = first; p < first + width; ++p) chunk.output(p, nullptr);
      }
    }
    EXPECT_EQ(whole.out(), parts.out());
    EXPECT_NE(whole.out()[16 * kD], 0);
    EXPECT_EQ(whole.out()[15 * kD], 0);  // no other row
    EXPECT_EQ(whole.out()[32 * kD], 0);
  }
}

}  // namespace leet::cpu_tests
#endif

HWY_BEFORE_NAMESPACE();
namespace leet::cpu_tests {
namespace HWY_NAMESPACE {

void check_simd() {
  check_combining<cpu::HWY_NAMESPACE::Chunk>(5e-7);
  check_ranges<cpu::HWY_NAMESPACE::Chunk>();
}

}  // namespace HWY_NAMESPACE
}  // namespace leet::cpu_tests
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leet::cpu_tests {
namespace {

HWY_EXPORT(check_simd);

TEST(Chunk, CombinesAndIsCut) {
  on_every_target([] { HWY_DYNAMIC_DISPATCH(check_simd)(); });
}

TEST(PlainChunk, CombinesAndIsCut) {
  check_combining<cpu::PlainChunk>(1e-14);
  check_ranges<cpu::PlainChunk>();
}

}  // namespace
}  // namespace leet::cpu_tests
#endif
