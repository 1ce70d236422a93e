// SPDX-License-Identifier: Apache-2.0
//
// Which method computes a problem: the one that was asked for, or with "auto" the one that is
// expected to be fastest.
#ifndef LEET_CORE_SELECTION_HPP
#define LEET_CORE_SELECTION_HPP

#include <leet/plugin.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/host_services.hpp"
#include "core/registry.hpp"
#include "core/result.hpp"

namespace leet::core {

inline constexpr std::string_view kAuto = "auto";

// What one method answered. Where it failed instead of answering, the answer is no and the reason
// is its error.
struct Judgement {
  const Method* method = nullptr;
  leet_verdict verdict{};
};

struct Selection {
  const Method* method = nullptr;
  std::string reason;                 // why this one, for a person
  std::vector<Judgement> judgements;  // with "auto": of every method, the best first
};

// Asks every method that serves the device. First come those that predict how long they take, by
// that time, then those that don't know; among these a slow path comes last. Methods that answer
// no are at the end. Equals are in the order of `methods`, which a registry sorts by id, so that
// the choice does not depend on the order of discovery.
// Errors: INVALID_ARGUMENT (a malformed problem). [thread-safe]
Result<std::vector<Judgement>> judge_all(const std::vector<Method>& methods,
                                         const HostServices& host, const leet_problem& problem,
                                         leet_device device);

// What "auto" means: the first of `judgements`, which are judge_all()'s. `options` must be empty,
// because options belong to one method.
// Errors: INVALID_ARGUMENT (options), UNAVAILABLE (no method serves the device), UNSUPPORTED (none
// can compute the problem; the message has the reasons). [thread-safe]
Result<Selection> choose(std::vector<Judgement> judgements, leet_device device,
                         const std::string& options);

// The method that `name` means for this problem; `options` are those that it will be planned with.
// Errors: those of Registry::find, or with "auto" of judge_all and choose. [thread-safe]
Result<Selection> select(const Registry& registry, const HostServices& host, std::string_view name,
                         const leet_problem& problem, leet_device device,
                         const std::string& options);

}  // namespace leet::core
#endif  // LEET_CORE_SELECTION_HPP
