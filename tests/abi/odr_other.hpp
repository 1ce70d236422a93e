// SPDX-License-Identifier: Apache-2.0
//
// What the second translation unit of odr_test sees in the public headers.
#ifndef LEET_TESTS_ABI_ODR_OTHER_HPP
#define LEET_TESTS_ABI_ODR_OTHER_HPP

#include <leet/plugin.h>

#include <cstdint>

namespace odr_other {

const char* dtype_name(leet_dtype dtype);
const leet_dtype* f16_constant();
std::uint16_t to_f16(float x);
std::int32_t rank_of_view(float* data);

}  // namespace odr_other
#endif  // LEET_TESTS_ABI_ODR_OTHER_HPP
