// SPDX-License-Identifier: Apache-2.0
//
// What became of every candidate file: each appears once, loaded or not, with a stable rule code.
#ifndef LEET_CORE_LOAD_REPORT_HPP
#define LEET_CORE_LOAD_REPORT_HPP

#include <leet/plugin.h>

#include <filesystem>
#include <optional>
#include <string>
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
};

// "E-TRUNCATED" and so on.
const char* rule_code(Rule rule);

// What to do about a file with this rule, in one sentence; "" when there is nothing to do.
const char* advice(Rule rule);

// Whether the methods of a file with this rule may be used.
bool usable(Rule rule);

struct LoadReportEntry {
  std::filesystem::path path;
  Rule rule = Rule::kOk;
  std::string seen;    // what was found, with the values
  std::string action;  // what the reader can do about it; empty when there is nothing to do
  std::optional<leet_note_desc> identity;  // where the note could be read
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
};

}  // namespace leet::core
#endif  // LEET_CORE_LOAD_REPORT_HPP
