// SPDX-License-Identifier: Apache-2.0
//
// One pass over the chunks of a sequence, the state kept in the worker's cache:
//
//     for a piece of the work: a sequence, a state head, some panels of columns
//       for a chunk of C steps
//         scores of its queries and keys
//         for a panel:  o from the state before the chunk and from the scores; then the state after
//
// Lightning Attention-2 (arXiv 2401.04658), algorithm 1, with any decay. The products are those of
// leet/cpu/chunk-inl.hpp; Chunk is that class or PlainChunk.
//
// Bound: FMAs, 4 R D flops a step and about C (R + D) for the scores.
#ifndef LEET_PLUGINS_LIGHTNING_LIGHTNING_HPP
#define LEET_PLUGINS_LIGHTNING_LIGHTNING_HPP

#include <algorithm>
#include <cstdint>
#include <leet/cpu/chunk_weights.hpp>
#include <leet/plugin/host.hpp>
#include <leet/plugin/problem.hpp>
#include <leet/plugin/scratch.hpp>
#include <leet/plugin/shape.hpp>

namespace leet::plugin_lightning {

// What a plan fixes.
struct Config {
  cpu::ChunkConfig chunk;
  std::uint64_t bytes_a_worker;  // of workspace
};

// A piece of the work.
struct Piece {
  std::int64_t index;                    // of the sequence
  std::int64_t s;                        // state head
  std::int64_t first_panel, last_panel;  // of columns
};

template <class Chunk>
std::uint64_t bytes_a_worker(const sdk::Shape& shape, const cpu::ChunkConfig& config) {
  sdk::Scratch count;
  count.take<typename Chunk::Real>(Chunk::panels(shape) * Chunk::panel_size(shape));
  return count.bytes() + Chunk::bytes(shape, config);
}

template <class Chunk>
void run(const sdk::Exec& exec, const Piece& piece, Chunk& chunk, std::int64_t C,
         typename Chunk::Real* states) {
  const sdk::Sequence sequence = exec.sequence(piece.index);
  const auto state = [&](std::int64_t panel) {
    return states + (panel - piece.first_panel) * chunk.panel_size();
  };
  const bool has_out = exec.has(LEET_ROLE_OUT);
  const bool has_state_out = exec.has(LEET_ROLE_STATE_OUT);
  const std::int64_t first_head = piece.s * exec.shape().group();
  const std::int64_t last_head = first_head + (has_out ? exec.shape().group() : 0);

  chunk.begin(piece.index, piece.s, piece.first_panel, piece.last_panel);
  for (std::int64_t p = piece.first_panel; p < piece.last_panel; ++p) {
    chunk.load_state(p, state(p));
  }
  for (std::int64_t t = sequence.begin; t < sequence.end; t += C) {
    const std::int64_t steps = std::min(C, sequence.end - t);
    const bool updates = has_state_out || t + steps < sequence.end;
    chunk.load(t, steps, (updates ? cpu::kForUpdate : 0u) | (has_out ? cpu::kForOutput : 0u));
    // A panel is updated as soon as the last head has read it, while it is in the first-level
    // cache.
    for (std::int64_t h = first_head; h < last_head; ++h) {
      chunk.query(h);
      for (std::int64_t p = piece.first_panel; p < piece.last_panel; ++p) {
        chunk.output(p, state(p));
        if (updates && h == last_head - 1) chunk.update(p, state(p), state(p));
      }
    }
    for (std::int64_t p = piece.first_panel; p < piece.last_panel && !has_out && updates; ++p) {
      chunk.update(p, state(p), state(p));
    }
  }
  for (std::int64_t p = piece.first_panel; p < piece.last_panel; ++p) {
    chunk.store_state(p, state(p));
  }
}

template <class Chunk>
void execute(const sdk::Host& host, const sdk::Exec& exec, const Config& config) {
  const sdk::Shape& shape = exec.shape();
  const std::int64_t panels = Chunk::panels(shape);
  const std::int64_t heads = shape.sequences * shape.Hs;
  // Columns are split only as far as it takes to keep every worker busy: each cut computes the
  // scores again.
  const std::int64_t wanted = heads == 0 ? 1 : (2 * host.concurrency() + heads - 1) / heads;
  const std::int64_t cuts =
      heads >= host.concurrency() && heads % host.concurrency() == 0 ? 1 : std::min(panels, wanted);
  const std::int64_t width = cuts == 0 ? 0 : (panels + cuts - 1) / cuts;
  const std::int64_t pieces = width == 0 ? 0 : (panels + width - 1) / width;
  host.parallel_for(
      heads * pieces, 1, [&](std::int64_t begin, std::int64_t end, std::int32_t worker) {
        sdk::Scratch scratch(exec.workspace() +
                             static_cast<std::uint64_t>(worker) * config.bytes_a_worker);
        auto* const states = scratch.take<typename Chunk::Real>(panels * Chunk::panel_size(shape));
        Chunk chunk(exec, config.chunk, scratch);
        for (std::int64_t item = begin; item < end; ++item) {
          const std::int64_t first = item % pieces * width;
          const Piece piece{item / pieces / shape.Hs, item / pieces % shape.Hs, first,
                            std::min(first + width, panels)};
          run(exec, piece, chunk, config.chunk.C, states);
        }
      });
}

}  // namespace leet::plugin_lightning
#endif  // LEET_PLUGINS_LIGHTNING_LIGHTNING_HPP
