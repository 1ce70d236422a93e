// SPDX-License-Identifier: Apache-2.0
//
// Level 4 without the oracle: relations between runs of one method, and closed forms, that hold for
// the operator whatever its inputs are.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "tools/validate/catalogue.hpp"
#include "tools/validate/judge.hpp"

namespace leet::validate {
namespace {

using Values = std::vector<double>;
using Body = Result (*)(const Subject&, const Description&, Random);

// Steps [begin, end) of values in the order [head, N, width].
Values steps(const Values& values, std::int64_t N, std::int64_t width, std::int64_t begin,
             std::int64_t end) {
  Values part;
  const std::int64_t head = N * width;
  for (std::int64_t first = 0; first < static_cast<std::int64_t>(values.size()); first += head) {
    part.insert(part.end(), values.begin() + first + begin * width,
                values.begin() + first + end * width);
  }
  return part;
}

// Puts `part` in the place of the steps [begin, ...) of `values`.
void put_steps(Values& values, std::int64_t N, std::int64_t width, std::int64_t begin,
               const Values& part) {
  const std::int64_t heads = static_cast<std::int64_t>(values.size()) / (N * width);
  const std::int64_t run = static_cast<std::int64_t>(part.size()) / heads;
  for (std::int64_t head = 0; head < heads; ++head) {
    std::copy_n(part.begin() + head * run, run, values.begin() + (head * N + begin) * width);
  }
}

std::int64_t decay_width(const Description& d) {
  return d.decay_kind == LEET_DECAY_CHANNEL ? d.R : 1;
}

Inputs input_steps(const Description& d, const Inputs& inputs, std::int64_t begin,
                   std::int64_t end) {
  Inputs part = inputs;
  part.q = steps(inputs.q, d.N, d.R, begin, end);
  part.k = steps(inputs.k, d.N, d.R, begin, end);
  part.v = steps(inputs.v, d.N, d.D, begin, end);
  if (d.decay_kind == LEET_DECAY_STEP || d.decay_kind == LEET_DECAY_CHANNEL) {
    part.g = steps(inputs.g, d.N, decay_width(d), begin, end);
  }
  return part;
}

// Runs the description's problem in pieces that end at `cuts`, each with the state of the one
// before it, and puts the outputs together.
Run run_in_pieces(const Subject& subject, const Description& d, const Inputs& inputs,
                  const std::vector<std::int64_t>& cuts) {
  const std::int64_t N = d.N;
  Run whole;
  whole.out.resize(static_cast<std::size_t>(d.B * d.H * N * d.D));
  std::int64_t begin = 0;
  for (const std::int64_t end : cuts) {
    Description piece = d;
    piece.N = end - begin;
    piece.state_in = d.state_in || begin > 0;
    piece.state_out = true;
    Inputs part = input_steps(d, inputs, begin, end);
    if (begin > 0) part.state = whole.state;
    const Run run = subject.run(piece, part);
    if (!run.ok()) return run;
    put_steps(whole.out, N, d.D, begin, run.out);
    whole.state = run.state;
    begin = end;
  }
  return whole;
}

Result causality(const Subject& subject, const Description& d, Random random) {
  const Inputs before = make_inputs(d, random);
  random.next();
  const Inputs other = make_inputs(d, random);
  const Run reference = subject.run(d, before);
  if (!reference.ok()) return reference.result;
  for (const std::int64_t cut : {1, 64, 97}) {
    Inputs changed = before;
    put_steps(changed.q, d.N, d.R, cut, steps(other.q, d.N, d.R, cut, d.N));
    put_steps(changed.k, d.N, d.R, cut, steps(other.k, d.N, d.R, cut, d.N));
    put_steps(changed.v, d.N, d.D, cut, steps(other.v, d.N, d.D, cut, d.N));
    if (d.decay_kind == LEET_DECAY_STEP || d.decay_kind == LEET_DECAY_CHANNEL) {
      put_steps(changed.g, d.N, decay_width(d), cut, steps(other.g, d.N, decay_width(d), cut, d.N));
    }
    const Run run = subject.run(d, changed);
    if (!run.ok()) return run.result;
    const Result same = identical("out before the change", steps(run.out, d.N, d.D, 0, cut),
                                  steps(reference.out, d.N, d.D, 0, cut));
    if (same.status != Status::kPass) {
      return Result::fail(fmt::format("tokens from {} on were changed; {}", cut, same.message));
    }
  }
  return Result::pass();
}

Result compare_with_whole(const Subject& subject, const Description& d, Random random,
                          const std::vector<std::int64_t>& cuts) {
  const Inputs inputs = make_inputs(d, random);
  const Run whole = subject.run(d, inputs);
  if (!whole.ok()) return whole.result;
  const Run pieces = run_in_pieces(subject, d, inputs, cuts);
  if (!pieces.ok()) return pieces.result;
  const Result out = agree("out", pieces.out, whole.out, d, false);
  if (out.status != Status::kPass) return out;
  return agree("state_out", pieces.state, whole.state, d, true);
}

Result split_and_carry(const Subject& subject, const Description& d, Random random) {
  for (const std::int64_t cut : {1, 37, 64}) {
    const Result result = compare_with_whole(subject, d, random, {cut, d.N});
    if (result.status != Status::kPass) return result;
  }
  return Result::pass();
}

Result prefill_then_decode(const Subject& subject, const Description& d, Random random) {
  std::vector<std::int64_t> cuts;
  for (std::int64_t end = d.N - 6; end <= d.N; ++end) cuts.push_back(end);
  return compare_with_whole(subject, d, random, cuts);
}

// v and w are multiples of 1/8, so that 2 v - w is exact in every dtype.
Result linear_in_v(const Subject& subject, const Description& d, Random random) {
  Inputs inputs = make_inputs(d, random);
  const auto coarse = [&](Values& values) {
    for (double& x : values) x = std::floor(17.0 * random.uniform() - 8.0) / 8.0;
  };
  Values w(inputs.v.size());
  coarse(inputs.v);
  coarse(w);
  const Values v = inputs.v;
  const Run of_v = subject.run(d, inputs);
  inputs.v = w;
  const Run of_w = subject.run(d, inputs);
  for (std::size_t i = 0; i < v.size(); ++i) inputs.v[i] = 2 * v[i] - w[i];
  const Run combined = subject.run(d, inputs);
  for (const Run* run : {&of_v, &of_w, &combined}) {
    if (!run->ok()) return run->result;
  }
  Values expected(of_v.out.size());
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = 2 * of_v.out[i] - of_w.out[i];
  return agree("out", combined.out, expected, d, false);
}

// Reverses the blocks of `size` values inside every group of `count` blocks.
void reverse_blocks(Values& values, std::int64_t count, std::int64_t size) {
  for (auto group = values.begin(); group < values.end(); group += count * size) {
    for (std::int64_t i = 0; i < count / 2; ++i) {
      std::swap_ranges(group + i * size, group + (i + 1) * size, group + (count - 1 - i) * size);
    }
  }
}

Result permutation(const Subject& subject, const Description& d, Random random, bool of_heads) {
  const Inputs inputs = make_inputs(d, random);
  const auto reverse = [&](Values& values) {
    if (values.empty()) return;
    const std::int64_t head = static_cast<std::int64_t>(values.size()) / (d.B * d.H);
    of_heads ? reverse_blocks(values, d.H, head) : reverse_blocks(values, d.B, d.H * head);
  };
  Inputs permuted = inputs;
  for (Values* values : {&permuted.q, &permuted.k, &permuted.v, &permuted.g, &permuted.state}) {
    reverse(*values);
  }
  Run straight = subject.run(d, inputs);
  const Run reversed = subject.run(d, permuted);
  if (!straight.ok()) return straight.result;
  if (!reversed.ok()) return reversed.result;
  reverse(straight.out);
  reverse(straight.state);
  const Result out = agree("out", reversed.out, straight.out, d, false);
  if (out.status != Status::kPass) return out;
  return agree("state_out", reversed.state, straight.state, d, true);
}

Result head_permutation(const Subject& subject, const Description& d, Random random) {
  return permutation(subject, d, random, true);
}

Result batch_permutation(const Subject& subject, const Description& d, Random random) {
  return permutation(subject, d, random, false);
}

// Against the unrolled form with weights of 1 for s <= t, or for s = t alone.
Result closed_form(const Subject& subject, Description d, Random random, bool remembers) {
  d.law = remembers ? DecayLaw::kOne : DecayLaw::kZero;
  const Inputs inputs = make_inputs(d, random);
  const Run run = subject.run(d, inputs);
  if (!run.ok()) return run.result;
  Values expected(run.out.size());
  Values magnitude(run.out.size());
  for (std::int64_t head = 0; head < d.B * d.H; ++head) {
    for (std::int64_t t = 0; t < d.N; ++t) {
      for (std::int64_t s = remembers ? 0 : t; s <= t; ++s) {
        double weight = 0;
        double absolute = 0;
        for (std::int64_t r = 0; r < d.R; ++r) {
          const double term = inputs.q[static_cast<std::size_t>((head * d.N + t) * d.R + r)] *
                              inputs.k[static_cast<std::size_t>((head * d.N + s) * d.R + r)];
          weight += term;
          absolute += std::abs(term);
        }
        for (std::int64_t column = 0; column < d.D; ++column) {
          const double v = inputs.v[static_cast<std::size_t>((head * d.N + s) * d.D + column)];
          const auto i = static_cast<std::size_t>((head * d.N + t) * d.D + column);
          expected[i] += d.scale * weight * v;
          magnitude[i] += std::abs(d.scale * absolute * v);
        }
      }
    }
  }
  const Judgement judgement = judge(run.out, {.name = "out",
                                              .extents = {d.B, d.H, d.N, d.D},
                                              .values = expected,
                                              .magnitude = magnitude,
                                              .stored = d.out,
                                              .arithmetic = d.state_dtype()});
  return judgement.ok ? Result::pass() : Result::fail(judgement.message);
}

Result gamma_zero(const Subject& subject, const Description& d, Random random) {
  return closed_form(subject, d, random, false);
}

Result gamma_one(const Subject& subject, const Description& d, Random random) {
  return closed_form(subject, d, random, true);
}

Result time_shift(const Subject& subject, const Description& base, Random random) {
  Description d = base;
  d.state_in = false;
  constexpr std::int64_t kShift = 13;
  Inputs shifted = make_inputs(d, random);
  put_steps(shifted.k, d.N, d.R, 0, Values(static_cast<std::size_t>(d.B * d.H * kShift * d.R)));
  Description tail = d;
  tail.N = d.N - kShift;
  const Run with_prefix = subject.run(d, shifted);
  const Run without = subject.run(tail, input_steps(d, shifted, kShift, d.N));
  if (!with_prefix.ok()) return with_prefix.result;
  if (!without.ok()) return without.result;
  const Result out =
      agree("out", steps(with_prefix.out, d.N, d.D, kShift, d.N), without.out, d, false);
  if (out.status != Status::kPass) return out;
  return agree("state_out", with_prefix.state, without.state, d, true);
}

Result scale_linear(const Subject& subject, const Description& base, Random random) {
  Description d = base;
  const Inputs inputs = make_inputs(d, random);
  Run once = subject.run(d, inputs);
  d.scale *= 2;
  const Run twice = subject.run(d, inputs);
  if (!once.ok()) return once.result;
  if (!twice.ok()) return twice.result;
  // Results below f16's normal range have fewer bits, and keep them when doubled.
  const double smallest = sdk::same(d.out, sdk::kF16) ? 0x1p-14 : 0.0;
  for (std::size_t i = 0; i < once.out.size(); ++i) {
    once.out[i] *= 2;
    if (std::abs(once.out[i]) < 4 * smallest) once.out[i] = twice.out[i];
  }
  return identical("out", twice.out, once.out);
}

}  // namespace

void add_metamorphic_cases(std::vector<Case>& cases) {
  struct Relation {
    const char* check;
    Body body;
    bool needs_decay;
  };
  static constexpr Relation kRelations[] = {
      {"causality", causality, false},
      {"split-and-carry", split_and_carry, false},
      {"prefill-then-decode", prefill_then_decode, false},
      {"linear-in-v", linear_in_v, false},
      {"head-permutation", head_permutation, false},
      {"batch-permutation", batch_permutation, false},
      {"gamma-zero", gamma_zero, true},
      {"gamma-one", gamma_one, false},
      {"time-shift", time_shift, false},
      {"scale-linear", scale_linear, false},
  };
  for (const Dtypes& dtypes : all_dtypes()) {
    for (const std::int32_t decay_kind : all_decay_kinds()) {
      for (const auto& [check, body, needs_decay] : kRelations) {
        if (needs_decay && decay_kind == LEET_DECAY_NONE) continue;
        Description d{.in = dtypes.in, .out = dtypes.out, .decay_kind = decay_kind};
        const bool about_states = body == split_and_carry || body == prefill_then_decode ||
                                  body == head_permutation || body == batch_permutation ||
                                  body == time_shift;
        d.B = 2, d.H = 3, d.N = body == causality ? 130 : 83, d.R = 16, d.D = 20;
        d.state_in = d.state_out = about_states;
        Case made{
            .id = case_id(check, d, "relation"), .check = check, .numeric = true, .description = d};
        made.run = [made, body = body](const Subject& subject, const Settings& settings) {
          return body(subject, made.description_for(subject.features()), made.random(settings));
        };
        cases.push_back(std::move(made));
      }
    }
  }
}

}  // namespace leet::validate
