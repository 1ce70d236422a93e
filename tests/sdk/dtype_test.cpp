// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <leet/plugin/dtype.hpp>
#include <limits>
#include <string>
#include <vector>

namespace leet::sdk {
namespace {

TEST(Dtype, NamesBitsAndSizes) {
  const struct {
    leet_dtype dtype;
    const char* name;
    std::uint32_t bit;
    std::int64_t bytes;
  } cases[] = {{kF16, "f16", LEET_DTYPES_F16, 2},
               {kBf16, "bf16", LEET_DTYPES_BF16, 2},
               {kF32, "f32", LEET_DTYPES_F32, 4},
               {kF64, "f64", LEET_DTYPES_F64, 8},
               {kI64, "i64", 0, 8},
               {{LEET_DTYPE_FLOAT, 8, 1}, "unknown", 0, 1},
               {{LEET_DTYPE_FLOAT, 32, 2}, "unknown", 0, 8}};
  for (const auto& c : cases) {
    EXPECT_STREQ(dtype_name(c.dtype), c.name);
    EXPECT_EQ(dtype_bit(c.dtype), c.bit) << c.name;
    EXPECT_EQ(dtype_bytes(c.dtype), c.bytes) << c.name;
    EXPECT_EQ(is_16_bit(c.dtype), c.bit == LEET_DTYPES_F16 || c.bit == LEET_DTYPES_BF16);
  }
}

// The conversion that a row of `dtype` must make, one element.
double rounded(leet_dtype dtype, double x) {
  switch (dtype_bit(dtype)) {
    case LEET_DTYPES_F16:
      return to_float(to_f16(static_cast<float>(x)));
    case LEET_DTYPES_BF16:
      return to_float(to_bf16(static_cast<float>(x)));
    case LEET_DTYPES_F32:
      return static_cast<float>(x);
    default:
      return x;
  }
}

// Rows begin at any byte and have any length; nothing is written beyond them.
template <class Real>
void check_rows(leet_dtype dtype) {
  const auto bytes = static_cast<std::size_t>(dtype_bytes(dtype));
  for (const std::size_t count : {0, 1, 2, 7, 8, 63, 65, 100}) {
    std::vector<Real> values;
    for (std::size_t i = 0; i < count; ++i) {
      values.push_back(static_cast<Real>(std::sin(1.0 + static_cast<double>(i)) * 1e3));
    }
    for (const std::size_t start : {std::size_t{0}, std::size_t{1}, bytes}) {
      constexpr std::byte kCanary{0xa5};
      std::vector<std::byte> memory(start + count * bytes + 9, kCanary);
      store_row(dtype, values.data(), memory.data() + start, static_cast<std::int64_t>(count));
      for (std::size_t i = 0; i < memory.size(); ++i) {
        if (i < start || i >= start + count * bytes) {
          ASSERT_EQ(memory[i], kCanary) << "byte " << i;
        }
      }
      std::vector<Real> back(count + 1, Real{-1});
      load_row(dtype, memory.data() + start, back.data(), static_cast<std::int64_t>(count));
      for (std::size_t i = 0; i < count; ++i) {
        ASSERT_EQ(static_cast<double>(back[i]),
                  static_cast<double>(static_cast<Real>(rounded(dtype, values[i]))))
            << dtype_name(dtype) << " element " << i << " of " << count << " at byte " << start;
      }
      ASSERT_EQ(back[count], Real{-1});
    }
  }
}

TEST(Rows, GoThroughEveryDtypeAtAnyAddress) {
  for (const leet_dtype dtype : {kF16, kBf16, kF32, kF64}) {
    check_rows<float>(dtype);
    check_rows<double>(dtype);
  }
}

}  // namespace
}  // namespace leet::sdk
