// SPDX-License-Identifier: Apache-2.0
//
// What became of every candidate file: each appears once, loaded or not, with a stable rule code.
#ifndef LEET_CORE_LOAD_REPORT_HPP
#define LEET_CORE_LOAD_REPORT_HPP

#include <leet/plugin.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leet::core {

// Stable: scripts match on the codes, so they are added to and never renamed.
enum class Rule {
  kOk,                // OK: usable
  kDisabled,          // N-DISABLED: left out by the configuration's globs
  kShadowed,          // N-SHADOWED: an earlier search entry has it
  kUntrustedWarning,  // W-UNTRUSTED: others may write it; used, being named explicitly
  kUnreadable,        // E-UNREADABLE: it can't be opened or read
  kTruncated,         // E-TRUNCATED: headers or segments reach past its end
  kNotElf,            // E-NOT-ELF: not an ELF file, or not a shared object
  kArchitecture,      // E-ARCH: for another processor, or not 64-bit little-endian
  kMalformed,         // E-MALFORMED: an ELF file whose tables contradict each other
  kNoNote,            // E-NO-NOTE: no LEET identity note, or one that can't be read
  kAbiMajor,          // E-ABI-MAJOR: another ABI major
  kAbiOld,            // E-ABI-OLD: built with a minor that is no longer served
  kAbiMinor,          // E-ABI-MINOR: requires a newer minor than the host's
  kNoEntry,           // E-NO-ENTRY: does not export leet_plugin_entry_v0
  kExports,           // E-EXPORTS: exports more than that one symbol
  kNeeded,            // E-NEEDED: a library that it needs is not there
  kUntrusted,         // E-UNTRUSTED: others may write it or its directory, or own it
  kDuplicate,         // E-DUPLICATE: two of one directory, same method and device
  kLoad,              // E-LOAD: dlopen refused it
  kEntry,             // E-ENTRY: its entry returned an error
  kNullTables,        // E-NULL-TABLES: no table, or one without a required part
  kMismatch,          // E-MISMATCH: its table contradicts its note
  // What the probe sees, in a process of its own:
  kUnprobedWarning,  // W-NOT-PROBED: the probe could not be run; used, as the policy says
  kUnprobed,         // E-NOT-PROBED: the same, refused, as the policy says
  kCrashLoad,        // E-CRASH-LOAD: crashed while it was loaded, in a constructor
  kCrashEntry,       // E-CRASH-ENTRY: in its entry
  kCrashSupports,    // E-CRASH-SUPPORTS: in supports
  kCrashPlan,        // E-CRASH-PLAN: in plan_create or plan_destroy
  kCrashExecute,     // E-CRASH-EXECUTE: in execute
  kCrashExit,        // E-CRASH-EXIT: at the end of the process, in a destructor
  kVanished,         // E-VANISHED: ended the process
  kTimeout,          // E-TIMEOUT: did not come to an end in time
  kMemory,           // E-MEMORY: took more memory than a probe may
  kException,        // E-EXCEPTION: let an exception cross the ABI
  kFpState,          // E-FP-STATE: changed the floating-point state, as fast-math does
  kSideEffects,  // E-SIDE-EFFECTS: changed other state of the process, or wrote where it may not
  kStdout,       // E-STDOUT: printed to stdout
  kSelfTest,     // E-SELF-TEST: computed something else than the oracle, or failed
};
inline constexpr Rule kLastRule = Rule::kSelfTest;

// "E-TRUNCATED" and so on.
const char* rule_code(Rule rule);
std::optional<Rule> parse_rule(std::string_view code);

// What to do about a file with this rule, in one sentence; "" when there is nothing to do.
const char* advice(Rule rule);

// Whether the methods of a file with this rule may be used.
bool usable(Rule rule);

// What the probe made of a file.
struct ProbeFinding {
  Rule rule = Rule::kOk;
  std::string seen;
  bool remembered = false;  // of an earlier time, from the cache
};

struct LoadReportEntry {
  std::filesystem::path path;
  Rule rule = Rule::kOk;
  std::string seen;    // what was found, with the values
  std::string action;  // what the reader can do about it; empty when there is nothing to do
  std::optional<leet_note_desc> identity;  // where the note could be read
  std::optional<ProbeFinding> probe;       // where it was asked for
};

// A search entry that gave no candidates, with the reason ("no such directory").
struct SearchedDirectory {
  std::filesystem::path path;
  std::string origin;  // "command line", "LEET_PLUGIN_PATH", "configuration FILE", "user data",
                       // "beside the library", ...
  int candidates = 0;
  std::string problem;  // empty when it could be read
};

struct LoadReport {
  std::vector<SearchedDirectory> searched;
  std::vector<LoadReportEntry> entries;  // in the order of discovery
  // What went wrong without changing what can be used; one line each.
  std::vector<std::string> warnings;
};

}  // namespace leet::core
#endif  // LEET_CORE_LOAD_REPORT_HPP
