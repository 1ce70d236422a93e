// SPDX-License-Identifier: Apache-2.0
//
// Whether a method computes the operator at all: for each dtype and decay kind that it claims, a
// few problems against the fp64 oracle, judged as `leet validate` judges, in some milliseconds
// each. The validator's catalogue is hundreds of times larger; this is what every host can afford.
#ifndef LEET_TOOLS_PROBE_SELF_TEST_HPP
#define LEET_TOOLS_PROBE_SELF_TEST_HPP

#include <functional>
#include <string>
#include <vector>

#include "tools/validate/description.hpp"
#include "tools/validate/subject.hpp"

namespace leet::probe {

struct SelfTestCase {
  std::string name;  // "f32, decay head, B=1 H=8 N=259 R=6 D=10"
  validate::Description description;
  bool fallback = false;  // only where the method takes none of the others of its dtype and decay
};

// For what the note claims, in the order of dtypes, then decay kinds.
std::vector<SelfTestCase> self_test_cases(const leet_note_desc& note);

struct SelfTestOutcome {
  int passed = 0;
  int unsupported = 0;
  std::string failure;  // of the first case that failed; empty = none
};

// `begin` is called with each case before it runs.
SelfTestOutcome run_self_test(const validate::Subject& subject,
                              const std::function<void(const SelfTestCase&)>& begin);

}  // namespace leet::probe
#endif  // LEET_TOOLS_PROBE_SELF_TEST_HPP
