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
#include <numeric>

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
    chunks_ = (sequence_.length() + config_.chunk.C - 1) / config_.chunk.C;
    chunk_.begin(piece.index, piece.s, piece.first_panel, piece.last_panel);
    each_panel([&](std::int64_t p) { chunk_.load_state(p, panel(buffers_.prefix(0), p)); });
    if (chunks_ == 0) {
      store(buffers_.prefix(0));
    } else if (config_.form == Form::kUpDown) {
      visit({{0, chunks_}, 0, false, 0, true});
    } else {
      std::fill(buffers_.zeros, buffers_.zeros + chunk_.panel_size(), Real(0));
      buffers_.read[0] = buffers_.prefix(0);
      visit_published({0, chunks_}, 0, exec_.has(LEET_ROLE_STATE_IN) ? 1 : 0);
    }
  }

 private:
  // (a, S) of a stretch of time.
  struct Sum {
    Factor* a;  // [R]
    Real* S;    // [panels, R, panel]
  };

  // From a node's prefix to that of its right half.
  struct PrefixStep {
    Sum left;
    const Real* from;
    Real* to;
  };

  struct Buffers {
    Buffers(sdk::Scratch& scratch, const sdk::Shape& shape, std::int64_t C)
        : R(shape.R), state_size(Chunk::panels(shape) * Chunk::panel_size(shape)) {
      const std::int64_t count = levels((shape.N + C - 1) / C) + 1;
      prefixes_ = scratch.take<Real>(count * state_size);
      sums_ = scratch.take<Real>(count * state_size);
      decays_ = scratch.take<Factor>(count * R);
      read = scratch.take<Real*>(count);
      panels = scratch.take<const Real*>(count);
      zeros = scratch.take<Real>(Chunk::panel_size(shape));
    }

    // Of the nodes being visited, a place each at most.
    Sum sum(std::int64_t place) const { return {decays_ + place * R, sums_ + place * state_size}; }
    Real* prefix(std::int64_t place) const { return prefixes_ + place * state_size; }

    std::int64_t R, state_size;
    Real** read;          // [levels + 1], kPublished: the states that a leaf reads
    const Real** panels;  // [levels + 1]: and a panel of each
    Real* zeros;          // [R, panel]

   private:
    Real* prefixes_;  // [levels + 1, panels, R, panel]
    Real* sums_;      // [levels + 1, panels, R, panel]
    Factor* decays_;  // [levels + 1, R]
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

  // A node and its places among the buffers. The left half has its node's prefix and shares it,
  // the right one has a prefix to itself.
  struct Visit {
    Node node;
    std::int64_t sum;     // where the node's sum goes:
    bool continues;       // after the sum that is there
    std::int64_t prefix;  // where the state before the node is
    bool owns_prefix;     // nobody reads it after this node
  };

  // Writes the node's outputs and its sum. Nobody reads the sums of nodes that end with the
  // sequence; there the final state is written.
  void visit(const Visit& at) {
    if (at.node.is_leaf()) {
      leaf(at);
      return;
    }
    const std::int64_t own = at.sum + (at.continues ? 1 : 0);
    const std::int64_t right_prefix = at.prefix + (at.owns_prefix ? 0 : 1);
    visit({at.node.left(), own, false, at.prefix, false});
    step_ = {buffers_.sum(own), buffers_.prefix(at.prefix), buffers_.prefix(right_prefix)};
    visit({at.node.right(), own, true, right_prefix, true});
    if (!at.continues || at.node.end == chunks_) return;
    const Sum sum = buffers_.sum(at.sum), right = buffers_.sum(own);
    each_panel([&](std::int64_t p) {
      Chunk::add_decayed(right.a, panel(sum.S, p), panel(right.S, p), panel(sum.S, p), shape_.R);
    });
    Chunk::multiply(sum.a, right.a, sum.a, shape_.R);
  }

  void leaf(const Visit& at) {
    const bool has_out = exec_.has(LEET_ROLE_OUT);
    const bool last = at.node.end == chunks_;
    const bool updates = !last || exec_.has(LEET_ROLE_STATE_OUT);
    load(at.node.first, (updates ? cpu::kForUpdate : 0u) | (has_out ? cpu::kForOutput : 0u));
    const Sum sum = buffers_.sum(at.sum);
    Real* const prefix = buffers_.prefix(at.prefix);
    // The prefix of a right half is completed by its first leaf, panel by panel, so that output()
    // finds it in the first-level cache.
    const auto step = [&](std::int64_t p) {
      if (step_.to == nullptr) return;
      Chunk::add_decayed(step_.left.a, panel(step_.from, p), panel(step_.left.S, p),
                         panel(step_.to, p), shape_.R);
    };
    const auto update = [&](std::int64_t p) {
      if (!updates) return;
      Real* const to = panel(last ? prefix : sum.S, p);
      chunk_.update(p, last || at.continues ? to : nullptr, to);
    };
    const std::int64_t first_head = piece_.s * shape_.group();
    const std::int64_t last_head = first_head + shape_.group() - 1;
    for (std::int64_t h = first_head; has_out && h <= last_head; ++h) {
      chunk_.query(h);
      each_panel([&](std::int64_t p) {
        if (h == first_head) step(p);
        chunk_.output(p, panel(prefix, p));
        if (h == last_head) update(p);
      });
    }
    if (!has_out) {
      each_panel([&](std::int64_t p) {
        step(p);
        update(p);
      });
    }
    if (last) {
      store(prefix);
    } else if (at.continues) {
      Chunk::multiply(sum.a, chunk_.total(), sum.a, shape_.R);
    } else {
      std::copy_n(chunk_.total(), shape_.R, sum.a);
    }
    step_ = {};
  }

  // `count` states, read[0] and on, stand for what precedes the node, each of them decayed up to
  // it; afterwards up to the node's end.
  void visit_published(Node node, std::int64_t level, std::int64_t count) {
    if (node.is_leaf()) {
      leaf_published(node.first, count);
      return;
    }
    visit_published(node.left(), level + 1, count);
    Real* const state = buffers_.sum(level).S;
    for (std::int64_t c = node.first; c < node.middle(); ++c) {
      load(c, cpu::kForUpdate);
      each_panel([&](std::int64_t p) {
        chunk_.update(p, c == node.first ? nullptr : panel(state, p), panel(state, p));
      });
    }
    buffers_.read[count] = state;
    visit_published(node.right(), level + 1, count + 1);
  }

  void leaf_published(std::int64_t c, std::int64_t count) {
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
    if (c + 1 == chunks_) {
      if (!exec_.has(LEET_ROLE_STATE_OUT)) return;
      Real* const state = buffers_.prefix(0);
      each_panel([&](std::int64_t p) { chunk_.update(p, panel(state, p), panel(state, p)); });
      for (std::int64_t i = exec_.has(LEET_ROLE_STATE_IN) ? 1 : 0; i < count; ++i) {
        each_panel([&](std::int64_t p) {
          Chunk::add_decayed(chunk_.total(), panel(buffers_.read[i], p), panel(state, p),
                             panel(state, p), shape_.R);
        });
      }
      store(state);
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

  const sdk::Exec& exec_;
  const Config& config_;
  sdk::Shape shape_;
  Buffers buffers_;
  Chunk chunk_;
  Piece piece_{};
  sdk::Sequence sequence_{};
  std::int64_t chunks_ = 0;
  PrefixStep step_{};  // that the next leaf has to take; or none
};

template <class Chunk>
void execute(const sdk::Host& host, const sdk::Exec& exec, const Config& config) {
  const sdk::Shape& shape = exec.shape();
  const std::int64_t panels = Chunk::panels(shape);
  const std::int64_t heads = shape.sequences * shape.Hs;
  const std::int64_t workers = host.concurrency();
  // Columns are split only until every worker has as many pieces: each cut computes the scores
  // again.
  const std::int64_t cuts =
      heads == 0 || heads >= 8 * workers ? 1 : std::min(panels, workers / std::gcd(heads, workers));
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
