// SPDX-License-Identifier: Apache-2.0
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "chunked_cpu.cpp"
#include "chunked_cpu.hpp"

#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <leet/cpu/chunk-inl.hpp>
#include <leet/cpu/plain_chunk.hpp>

#include "chunked.hpp"

HWY_BEFORE_NAMESPACE();
namespace leet::plugin_chunked {
namespace HWY_NAMESPACE {

using Chunk = cpu::HWY_NAMESPACE::Chunk;

Config configure(const sdk::Shape& shape, const cpu::ChunkConfig& chunk, std::int64_t workers) {
  return plugin_chunked::configure<Chunk>(shape, chunk, workers);
}

void execute(const sdk::Host& host, const sdk::Exec& exec, const Config& config) {
  TwoPasses<Chunk>(exec, config).execute(host);
}

const char* target_name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace HWY_NAMESPACE
}  // namespace leet::plugin_chunked
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leet::plugin_chunked {

HWY_EXPORT(configure);
HWY_EXPORT(execute);
HWY_EXPORT(target_name);

Config configure_simd(const sdk::Shape& shape, const cpu::ChunkConfig& chunk,
                      std::int64_t workers) {
  return HWY_DYNAMIC_DISPATCH(configure)(shape, chunk, workers);
}

Config configure_plain(const sdk::Shape& shape, const cpu::ChunkConfig& chunk,
                       std::int64_t workers) {
  return configure<cpu::PlainChunk>(shape, chunk, workers);
}

void execute_simd(const sdk::Host& host, const sdk::Exec& exec, const Config& config) {
  HWY_DYNAMIC_DISPATCH(execute)(host, exec, config);
}

void execute_plain(const sdk::Host& host, const sdk::Exec& exec, const Config& config) {
  TwoPasses<cpu::PlainChunk>(exec, config).execute(host);
}

const char* simd_target() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

}  // namespace leet::plugin_chunked
#endif
