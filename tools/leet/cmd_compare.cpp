// SPDX-License-Identifier: Apache-2.0
//
// `leet compare A.npy B.npy`: how far A is from B.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "tools/common/error_metrics.hpp"
#include "tools/common/exit_code.hpp"
#include "tools/common/npy.hpp"
#include "tools/common/reporter.hpp"
#include "tools/leet/array_check.hpp"
#include "tools/leet/command.hpp"

namespace leet::tools {
namespace {

struct CompareOptions {
  std::filesystem::path got;
  std::filesystem::path expected;
  std::optional<double> tolerance;
  bool json = false;
};

int compare_files(const CompareOptions& options) {
  const Reporter reporter("compare", options.json);
  const core::Result<Array> got = read_npy(options.got);
  if (!got) return reporter.fail(got.error());
  const core::Result<Array> expected = read_npy(options.expected);
  if (!expected) return reporter.fail(expected.error());
  if (const core::Status status = check_comparable(*got, *expected); !status) {
    core::Error error = status.error();
    error.message = fmt::format("{}: {}", options.expected.string(), error.message);
    return reporter.fail(error);
  }
  const double tolerance =
      options.tolerance.value_or(relative_error_gate(got->dtype, LEET_PRECISION_EXACT));
  const ArrayCheck check = check_array(*got, *expected, tolerance);
  if (reporter.json()) {
    Json record = reporter.record();
    record["got"] = options.got.string();
    record["expected"] = options.expected.string();
    record["shape"] = got->extents;
    record.update(check.record());
    Reporter::print(record);
  } else {
    fmt::print("{}: {}\n", check.passes() ? "equal within the tolerance" : "different",
               check.text());
  }
  return check.passes() ? kExitOk : kExitNegative;
}

}  // namespace

void add_compare_command(CLI::App& app, const GlobalOptions&, Action& action) {
  CLI::App* command = app.add_subcommand("compare", "How far one .npy file is from another");
  const auto options = std::make_shared<CompareOptions>();
  command->add_option("A", options->got, "The .npy file to judge")
      ->type_name("FILE")
      ->required()
      ->check(check_path);
  command->add_option("B", options->expected, "The .npy file that is right")
      ->type_name("FILE")
      ->required()
      ->check(check_path);
  command
      ->add_option("--tolerance", options->tolerance,
                   "The largest relative Frobenius error that passes; by default as right for A's "
                   "dtype: f64 1e-12, f32 2e-6, f16 1e-3, bf16 4e-3; whole numbers are compared "
                   "exactly")
      ->check(check_tolerance);
  command->add_flag("--json", options->json, "Print a leet.compare/1 record");
  command->footer("Example:\n  leet compare o.npy expected.npy --tolerance 1e-5");
  command->final_callback(
      [&action, options] { action = [options] { return compare_files(*options); }; });
}

}  // namespace leet::tools
