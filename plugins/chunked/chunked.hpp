// SPDX-License-Identifier: Apache-2.0
//
// Two passes over a segment of chunks, with the state before each chunk written out between them:
//
//     states    S_{c+1} = total_c o S_c + K_c^T V_c    chunk after chunk, panels of columns at once
//     outputs   O_c from S_c and the chunk's scores    every chunk by itself
//
// the two-kernel form of flash-linear-attention (chunk_fwd_h, chunk_fwd_o), with any decay. The
// products are those of leet/cpu/chunk-inl.hpp; Chunk is that class or PlainChunk.
//
// Whole rounds of heads go one to a worker, which takes both passes over segments so short that
// their states stay in its second-level cache. The heads left over, fewer than workers, are cut
// along D in the first pass and along N in the second, so that one long sequence keeps every worker
// busy. What is computed is the same either way.
//
// Bound: FMAs, 4 R D flops a step and about C (R + D) for the scores; k and v are read twice.
#ifndef LEET_PLUGINS_CHUNKED_CHUNKED_HPP
#define LEET_PLUGINS_CHUNKED_CHUNKED_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <leet/cpu/chunk_weights.hpp>
#include <leet/plugin/host.hpp>
#include <leet/plugin/problem.hpp>
#include <leet/plugin/scratch.hpp>
#include <leet/plugin/shape.hpp>

namespace leet::plugin_chunked {

// What a plan fixes.
struct Config {
  cpu::ChunkConfig chunk;
  std::int64_t workers;       // whose workspace there is
  std::int64_t slots;         // states that a worker's part of it holds; at least 2
  std::uint64_t chunk_bytes;  // of a worker's Chunk

  std::uint64_t workspace_bytes;
};

template <class Chunk>
std::int64_t state_size(const sdk::Shape& shape) {
  return Chunk::panels(shape) * Chunk::panel_size(shape);
}

template <class Chunk>
Config configure(const sdk::Shape& shape, const cpu::ChunkConfig& chunk, std::int64_t workers) {
  constexpr std::int64_t kCacheBytes = 256 << 10;  // of a second-level cache
  const std::int64_t chunks = (shape.N + chunk.C - 1) / chunk.C;
  const std::int64_t state = state_size<Chunk>(shape);
  const std::int64_t bytes = std::max<std::int64_t>(state * sizeof(typename Chunk::Real), 1);
  Config config{chunk, workers, 0, 0, 0};
  config.slots = std::clamp<std::int64_t>(std::min(kCacheBytes / bytes, chunks + 1), 3, 64);
  config.chunk_bytes = Chunk::bytes(shape, chunk);
  sdk::Scratch count;
  count.take<std::byte>(static_cast<std::int64_t>(config.chunk_bytes) * workers);
  count.take<typename Chunk::Real>(state * config.slots * workers);
  config.workspace_bytes = count.bytes();
  return config;
}

// The states before some consecutive chunks of one sequence and state head; that before chunk c, or
// after chunk c - 1, is in slot c modulo the number of slots.
template <class Real>
struct States {
  Real* data;
  std::int64_t slots;
  std::int64_t state_size, panel_size;

  Real* panel(std::int64_t c, std::int64_t p) const {
    return data + c % slots * state_size + p * panel_size;
  }
};

// The chunks [first, end) of one sequence and state head; fewer than there are slots.
struct Segment {
  std::int64_t index;  // of the sequence
  std::int64_t s;      // state head
  std::int64_t first, end;
};

template <class Chunk>
class TwoPasses {
 public:
  using Real = typename Chunk::Real;

  TwoPasses(const sdk::Exec& exec, const Config& config)
      : exec_(exec), config_(config), shape_(exec.shape()), state_size_(state_size<Chunk>(shape_)) {
    sdk::Scratch scratch(exec.workspace());
    chunks_ =
        scratch.take<std::byte>(static_cast<std::int64_t>(config.chunk_bytes) * config.workers);
    states_ = scratch.take<Real>(state_size_ * config.slots * config.workers);
  }

  void execute(const sdk::Host& host) const {
    const std::int64_t heads = shape_.sequences * shape_.Hs;
    const std::int64_t workers = std::min<std::int64_t>(host.concurrency(), config_.workers);
    const std::int64_t whole = heads / workers * workers;
    host.parallel_for(whole, 1, [&](std::int64_t begin, std::int64_t end, std::int32_t worker) {
      Chunk chunk = chunk_of(worker);
      const States<Real> states = states_of(worker * config_.slots, config_.slots);
      for (std::int64_t head = begin; head < end; ++head) both_passes(head, chunk, states);
    });
    if (whole < heads) cut(host, whole, heads - whole);
  }

 private:
  Chunk chunk_of(std::int32_t worker) const {
    return Chunk(exec_, config_.chunk,
                 sdk::Scratch(chunks_ + static_cast<std::uint64_t>(worker) * config_.chunk_bytes));
  }

  States<Real> states_of(std::int64_t first_slot, std::int64_t slots) const {
    return {states_ + first_slot * state_size_, slots, state_size_, Chunk::panel_size(shape_)};
  }

  std::int64_t chunks(std::int64_t index) const {
    return (exec_.sequence(index).length() + config_.chunk.C - 1) / config_.chunk.C;
  }

  Segment segment(std::int64_t head, std::int64_t first, std::int64_t slots) const {
    const std::int64_t index = head / shape_.Hs;
    const std::int64_t count = chunks(index);
    return {index, head % shape_.Hs, std::min(first, count), std::min(first + slots - 1, count)};
  }

  void both_passes(std::int64_t head, Chunk& chunk, const States<Real>& states) const {
    std::int64_t first = 0;
    do {
      const Segment part = segment(head, first, states.slots);
      write_states(part, 0, chunk.panels(), chunk, states);
      for (std::int64_t c = part.first; c < part.end; ++c) write_out(part, c, chunk, states);
      first = part.end;
    } while (first < chunks(head / shape_.Hs));
  }

  // `count` heads, fewer than workers, from `first_head` on, by all workers.
  void cut(const sdk::Host& host, std::int64_t first_head, std::int64_t count) const {
    const std::int64_t slots = config_.slots * config_.workers / count;
    const std::int64_t panels = Chunk::panels(shape_);
    const std::int64_t most_cuts =
        std::clamp<std::int64_t>(2 * config_.workers / count, 1, std::max<std::int64_t>(panels, 1));
    const std::int64_t width = std::max<std::int64_t>((panels + most_cuts - 1) / most_cuts, 1);
    // Not most_cuts: the last of those may have no panel. Without any panel there is one, empty.
    const std::int64_t cuts = std::max<std::int64_t>((panels + width - 1) / width, 1);
    std::int64_t most = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      most = std::max(most, chunks((first_head + i) / shape_.Hs));
    }
    std::int64_t first = 0;
    do {
      host.parallel_for(count * cuts, 1,
                        [&](std::int64_t begin, std::int64_t end, std::int32_t worker) {
                          Chunk chunk = chunk_of(worker);
                          for (std::int64_t item = begin; item < end; ++item) {
                            const std::int64_t i = item / cuts;
                            const std::int64_t first_panel = item % cuts * width;
                            write_states(segment(first_head + i, first, slots), first_panel,
                                         std::min(first_panel + width, panels), chunk,
                                         states_of(i * slots, slots));
                          }
                        });
      host.parallel_for(count * (slots - 1), 1,
                        [&](std::int64_t begin, std::int64_t end, std::int32_t worker) {
                          Chunk chunk = chunk_of(worker);
                          for (std::int64_t item = begin; item < end; ++item) {
                            const std::int64_t i = item / (slots - 1);
                            const Segment part = segment(first_head + i, first, slots);
                            const std::int64_t c = part.first + item % (slots - 1);
                            if (c < part.end)
                              write_out(part, c, chunk, states_of(i * slots, slots));
                          }
                        });
      first += slots - 1;
    } while (first < most);
  }

  // The first pass: the states after each chunk of a segment, and before the sequence's first and
  // after its last one those of the caller.
  void write_states(const Segment& part, std::int64_t first_panel, std::int64_t last_panel,
                    Chunk& chunk, const States<Real>& states) const {
    const std::int64_t count = chunks(part.index);
    // A sequence shorter than others has had its last segment before, unless it is empty.
    if (part.first == part.end && count > 0) return;
    chunk.begin(part.index, part.s, first_panel, last_panel);
    for (std::int64_t p = first_panel; p < last_panel && part.first == 0; ++p) {
      chunk.load_state(p, states.panel(0, p));
    }
    for (std::int64_t c = part.first; c < part.end; ++c) {
      if (c == count - 1 && !exec_.has(LEET_ROLE_STATE_OUT)) break;
      load(part.index, c, cpu::kForUpdate, chunk);
      for (std::int64_t p = first_panel; p < last_panel; ++p) {
        chunk.update(p, states.panel(c, p), states.panel(c + 1, p));
      }
    }
    for (std::int64_t p = first_panel; p < last_panel && part.end == count; ++p) {
      chunk.store_state(p, states.panel(count, p));
    }
  }

  // The second pass: the rows of chunk c, for every head that reads this state.
  void write_out(const Segment& part, std::int64_t c, Chunk& chunk,
                 const States<Real>& states) const {
    if (!exec_.has(LEET_ROLE_OUT)) return;
    chunk.begin(part.index, part.s, 0, chunk.panels());
    load(part.index, c, cpu::kForOutput, chunk);
    for (std::int64_t h = part.s * shape_.group(); h < (part.s + 1) * shape_.group(); ++h) {
      chunk.query(h);
      for (std::int64_t p = 0; p < chunk.panels(); ++p) chunk.output(p, states.panel(c, p));
    }
  }

  void load(std::int64_t index, std::int64_t c, cpu::ChunkUse use, Chunk& chunk) const {
    const sdk::Sequence sequence = exec_.sequence(index);
    const std::int64_t t = sequence.begin + c * config_.chunk.C;
    chunk.load(t, std::min(config_.chunk.C, sequence.end - t), use);
  }

  const sdk::Exec& exec_;
  const Config& config_;
  sdk::Shape shape_;
  std::int64_t state_size_;
  std::byte* chunks_;
  Real* states_;
};

}  // namespace leet::plugin_chunked
#endif  // LEET_PLUGINS_CHUNKED_CHUNKED_HPP
