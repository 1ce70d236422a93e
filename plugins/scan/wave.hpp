// SPDX-License-Identifier: Apache-2.0
//
// What is kept of one head while a wave of its chunks is scanned, and the walk over the wave's
// tree.
#ifndef LEET_PLUGINS_SCAN_WAVE_HPP
#define LEET_PLUGINS_SCAN_WAVE_HPP

#include <algorithm>
#include <bit>
#include <cstdint>
#include <leet/cpu/chunk_weights.hpp>
#include <leet/plugin/scratch.hpp>
#include <leet/plugin/shape.hpp>

namespace leet::plugin_scan {

inline constexpr std::int64_t kLeaf = 4;  // chunks
inline constexpr std::int64_t kRows = 8;  // of a state, that are swept together

// What a plan fixes.
struct Config {
  cpu::ChunkConfig chunk;
  std::int64_t wave;           // chunks at most
  std::int64_t workers;        // whose workspace there is
  std::uint64_t head_bytes;    // of the workspace of a head's wave
  std::uint64_t worker_bytes;  // of a worker's, without that
  std::uint64_t workspace_bytes;
};

// The chunks [first, end) of a sequence's wave, and how many of them are summed: a last one whose
// state nobody asked for is not.
struct Wave {
  std::int64_t first, end;
  std::int64_t summed;

  std::int64_t leaves() const { return (summed + kLeaf - 1) / kLeaf; }
  // The chunk that a leaf ends with; counted, like all chunks below, from the wave's first.
  std::int64_t last_of(std::int64_t leaf) const { return std::min((leaf + 1) * kLeaf, summed) - 1; }
};

// The tree over n leaves, each node in the place of the last of its leaves: up(left, right) forms a
// node from its two halves, in the right one's place; root(n - 1) has all; down(left, right) gives
// both halves what precedes them, from what precedes the node, in the right one's place.
template <class Up, class Root, class Down>
void walk_tree(std::int64_t n, Up&& up, Root&& root, Down&& down) {
  if (n == 0) return;
  const auto level = [n](std::int64_t width, auto&& visit) {
    for (std::int64_t left = width - 1; left + 1 < n; left += 2 * width) {
      visit(left, std::min(left + width, n - 1));
    }
  };
  const auto half = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(n)) / 2);
  for (std::int64_t width = 1; width <= half; width *= 2) level(width, up);
  root(n - 1);
  for (std::int64_t width = half; width > 0; width /= 2) level(width, down);
}

// What is kept of one head's wave. A state has a slot; down the tree two states change slots
// rather than places in memory.
template <class Chunk>
struct HeadStates {
  HeadStates(sdk::Scratch& scratch, const sdk::Shape& shape, const Config& config)
      : R(shape.R),
        panel_size(Chunk::panel_size(shape)),
        stride(Chunk::panels(shape) * panel_size + kRows * Chunk::panel_columns()),
        carried(config.wave),
        states(scratch.take<typename Chunk::Real>(stride * (config.wave + 1))),
        decays(scratch.take<typename Chunk::Factor>(shape.R * config.wave)),
        slots(scratch.take<std::int64_t>(config.wave + 1)) {}

  typename Chunk::Real* state(std::int64_t slot, std::int64_t panel) const {
    return states + slot * stride + panel * panel_size;
  }

  std::int64_t R, panel_size;
  std::int64_t stride;   // of slots; some rows more than a state, so that cache sets don't coincide
  std::int64_t carried;  // place in `slots` of the state before the wave, then of that after it
  typename Chunk::Real* states;    // [wave + 1 slots]
  typename Chunk::Factor* decays;  // [wave, R]: of a leaf's chunks up to this one
  std::int64_t* slots;             // [wave + 1]: of the state after each chunk; and of the carried
};

}  // namespace leet::plugin_scan
#endif  // LEET_PLUGINS_SCAN_WAVE_HPP
