// SPDX-License-Identifier: Apache-2.0
//
// Every 16-bit value widened, and every rounding decision of narrowing, against formulas of
// doubles.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <leet/plugin/half.hpp>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace leet::sdk {
namespace {

struct Format {
  int exponent_bits;
  int mantissa_bits;

  unsigned infinity() const { return ((1u << exponent_bits) - 1) << mantissa_bits; }

  // The magnitude that the bits below `infinity` mean; `infinity` itself as the power of two where
  // the next finite number would be, which is what rounding sees.
  double magnitude(unsigned bits) const {
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const int exponent = static_cast<int>(bits >> mantissa_bits);
    const unsigned mantissa = bits & ((1u << mantissa_bits) - 1);
    if (exponent == 0) return std::ldexp(mantissa, 1 - bias - mantissa_bits);
    return std::ldexp((1u << mantissa_bits) + mantissa, exponent - bias - mantissa_bits);
  }
};

constexpr Format kF16Format{5, 10};
constexpr Format kBf16Format{8, 7};

template <class Half>
struct Traits;
template <>
struct Traits<F16> {
  static constexpr Format format = kF16Format;
  static F16 narrow(float x) { return to_f16(x); }
};
template <>
struct Traits<Bf16> {
  static constexpr Format format = kBf16Format;
  static Bf16 narrow(float x) { return to_bf16(x); }
};

template <class Half>
Half half(unsigned bits) {
  return {static_cast<std::uint16_t>(bits)};
}

constexpr unsigned kSign = 0x8000u;

template <class Half>
class HalfTest : public testing::Test {};
using Halves = testing::Types<F16, Bf16>;

struct HalfNames {
  template <class Half>
  static std::string GetName(int) {
    return std::is_same_v<Half, F16> ? "f16" : "bf16";
  }
};
TYPED_TEST_SUITE(HalfTest, Halves, HalfNames);

TYPED_TEST(HalfTest, WidensEveryValueExactly) {
  const Format format = Traits<TypeParam>::format;
  for (unsigned bits = 0; bits <= 0xffffu; ++bits) {
    const float wide = to_float(half<TypeParam>(bits));
    const unsigned magnitude = bits & 0x7fffu;
    ASSERT_EQ(std::signbit(wide), (bits & kSign) != 0) << std::hex << bits;
    if (magnitude > format.infinity()) {
      ASSERT_TRUE(std::isnan(wide)) << std::hex << bits;
    } else if (magnitude == format.infinity()) {
      ASSERT_TRUE(std::isinf(wide)) << std::hex << bits;
    } else {
      ASSERT_EQ(std::fabs(wide), format.magnitude(magnitude)) << std::hex << bits;
    }
  }
}

TYPED_TEST(HalfTest, NarrowsWhatItWidened) {
  const Format format = Traits<TypeParam>::format;
  for (unsigned bits = 0; bits <= 0xffffu; ++bits) {
    const TypeParam back = Traits<TypeParam>::narrow(to_float(half<TypeParam>(bits)));
    if ((bits & 0x7fffu) <= format.infinity()) {
      ASSERT_EQ(back.bits, bits) << std::hex << bits;
    } else {
      ASSERT_GT(back.bits & 0x7fffu, format.infinity()) << std::hex << bits;
      ASSERT_EQ(back.bits & kSign, bits & kSign) << std::hex << bits;
    }
  }
}

// Between each two neighbours, the largest number and infinity included: the middle goes to the
// even one, and the nearest f32 on either side of the middle to its own side.
TYPED_TEST(HalfTest, RoundsEveryHalfwayCaseToEven) {
  const Format format = Traits<TypeParam>::format;
  const auto narrow = [](float x) { return unsigned{Traits<TypeParam>::narrow(x).bits}; };
  for (unsigned low = 0; low < format.infinity(); ++low) {
    const double exact = (format.magnitude(low) + format.magnitude(low + 1)) / 2;
    const auto middle = static_cast<float>(exact);
    ASSERT_EQ(middle, exact);
    const float below = std::nextafter(middle, 0.0f);
    const float above = std::nextafter(middle, std::numeric_limits<float>::infinity());
    const unsigned even = low + (low & 1u);
    ASSERT_EQ(narrow(middle), even) << std::hex << low;
    ASSERT_EQ(narrow(below), low) << std::hex << low;
    ASSERT_EQ(narrow(above), low + 1) << std::hex << low;
    ASSERT_EQ(narrow(-middle), kSign | even) << std::hex << low;
    ASSERT_EQ(narrow(-below), kSign | low) << std::hex << low;
    ASSERT_EQ(narrow(-above), kSign | (low + 1)) << std::hex << low;
  }
}

TYPED_TEST(HalfTest, OverflowsToInfinityAndUnderflowsToZero) {
  const unsigned infinity = Traits<TypeParam>::format.infinity();
  const float largest = std::numeric_limits<float>::max();
  const float smallest = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(Traits<TypeParam>::narrow(largest).bits, infinity);
  EXPECT_EQ(Traits<TypeParam>::narrow(-largest).bits, kSign | infinity);
  EXPECT_EQ(Traits<TypeParam>::narrow(smallest).bits, 0u);
  EXPECT_EQ(Traits<TypeParam>::narrow(-smallest).bits, kSign);
}

// A NaN whose payload lies in the bits that narrowing drops must not become infinity.
TYPED_TEST(HalfTest, KeepsEveryKindOfNan) {
  const unsigned infinity = Traits<TypeParam>::format.infinity();
  for (std::uint32_t mantissa = 1; mantissa < (1u << 23); mantissa += mantissa < 65536 ? 1 : 997) {
    for (const std::uint32_t sign : {0u, 0x80000000u}) {
      const auto nan = std::bit_cast<float>(sign | 0x7f800000u | mantissa);
      const unsigned narrowed = Traits<TypeParam>::narrow(nan).bits;
      ASSERT_GT(narrowed & 0x7fffu, infinity) << std::hex << mantissa;
      ASSERT_EQ(narrowed & kSign, sign >> 16) << std::hex << mantissa;
    }
  }
}

// Against the compiler's own conversion, over the whole range of f32 in odd steps.
TEST(F16, NarrowsAsTheCompilerDoes) {
#if defined(__FLT16_MAX__)
  __extension__ using Float16 = _Float16;
  for (std::uint64_t bits = 0; bits < (1ull << 32); bits += 1021) {
    const auto x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    const auto expected = std::bit_cast<std::uint16_t>(static_cast<Float16>(x));
    if (std::isnan(x)) continue;  // payloads are free
    ASSERT_EQ(to_f16(x).bits, expected) << std::hex << bits;
  }
#else
  GTEST_SKIP() << "this compiler has no _Float16 in C++";
#endif
}

// A host may have told the processor to flush subnormals; f16's are no subnormals of f32.
TEST(F16, DoesNotDependOnFlushToZero) {
#if defined(__x86_64__)
  const auto convert_all = [] {
    std::vector<std::uint32_t> results;
    for (unsigned bits = 0; bits <= 0xffffu; ++bits) {
      const float wide = to_float(half<F16>(bits));
      results.push_back(std::bit_cast<std::uint32_t>(wide));
      results.push_back(to_f16(wide).bits);
      const auto not_representable = std::bit_cast<std::uint32_t>(wide) + 0x1234u;
      results.push_back(to_f16(std::bit_cast<float>(not_representable)).bits);
    }
    return results;
  };
  const std::vector<std::uint32_t> expected = convert_all();
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040u);  // FTZ and DAZ
  const std::vector<std::uint32_t> flushed = convert_all();
  _mm_setcsr(before);
  EXPECT_EQ(flushed, expected);
#else
  GTEST_SKIP() << "needs x86's MXCSR";
#endif
}

static_assert(to_float(F16{0x3c00}) == 1.0f && to_f16(1.0f).bits == 0x3c00);
static_assert(to_float(Bf16{0x3f80}) == 1.0f && to_bf16(1.0f).bits == 0x3f80);

}  // namespace
}  // namespace leet::sdk
