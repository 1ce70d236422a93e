// SPDX-License-Identifier: Apache-2.0
//
// A stretch of time as two halves. Both forms walk a binary tree over the chunks of a sequence from
// left to right; (a, S) is the total decay of a node and the state that it leaves behind when it
// begins with zero, S_in the state before it.
//
//     kUpDown      states go up and prefixes come down:
//                      S_in of the right half = a_left S_in + S_left,  S = a_right S_left + S_right
//                  A leaf reads one state, so the products are those of any chunk-wise method.
//     kPublished   `recursion` of LeetDecoding, after HyperAttention (arXiv 2310.05869), algorithm
//                  4: the right half's outputs get (Q_right o decay) S_left, with S_left computed
//                  anew from K_left and V_left at every node. A leaf reads a state for each of its
//                  ancestors to the left: 2 N R D log2(N / C) flops.
//
// A worker walks one sequence, state head and range of columns of D. Columns do not depend on each
// other, so the bits are the same for any number of workers. The products are those of
// leet/cpu/chunk-inl.hpp; Chunk is that class or PlainChunk.
//
// Bound: FMAs; kUpDown reads and writes about 1.5 states a chunk more than leet.lightning does.
#ifndef LEET_PLUGINS_RECURSIVE_RECURSIVE_HPP
#define LEET_PLUGINS_RECURSIVE_RECURSIVE_HPP

#include <algorithm>
#include <bit>
#include <cstdint>
#include <leet/cpu/chunk_weights.hpp>
#include <leet/plugin/host.hpp>
#include <leet/plugin/problem.hpp>
#include <leet/plugin/scratch.hpp>
#include <leet/plugin/shape.hpp>

namespace leet::plugin_recursive {

enum class Form { kUpDown, kPublished };

// What a plan fixes.
struct Config {
  cpu::ChunkConfig chunk;
  Form form;
  std::uint64_t bytes_a_worker;  // of workspace
};

// Inner nodes between the root and a leaf, both included, where there are so many chunks.
inline std::int64_t levels(std::int64_t chunks) {
  return chunks < 2 ? 0 : std::bit_width(static_cast<std::uint64_t>(chunks - 1));
}

// A range of chunks; the left half is a complete tree.
struct Node {
  std::int64_t first, end;

  bool is_leaf() const { return end - first == 1; }
  std::int64_t middle() const {
    return first +
           static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(end - first)) / 2);
  }
  Node left() const { return {first, middle()}; }
  Node right() const { return {middle(), end}; }
};

// A piece of the work.
struct Piece {
  std::int64_t index;                    // of the sequence
  std::int64_t s;                        // state head
  std::int64_t first_panel, last_panel;  // of columns
};

template <class Chunk>
class Recursion {
 public:
  using Real = typename Chunk::Real;
  using Factor = typename Chunk::Factor;

  static std::uint64_t bytes(const sdk::Shape& shape, const cpu::ChunkConfig& config) {
    sdk::Scratch count;
    Buffers(count, shape, config.C);
    return count.bytes() + Chunk::bytes(shape, config);
  }

  Recursion(const sdk::Exec& exec, const Config& config, sdk::Scratch scratch)
      : exec_(exec),
        config_(config),
        shape_(exec.shape()),
        buffers_(scratch, exec.shape(), config.chunk.C),
        chunk_(exec, config.chunk, scratch) {}

  void run(const Piece& piece) {
    piece_ = piece;
    sequence_ = exec_.sequence(piece.index);
    const std::int64_t chunks = (sequence_.length() + config_.chunk.C - 1) / config_.chunk.C;
    chunk_.begin(piece.index, piece.s, piece.first_panel, piece.last_panel);
    each_panel([&](std::int64_t p) { chunk_.load_state(p, panel(buffers_.initial, p)); });
    std::fill(buffers_.zeros, buffers_.zeros + chunk_.panel_size(), Real(0));
    if (chunks == 0) {
      store(buffers_.initial);
    } else if (config_.form == Form::kUpDown) {
      up_down(chunks);
    } else {
      published(chunks);
    }
  }

 private:
  // For each level of the tree the state and decay of the left half, and the state before the right
  // one, at the node of that level that is being visited.
  struct Buffers {
    Buffers(sdk::Scratch& scratch, const sdk::Shape& shape, std::int64_t C)
        : state_size(Chunk::panels(shape) * Chunk::panel_size(shape)),
          R(shape.R),
          initial(scratch.take<Real>(state_size)),
          final(scratch.take<Real>(state_size)),
          final_decay(scratch.take<Factor>(R)) {
      const std::int64_t count = levels((shape.N + C - 1) / C);
      left_ = scratch.take<Real>(count * state_size);
      before_right_ = scratch.take<Real>(count * state_size);
      decay_ = scratch.take<Factor>(count * R);
      read = scratch.take<Real*>(count + 1);
      panels = scratch.take<const Real*>(count + 1);
      zeros = scratch.take<Real>(Chunk::panel_size(shape));
    }

    Real* left(std::int64_t level) const { return left_ + level * state_size; }
    Real* before_right(std::int64_t level) const { return before_right_ + level * state_size; }
    Factor* decay(std::int64_t level) const { return decay_ + level * R; }

    std::int64_t state_size, R;
    Real* initial;        // [panels, R, panel]
    Real* final;          // [panels, R, panel]
    Factor* final_decay;  // [R]
    Real** read;          // [levels + 1], kPublished: the states that a leaf reads
    const Real** panels;  // [levels + 1], and a panel of each
    Real* zeros;          // [R, panel]

   private:
    Real* left_;          // [levels, panels, R, panel]
    Real* before_right_;  // [levels, panels, R, panel]
    Factor* decay_;       // [levels, R]
  };

  // The state before a node: where it stands once there is nothing left to add.
  struct Prefix {
    Real* state;
    const Factor* decay;  // state = decay o from + add, left to the first leaf, whose output() then
    const Real* from;     // finds a panel of it in the first-level cache; null where it is done
    const Real* add;
  };

  template <class Body>
  void each_panel(Body&& body) {
    for (std::int64_t p = piece_.first_panel; p < piece_.last_panel; ++p) body(p);
  }

  template <class T>
  T* panel(T* state, std::int64_t p) const {
    return state + (p - piece_.first_panel) * chunk_.panel_size();
  }

  void store(const Real* state) {
    each_panel([&](std::int64_t p) { chunk_.store_state(p, panel(state, p)); });
  }

  void up_down(std::int64_t chunks) {
    Prefix initial{buffers_.initial, nullptr, nullptr, nullptr};
    const bool sums = exec_.has(LEET_ROLE_STATE_OUT);
    visit({0, chunks}, 0, initial, nullptr, sums ? buffers_.final : nullptr, buffers_.final_decay);
    if (!sums) return;
    add_decayed(buffers_.final_decay, buffers_.initial, buffers_.final);
    store(buffers_.final);
  }

  // Writes the node's outputs; and, where `sum` is not null, decay = a and sum = a earlier + S,
  // where a null `earlier` is zero.
  void visit(Node node, std::int64_t level, Prefix& before, const Real* earlier, Real* sum,
             Factor* decay) {
    if (node.is_leaf()) {
      leaf(node.first, before, earlier, sum, decay);
      return;
    }
    Real* const left = buffers_.left(level);
    Factor* const left_decay = buffers_.decay(level);
    visit(node.left(), level + 1, before, nullptr, left, left_decay);
    Prefix right{buffers_.before_right(level), left_decay, before.state, left};
    visit(node.right(), level + 1, right, left, sum, decay);
    if (sum == nullptr) return;
    Chunk::multiply(left_decay, decay, decay, shape_.R);
    if (earlier == nullptr) return;
    add_decayed(decay, earlier, sum);
  }

  void leaf(std::int64_t c, Prefix& before, const Real* earlier, Real* sum, Factor* decay) {
    const bool has_out = exec_.has(LEET_ROLE_OUT);
    load(c, (sum != nullptr ? cpu::kForUpdate : 0u) | (has_out ? cpu::kForOutput : 0u));
    const std::int64_t first_head = piece_.s * shape_.group();
    for (std::int64_t h = first_head; has_out && h < first_head + shape_.group(); ++h) {
      chunk_.query(h);
      each_panel([&](std::int64_t p) {
        if (before.from != nullptr) {
          Chunk::add_decayed(before.decay, panel(before.from, p), panel(before.add, p),
                             panel(before.state, p), shape_.R);
        }
        chunk_.output(p, panel(before.state, p));
      });
      before.from = nullptr;
    }
    if (sum == nullptr) return;
    each_panel([&](std::int64_t p) {
      chunk_.update(p, earlier == nullptr ? nullptr : panel(earlier, p), panel(sum, p));
    });
    std::copy_n(chunk_.total(), shape_.R, decay);
  }

  void published(std::int64_t chunks) {
    buffers_.read[0] = buffers_.initial;
    visit_published({0, chunks}, 0, exec_.has(LEET_ROLE_STATE_IN) ? 1 : 0, chunks);
    if (exec_.has(LEET_ROLE_STATE_OUT)) store(buffers_.final);
  }

  // `count` states, read[0] and on, stand for what precedes the node, each of them decayed up to
  // it; afterwards up to the node's end.
  void visit_published(Node node, std::int64_t level, std::int64_t count, std::int64_t chunks) {
    if (node.is_leaf()) {
      leaf_published(node.first, count, node.end == chunks);
      return;
    }
    visit_published(node.left(), level + 1, count, chunks);
    Real* const state = buffers_.left(level);
    for (std::int64_t c = node.first; c < node.middle(); ++c) {
      load(c, cpu::kForUpdate);
      each_panel([&](std::int64_t p) {
        chunk_.update(p, c == node.first ? nullptr : panel(state, p), panel(state, p));
      });
    }
    buffers_.read[count] = state;
    visit_published(node.right(), level + 1, count + 1, chunks);
  }

  void leaf_published(std::int64_t c, std::int64_t count, bool last) {
    const bool has_out = exec_.has(LEET_ROLE_OUT);
    const std::int64_t first_head = piece_.s * shape_.group();
    load(c, cpu::kForUpdate | (has_out ? cpu::kForOutput : 0u));
    for (std::int64_t h = first_head; has_out && h < first_head + shape_.group(); ++h) {
      chunk_.query(h);
      each_panel([&](std::int64_t p) {
        for (std::int64_t i = 0; i < count; ++i) buffers_.panels[i] = panel(buffers_.read[i], p);
        chunk_.output(p, buffers_.panels, count);
      });
    }
    if (last) {
      each_panel([&](std::int64_t p) { chunk_.update(p, nullptr, panel(buffers_.final, p)); });
      for (std::int64_t i = 0; i < count; ++i) {
        add_decayed(chunk_.total(), buffers_.read[i], buffers_.final);
      }
      return;
    }
    for (std::int64_t i = 0; i < count; ++i) {
      each_panel([&](std::int64_t p) {
        Real* const state = panel(buffers_.read[i], p);
        Chunk::add_decayed(chunk_.total(), state, buffers_.zeros, state, shape_.R);
      });
    }
  }

  void load(std::int64_t c, unsigned use) {
    const std::int64_t t = sequence_.begin + c * config_.chunk.C;
    chunk_.load(t, std::min(config_.chunk.C, sequence_.end - t), use);
  }

  // to = decay o from + to
  void add_decayed(const Factor* decay, const Real* from, Real* to) {
    each_panel([&](std::int64_t p) {
      Chunk::add_decayed(decay, panel(from, p), panel(to, p), panel(to, p), shape_.R);
    });
  }

  const sdk::Exec& exec_;
  const Config& config_;
  sdk::Shape shape_;
  Buffers buffers_;
  Chunk chunk_;
  Piece piece_{};
  sdk::Sequence sequence_{};
};

template <class Chunk>
void execute(const sdk::Host& host, const sdk::Exec& exec, const Config& config) {
  const sdk::Shape& shape = exec.shape();
  const std::int64_t panels = Chunk::panels(shape);
  const std::int64_t heads = shape.sequences * shape.Hs;
  const std::int64_t workers = host.concurrency();
  // Columns are split only as far as it takes to keep every worker busy: each cut computes the
  // scores again.
  const std::int64_t wanted = heads == 0 ? 1 : (2 * workers + heads - 1) / heads;
  const std::int64_t cuts = heads >= workers && heads % workers == 0 ? 1 : std::min(panels, wanted);
  const std::int64_t width = cuts == 0 ? 0 : (panels + cuts - 1) / cuts;
  const std::int64_t pieces = width == 0 ? 0 : (panels + width - 1) / width;
  host.parallel_for(heads * pieces, 1,
                    [&](std::int64_t begin, std::int64_t end, std::int32_t worker) {
                      Recursion<Chunk> recursion(
                          exec, config,
                          sdk::Scratch(exec.workspace() +
                                       static_cast<std::uint64_t>(worker) * config.bytes_a_worker));
                      for (std::int64_t item = begin; item < end; ++item) {
                        const std::int64_t first = item % pieces * width;
                        recursion.run({item / pieces / shape.Hs, item / pieces % shape.Hs, first,
                                       std::min(first + width, panels)});
                      }
                    });
}

}  // namespace leet::plugin_recursive
#endif  // LEET_PLUGINS_RECURSIVE_RECURSIVE_HPP
