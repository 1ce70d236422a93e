// SPDX-License-Identifier: Apache-2.0
//
// `leet validate-worker`, hidden: the process in which `leet validate` runs a plugin. Its arguments
// are made by validate::worker_arguments.
#include <signal.h>
#include <sys/prctl.h>

#include <memory>

#include "tools/leet/command.hpp"
#include "tools/validate/worker.hpp"

namespace leet::tools {

void add_validate_worker_command(CLI::App& app, const GlobalOptions&, Action& action) {
  CLI::App* command = app.add_subcommand("validate-worker", "Runs cases for `leet validate`");
  command->group("");
  struct WorkerOptions {
    validate::Job job;
    int descriptor = -1;
  };
  const auto options = std::make_shared<WorkerOptions>();
  validate::Job& job = options->job;
  command->add_option("--file", job.file)->required();
  command->add_option("--method", job.method)->required();
  command->add_option("--device-type", job.device_type)->required();
  command->add_option("--level", job.selection.level)->required();
  command->add_option("--filter", job.selection.filter);
  command->add_option("--exclude", job.selection.exclude);
  command->add_option("--only", job.selection.only);
  command->add_option("--seed", job.settings.seed)->required();
  command->add_option("--dump", job.settings.dump);
  command->add_option("--from", job.from)->required();
  command->add_option("--stride", job.stride)->required()->check(CLI::PositiveNumber);
  command->add_option("--descriptor", options->descriptor)->required();
  command->final_callback([&action, options] {
    action = [options] {
      prctl(PR_SET_PDEATHSIG, SIGKILL);  // a hanging plugin would outlive `leet validate`
      return validate::run_worker(options->job, options->descriptor);
    };
  });
}

}  // namespace leet::tools
