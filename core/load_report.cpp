// SPDX-License-Identifier: Apache-2.0
#include "core/load_report.hpp"

namespace leet::core {
namespace {

struct RuleText {
  const char* code;
  const char* advice;
};

RuleText text(Rule rule) {
  switch (rule) {
    case Rule::kOk:
      return {"OK", ""};
    case Rule::kDisabled:
      return {"N-DISABLED", "change plugins.enabled or plugins.disabled in the configuration"};
    case Rule::kShadowed:
      return {"N-SHADOWED", "remove one of the two files, or search this one's directory first"};
    case Rule::kUntrustedWarning:
      return {"W-UNTRUSTED", "chmod go-w the file and its directory, and own them yourself"};
    case Rule::kUnreadable:
      return {"E-UNREADABLE", "make it a readable regular file"};
    case Rule::kTruncated:
      return {"E-TRUNCATED", "copy or build the file again"};
    case Rule::kNotElf:
      return {"E-NOT-ELF", "build it as a shared library with leet_add_plugin()"};
    case Rule::kArchitecture:
      return {"E-ARCH", "build the plugin for this machine"};
    case Rule::kMalformed:
      return {"E-MALFORMED", "build the file again; it is damaged or was made by a broken tool"};
    case Rule::kNoNote:
      return {"E-NO-NOTE", "add LEET_PLUGIN (C++) or LEET_DEFINE_NOTE (C), and do not strip notes"};
    case Rule::kAbiMajor:
      return {"E-ABI-MAJOR", "build the plugin against this host's leet/plugin.h"};
    case Rule::kAbiOld:
      return {"E-ABI-OLD", "build the plugin again against this host's leet/plugin.h"};
    case Rule::kAbiMinor:
      return {"E-ABI-MINOR", "use a newer host, or an older plugin"};
    case Rule::kNoEntry:
      return {"E-NO-ENTRY", "define leet_plugin_entry_v0 and build with leet_add_plugin()"};
    case Rule::kExports:
      return {"E-EXPORTS", "build with leet_add_plugin(), whose version script hides the rest"};
    case Rule::kNeeded:
      return {"E-NEEDED", "install the library, or link the plugin without it"};
    case Rule::kUntrusted:
      return {"E-UNTRUSTED",
              "chmod go-w the file and its directory and own them yourself, or name the path "
              "explicitly"};
    case Rule::kDuplicate:
      return {"E-DUPLICATE", "remove all but one of them"};
    case Rule::kLoad:
      return {"E-LOAD", "see the dynamic linker's message"};
    case Rule::kEntry:
      return {"E-ENTRY", "see the plugin's message, or tell its author"};
    case Rule::kNullTables:
      return {"E-NULL-TABLES", "tell the plugin's author; LEET_PLUGIN fills the whole table"};
    case Rule::kMismatch:
      return {"E-MISMATCH", "tell the plugin's author; LEET_PLUGIN makes both from one identity"};
    case Rule::kUnprobedWarning:
      return {"W-NOT-PROBED",
              "install leet-probe or point LEET_PROBE at it; plugins.probe: off silences this"};
    case Rule::kUnprobed:
      return {"E-NOT-PROBED",
              "install leet-probe or point LEET_PROBE at it; plugins.unprobed: use loads it "
              "untested"};
    case Rule::kCrashLoad:
      return {"E-CRASH-LOAD", "tell the plugin's author; its static constructors crash"};
    case Rule::kCrashEntry:
      return {"E-CRASH-ENTRY", "tell the plugin's author; its leet_plugin_entry_v0 crashes"};
    case Rule::kCrashSupports:
      return {"E-CRASH-SUPPORTS", "tell the plugin's author; `leet validate` gives the case"};
    case Rule::kCrashPlan:
      return {"E-CRASH-PLAN", "tell the plugin's author; `leet validate` gives the case"};
    case Rule::kCrashExecute:
      return {"E-CRASH-EXECUTE", "tell the plugin's author; `leet validate` gives the case"};
    case Rule::kCrashExit:
      return {"E-CRASH-EXIT", "tell the plugin's author; its static destructors crash"};
    case Rule::kVanished:
      return {"E-VANISHED", "tell the plugin's author; a plugin must not end its host's process"};
    case Rule::kTimeout:
      return {"E-TIMEOUT", "raise plugins.probe_seconds, or tell the plugin's author"};
    case Rule::kMemory:
      return {"E-MEMORY", "raise plugins.probe_memory_mib, or tell the plugin's author"};
    case Rule::kException:
      return {"E-EXCEPTION", "tell the plugin's author; LEET_PLUGIN stops every exception"};
    case Rule::kFpState:
      return {"E-FP-STATE",
              "build the plugin without -ffast-math at link, and restore what its code changes"};
    case Rule::kSideEffects:
      return {"E-SIDE-EFFECTS", "tell the plugin's author; a plugin leaves its process as it was"};
    case Rule::kStdout:
      return {"E-STDOUT", "print to the log that leet_host gives; stdout is the host's"};
    case Rule::kSelfTest:
      return {"E-SELF-TEST", "run `leet validate` on it, and tell the plugin's author"};
  }
  return {"E-UNKNOWN", ""};
}

}  // namespace

const char* rule_code(Rule rule) { return text(rule).code; }

const char* advice(Rule rule) { return text(rule).advice; }

std::optional<Rule> parse_rule(std::string_view code) {
  for (int i = 0; i <= static_cast<int>(kLastRule); ++i) {
    const auto rule = static_cast<Rule>(i);
    if (code == rule_code(rule)) return rule;
  }
  return std::nullopt;
}

bool usable(Rule rule) {
  return rule == Rule::kOk || rule == Rule::kUntrustedWarning || rule == Rule::kUnprobedWarning;
}

}  // namespace leet::core
