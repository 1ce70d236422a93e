// SPDX-License-Identifier: Apache-2.0
//
// The shapes are chosen for how methods usually go wrong. 259 and 67 end in the middle of every
// chunk, and 259 is longer than the chunks in use; R and D differ, both ways round, and are no
// multiples of a vector; a head of gamma 1 and one of gamma 0 are among the rates; N = 1 with
// states is decoding. States are asked for where the method claims them, and once they are not.
#include "tools/probe/self_test.hpp"

#include <fmt/format.h>

#include <array>
#include <leet/plugin/dtype.hpp>
#include <utility>

#include "tools/validate/judge.hpp"

namespace leet::probe {
namespace {

using validate::DecayLaw;
using validate::Description;

constexpr std::array<leet_dtype, 4> kDtypes = {sdk::kF32, sdk::kF16, sdk::kBf16, sdk::kF64};
constexpr std::array<const char*, 4> kDecayNames = {"none", "head", "step", "channel"};
constexpr std::uint64_t kSeed = 0;

std::string name_of(const Description& d) {
  return fmt::format("{}, decay {}, B={} H={} N={} R={} D={}{}", sdk::dtype_name(d.in),
                     kDecayNames[static_cast<std::size_t>(d.decay_kind)], d.B, d.H, d.N, d.R, d.D,
                     d.state_in ? ", with states" : "");
}

}  // namespace

std::vector<SelfTestCase> self_test_cases(const leet_note_desc& note) {
  std::vector<SelfTestCase> cases;
  const bool states = (note.features & LEET_FEATURE_STATES) != 0;
  for (const leet_dtype dtype : kDtypes) {
    for (std::int32_t kind = LEET_DECAY_NONE; kind <= LEET_DECAY_CHANNEL; ++kind) {
      Description base;
      base.in = base.out = dtype;
      base.decay_kind = kind;
      if (!validate::claims(note, base, 0)) continue;
      const auto add = [&](Description d, bool fallback = false) {
        cases.push_back({name_of(d), std::move(d), fallback});
      };
      Description d = base;
      d.B = 1, d.H = 8, d.N = 259, d.R = 6, d.D = 10;
      d.law = DecayLaw::kSpread;
      add(d);
      d = base;
      d.B = 2, d.H = 2, d.N = 67, d.R = 20, d.D = 12;
      d.law = DecayLaw::kSometimesZero;
      d.state_in = d.state_out = states;
      add(d);
      if (states) {
        d.N = 1;
        d.law = DecayLaw::kMixed;
        add(d);
      }
      // What a method for fixed sizes is likely to take.
      for (const std::int64_t size : {64, 128}) {
        d = base;
        d.B = 1, d.H = 2, d.N = 128, d.R = d.D = size;
        add(d, true);
      }
    }
  }
  return cases;
}

SelfTestOutcome run_self_test(const validate::Subject& subject,
                              const std::function<void(const SelfTestCase&)>& begin) {
  SelfTestOutcome outcome;
  std::pair<leet_dtype, std::int32_t> group{};
  bool taken = false;  // whether the method took a case of this dtype and decay kind
  for (const SelfTestCase& test : self_test_cases(subject.method().identity)) {
    const Description& d = test.description;
    if (!sdk::same(group.first, d.in) || group.second != d.decay_kind) taken = false;
    group = {d.in, d.decay_kind};
    if (test.fallback && taken) continue;
    begin(test);
    const validate::Inputs inputs = validate::make_inputs(d, validate::Random(kSeed, test.name));
    const validate::Run run = subject.run(d, inputs);
    validate::Result result = run.result;
    if (run.ok()) result = validate::judge_run(run, d, validate::expect(d, inputs));
    if (result.status == validate::Status::kUnsupported) {
      ++outcome.unsupported;
    } else if (result.status == validate::Status::kFail) {
      outcome.failure = fmt::format("{}: {}", test.name, result.message);
      return outcome;
    } else {
      taken = true;
      ++outcome.passed;
    }
  }
  return outcome;
}

}  // namespace leet::probe
