// SPDX-License-Identifier: Apache-2.0
//
// Tries plugins out in processes of their own (the program leet-probe), so that one that crashes,
// hangs, ends the process, changes its state or computes nonsense does so there.
#ifndef LEET_CORE_PROBE_HPP
#define LEET_CORE_PROBE_HPP

#include <filesystem>
#include <string>
#include <vector>

#include "core/load_report.hpp"
#include "core/probe_settings.hpp"

namespace leet::core {

// LEET_PROBE; else libexec/leet/leet-probe beside the directory of the library (or of the program
// that this code is linked into); else where it is installed. Empty if there is none.
std::filesystem::path find_probe();

struct Probed {
  ProbeFinding finding;
  // Whether the same file on the same machine would have the same finding again: not where
  // something outside of it had a part.
  bool lasting = true;
};

// One finding for each file, in their order; several files are probed at once, and one that did not
// start or came to no end has a second try alone. The finding's rule
// is kUnprobedWarning where `program` could not be run. `settings.policy` is not kOff.
std::vector<Probed> run_probes(const std::filesystem::path& program,
                               const std::vector<std::filesystem::path>& files,
                               const ProbeSettings& settings);

// The same through the user's cache: only files that it does not know are run. A finding is of the
// content that the file had before and after: one that changes meanwhile is probed again, and is
// kUnreadable when it changes then too. `problem` gets the reason when a finding could not be kept.
std::vector<ProbeFinding> probe_files(const std::vector<std::filesystem::path>& files,
                                      const ProbeSettings& settings, std::string& problem);

}  // namespace leet::core
#endif  // LEET_CORE_PROBE_HPP
