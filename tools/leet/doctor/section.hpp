// SPDX-License-Identifier: Apache-2.0
//
// What `leet doctor` looks at: sections of facts, and findings that say what to do.
#ifndef LEET_TOOLS_LEET_DOCTOR_SECTION_HPP
#define LEET_TOOLS_LEET_DOCTOR_SECTION_HPP

#include <string>
#include <vector>

#include "tools/common/global_options.hpp"
#include "tools/common/reporter.hpp"

namespace leet::doctor {

using tools::Json;

enum class Level { kOk, kNote, kWarning, kError };
inline constexpr const char* kLevelNames[] = {"ok", "note", "warning", "error"};

struct Finding {
  Level level = Level::kOk;
  std::string text;
  std::string fix = {};  // one sentence; empty for kOk
};

struct Section {
  std::string name;
  Json facts = Json::object();  // texts, numbers, lists of texts; or {"value", "origin"}
  std::vector<Finding> findings = {};

  void ok(std::string text) { findings.push_back({Level::kOk, std::move(text)}); }
  void note(std::string text, std::string fix) {
    findings.push_back({Level::kNote, std::move(text), std::move(fix)});
  }
  void warning(std::string text, std::string fix) {
    findings.push_back({Level::kWarning, std::move(text), std::move(fix)});
  }
  void error(std::string text, std::string fix) {
    findings.push_back({Level::kError, std::move(text), std::move(fix)});
  }
};

// Each in its own file; none throws but for want of memory, whatever state the machine is in.
Section check_machine();
Section check_environment();
Section check_configuration(const tools::GlobalOptions& global);
Section check_caches();
Section check_plugins(const tools::GlobalOptions& global);
// In a process of its own, as it runs code of the driver's.
Section check_cuda();
// That process: the section as JSON.
Json look_for_cuda();

Json to_json(const Section& section);
std::vector<std::string> to_lines(const Section& section);

}  // namespace leet::doctor
#endif  // LEET_TOOLS_LEET_DOCTOR_SECTION_HPP
