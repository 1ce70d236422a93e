// SPDX-License-Identifier: Apache-2.0
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "recursive_cpu.cpp"
#include "recursive_cpu.hpp"

#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <leet/cpu/chunk-inl.hpp>
#include <leet/cpu/plain_chunk.hpp>

#include "recursive.hpp"

HWY_BEFORE_NAMESPACE();
namespace leet::plugin_recursive {
namespace HWY_NAMESPACE {

using Chunk = cpu::HWY_NAMESPACE::Chunk;

std::uint64_t bytes_a_worker(const sdk::Shape& shape, const cpu::ChunkConfig& config) {
  return Recursion<Chunk>::bytes(shape, config);
}

void execute(const sdk::Host& host, const sdk::Exec& exec, const Config& config) {
  plugin_recursive::execute<Chunk>(host, exec, config);
}

const char* target_name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace HWY_NAMESPACE
}  // namespace leet::plugin_recursive
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace leet::plugin_recursive {

HWY_EXPORT(bytes_a_worker);
HWY_EXPORT(execute);
HWY_EXPORT(target_name);

std::uint64_t simd_bytes_a_worker(const sdk::Shape& shape, const cpu::ChunkConfig& config) {
  return HWY_DYNAMIC_DISPATCH(bytes_a_worker)(shape, config);
}

std::uint64_t plain_bytes_a_worker(const sdk::Shape& shape, const cpu::ChunkConfig& config) {
  return Recursion<cpu::PlainChunk>::bytes(shape, config);
}

void execute_simd(const sdk::Host& host, const sdk::Exec& exec, const Config& config) {
  HWY_DYNAMIC_DISPATCH(execute)(host, exec, config);
}

void execute_plain(const sdk::Host& host, const sdk::Exec& exec, const Config& config) {
  execute<cpu::PlainChunk>(host, exec, config);
}

const char* simd_target() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

}  // namespace leet::plugin_recursive
#endif
