// SPDX-License-Identifier: Apache-2.0
//
// Worker processes: started, watched against a deadline, and replaced when they die. A crash or a
// hang is the result of the case in progress.
#ifndef LEET_TOOLS_VALIDATE_SUPERVISOR_HPP
#define LEET_TOOLS_VALIDATE_SUPERVISOR_HPP

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

#include "tools/validate/worker.hpp"

namespace leet::validate {

// What became of one plugin.
struct Outcome {
  std::optional<Result> load;
  std::vector<std::optional<Result>> results;  // by case
  double seconds = 0;                          // of all cases together
};

struct Supervision {
  int jobs = 1;                             // worker processes at once
  std::chrono::duration<double> timeout{};  // of one case
  // Told after each result; may be empty.
  std::function<void(std::size_t done, std::size_t total)> progress = {};
  // Once it is readable, the workers are ended and what there is returned; -1: never. Ctrl-C, which
  // the terminal sends to the workers as well, is for this process alone to take.
  int stop_descriptor = -1;
};

// Runs the jobs' cases (each job a whole plugin: from 0, stride 1) in worker processes. Outcomes in
// the order of the jobs; results are missing where it was stopped. Errors: INTERNAL (no worker
// could be started).
core::Result<std::vector<Outcome>> supervise(const std::vector<Job>& jobs,
                                             const std::vector<Case>& cases,
                                             const Supervision& supervision);

// The same in this process, for a debugger: a crash is a crash.
std::vector<Outcome> run_in_process(const std::vector<Job>& jobs, const std::vector<Case>& cases);

// The worker's command line, without the program: what parse_worker() of the hidden subcommand
// takes.
std::vector<std::string> worker_arguments(const Job& job, int descriptor);

}  // namespace leet::validate
#endif  // LEET_TOOLS_VALIDATE_SUPERVISOR_HPP
