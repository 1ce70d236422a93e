// SPDX-License-Identifier: Apache-2.0
//
// `leet validate`: may these plugins be trusted, for which problems? This process reads identities
// and runs no plugin's code, unless --in-process or --reproduce ask for it.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "tools/common/atomic_file.hpp"
#include "tools/common/exit_code.hpp"
#include "tools/common/interrupt.hpp"
#include "tools/common/progress.hpp"
#include "tools/common/reporter.hpp"
#include "tools/common/session.hpp"
#include "tools/leet/command.hpp"
#include "tools/validate/report.hpp"

namespace leet::tools {
namespace {

constexpr std::uint64_t kDefaultSeed = 20250102573;

struct ValidateOptions {
  std::vector<std::string> methods;
  validate::Selection selection;
  std::string device = "cpu";
  std::uint64_t seed = kDefaultSeed;
  int jobs = 0;  // 0: one for each CPU
  double timeout = 60;
  std::filesystem::path counts;
  std::filesystem::path write_counts;
  bool list = false;
  bool json = false;
  bool only_failed = false;
  bool in_process = false;
};

// Where workers leave their outputs for the pairwise table; removed at the end.
class DumpDirectory {
 public:
  DumpDirectory() {
    std::error_code error;
    std::string name = (std::filesystem::temp_directory_path(error) / "leet-validate-XXXXXX");
    if (mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~DumpDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  DumpDirectory(const DumpDirectory&) = delete;
  DumpDirectory& operator=(const DumpDirectory&) = delete;

  // A directory for one method; empty where none could be made.
  std::filesystem::path make(std::size_t index) const {
    const std::filesystem::path directory = path_ / std::to_string(index);
    std::error_code error;
    if (path_.empty() || !std::filesystem::create_directory(directory, error)) return {};
    return directory;
  }

 private:
  std::filesystem::path path_;
};

int list_checks(const Reporter& reporter) {
  Json record = reporter.record();
  record["checks"] = Json::array();
  for (const validate::Check& check : validate::checks()) {
    if (!reporter.json()) fmt::print("{} {:<26} {}\n", check.level, check.id, check.sentence);
    record["checks"].push_back(
        {{"id", check.id}, {"level", check.level}, {"sentence", check.sentence}});
  }
  if (reporter.json()) Reporter::print(record);
  return kExitOk;
}

// The methods named, or all that serve the device.
core::Result<std::vector<const core::Method*>> choose(const Session& session,
                                                      const std::vector<std::string>& names,
                                                      std::int32_t device_type) {
  std::vector<const core::Method*> chosen;
  for (const std::string& name : names) {
    const auto method = session.find(name, device_type);
    if (!method) return method.error();
    if (std::ranges::find(chosen, *method) == chosen.end()) chosen.push_back(*method);
  }
  if (!names.empty()) return chosen;
  for (const core::Method& method : session.registry.methods()) {
    const auto& types = method.device_types;
    if (std::ranges::find(types, device_type) != types.end()) chosen.push_back(&method);
  }
  if (chosen.empty()) {
    return core::Error{LEET_STATUS_UNAVAILABLE,
                       fmt::format("no method for device '{}' was found; `leet list --all` shows "
                                   "where was searched",
                                   core::device_name(device_type))};
  }
  return chosen;
}

core::Status compare_counts(const ValidateOptions& options, validate::Report& report) {
  validate::CountFile got;
  for (const validate::MethodReport& method : report.methods) {
    got[method.method->identity.id] = method.counts;
  }
  if (!options.write_counts.empty()) return validate::write_counts(options.write_counts, got);
  if (options.counts.empty()) return {};
  const auto expected = validate::read_counts(options.counts);
  if (!expected) return expected.error();
  report.count_differences = validate::differences(*expected, got);
  return {};
}

int validate_methods(const GlobalOptions& global, const ValidateOptions& options) {
  const Reporter reporter("validate", options.json);
  if (options.list) return list_checks(reporter);

  const auto device_type = core::parse_device(options.device);
  if (!device_type) return reporter.fail(device_type.error());
  if (*device_type != LEET_DEVICE_CPU) {
    return reporter.fail(
        {LEET_STATUS_UNAVAILABLE,
         fmt::format("--device {}: cases can be run on 'cpu' alone as yet", options.device)});
  }
  validate::Report report;
  report.seed = options.seed;
  report.level = options.selection.level;
  auto cases = validate::select_cases(options.selection);
  if (!cases) return reporter.fail(cases.error());
  report.cases = std::move(*cases);
  if (report.cases.empty()) {
    return reporter.fail({LEET_STATUS_UNAVAILABLE,
                          options.selection.only.empty()
                              ? "no case matches --filter and --exclude"
                              : fmt::format("there is no case '{}' at level {}",
                                            options.selection.only, options.selection.level)});
  }
  if (!options.counts.empty()) {
    if (const auto counts = validate::read_counts(options.counts); !counts) {
      return reporter.fail(counts.error());
    }
  }
  if (!options.write_counts.empty()) {
    if (const auto status = check_writable(options.write_counts); !status) {
      return reporter.fail(status.error());
    }
  }
  const auto session = open_session(global, true);
  if (!session) return reporter.fail(session.error());
  // A verdict on other plugins than those that were meant would be taken for one on them.
  for (const core::SearchedDirectory& searched : session->registry.report().searched) {
    if (searched.origin != "command line" || searched.candidates > 0) continue;
    return reporter.fail(
        {LEET_STATUS_UNAVAILABLE,
         fmt::format("--plugins {}: {}", searched.path.string(),
                     searched.problem.empty() ? "no plugin file (*.so) in it" : searched.problem)});
  }
  for (const core::LoadReportEntry& entry : session->registry.report().entries) {
    const std::string rule = core::rule_code(entry.rule);
    if (!rule.starts_with("E-")) continue;
    report.refused_files.push_back(
        fmt::format("{}: {}: {}", entry.path.string(), rule, entry.seen));
    reporter.say("not checked: " + report.refused_files.back());
  }
  const auto methods = choose(*session, options.methods, *device_type);
  if (!methods) return reporter.fail(methods.error());

  const DumpDirectory dump;
  std::vector<validate::Job> jobs;
  for (const core::Method* method : *methods) {
    jobs.push_back({.file = method->path,
                    .method = method->identity.id,
                    .device_type = *device_type,
                    .selection = options.selection,
                    .settings = {.seed = options.seed, .dump = dump.make(jobs.size())}});
  }
  const auto start = std::chrono::steady_clock::now();
  std::vector<validate::Outcome> outcomes;
  if (options.in_process) {
    outcomes = validate::run_in_process(jobs, report.cases);
  } else {
    const Interrupt interrupt;
    Progress progress;
    const int available = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    auto supervised =
        validate::supervise(jobs, report.cases,
                            {.jobs = options.jobs > 0 ? options.jobs : available,
                             .timeout = std::chrono::duration<double>(options.timeout),
                             .progress =
                                 [&](std::size_t done, std::size_t total) {
                                   progress.show(fmt::format("{} of {} cases", done, total));
                                 },
                             .stop_descriptor = interrupt.descriptor()});
    report.interrupted = Interrupt::requested();
    if (!supervised) return reporter.fail(supervised.error(), kExitInternal);
    outcomes = std::move(*supervised);
  }
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  std::vector<std::string> names;
  std::vector<std::filesystem::path> directories;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const core::Method* method = (*methods)[i];
    auto counts = validate::count_combinations(method->identity, report.cases, outcomes[i]);
    report.methods.push_back(
        {method, core::device_name(*device_type), std::move(outcomes[i]), std::move(counts)});
    names.emplace_back(method->identity.id);
    directories.push_back(jobs[i].settings.dump);
  }
  const bool shared =
      !report.interrupted && std::ranges::any_of(report.cases, [](const validate::Case& made) {
        return made.check == "pairwise";
      });
  if (shared) report.pairwise = validate::compare_methods(names, directories, options.seed);
  if (report.interrupted) {
    reporter.say(
        fmt::format("interrupted after {} of {} cases", report.cases_done(), report.cases_total()));
  } else if (const core::Status status = compare_counts(options, report); !status) {
    return reporter.fail(status.error());
  }

  if (options.json) {
    Json record = reporter.record();
    validate::to_json(report, options.only_failed, record);
    Reporter::print(record);
  } else {
    fmt::print("{}", validate::to_text(report, options.only_failed));
  }
  return validate::exit_code(report);
}

}  // namespace

void add_validate_command(CLI::App& app, const GlobalOptions& global, Action& action) {
  CLI::App* command =
      app.add_subcommand("validate", "Check plugins: their calls, and their numbers against fp64");
  const auto options = std::make_shared<ValidateOptions>();
  command->add_option("METHOD", options->methods,
                      "Methods to check; by default all that are found");
  command
      ->add_option("--filter", options->selection.filter,
                   "Only the cases whose id matches this extended regular expression")
      ->type_name("REGEX");
  command
      ->add_option("--exclude", options->selection.exclude,
                   "Not the cases whose id matches this extended regular expression")
      ->type_name("REGEX");
  command->add_option("--device", options->device, "Where to run them")->capture_default_str();
  command->add_option("--level", options->selection.level, "3: contract; 4: numerics, too")
      ->check(CLI::Range(3, 4))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "Of all inputs")->capture_default_str();
  command->add_option("-j,--jobs", options->jobs, "Worker processes at once; 0: one for each CPU")
      ->check(CLI::Range(0, 1024));
  command->add_option("--timeout", options->timeout, "For one case, in seconds")
      ->check(CLI::Range(0.1, 86400.0))
      ->capture_default_str();
  CLI::Option* counts =
      command
          ->add_option("--counts", options->counts,
                       "Fail where the numbers of combinations differ from this table")
          ->type_name("FILE")
          ->check(check_path);
  command->add_option("--write-counts", options->write_counts, "Write that table")
      ->type_name("FILE")
      ->check(check_path)
      ->excludes(counts);
  command->add_flag("--list", options->list, "Print the checks, and run none");
  command->add_flag("--json", options->json, "Print a leet.validate/1 record");
  command->add_flag("--only-failed", options->only_failed, "Show only the checks that failed");
  command->add_flag("--in-process", options->in_process,
                    "Run the plugins in this process, for a debugger");
  command
      ->add_option("--reproduce", options->selection.only,
                   "Run this one case, in this process, for a debugger")
      ->type_name("CASE");
  command->footer(
      "Exit codes: 0 all passed and each plugin ran a numeric case; 1 a check failed; 3 nothing "
      "matched\nor nothing ran; 4 a plugin crashed or hung; 130 Ctrl-C, with the cases so far.\n\n"
      "Example:\n  leet validate recurrent "
      "--filter '^odd-n/f32/'");
  command->final_callback([&global, &action, options] {
    options->in_process = options->in_process || !options->selection.only.empty();
    action = [&global, options] { return validate_methods(global, *options); };
  });
}

}  // namespace leet::tools
