// SPDX-License-Identifier: Apache-2.0
//
// The checks that the validator knows, and the cases that make them up. The list of cases depends
// on the level and nothing else, so that parent and workers agree on it without talking.
#ifndef LEET_TOOLS_VALIDATE_CATALOGUE_HPP
#define LEET_TOOLS_VALIDATE_CATALOGUE_HPP

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/validate/description.hpp"
#include "tools/validate/subject.hpp"

namespace leet::validate {

enum Level { kLoadLevel = 2, kContractLevel = 3, kNumericsLevel = 4 };

struct Check {
  const char* id;  // kebab-case, stable
  int level;
  const char* sentence;
};

// In the order in which they are listed. Some have no cases of their own: they are made on every
// run, and a case that breaks one is reported under it.
std::span<const Check> checks();
const Check* find_check(std::string_view id);

struct Settings {
  std::uint64_t seed = 0;
  std::filesystem::path dump = {};  // where pairwise outputs go; empty = nowhere
};

struct Case {
  std::string id;     // "odd-n/f32/head/n65", unique
  std::string check;  // "odd-n"
  int level = kNumericsLevel;
  // Of a numeric case, which counts as one of the combinations of dtype, decay kind and check.
  bool numeric = false;
  Description description = {};
  std::uint32_t dynamic_axes = 0;
  std::function<Result(const Subject&, const Settings&)> run = {};

  Random random(const Settings& settings) const { return Random(settings.seed, id); }

  // The description for a method with these LEET_FEATURE_* bits: states that are not what the check
  // is about are left out where the method does not take them.
  Description description_for(std::uint32_t features) const;
};

// Every case up to `level`.
std::vector<Case> make_cases(int level);

// Parts of it.
void add_contract_cases(std::vector<Case>& cases);
void add_protocol_cases(std::vector<Case>& cases);
void add_numeric_cases(std::vector<Case>& cases);
void add_metamorphic_cases(std::vector<Case>& cases);
void add_pairwise_cases(std::vector<Case>& cases);

// The pairs of dtypes and the decay kinds that every family of cases goes through.
struct Dtypes {
  leet_dtype in;
  leet_dtype out;
};
std::span<const Dtypes> all_dtypes();
std::span<const std::int32_t> all_decay_kinds();

// "<check>/<dtypes>/<decay kind>/<variant>".
std::string case_id(std::string_view check, const Description& description,
                    std::string_view variant);

}  // namespace leet::validate
#endif  // LEET_TOOLS_VALIDATE_CATALOGUE_HPP
