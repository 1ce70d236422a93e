// SPDX-License-Identifier: Apache-2.0
//
// A work-efficient scan (Blelloch 1990) of the states of chunks. With (a, S) for the total decay
// and the state that a stretch of time leaves behind when it begins with zero, two stretches that
// follow each other are one by the associative operator
//
//     (a1, S1) o (a2, S2) = (a1 a2, a2 S1 + S2)
//
// so the state before every chunk is an exclusive scan, of logarithmic depth. A sequence is taken
// in waves of chunks whose states a cache holds; a wave has three phases, each parallel:
//
//     sums      what each leaf of kLeaf chunks leaves behind, chunk after chunk    over the leaves
//     sweep     up and down the tree over the leaves: the states before them    over rows of states
//     outputs   every chunk from the state before it and its own scores            over the chunks
//
// The scan is elementwise over the state, so that a worker takes a few rows of all states through
// the whole tree, in its first-level cache, and no level of the tree waits for another. Within a
// leaf the state before a chunk is that before the leaf and what the leaf had summed, added where
// the chunk's output reads it.
//
// Whole rounds of heads go one to a worker, which takes all three phases of it; the heads left
// over, fewer than workers, are taken by all workers at once. Waves and leaves are cut by shape
// alone, so the bits are the same for any number of workers. The products are those of
// leet/cpu/chunk-inl.hpp; Chunk is that class or PlainChunk.
//
// Bound: FMAs, 4 R D flops a step and about C (R + D) for the scores; then the second-level cache,
// through which every chunk's state goes twice more than in leet.lightning. k and v are read twice.
#ifndef LEET_PLUGINS_SCAN_SCAN_HPP
#define LEET_PLUGINS_SCAN_SCAN_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <leet/cpu/chunk_weights.hpp>
#include <leet/plugin/host.hpp>
#include <leet/plugin/problem.hpp>
#include <leet/plugin/scratch.hpp>
#include <leet/plugin/shape.hpp>
#include <numeric>
#include <utility>

#include "wave.hpp"

namespace leet::plugin_scan {

template <class Chunk>
class Scan {
 public:
  using Real = typename Chunk::Real;
  using Factor = typename Chunk::Factor;
  using Head = HeadStates<Chunk>;

  static Config configure(const sdk::Shape& shape, const cpu::ChunkConfig& chunk, std::int64_t wave,
                          std::int64_t workers) {
    const std::int64_t chunks = (shape.N + chunk.C - 1) / chunk.C;
    Config config{chunk, wave, workers, 0, 0, 0};
    if (wave == 0) {
      constexpr std::int64_t kCacheBytes = 1 << 20;  // of a second-level cache
      const auto state = state_size(shape) * static_cast<std::int64_t>(sizeof(Real));
      config.wave = std::clamp<std::int64_t>(kCacheBytes / std::max<std::int64_t>(state, 1), 8, 16);
    }
    config.wave = std::clamp<std::int64_t>(chunks, 1, config.wave);
    sdk::Scratch head, worker;
    Head(head, shape, config);
    Sweep(worker, config);
    worker.take<Real>(state_size(shape));
    config.head_bytes = head.bytes();
    config.worker_bytes = worker.bytes() + Chunk::bytes(shape, chunk);
    config.workspace_bytes =
        (config.head_bytes + config.worker_bytes) * static_cast<std::uint64_t>(workers);
    return config;
  }

  Scan(const sdk::Exec& exec, const Config& config)
      : exec_(exec), config_(config), shape_(exec.shape()) {}

  void execute(const sdk::Host& host) const {
    const std::int64_t heads = shape_.sequences * shape_.Hs;
    const std::int64_t workers = std::min<std::int64_t>(host.concurrency(), config_.workers);
    const std::int64_t whole = heads / workers * workers;
    host.parallel_for(whole, 1, [&](std::int64_t begin, std::int64_t end, std::int32_t worker) {
      Worker ours = worker_of(worker);
      for (std::int64_t head = begin; head < end; ++head) alone(head, head_of(worker), ours);
    });
    if (whole < heads) together(host, whole, heads - whole, workers);
  }

 private:
  // Of columns: [first, end).
  struct Panels {
    std::int64_t first, end;
  };

  static std::int64_t state_size(const sdk::Shape& shape) {
    return Chunk::panels(shape) * Chunk::panel_size(shape);
  }

  // What a sweep of kRows rows needs beside them.
  struct Sweep {
    Sweep(sdk::Scratch& scratch, const Config& config)
        : nodes(scratch.take<Factor>((config.wave + kLeaf - 1) / kLeaf * kRows)),
          right(scratch.take<Factor>((config.wave + kLeaf - 1) / kLeaf * kRows)),
          slots(scratch.take<std::int64_t>(config.wave + 1)) {}

    Factor* nodes;  // [leaves, kRows]: the decay over a node, in its place in the tree
    Factor* right;  // [leaves, kRows]: over right halves, in the order of visits
    std::int64_t* slots;
  };

  struct Worker {
    Worker(const Scan& scan, sdk::Scratch scratch)
        : sweep(scratch, scan.config_),
          state(scratch.take<Real>(state_size(scan.shape_))),
          chunk(scan.exec_, scan.config_.chunk, scratch) {}

    Sweep sweep;
    Real* state;  // [panels, R, panel]: before the chunk of a leaf
    Chunk chunk;
  };

  Head head_of(std::int64_t place) const {
    sdk::Scratch scratch(exec_.workspace() +
                         config_.head_bytes * static_cast<std::uint64_t>(place));
    return Head(scratch, shape_, config_);
  }

  Worker worker_of(std::int32_t worker) const {
    const Config& config = config_;
    return Worker(*this,
                  sdk::Scratch(exec_.workspace() +
                               config.head_bytes * static_cast<std::uint64_t>(config.workers) +
                               config.worker_bytes * static_cast<std::uint64_t>(worker)));
  }

  std::int64_t chunks(std::int64_t head) const {
    return (exec_.sequence(head / shape_.Hs).length() + config_.chunk.C - 1) / config_.chunk.C;
  }

  // A sequence that has ended has empty waves.
  Wave wave(std::int64_t head, std::int64_t first) const {
    const std::int64_t count = chunks(head);
    const std::int64_t begin = std::min(first, count);
    const std::int64_t end = std::min(first + config_.wave, count);
    const std::int64_t summed = exec_.has(LEET_ROLE_STATE_OUT) ? end : std::min(end, count - 1);
    return {begin, end, std::max<std::int64_t>(summed - begin, 0)};
  }

  std::int64_t slices() const { return (shape_.R + kRows - 1) / kRows; }

  // One head by one worker.
  void alone(std::int64_t index, const Head& head, Worker& worker) const {
    const Panels all{0, worker.chunk.panels()};
    begin(index, head, worker.chunk);
    for (std::int64_t first = 0; first < chunks(index); first += config_.wave) {
      const Wave part = wave(index, first);
      for (std::int64_t leaf = 0; leaf < part.leaves(); ++leaf) {
        sum(index, head, part, leaf, all, worker.chunk);
      }
      for (std::int64_t slice = 0; slice < slices(); ++slice) {
        sweep(head, part, slice, worker.sweep);
      }
      change_slots(head.slots, part, head.carried);
      for (std::int64_t c = 0; c < part.end - part.first; ++c) {
        write_out(index, head, part, c, all, worker);
      }
    }
    end(index, head, worker.chunk);
  }

  // `count` heads, fewer than workers, from `first_head` on, by all workers.
  void together(const sdk::Host& host, std::int64_t first_head, std::int64_t count,
                std::int64_t workers) const {
    const std::int64_t panels = Chunk::panels(shape_);
    std::int64_t most = 0;
    for (std::int64_t i = 0; i < count; ++i) most = std::max(most, chunks(first_head + i));
    const std::int64_t chunks_at_once = std::min(config_.wave, most);
    const std::int64_t leaves = (chunks_at_once + kLeaf - 1) / kLeaf;
    // Panels in an item: all, unless there are too few items for the workers. Each cut of the
    // columns weighs the keys again, or computes the scores again.
    const auto panels_in = [&](std::int64_t items, std::int64_t wanted) {
      const std::int64_t cuts =
          (wanted + count * items - 1) / std::max<std::int64_t>(count * items, 1);
      return std::max<std::int64_t>(panels / std::max<std::int64_t>(cuts, 1), 1);
    };
    const std::int64_t sum_width = panels_in(leaves, 2 * workers);
    const std::int64_t out_width = panels_in(chunks_at_once, workers);
    const std::int64_t sum_cuts = std::max<std::int64_t>((panels + sum_width - 1) / sum_width, 1);
    const std::int64_t out_cuts = std::max<std::int64_t>((panels + out_width - 1) / out_width, 1);
    // visit(i, item, worker) for the items of `count` heads, in pieces that balance.
    const auto each = [&](std::int64_t items, auto&& visit) {
      const std::int64_t grain = std::max<std::int64_t>(count * items / (4 * workers), 1);
      host.parallel_for(count * items, grain,
                        [&](std::int64_t begin, std::int64_t end, std::int32_t worker) {
                          Worker ours = worker_of(worker);
                          for (std::int64_t item = begin; item < end; ++item) {
                            visit(item / items, item % items, ours);
                          }
                        });
    };
    each(1, [&](std::int64_t i, std::int64_t, Worker& worker) {
      begin(first_head + i, head_of(i), worker.chunk);
    });
    for (std::int64_t first = 0; first < most; first += config_.wave) {
      each(leaves * sum_cuts, [&](std::int64_t i, std::int64_t item, Worker& worker) {
        const Wave part = wave(first_head + i, first);
        const std::int64_t panel = item % sum_cuts * sum_width;
        if (item / sum_cuts < part.leaves()) {
          sum(first_head + i, head_of(i), part, item / sum_cuts,
              {panel, std::min(panel + sum_width, panels)}, worker.chunk);
        }
      });
      each(slices(), [&](std::int64_t i, std::int64_t slice, Worker& worker) {
        sweep(head_of(i), wave(first_head + i, first), slice, worker.sweep);
      });
      for (std::int64_t i = 0; i < count; ++i) {
        change_slots(head_of(i).slots, wave(first_head + i, first), config_.wave);
      }
      each(std::min(config_.wave, most - first) * out_cuts,
           [&](std::int64_t i, std::int64_t item, Worker& worker) {
             const Wave part = wave(first_head + i, first);
             const std::int64_t panel = item % out_cuts * out_width;
             if (item / out_cuts < part.end - part.first) {
               write_out(first_head + i, head_of(i), part, item / out_cuts,
                         {panel, std::min(panel + out_width, panels)}, worker);
             }
           });
    }
    each(1, [&](std::int64_t i, std::int64_t, Worker& worker) {
      end(first_head + i, head_of(i), worker.chunk);
    });
  }

  void begin(std::int64_t index, const Head& head, Chunk& chunk) const {
    std::iota(head.slots, head.slots + config_.wave + 1, 0);
    chunk.begin(index / shape_.Hs, index % shape_.Hs, 0, chunk.panels());
    for (std::int64_t p = 0; p < chunk.panels(); ++p) {
      chunk.load_state(p, head.state(head.slots[head.carried], p));
    }
  }

  void end(std::int64_t index, const Head& head, Chunk& chunk) const {
    chunk.begin(index / shape_.Hs, index % shape_.Hs, 0, chunk.panels());
    for (std::int64_t p = 0; p < chunk.panels(); ++p) {
      chunk.store_state(p, head.state(head.slots[head.carried], p));
    }
  }

  void load(std::int64_t index, std::int64_t c, cpu::ChunkUse use, Chunk& chunk) const {
    const sdk::Sequence sequence = exec_.sequence(index / shape_.Hs);
    const std::int64_t t = sequence.begin + c * config_.chunk.C;
    chunk.load(t, std::min(config_.chunk.C, sequence.end - t), use);
  }

  // The states that the first chunk of a leaf, the first two, ... and all leave behind, from zero.
  void sum(std::int64_t index, const Head& head, const Wave& part, std::int64_t leaf, Panels panels,
           Chunk& chunk) const {
    chunk.begin(index / shape_.Hs, index % shape_.Hs, panels.first, panels.end);
    const std::int64_t first = leaf * kLeaf;
    for (std::int64_t c = first; c <= part.last_of(leaf); ++c) {
      load(index, part.first + c, cpu::kForUpdate, chunk);
      for (std::int64_t p = panels.first; p < panels.end; ++p) {
        chunk.update(p, c == first ? nullptr : head.state(head.slots[c - 1], p),
                     head.state(head.slots[c], p));
      }
      if (panels.first > 0) continue;
      Factor* const decays = head.decays + c * head.R;
      if (c == first) {
        std::copy_n(chunk.total(), head.R, decays);
      } else {
        Chunk::multiply(decays - head.R, chunk.total(), decays, head.R);
      }
    }
  }

  // From those to the states before every leaf, for kRows rows of them.
  void sweep(const Head& head, const Wave& part, std::int64_t slice, const Sweep& buffers) const {
    const std::int64_t r = slice * kRows;
    const std::int64_t rows = std::min(kRows, head.R - r);
    const std::int64_t n = part.leaves();
    const auto decay = [&](std::int64_t leaf) { return buffers.nodes + leaf * kRows; };
    for (std::int64_t leaf = 0; leaf < n; ++leaf) {
      std::copy_n(head.decays + part.last_of(leaf) * head.R + r, rows, decay(leaf));
    }
    Factor* right_half = buffers.right;
    const auto multiply = [&](std::int64_t left, std::int64_t right) {
      std::copy_n(decay(right), rows, right_half);
      right_half += kRows;
      Chunk::multiply(decay(left), decay(right), decay(right), rows);
    };
    walk_tree(
        n, multiply, [](std::int64_t) {}, [](std::int64_t, std::int64_t) {});

    std::int64_t* const slots = buffers.slots;
    for (std::int64_t p = 0; p < Chunk::panels(shape_); ++p) {
      std::copy_n(head.slots, config_.wave + 1, slots);
      // The rows of the state after chunk c; and after a leaf, or before it.
      const auto rows_of = [&](std::int64_t c) {
        return head.state(slots[c], p) + r * Chunk::panel_columns();
      };
      const auto add_to = [&](std::int64_t c, const Factor* total, std::int64_t from) {
        Chunk::add_decayed(total, rows_of(from), rows_of(c), rows_of(c), rows);
      };
      right_half = buffers.right;
      walk_tree(
          n,
          [&](std::int64_t left, std::int64_t right) {
            add_to(part.last_of(right), right_half, part.last_of(left));
            right_half += kRows;
          },
          [&](std::int64_t leaf) {
            add_to(part.last_of(leaf), decay(leaf), head.carried);
            std::swap(slots[part.last_of(leaf)], slots[head.carried]);
          },
          [&](std::int64_t left, std::int64_t right) {
            add_to(part.last_of(left), decay(left), part.last_of(right));
            std::swap(slots[part.last_of(left)], slots[part.last_of(right)]);
          });
    }
  }

  // The changes of slots that every sweep() makes, for good.
  static void change_slots(std::int64_t* slots, const Wave& part, std::int64_t carried) {
    walk_tree(
        part.leaves(), [](std::int64_t, std::int64_t) {},
        [&](std::int64_t leaf) { std::swap(slots[part.last_of(leaf)], slots[carried]); },
        [&](std::int64_t left, std::int64_t right) {
          std::swap(slots[part.last_of(left)], slots[part.last_of(right)]);
        });
  }

  // The rows of chunk c, for every head that reads this state.
  void write_out(std::int64_t index, const Head& head, const Wave& part, std::int64_t c,
                 Panels panels, Worker& worker) const {
    if (!exec_.has(LEET_ROLE_OUT)) return;
    // After the sweep the last chunk of a leaf has the state before the leaf, the others still what
    // the leaf had summed up to them; the two are brought together where output() reads them.
    const bool in_leaf = c < part.summed && c % kLeaf > 0;
    const std::int64_t leaf = head.slots[c < part.summed ? part.last_of(c / kLeaf) : head.carried];
    Chunk& chunk = worker.chunk;
    const std::int64_t first_head = index % shape_.Hs * shape_.group();
    chunk.begin(index / shape_.Hs, index % shape_.Hs, panels.first, panels.end);
    load(index, part.first + c, cpu::kForOutput, chunk);
    for (std::int64_t h = first_head; h < first_head + shape_.group(); ++h) {
      chunk.query(h);
      for (std::int64_t p = panels.first; p < panels.end; ++p) {
        Real* const state = worker.state + p * head.panel_size;
        if (in_leaf && h == first_head) {
          Chunk::add_decayed(head.decays + (c - 1) * head.R, head.state(leaf, p),
                             head.state(head.slots[c - 1], p), state, head.R);
        }
        chunk.output(p, in_leaf ? state : head.state(leaf, p));
      }
    }
  }

  const sdk::Exec& exec_;
  const Config& config_;
  sdk::Shape shape_;
};

}  // namespace leet::plugin_scan
#endif  // LEET_PLUGINS_SCAN_SCAN_HPP
