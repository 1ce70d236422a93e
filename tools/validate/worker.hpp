// SPDX-License-Identifier: Apache-2.0
//
// Running cases in this process: what a worker does, and what --in-process does in the parent.
#ifndef LEET_TOOLS_VALIDATE_WORKER_HPP
#define LEET_TOOLS_VALIDATE_WORKER_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tools/validate/catalogue.hpp"

namespace leet::validate {

// What cases there are; parent and workers make the same list from it.
struct Selection {
  int level = kNumericsLevel;
  std::string filter;  // regular expressions on case ids; empty = none
  std::string exclude;
  std::string only;  // one case by its exact id
};

// Errors: INVALID_ARGUMENT (a regular expression).
core::Result<std::vector<Case>> select_cases(const Selection& selection);

// One worker's part of the work on one plugin: the cases from, from + stride, ...
struct Job {
  std::filesystem::path file;
  std::string method;
  std::int32_t device_type = LEET_DEVICE_CPU;
  Selection selection;
  Settings settings;
  std::size_t from = 0;
  std::size_t stride = 1;
};

// The index under which loading the plugin is reported, as if it were the first case.
inline constexpr std::int64_t kLoadIndex = -1;

struct Sink {
  std::function<void(std::int64_t index)> begin;
  std::function<void(std::int64_t index, const Result&, double seconds)> end;
};

// Loads the job's file and runs its cases, telling the sink of each.
void run_job(const Job& job, const std::vector<Case>& cases, const Sink& sink);

// The worker process: streams one JSON object a line to `descriptor`, first {"begin": index}, then
// {"end": index, "status": ..., ...}, and {"done": true} at the end.
int run_worker(const Job& job, int descriptor);

}  // namespace leet::validate
#endif  // LEET_TOOLS_VALIDATE_WORKER_HPP
