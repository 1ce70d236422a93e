// SPDX-License-Identifier: Apache-2.0
//
// Level 4 against the oracle: which problems are run, and how each is judged.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tools/validate/catalogue.hpp"
#include "tools/validate/judge.hpp"

namespace leet::validate {
namespace {

// Against the oracle, as described.
void add(std::vector<Case>& cases, const char* check, const Description& description,
         const std::string& variant) {
  Case made{.id = case_id(check, description, variant),
            .check = check,
            .numeric = true,
            .description = description};
  made.run = [made](const Subject& subject, const Settings& settings) {
    const Description d = made.description_for(subject.features());
    const Inputs inputs = make_inputs(d, made.random(settings));
    const Run run = subject.run(d, inputs);
    return run.ok() ? judge_run(run, d, expect(d, inputs)) : run.result;
  };
  cases.push_back(std::move(made));
}

void add_sizes(std::vector<Case>& cases, const Description& base) {
  for (const bool states : {false, true}) {
    Description d = base;
    d.state_in = d.state_out = states;
    d.N = 0;
    add(cases, "n0", d, states ? "states" : "plain");
    d.N = 1;
    add(cases, "n1", d, states ? "states" : "plain");
  }

  struct Size {
    std::int64_t B, H, N, R, D;
  };
  for (const auto& [B, H, N, R, D] :
       {Size{1, 1, 63, 16, 16}, Size{2, 3, 64, 33, 48}, Size{1, 2, 65, 16, 24},
        Size{2, 2, 100, 24, 16}, Size{1, 4, 257, 32, 32}, Size{3, 2, 2, 16, 16}}) {
    Description d = base;
    d.B = B, d.H = H, d.N = N, d.R = R, d.D = D;
    add(cases, "odd-n", d, fmt::format("n{}", N));
  }
  Description d = base;
  d.B = 1, d.N = 1000, d.R = 16, d.D = 32, d.state_out = true;
  add(cases, "long-n", d, "n1000");
  if (!sdk::is_16_bit(base.in)) {
    d.H = 1, d.N = 4096, d.D = 16;
    for (const DecayLaw law : {DecayLaw::kMixed, DecayLaw::kTiny}) {
      d.law = law;
      if (base.decay_kind == LEET_DECAY_NONE && law == DecayLaw::kTiny) continue;
      add(cases, "error-growth", d, law == DecayLaw::kMixed ? "mixed" : "tiny");
    }
  }

  for (const auto& [R, D] : {std::pair<std::int64_t, std::int64_t>{1, 1},
                             {1, 7},
                             {7, 1},
                             {33, 48},
                             {48, 100},
                             {100, 33}}) {
    d = base;
    d.B = 1, d.N = 70, d.R = R, d.D = D, d.state_out = true;
    add(cases, "dims", d, fmt::format("r{}-d{}", R, D));
  }
  for (const char* const axis : {"r", "d", "b", "h"}) {
    d = base;
    d.N = 5, d.state_in = d.state_out = true;
    (*axis == 'r' ? d.R : *axis == 'd' ? d.D : *axis == 'b' ? d.B : d.H) = 0;
    add(cases, "empty-dims", d, fmt::format("{}0", axis));
  }
}

void add_layouts(std::vector<Case>& cases, const Description& base) {
  struct Entry {
    const char* check;
    Layout layout;
  };
  for (const auto& [check, layout] :
       {Entry{"layout-bnhd", Layout::kBnhd}, Entry{"layout-gaps", Layout::kGaps},
        Entry{"layout-unaligned", Layout::kUnaligned},
        Entry{"layout-broadcast", Layout::kBroadcast}}) {
    for (const std::int64_t N : {1, 75}) {
      Description d = base;
      d.layout = layout, d.N = N, d.H = 3, d.R = 17, d.D = 21, d.state_in = d.state_out = N > 1;
      add(cases, check, d, fmt::format("n{}", N));
    }
  }
  Description d = base;
  d.layout = Layout::kHuge, d.N = 3, d.R = 4, d.D = 5, d.B = 2, d.H = 2;
  add(cases, "layout-huge", d, "2^31");
}

void add_decays(std::vector<Case>& cases, const Description& base) {
  if (base.decay_kind == LEET_DECAY_NONE) return;
  struct Entry {
    const char* check;
    DecayLaw law;
    const char* variant;
  };
  for (const auto& [check, law, variant] :
       {Entry{"decay-zero", DecayLaw::kZero, "all"},
        Entry{"decay-zero", DecayLaw::kSometimesZero, "some"},
        Entry{"decay-one", DecayLaw::kOne, "all"}, Entry{"decay-tiny", DecayLaw::kTiny, "n300"},
        Entry{"decay-spread", DecayLaw::kSpread, "h8"}}) {
    Description d = base;
    d.law = law, d.B = 1, d.N = 70, d.state_in = d.state_out = true;
    if (law == DecayLaw::kSpread) d.H = 8;
    if (law == DecayLaw::kTiny) d.N = 300;
    add(cases, check, d, variant);
  }
}

void add_states(std::vector<Case>& cases, const Description& base) {
  for (const std::int64_t N : {1, 67}) {
    const std::string variant = fmt::format("n{}", N);
    Description d = base;
    d.N = N, d.state_in = true;
    add(cases, "state-in", d, variant);
    d.state_out = true;
    add(cases, "states", d, variant);
    d.in_place = true;
    add(cases, "state-in-place", d, variant);
    d.in_place = d.state_in = false;
    add(cases, "state-out", d, variant);
  }

  for (const bool states : {false, true}) {
    Description d = base;
    d.B = 1, d.lengths = {0, 5, 64, 0, 100, 1, 0};
    d.N = 170, d.H = states ? 4 : 2, d.state_in = d.state_out = states;
    if (states) d.Hk = d.Hv = 2, d.Hg = 1;
    add(cases, "varlen", d, states ? "states-shared" : "plain");
  }
  Description d = base;
  d.B = 1, d.lengths = {33}, d.N = 33, d.state_out = true;
  add(cases, "varlen", d, "single");
}

void add_heads(std::vector<Case>& cases, const Description& base) {
  struct Sharing {
    const char* variant;
    std::int64_t H, Hq, Hk, Hv, Hg;
  };
  for (const auto& [variant, H, Hq, Hk, Hv, Hg] :
       {Sharing{"mqa", 4, 4, 1, 1, 1}, Sharing{"gqa", 4, 4, 2, 2, 2},
        Sharing{"gqa-decay-per-head", 4, 4, 2, 2, 4}, Sharing{"q-k-shared", 4, 1, 1, 4, 4},
        Sharing{"lcm", 6, 6, 2, 3, 1}, Sharing{"q-of-fewer", 6, 3, 6, 2, 6},
        Sharing{"out-of-more", 4, 2, 1, 2, 1}}) {
    Description d = base;
    d.H = H, d.Hq = Hq, d.Hk = Hk, d.Hv = Hv, d.Hg = Hg, d.N = 66;
    d.state_in = d.state_out = true;
    add(cases, "shared-heads", d, variant);
  }
  for (const double scale : {0.125, -2.7}) {
    Description d = base;
    d.scale = scale, d.N = 40, d.state_in = true;
    add(cases, "scale", d, scale > 0 ? "eighth" : "negative");
  }
}

// A plan for maxima, executed with several smaller problems and with the maxima themselves.
Result run_dynamic(const Case& made, const Subject& subject, const Settings& settings) {
  const Description maxima = made.description_for(subject.features());
  const Specs plan_specs = make_specs(maxima, maxima);
  const auto planned = subject.plan(maxima, subject.host(), plan_specs, made.dynamic_axes);
  if (planned.plan == nullptr) return planned.result;
  const auto allows = [&](std::uint32_t axis) { return (made.dynamic_axes & axis) != 0; };
  for (const std::int64_t part : {1, 2, 3, 0}) {
    Description d = maxima;
    if (allows(LEET_DYNAMIC_B) && part != 0) d.B = std::min(d.B, part);
    if (allows(LEET_DYNAMIC_SEQUENCES) && part != 0) {
      d.lengths.resize(static_cast<std::size_t>(part));
      d.N = 0;
      for (const std::int64_t length : d.lengths) d.N += length;
    } else if (allows(LEET_DYNAMIC_N) && part != 0) {
      d.N = std::array<std::int64_t, 4>{0, 1, 64, 65}[static_cast<std::size_t>(part)];
    }
    const Specs specs = make_specs(d, allows(LEET_DYNAMIC_STRIDES) ? d : maxima);
    const Inputs inputs = make_inputs(d, made.random(settings));
    const Run run = subject.execute(*planned.plan, d, specs, inputs);
    if (!run.ok()) return run.result;
    Result result = judge_run(run, d, expect(d, inputs));
    if (result.status != Status::kPass) {
      result.message = fmt::format("executed with B={} N={} sequences={}: {}", d.B, d.N,
                                   d.sequences(), result.message);
      return result;
    }
  }
  return Result::pass();
}

void add_dynamic(std::vector<Case>& cases, const Description& base) {
  struct Variant {
    const char* name;
    std::uint32_t axes;
    bool packed;
  };
  for (const auto& [name, axes, packed] :
       {Variant{"b-n", LEET_DYNAMIC_B | LEET_DYNAMIC_N, false},
        Variant{"b-n-strides", LEET_DYNAMIC_B | LEET_DYNAMIC_N | LEET_DYNAMIC_STRIDES, false},
        Variant{"sequences-n-strides",
                LEET_DYNAMIC_N | LEET_DYNAMIC_SEQUENCES | LEET_DYNAMIC_STRIDES, true}}) {
    Description d = base;
    d.B = 3, d.N = 130, d.state_in = d.state_out = true;
    if (packed) d.B = 1, d.lengths = {7, 0, 70, 53};
    Case made{.id = case_id("dynamic-axes", d, name),
              .check = "dynamic-axes",
              .numeric = true,
              .description = d,
              .dynamic_axes = axes};
    made.run = [made](const Subject& subject, const Settings& settings) {
      return run_dynamic(made, subject, settings);
    };
    cases.push_back(std::move(made));
  }
}

// One NaN or infinity in q, k or v of one head at one step. Every other head and every earlier step
// must be what they are without it, and the step itself must show it.
Result run_nonfinite(const Case& made, int role, double value, const Subject& subject,
                     const Settings& settings) {
  const Description d = made.description_for(subject.features());
  const Inputs clean = make_inputs(d, made.random(settings));
  Inputs dirty = clean;
  constexpr std::int64_t kBatch = 1, kHead = 1, kTime = 37, kColumn = 2;
  const std::int64_t width = role == LEET_ROLE_V ? d.D : d.R;
  auto& values = role == LEET_ROLE_Q ? dirty.q : role == LEET_ROLE_K ? dirty.k : dirty.v;
  values[static_cast<std::size_t>(((kBatch * d.H + kHead) * d.N + kTime) * width + kColumn)] =
      value;

  Run run = subject.run(d, dirty);
  if (!run.ok()) return run.result;
  const core::OracleResult oracle = expect(d, clean);
  const std::int64_t first = ((kBatch * d.H + kHead) * d.N + kTime) * d.D;
  const std::int64_t last = ((kBatch * d.H + kHead) * d.N + d.N) * d.D;
  if (std::isfinite(run.out[static_cast<std::size_t>(first + kColumn)])) {
    return Result::fail(
        fmt::format("out at token {} of the head is {:.9g}; it depends on a {} in {}", kTime,
                    run.out[static_cast<std::size_t>(first + kColumn)], value,
                    role == LEET_ROLE_V ? "v" : "q or k"));
  }
  // What may be contaminated is taken out of the comparison.
  std::copy(oracle.out.begin() + first, oracle.out.begin() + last, run.out.begin() + first);
  const std::int64_t block = (kBatch * d.H + kHead) * d.R * d.D;
  if (d.state_out) {
    std::copy_n(oracle.state_out.begin() + block, d.R * d.D, run.state.begin() + block);
  }
  return judge_run(run, d, oracle);
}

void add_nonfinite(std::vector<Case>& cases, const Description& base) {
  struct Variant {
    const char* name;
    int role;
    double value;
  };
  for (const auto& [name, role, value] :
       {Variant{"nan-q", LEET_ROLE_Q, std::numeric_limits<double>::quiet_NaN()},
        Variant{"nan-k", LEET_ROLE_K, std::numeric_limits<double>::quiet_NaN()},
        Variant{"inf-v", LEET_ROLE_V, std::numeric_limits<double>::infinity()}}) {
    Description d = base;
    d.B = 2, d.H = 3, d.N = 70, d.state_out = true;
    Case made{.id = case_id("nonfinite", d, name),
              .check = "nonfinite",
              .numeric = true,
              .description = d};
    made.run = [made, role = role, value = value](const Subject& subject,
                                                  const Settings& settings) {
      return run_nonfinite(made, role, value, subject, settings);
    };
    cases.push_back(std::move(made));
  }
}

}  // namespace

void add_numeric_cases(std::vector<Case>& cases) {
  for (const Dtypes& dtypes : all_dtypes()) {
    for (const std::int32_t decay_kind : all_decay_kinds()) {
      const Description base{.in = dtypes.in, .out = dtypes.out, .decay_kind = decay_kind};
      add_sizes(cases, base);
      add_layouts(cases, base);
      add_decays(cases, base);
      add_states(cases, base);
      add_heads(cases, base);
      add_dynamic(cases, base);
      add_nonfinite(cases, base);
    }
  }
}

}  // namespace leet::validate
