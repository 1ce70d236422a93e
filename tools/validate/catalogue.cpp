// SPDX-License-Identifier: Apache-2.0
#include "tools/validate/catalogue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <leet/plugin/dtype.hpp>
#include <string_view>

#include "tools/common/names.hpp"

namespace leet::validate {
namespace {

constexpr int k2 = kLoadLevel;
constexpr int k3 = kContractLevel;
constexpr int k4 = kNumericsLevel;

constexpr Check kChecks[] = {
    {"load", k2, "the file loads in a process of its own and gives the method that its note names"},

    {"supports-is-pure", k3,
     "supports() gives the same answer twice and leaves its arguments alone"},
    {"supports-matches-execute", k3,
     "where supports() says yes a plan is made and runs, where it says no plan_create is "
     "UNSUPPORTED"},
    {"unsupported-gives-reason", k3, "every refusal says why, in words"},
    {"note-matches-supports", k3,
     "each dtype and decay kind of the note is accepted, each other one is refused"},
    {"plan-info-valid", k3, "what a plan says of itself makes sense and is within what was asked"},
    {"workspace-honest", k3,
     "the workspace is used within its size, at its least alignment, whatever it holds at first"},
    {"inputs-unchanged", k3, "no input is modified (looked at on every run)"},
    {"no-write-outside", k3,
     "nothing is written before, after or in the gaps of an output (looked at on every run)"},
    {"bitwise-repeatable", k3, "a plan that declares determinism gives the same bits again"},
    {"thread-count", k3, "asked for determinism, any number of threads gives the same bits"},
    {"reentrant", k3, "eight threads execute one plan at once and each gets what one alone gets"},
    {"unknown-option-refused", k3, "an option that the method does not list is INVALID_ARGUMENT"},
    {"unknown-bits", k3, "roles, flags and values of a later ABI are refused, not passed over"},
    {"struct-sizes", k3,
     "shorter structs of an older host are filled as far as they go, no further"},
    {"entry-refuses-older-host", k3, "the entry refuses a host older than the note requires"},
    {"malformed-calls", k3, "malformed calls are INVALID_ARGUMENT and write nothing"},

    {"n0", k4, "no tokens: the state passes through"},
    {"n1", k4, "one token, as in decoding"},
    {"odd-n", k4, "lengths around and between powers of two"},
    {"long-n", k4, "several chunks and a ragged tail"},
    {"error-growth", k4, "4096 tokens: the error does not grow past the gate"},
    {"dims", k4, "R and D that differ and are multiples of nothing"},
    {"empty-dims", k4, "R, D, B or H of 0"},
    {"layout-bnhd", k4, "[B, N, H, .] memory"},
    {"layout-gaps", k4, "unused elements after every row, head and batch entry"},
    {"layout-unaligned", k4, "tensors aligned to their element alone"},
    {"layout-broadcast", k4, "inputs with a batch stride of 0"},
    {"layout-huge", k4, "offsets of more than 2^31 elements"},
    {"decay-zero", k4, "g = -inf everywhere, and here and there"},
    {"decay-one", k4, "g = 0"},
    {"decay-tiny", k4, "rates of 1e-5"},
    {"decay-spread", k4, "rates from 0 to infinity side by side in the heads"},
    {"state-in", k4, "an initial state"},
    {"state-out", k4, "a final state"},
    {"states", k4, "an initial and a final state"},
    {"state-in-place", k4, "a final state written over the initial one"},
    {"varlen", k4, "packed sequences, empty ones among them"},
    {"shared-heads", k4, "q, k, v and log_decay with fewer heads than out"},
    {"scale", k4, "scales other than 1"},
    {"dynamic-axes", k4, "a plan for maxima executed with smaller tensors"},
    {"nonfinite", k4, "NaN and infinity stay in their head and in later steps"},
    {"declared-error", k4, "no run errs by more than its plan declared (looked at on every run)"},

    {"causality", k4, "changing the future leaves every bit of the past"},
    {"split-and-carry", k4, "two halves with the state carried over equal the whole"},
    {"prefill-then-decode", k4, "a prefill and single steps equal one call"},
    {"linear-in-v", k4, "f(a v + b w) = a f(v) + b f(w)"},
    {"head-permutation", k4, "permuted heads give permuted outputs"},
    {"batch-permutation", k4, "permuted batch entries give permuted outputs"},
    {"gamma-zero", k4, "without memory each token sees itself alone"},
    {"gamma-one", k4, "without decay the outputs are prefix sums"},
    {"time-shift", k4, "tokens with zero keys in front change nothing"},
    {"scale-linear", k4, "doubling the scale doubles every output exactly"},

    {"pairwise", k4, "shared problems for the table of all methods against each other"},
};

constexpr Dtypes kDtypes[] = {{sdk::kF32, sdk::kF32}, {sdk::kF64, sdk::kF64},
                              {sdk::kF16, sdk::kF16}, {sdk::kBf16, sdk::kBf16},
                              {sdk::kF16, sdk::kF32}, {sdk::kBf16, sdk::kF32}};

constexpr std::int32_t kDecayKinds[] = {LEET_DECAY_NONE, LEET_DECAY_HEAD, LEET_DECAY_STEP,
                                        LEET_DECAY_CHANNEL};

}  // namespace

std::span<const Check> checks() { return kChecks; }
std::span<const Dtypes> all_dtypes() { return kDtypes; }
std::span<const std::int32_t> all_decay_kinds() { return kDecayKinds; }

const Check* find_check(std::string_view id) {
  for (const Check& check : kChecks) {
    if (id == check.id) return &check;
  }
  return nullptr;
}

std::string case_id(std::string_view check, const Description& description,
                    std::string_view variant) {
  return fmt::format("{}/{}/{}/{}", check, dtype_label(description),
                     tools::decay_kind_name(description.decay_kind), variant);
}

std::vector<Case> make_cases(int level) {
  std::vector<Case> cases;
  if (level >= kContractLevel) {
    add_contract_cases(cases);
    add_protocol_cases(cases);
  }
  if (level >= kNumericsLevel) {
    add_numeric_cases(cases);
    add_metamorphic_cases(cases);
    add_pairwise_cases(cases);
  }
  return cases;
}

Description Case::description_for(std::uint32_t features) const {
  static constexpr std::string_view kAboutStates[] = {"state-in",        "state-out",
                                                      "states",          "state-in-place",
                                                      "split-and-carry", "prefill-then-decode"};
  Description d = description;
  const bool about_states =
      std::find(std::begin(kAboutStates), std::end(kAboutStates), check) != std::end(kAboutStates);
  if ((features & LEET_FEATURE_STATES) == 0 && !about_states) {
    d.state_in = d.state_out = d.in_place = false;
  }
  return d;
}

}  // namespace leet::validate
