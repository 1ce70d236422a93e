// SPDX-License-Identifier: Apache-2.0
//
// `leet why [METHOD...]`: what methods would do with a problem, and why, without computing it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/selection.hpp"
#include "tools/common/exit_code.hpp"
#include "tools/common/machine.hpp"
#include "tools/common/session.hpp"
#include "tools/leet/command.hpp"
#include "tools/leet/explanation.hpp"

namespace leet::tools {
namespace {

struct WhyOptions {
  std::vector<std::string> methods;
  std::vector<std::string> axes;
  std::vector<std::string> method_options;
  std::string device = "cpu";
  std::string precision = "exact";
  bool all = false;
  bool json = false;
};

// The methods named, or all that serve the device.
core::Result<std::vector<const core::Method*>> chosen_methods(const Session& session,
                                                              const WhyOptions& options,
                                                              std::int32_t device_type) {
  std::vector<const core::Method*> chosen;
  for (const std::string& name : options.methods) {
    const auto method = session.find(name, device_type);
    if (!method) return method.error();
    if (std::ranges::find(chosen, *method) == chosen.end()) chosen.push_back(*method);
  }
  if (!options.methods.empty()) return chosen;
  for (const core::Method& method : session.registry.methods()) {
    if (std::ranges::find(method.device_types, device_type) != method.device_types.end()) {
      chosen.push_back(&method);
    }
  }
  if (chosen.empty()) {
    return core::Error{LEET_STATUS_UNAVAILABLE,
                       fmt::format("no method for device '{}' was found; `leet list --all` shows "
                                   "where was searched",
                                   options.device)};
  }
  return chosen;
}

// A fault of the caller's options first, then the plugins', then problems that no method takes.
int exit_code_for(const std::vector<std::vector<Explanation>>& points) {
  int code = kExitOk;
  for (const auto& explanations : points) {
    for (const Explanation& e : explanations) {
      if (!e.failure) continue;
      if (exit_code_of(e.failure->code) == kExitUsage) return kExitUsage;
      code = kExitPluginFailed;
    }
    const bool possible = std::ranges::any_of(explanations, &Explanation::possible);
    if (!possible && code == kExitOk) code = kExitNothingToRun;
  }
  return code;
}

int why(const GlobalOptions& global, const WhyOptions& options) {
  const Reporter reporter("why", options.json);
  const auto axes = bench::parse_axes(options.axes, available_cpus());
  if (!axes) return reporter.fail(axes.error());
  const auto device_type = core::parse_device(options.device);
  if (!device_type) return reporter.fail(device_type.error());
  const auto session = open_session(global);
  if (!session) return reporter.fail(session.error());
  const bool automatic = std::ranges::find(options.methods, core::kAuto) != options.methods.end();
  if (automatic && options.methods.size() > 1) {
    return reporter.fail({LEET_STATUS_INVALID_ARGUMENT,
                          "auto beside other methods: it asks every method; leave the others out"});
  }
  std::vector<const core::Method*> methods;
  if (!automatic) {
    auto chosen = chosen_methods(*session, options, *device_type);
    if (!chosen) return reporter.fail(chosen.error());
    methods = std::move(*chosen);
  }

  const Question question{
      .device = {*device_type, 0},
      .lowest_precision = options.precision == "tf32" ? LEET_PRECISION_TF32 : LEET_PRECISION_EXACT,
      .method_options = fmt::format("{}", fmt::join(options.method_options, ";"))};
  std::map<int, std::unique_ptr<core::HostServices>> hosts;  // by threads
  std::vector<std::vector<Explanation>> points;
  std::vector<AutoExplanation> choices;  // one a point for "auto", else none
  for (const bench::Point& point : bench::points_of(*axes)) {
    auto& host = hosts[point.threads];
    if (!host) {
      host = std::make_unique<core::HostServices>(point.threads, session->configuration.log_level,
                                                  session->configuration.pin_threads);
    }
    auto& explanations = points.emplace_back();
    if (automatic) {
      auto choice = explain_auto(session->registry, *host, point, question);
      if (!choice) return reporter.fail(choice.error());
      explanations = std::move(choice->methods);
      choices.push_back(std::move(*choice));
      continue;
    }
    for (const core::Method* method : methods) {
      explanations.push_back(explain(*method, *host, point, question));
    }
    sort_by_prediction(explanations);
  }

  if (options.json) {
    const Machine machine = this_machine();
    Json record = reporter.record();
    record["cpu"] = machine.cpu;
    record["isa"] = machine.isa;
    record["records"] = Json::array();
    for (const auto& explanations : points) {
      for (const Explanation& e : explanations) record["records"].push_back(to_json(e, question));
    }
    record["auto"] = Json::array();
    for (const AutoExplanation& choice : choices) record["auto"].push_back(to_json(choice));
    Reporter::print(record);
    return exit_code_for(points);
  }
  const bool detailed = methods.size() == 1 && !options.methods.empty();
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::vector<Explanation>& explanations = points[i];
    if (i > 0) fmt::print("\n");
    if (!detailed) fmt::print("{}\n", problem_text(explanations[0].point));
    if (automatic) fmt::print("{}\n", choices[i].reason);
    const auto lines =
        detailed ? detailed_lines(explanations[0], question) : summary_lines(explanations);
    for (const std::string& line : lines) fmt::print("{}\n", line);
  }
  return exit_code_for(points);
}

}  // namespace

void add_why_command(CLI::App& app, const GlobalOptions& global, Action& action) {
  CLI::App* command =
      app.add_subcommand("why", "What methods would do with a problem, and how fast");
  const auto options = std::make_shared<WhyOptions>();
  CLI::Option* const methods = command->add_option(
      "METHOD", options->methods,
      "Ids, or their ends after a dot; none means every method; `auto` says which method "
      "it would take, and why");
  command->add_flag("--all", options->all, "Every method, the one predicted fastest first")
      ->excludes(methods);
  repeatable(command->add_option(
                 "-a,--axis", options->axes,
                 "The values of B, H, N, R, D, dtype, decay or threads; may be repeated for "
                 "others. Every combination is asked"))
      ->type_name("NAME=VALUE,...");
  command->add_option("--device", options->device, "cpu, cuda, ...")->capture_default_str();
  command->add_option("--precision", options->precision, "The lowest arithmetic that is acceptable")
      ->check(CLI::IsMember({"exact", "tf32"}))
      ->capture_default_str();
  repeatable(command->add_option("--option", options->method_options,
                                 "An option of the methods (`leet info METHOD`); may be repeated"))
      ->type_name("KEY=VALUE");
  command->add_flag("--json", options->json, "Print a leet.why/1 record");
  command->footer(
      "The problems are those of `leet bench`: N=1 is a decoding step with its state, any other N\n"
      "a prefill without states. Axes not given are B=1, H=8, N=4096, R=128, D=R, dtype=f32,\n"
      "decay=head, threads=all. Predictions are good for comparing methods, not for seconds.\n\n"
      "Exit codes: 3 a problem that none of these methods takes; 4 a plugin failed.\n\n"
      "Example:\n"
      "  leet why recurrent -a N=1 -a dtype=bf16\n"
      "  leet why --all -a N=1024,65536 -a decay=step\n"
      "  leet why auto -a N=1");
  command->final_callback([&global, &action, options] {
    action = [&global, options] { return why(global, *options); };
  });
}

}  // namespace leet::tools
