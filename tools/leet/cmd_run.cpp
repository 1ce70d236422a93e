// SPDX-License-Identifier: Apache-2.0
//
// `leet run METHOD`: one method on arrays from .npy files.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <string>

#include "core/configuration.hpp"
#include "tools/leet/array_check.hpp"
#include "tools/leet/command.hpp"
#include "tools/leet/method_run.hpp"

namespace leet::tools {
namespace {

void add_files(CLI::App& command, RunOptions& options) {
  const auto input = [&](const char* name, std::filesystem::path& file, const char* description) {
    return command.add_option(name, file, description)
        ->type_name("FILE")
        ->check(check_path)
        ->group("Inputs (.npy)");
  };
  input("--q", options.q, "[B, H, N, R]; f16, bf16, f32 or f64")->required();
  input("--k", options.k, "[B, H, N, R]")->required();
  input("--v", options.v, "[B, H, N, D]")->required();
  input("--log-decay", options.log_decay,
        "[H], [B, H, N] or [B, H, N, R], extents of 1 broadcast; f32, or f64 with f64 tensors; "
        "0 or less. Without it nothing decays");
  input("--state-in", options.state_in, "The initial state, [B or sequences, H_s, R, D]");
  input("--sequence-offsets", options.sequence_offsets,
        "i64 [sequences + 1]: sequences packed along N, with B = 1");

  const auto output = [&](const char* name, std::filesystem::path& file, const char* description) {
    return command.add_option(name, file, description)
        ->type_name("FILE")
        ->check(check_path)
        ->group("Outputs (.npy)");
  };
  output("--out", options.out, "[B, H, N, D]")->required();
  output("--state-out", options.state_out, "The state after the last step");
}

void add_checks(CLI::App& command, RunOptions& options) {
  const auto check = [&](const char* name, std::filesystem::path& file, const char* description) {
    command.add_option(name, file, description)
        ->type_name("FILE")
        ->check(check_path)
        ->group("Checks");
  };
  check("--expect", options.expect, "What out should be; also says how many heads it has");
  check("--expect-state", options.expect_state, "What state-out should be");
  command
      .add_option("--tolerance", options.tolerance,
                  "The largest relative Frobenius error that passes; by default as right for the "
                  "widest of the tensors' dtypes: f64 1e-12, f32 2e-6 (with tf32 1e-3), f16 1e-3, "
                  "bf16 4e-3")
      ->check(check_tolerance)
      ->group("Checks");
}

}  // namespace

void add_run_command(CLI::App& app, const GlobalOptions& global, Action& action) {
  CLI::App* command = app.add_subcommand("run", "One method on arrays from .npy files");
  const auto options = std::make_shared<RunOptions>();
  command
      ->add_option("METHOD", options->method,
                   "Its id, or the id's end after a dot; or `auto`: the one expected to be fastest")
      ->required();
  add_files(*command, *options);
  add_checks(*command, *options);
  command->add_option("--scale", options->scale, "Multiplies out")->capture_default_str();
  command
      ->add_option("--layout", options->layout,
                   "The order of axes in the files of q, k, v, out, and log-decay of rank 3 and 4")
      ->check(CLI::IsMember({"bhnd", "bnhd"}))
      ->capture_default_str();
  command->add_option("--device", options->device, "cpu, cuda, ...")->capture_default_str();
  command->add_option("--precision", options->precision, "The lowest arithmetic that is acceptable")
      ->check(CLI::IsMember({"exact", "tf32"}))
      ->capture_default_str();
  command->add_option("--out-dtype", options->out_dtype, "The dtype of out; by default q's")
      ->check(CLI::IsMember({"f16", "bf16", "f32", "f64"}));
  command->add_option("--threads", options->threads, "Workers; by default as configured")
      ->check(CLI::Range(1, core::kMaxThreads));
  repeatable(command->add_option("--option", options->method_options,
                                 "An option of the method (`leet info METHOD`); may be repeated"))
      ->type_name("KEY=VALUE");
  command->add_flag("--json", options->json, "Print a leet.run/1 record");
  command->footer(
      "Shapes are those of --layout bhnd. q, k, v and log-decay may each have fewer heads than\n"
      "out, if their number divides out's. States have H_s heads, the least common multiple of\n"
      "k's, v's and log-decay's.\n\n"
      "Ctrl-C: exit code 130, and no file is written.\n\n"
      "Example:\n"
      "  leet run recurrent --q q.npy --k k.npy --v v.npy --log-decay g.npy --out o.npy \\\n"
      "      --state-out s.npy --expect expected.npy");
  command->final_callback([&global, &action, options] {
    action = [&global, options] { return run_method(global, *options); };
  });
}

}  // namespace leet::tools
