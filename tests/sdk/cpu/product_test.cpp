// SPDX-License-Identifier: Apache-2.0
//
// The products and rows of leet/cpu on every instruction set, against loops in fp64. Arrays are
// exactly as large as the functions may read, for the sanitizers.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "product_test.cpp"
#include <gtest/gtest.h>
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <cmath>
#include <leet/cpu/product-inl.hpp>
#include <leet/cpu/rows-inl.hpp>
#include <limits>
#include <random>
#include <vector>

#include "every_target.hpp"

HWY_BEFORE_NAMESPACE();
namespace leet::cpu_tests {
namespace HWY_NAMESPACE {
using namespace leet::cpu::HWY_NAMESPACE;  // NOLINT: the functions under test
using cpu::Prefetcher;

std::vector<float> random(std::int64_t count, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(engine);
  return values;
}

double at(const std::vector<float>& values, std::int64_t i) {
  return static_cast<double>(values[static_cast<std::size_t>(i)]);
}

void check_tiles() {
  for (std::int64_t count = 0; count < 60; ++count) {
    std::int64_t next = 0;
    by_tiles(count, [&](auto rows, std::int64_t i) {
      EXPECT_EQ(i, next);
      EXPECT_LE(decltype(rows)::value, kTileRows);
      next = i + decltype(rows)::value;
    });
    EXPECT_EQ(next, count);
  }
}

void check_scores() {
  for (const std::int64_t R : {1, 3, 4, 7, 8, 16, 17, 33, 64}) {
    for (const std::int64_t rows : {1, 2, 3, 5, 8, 13, 24, 31}) {
      SCOPED_TRACE(testing::Message() << "R=" << R << " rows=" << rows);
      const std::int64_t stride = (rows + kScoreKeys - 1) / kScoreKeys * kScoreKeys;
      const auto q = random(rows * R, 1), k = random(rows * R, 2), w = random(rows * stride, 3);
      std::vector<float> got(static_cast<std::size_t>(rows * stride), -1.0F);
      // In two blocks of rows, as for decays by channel.
      const ScoreArgs args{{q.data(), R}, {k.data(), R}, R, {w.data(), stride}, got.data(), stride};
      scores(args, 0, rows / 2);
      scores(args, rows / 2, rows);
      for (std::int64_t t = 0; t < rows; ++t) {
        for (std::int64_t s = 0; s <= t; ++s) {
          double sum = 0, size = 0;
          for (std::int64_t r = 0; r < R; ++r) {
            sum += at(q, t * R + r) * at(k, s * R + r);
            size += std::abs(at(q, t * R + r) * at(k, s * R + r));
          }
          const double weight = at(w, t * stride + s);
          ASSERT_NEAR(at(got, t * stride + s), sum * weight, 1e-6 * size * std::abs(weight) + 1e-30)
              << t << " " << s;
        }
      }
    }
  }
}

void check_outputs() {
  const std::int64_t width = panel_columns();
  for (const std::int64_t R : {1, 5, 33}) {
    for (const std::int64_t rows : {1, 2, 3, 7, 8, 17, 24}) {
      for (const std::int64_t count : {0, 1, 3}) {  // states, whose sum is read
        SCOPED_TRACE(testing::Message() << "R=" << R << " rows=" << rows << " states=" << count);
        const auto q = random(rows * R, 1), w = random(rows, 3), p = random(rows * rows, 4),
                   v = random(rows * width, 5);
        const std::vector<float> memory[] = {random(R * width, 2), random(R * width, 6),
                                             random(R * width, 7)};
        const float* const states[] = {memory[0].data(), memory[1].data(), memory[2].data()};
        std::vector<float> got(static_cast<std::size_t>(rows * width));
        Prefetcher next;
        outputs({{q.data(), R},
                 R,
                 states,
                 count,
                 w.data(),
                 {p.data(), rows},
                 {v.data(), width},
                 got.data(),
                 width},
                rows, next);
        for (std::int64_t t = 0; t < rows; ++t) {
          for (std::int64_t d = 0; d < width; ++d) {
            double sum = 0;
            for (std::int64_t r = 0; r < R; ++r) {
              for (std::int64_t i = 0; i < count; ++i) {
                sum += at(w, t) * at(q, t * R + r) * at(memory[i], r * width + d);
              }
            }
            for (std::int64_t s = 0; s <= t; ++s) sum += at(p, t * rows + s) * at(v, s * width + d);
            ASSERT_NEAR(at(got, t * width + d), sum, 5e-5) << t << " " << d;
          }
        }
      }
    }
  }
}

// NaN in v and in the scores of later steps.
void check_causality() {
  const std::int64_t width = panel_columns(), rows = 24;
  for (std::int64_t since = 1; since < rows; ++since) {
    auto p = random(rows * rows, 4), v = random(rows * width, 5);
    for (std::int64_t t = 0; t < rows; ++t) {
      for (std::int64_t s = t + 1; s < rows; ++s) {
        p[static_cast<std::size_t>(t * rows + s)] = std::numeric_limits<float>::quiet_NaN();
      }
    }
    std::fill(v.begin() + since * width, v.end(), std::numeric_limits<float>::quiet_NaN());
    const std::vector<float> w(static_cast<std::size_t>(rows));
    std::vector<float> got(static_cast<std::size_t>(rows * width));
    Prefetcher next;
    outputs({{nullptr, 0},
             0,
             nullptr,
             0,
             w.data(),
             {p.data(), rows},
             {v.data(), width},
             got.data(),
             width},
            rows, next);
    for (std::int64_t i = 0; i < rows * width; ++i) {
      ASSERT_EQ(std::isnan(at(got, i)), i / width >= since) << since << " " << i;
    }
  }
}

void check_update() {
  const std::int64_t width = panel_columns();
  for (const std::int64_t R : {1, 2, 7, 8, 33}) {
    for (const std::int64_t steps : {1, 3, 24}) {
      for (const int from : {0, 1, 2}) {  // none, another place, the same
        SCOPED_TRACE(testing::Message() << "R=" << R << " steps=" << steps << " from=" << from);
        const auto k = random(steps * R, 1), v = random(steps * width, 2), gamma = random(R, 3),
                   before = random(R * width, 4);
        std::vector<float> got = before;
        const float* const source = from == 0 ? nullptr : from == 1 ? before.data() : got.data();
        Prefetcher next;
        update({{k.data(), R}, {v.data(), width}, steps, R, source, got.data(), gamma.data()},
               next);
        for (std::int64_t r = 0; r < R; ++r) {
          for (std::int64_t d = 0; d < width; ++d) {
            double sum = from == 0 ? 0 : at(gamma, r) * at(before, r * width + d);
            for (std::int64_t s = 0; s < steps; ++s) sum += at(k, s * R + r) * at(v, s * width + d);
            ASSERT_NEAR(at(got, r * width + d), sum, 2e-5) << r << " " << d;
          }
        }
      }
    }
  }
}

void check_rows() {
  for (const leet_dtype dtype : {sdk::kF32, sdk::kF16, sdk::kBf16}) {
    for (std::int64_t count = 0; count < 40; ++count) {
      const auto values = random(count, 7);
      std::vector<std::byte> narrow(static_cast<std::size_t>(count * sdk::dtype_bytes(dtype)));
      std::vector<std::byte> expected_narrow(narrow.size());
      narrow_row(dtype, values.data(), narrow.data(), count);
      sdk::store_row(dtype, values.data(), expected_narrow.data(), count);
      EXPECT_EQ(narrow, expected_narrow) << sdk::dtype_name(dtype) << " " << count;
      std::vector<float> wide(static_cast<std::size_t>(count)), expected_wide(wide.size());
      widen_row(dtype, narrow.data(), wide.data(), count);
      sdk::load_row(dtype, narrow.data(), expected_wide.data(), count);
      EXPECT_EQ(wide, expected_wide) << sdk::dtype_name(dtype) << " " << count;
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace leet::cpu_tests
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leet::cpu_tests {
namespace {
HWY_EXPORT(check_tiles);
HWY_EXPORT(check_scores);
HWY_EXPORT(check_outputs);
HWY_EXPORT(check_causality);
HWY_EXPORT(check_update);
HWY_EXPORT(check_rows);

TEST(Product, TilesCoverEveryRowOnce) {
  on_every_target([] { HWY_DYNAMIC_DISPATCH(check_tiles)(); });
}
TEST(Product, Scores) {
  on_every_target([] { HWY_DYNAMIC_DISPATCH(check_scores)(); });
}
TEST(Product, Outputs) {
  on_every_target([] { HWY_DYNAMIC_DISPATCH(check_outputs)(); });
}
TEST(Product, OutputsDoNotTouchTheFuture) {
  on_every_target([] { HWY_DYNAMIC_DISPATCH(check_causality)(); });
}
TEST(Product, Update) {
  on_every_target([] { HWY_DYNAMIC_DISPATCH(check_update)(); });
}
TEST(Rows, AreThoseOfThePlainConversions) {
  on_every_target([] { HWY_DYNAMIC_DISPATCH(check_rows)(); });
}

}  // namespace
}  // namespace leet::cpu_tests
#endif
