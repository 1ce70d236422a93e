// SPDX-License-Identifier: Apache-2.0
//
// What every chunk-wise method does with one chunk of steps of one sequence and state head:
//
//     update   S' = total o S + sum over s of after[s] k_s v_s^T
//     output   o_t = scale (before[t] q_t S + sum over s <= t of pair[t, s] (q_t k_s) v_s)
//
// for every decay kind (chunk_weights.hpp, channel_weights-inl.hpp), f32, f16 and bf16 tensors, any
// strides. Methods differ in the order of these operations and in where states are kept:
//
//     Chunk chunk(exec, config, scratch);          // one a worker; scratch: Chunk::bytes(...)
//     chunk.begin(index, s, {0, chunk.panels()});  // a sequence, a state head, panels of columns
//     for (panel) chunk.load_state(panel, S + panel * chunk.panel_size());
//     for (t by C) {
//       chunk.load(t, steps, kForOutput | kForUpdate);
//       for (h of the state's heads) {
//         chunk.query(h);
//         for (panel) chunk.output(panel, S + panel * chunk.panel_size());
//       }
//       for (panel) chunk.update(panel, S_panel, S_panel);
//     }
//     for (panel) chunk.store_state(panel, S_panel);
//
// A state is held by panels of columns, [panels][R][panel_columns()] f32, the columns beyond D
// zero; panels do not depend on each other. update may write to another place than it reads from,
// and a null `from` or `state` is zero, so a chunk's own state is update(panel, nullptr, to), which
// together with total(), multiply() and add_decayed() is what scans of states need. What is
// computed for a panel is the same whatever the range of panels, so results don't depend on how
// work is cut.
//
// Causality: row t reads k, v of steps up to t alone, so that a NaN in the future stays there.
// Needs R > 0, D > 0, no f64 tensor, elements on their own boundaries (fits_chunk); PlainChunk in
// plain_chunk.hpp has the same interface and takes everything.
#if defined(LEET_CPU_CHUNK_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef LEET_CPU_CHUNK_INL_HPP
#undef LEET_CPU_CHUNK_INL_HPP
#else
#define LEET_CPU_CHUNK_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <leet/cpu/channel_weights-inl.hpp>
#include <leet/cpu/chunk_weights.hpp>
#include <leet/cpu/product-inl.hpp>
#include <leet/cpu/rows-inl.hpp>
#include <leet/plugin/log_decay.hpp>
#include <leet/plugin/problem.hpp>
#include <leet/plugin/scratch.hpp>
#include <leet/plugin/shape.hpp>

HWY_BEFORE_NAMESPACE();
namespace leet::cpu::HWY_NAMESPACE {

class Chunk {
 public:
  using Real = float;     // a state's element
  using Factor = double;  // of a state's row

  static std::int64_t panel_columns() { return HWY_NAMESPACE::panel_columns(); }
  static std::int64_t panels(const sdk::Shape& shape) {
    return (shape.D + panel_columns() - 1) / panel_columns();
  }
  static std::int64_t panel_size(const sdk::Shape& shape) { return shape.R * panel_columns(); }

  static std::uint64_t bytes(const sdk::Shape& shape, const ChunkConfig& config) {
    sdk::Scratch count;
    Buffers(count, shape, config);
    return count.bytes();
  }

  Chunk(const sdk::Exec& exec, const ChunkConfig& config, sdk::Scratch scratch)
      : exec_(exec),
        shape_(exec.shape()),
        tensors_(exec),
        log_decay_(exec, config.decay_kind),
        by_channel_(config.decay_kind == LEET_DECAY_CHANNEL),
        decays_(config.decay_kind != LEET_DECAY_NONE),
        scale_(config.scale),
        C_(config.C),
        buffers_(scratch, exec.shape(), config) {
    if (!by_channel_) return;
    std::fill(buffers_.scale, buffers_.scale + buffers_.stride, static_cast<float>(scale_));
  }

  std::int64_t panels() const { return panels(shape_); }
  std::int64_t panel_size() const { return panel_size(shape_); }

  // Sequence `index` and state head s, panels [first_panel, last_panel) of it.
  void begin(std::int64_t index, std::int64_t s, std::int64_t first_panel,
             std::int64_t last_panel) {
    index_ = index;
    s_ = s;
    const sdk::Sequence sequence = exec_.sequence(index);
    batch_ = sequence.batch;
    begin_ = sequence.begin;
    end_ = sequence.end;
    first_column_ = first_panel * panel_columns();
    columns_ = std::min(last_panel * panel_columns(), shape_.D) - first_column_;
    const std::int64_t g = shape_.state_source(s, shape_.Hg);
    if (by_channel_) {
      buffers_.channels.begin(exec_.tensor(LEET_ROLE_LOG_DECAY), batch_, g);
    } else {
      buffers_.weights.begin(log_decay_, scale_, batch_, g);
    }
  }

  // The panel of the initial state, or zeros.
  void load_state(std::int64_t panel, float* to) const {
    const std::int64_t width = panel_columns();
    const std::int64_t count = columns_of(panel);
    if (!tensors_.state_in || count < width) std::fill(to, to + panel_size(), 0.0F);
    for (std::int64_t r = 0; r < shape_.R && tensors_.state_in; ++r) {
      std::memcpy(to + r * width, tensors_.state_in->row(index_, s_, r) + panel * width * 4,
                  sizeof(float) * static_cast<std::size_t>(count));
    }
  }

  // The panel of the final state, where there is one.
  void store_state(std::int64_t panel, const float* from) const {
    const std::int64_t width = panel_columns();
    for (std::int64_t r = 0; r < shape_.R && tensors_.state_out; ++r) {
      std::memcpy(tensors_.state_out->row(index_, s_, r) + panel * width * 4, from + r * width,
                  sizeof(float) * static_cast<std::size_t>(columns_of(panel)));
    }
  }

  // The steps [t, t + steps), 0 < steps <= C, in the batch's numbering; `use` says which of
  // update() and query(), output() will be called.
  void load(std::int64_t t, std::int64_t steps, unsigned use) {
    t_ = t;
    steps_ = steps;
    prefetch_next(use);
    const std::int64_t R = shape_.R;
    keys_ = rows(tensors_.k, shape_.state_source(s_, shape_.Hk), 0, R, buffers_.k, R);
    load_values();
    if (by_channel_) {
      buffers_.channels.load(t, steps, use);
      if ((use & kForUpdate) != 0) {
        buffers_.channels.weigh_for_update(keys_, buffers_.k_weighted, buffers_.total);
        keys_weighted_ = {buffers_.k_weighted, R};
        const double turn = turn_of(number_of(t));
        for (std::int64_t r = 0; r < R; ++r) {
          buffers_.gamma[r] = round_by_turns(buffers_.total[r], turn);
        }
      }
      block_ = -1;
      return;
    }
    buffers_.weights.load(t, steps, use);
    if ((use & kForUpdate) != 0) {
      const double total = buffers_.weights.total();
      std::fill(buffers_.total, buffers_.total + R, total);
      std::fill(buffers_.gamma, buffers_.gamma + R, round_by_turns(total, turn_of(number_of(t))));
      keys_weighted_ = keys_;
      if (decays_) {
        keys_weighted_ = {buffers_.k_weighted, R};
        for (std::int64_t s = 0; s < steps; ++s) {
          scale_row(keys_.row(s), buffers_.weights.after()[s], buffers_.k_weighted + s * R, R);
        }
      }
    }
  }

  // to = total o from + the chunk's own state, for one panel. `from` may be `to`, or null for zero.
  void update(std::int64_t panel, const float* from, float* to) {
    HWY_NAMESPACE::update(
        {keys_weighted_, values_of(panel), steps_, shape_.R, from, to, buffers_.gamma}, next_);
  }

  // The scores of output head h with the chunk's keys.
  void query(std::int64_t h) {
    h_ = h;
    const std::int64_t R = shape_.R;
    queries_ = rows(tensors_.q, shape_.shared(h, shape_.Hq), 0, R, buffers_.q, R);
    ScoreArgs args{queries_, keys_, R, {}, buffers_.scores, buffers_.stride};
    if (!by_channel_) {
      args.weights = {buffers_.weights.pair(), buffers_.stride};
      scores(args, 0, steps_);
      return;
    }
    ChannelWeights& weights = buffers_.channels;
    for (std::int64_t t = 0; t < steps_; ++t) {
      multiply_row(queries_.row(t), weights.within(t), buffers_.q_scores + t * R, R);
      multiply_row(queries_.row(t), weights.before(t), buffers_.q_before + t * R, R);
    }
    args.q = {buffers_.q_scores, R};
    args.k = {buffers_.k_block, R};
    args.weights = {buffers_.scale, 0};
    for (std::int64_t block = 0; block < weights.blocks(); ++block) {
      if (block != block_) {
        weights.weigh_for_block(block, keys_, buffers_.k_block);
        block_ = block;
      }
      scores(args, weights.first(block), weights.first(block + 1));
    }
    queries_ = {buffers_.q_before, R};
  }

  // Writes the panel's columns of out, of the head that query() named. `state` is the state before
  // the chunk, or null for zero.
  void output(std::int64_t panel, const float* state) {
    output(panel, &state, state == nullptr ? 0 : 1);
  }

  // The same from a state that is the sum of `state_count` others.
  void output(std::int64_t panel, const float* const* states, std::int64_t state_count) {
    const std::int64_t width = panel_columns();
    const std::int64_t count = columns_of(panel);
    const sdk::TensorView& out = *tensors_.out;
    const std::int64_t offset = panel * width * sdk::dtype_bytes(out.dtype());
    const bool direct = is_f32(out.dtype()) && count == width;
    OutputArgs args{};
    args.q = queries_;
    args.R = shape_.R;
    args.states = states;
    args.count = state_count;
    args.weights = by_channel_ ? buffers_.scale : buffers_.weights.before();
    args.scores = {buffers_.scores, buffers_.stride};
    args.v = values_of(panel);
    args.out = direct ? reinterpret_cast<float*>(out.row(batch_, h_, t_) + offset) : buffers_.out;
    args.out_stride = direct ? out.stride(2) : width;
    outputs(args, steps_, next_);
    for (std::int64_t t = 0; t < steps_ && !direct; ++t) {
      narrow_row(out.dtype(), buffers_.out + t * width, out.row(batch_, h_, t_ + t) + offset,
                 count);
    }
  }

  // The chunk's total decay, [R]; valid until the next load.
  const Factor* total() const { return buffers_.total; }

  // to = first o second: the decay over both of two stretches of time.
  static void multiply(const Factor* first, const Factor* second, Factor* to, std::int64_t R) {
    for (std::int64_t r = 0; r < R; ++r) to[r] = first[r] * second[r];
  }

  // to = total o from + add, panels of states.
  static void add_decayed(const Factor* total, const float* from, const float* add, float* to,
                          std::int64_t R) {
    const Floats d;
    sdk::SplitDecay<float> gamma{};
    for (std::int64_t r = 0; r < R; ++r) {
      if (r == 0 || total[r] != total[r - 1]) gamma = split_below(total[r]);  // often all are one
      const Vector high = hn::Set(d, gamma.high);
      const Vector low = hn::Set(d, gamma.low);
      for (std::int64_t i = r * panel_columns(); i < (r + 1) * panel_columns(); i += lanes()) {
        const Vector s = hn::LoadU(d, from + i);
        hn::StoreU(hn::MulAdd(s, high, hn::MulAdd(s, low, hn::LoadU(d, add + i))), d, to + i);
      }
    }
  }

 private:
  struct Buffers {
    Buffers(sdk::Scratch& scratch, const sdk::Shape& shape, const ChunkConfig& config)
        : stride((config.C + kScoreKeys - 1) / kScoreKeys * kScoreKeys),
          weights(scratch, by_channel(config) ? 0 : config.C, stride),
          channels(scratch, by_channel(config) ? config.C : 0, by_channel(config) ? shape.R : 0),
          scale(scratch.take<float>(stride)),
          total(scratch.take<Factor>(shape.R)),
          gamma(scratch.take<float>(shape.R)),
          k(scratch.take<float>(config.C * shape.R)),
          k_weighted(scratch.take<float>(config.C * shape.R)),
          q(scratch.take<float>(config.C * shape.R)),
          scores(scratch.take<float>(config.C * stride)),
          v(scratch.take<float>(config.C * panels(shape) * HWY_NAMESPACE::panel_columns())),
          out(scratch.take<float>(config.C * HWY_NAMESPACE::panel_columns())) {
      const std::int64_t channel_rows = by_channel(config) ? config.C * shape.R : 0;
      k_block = scratch.take<float>(channel_rows);
      q_scores = scratch.take<float>(channel_rows);
      q_before = scratch.take<float>(channel_rows);
    }

    static bool by_channel(const ChunkConfig& config) {
      return config.decay_kind == LEET_DECAY_CHANNEL;
    }

    std::int64_t stride;  // of the rows of scores
    ChunkWeights<float> weights;
    ChannelWeights channels;
    float* scale;       // [stride], channel decays' weights
    Factor* total;      // [R]
    float* gamma;       // [R], total rounded
    float* k;           // [C, R], where k is not f32
    float* k_weighted;  // [C, R]
    float* q;           // [C, R], where q is not f32
    float* scores;      // [C, stride]
    float* v;           // [C, panels of columns], where v is not f32 or D not whole panels
    float* out;         // [C, panel], where out is not f32 or the panel not whole
    float* k_block;     // [C, R]
    float* q_scores;    // [C, R]
    float* q_before;    // [C, R]
  };

  // Of the chunk that begins at t, in its sequence.
  std::int64_t number_of(std::int64_t t) const { return (t - begin_) / C_; }

  std::int64_t columns_of(std::int64_t panel) const {
    return std::min(panel_columns(), shape_.D - panel * panel_columns());
  }

  // What the next chunk will read and write, while this one is computed.
  void prefetch_next(unsigned use) {
    next_.clear();
    const std::int64_t t = t_ + steps_;
    const std::int64_t rows = std::min(steps_, end_ - t);
    const auto add = [&](const sdk::TensorView& tensor, std::int64_t head, std::int64_t column,
                         std::int64_t count) {
      const std::int64_t bytes = sdk::dtype_bytes(tensor.dtype());
      next_.add(tensor.row(batch_, head, t) + column * bytes, rows, count * bytes,
                tensor.stride(2) * bytes);
    };
    if (rows > 0) {
      if ((use & kForUpdate) != 0) {
        add(tensors_.k, shape_.state_source(s_, shape_.Hk), 0, shape_.R);
        add(tensors_.v, shape_.state_source(s_, shape_.Hv), first_column_, columns_);
      }
      if ((use & kForOutput) != 0) {
        const std::int64_t h = s_ * shape_.group();
        add(tensors_.q, shape_.shared(h, shape_.Hq), 0, shape_.R);
        add(*tensors_.out, h, first_column_, columns_);
      }
    }
    const std::int64_t tiles = ((use & kForOutput) != 0 ? steps_ * shape_.group() : 0) +
                               ((use & kForUpdate) != 0 ? shape_.R : 0);
    next_.spread(columns_ / panel_columns() * tiles / kTileRows);
  }

  // The chunk's rows of a tensor's head, where they are or converted into `buffer`.
  Rows rows(const sdk::TensorView& tensor, std::int64_t head, std::int64_t column,
            std::int64_t count, float* buffer, std::int64_t stride) const {
    const std::int64_t offset = column * sdk::dtype_bytes(tensor.dtype());
    if (is_f32(tensor.dtype())) {
      return {reinterpret_cast<const float*>(tensor.row(batch_, head, t_) + offset),
              tensor.stride(2)};
    }
    for (std::int64_t i = 0; i < steps_; ++i) {
      widen_row(tensor.dtype(), tensor.row(batch_, head, t_ + i) + offset, buffer + i * stride,
                count);
    }
    return {buffer, stride};
  }

  void load_values() {
    const std::int64_t width = panel_columns();
    const std::int64_t padded = (columns_ + width - 1) / width * width;
    values_ = rows(tensors_.v, shape_.state_source(s_, shape_.Hv), first_column_, columns_,
                   buffers_.v, padded);
    if (padded == columns_) return;
    for (std::int64_t i = 0; i < steps_; ++i) {
      float* const row = buffers_.v + i * padded;
      if (values_.data != buffers_.v) std::copy_n(values_.row(i), columns_, row);
      std::fill(row + columns_, row + padded, 0.0F);
    }
    values_ = {buffers_.v, padded};
  }

  Rows values_of(std::int64_t panel) const {
    return {values_.data + panel * panel_columns() - first_column_, values_.stride};
  }

  const sdk::Exec& exec_;
  sdk::Shape shape_;
  sdk::Operands tensors_;
  sdk::LogDecay log_decay_;
  bool by_channel_, decays_;
  double scale_;
  std::int64_t C_;
  Buffers buffers_;

  std::int64_t index_ = 0, s_ = 0, batch_ = 0;  // of begin()
  std::int64_t begin_ = 0, end_ = 0, first_column_ = 0, columns_ = 0;
  std::int64_t t_ = 0, steps_ = 0;  // of load()
  Rows keys_{}, keys_weighted_{}, values_{};
  std::int64_t block_ = -1;  // whose keys stand in k_block
  std::int64_t h_ = 0;       // of query()
  Rows queries_{};
  Prefetcher next_;
};

}  // namespace leet::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
