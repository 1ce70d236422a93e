// SPDX-License-Identifier: Apache-2.0
#include "tests/abi/odr_other.hpp"

#include <leet/leet.hpp>
#include <leet/plugin.hpp>

namespace odr_other {

const char* dtype_name(leet_dtype dtype) { return leet::sdk::dtype_name(dtype); }
const leet_dtype* f16_constant() { return &leet::sdk::kF16; }
std::uint16_t to_f16(float x) { return leet::sdk::to_f16(x).bits; }
std::int32_t rank_of_view(float* data) { return leet::tensor(data, {1, 1}).spec.rank; }

}  // namespace odr_other
