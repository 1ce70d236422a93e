// SPDX-License-Identifier: Apache-2.0
//
// `leet bench`: how fast methods are, against what the machine can do, where they are right.
#include <memory>

#include "tools/bench/run.hpp"
#include "tools/bench/subjects.hpp"
#include "tools/leet/command.hpp"

namespace leet::tools {

void add_bench_command(CLI::App& app, const GlobalOptions& global, Action& action) {
  CLI::App* command = app.add_subcommand("bench", "How fast methods are, where they are right");
  const auto options = std::make_shared<bench::BenchOptions>();
  command
      ->add_option("METHOD,--methods", options->methods,
                   "Ids, or their ends after a dot; `all`, as none, means every method; `auto` the "
                   "one that is expected to be fastest")
      ->delimiter(',');
  repeatable(command->add_option(
                 "-a,--axis", options->axes,
                 "The values of B, H, N, R, D, dtype, decay or threads; may be repeated for "
                 "others. Every combination is measured"))
      ->type_name("NAME=VALUE,...");
  CLI::Option* const peers =
      command
          ->add_option("--peer", options->peers,
                       "Also other people's way to compute it, in the same run: openblas")
          ->delimiter(',')
          ->check(CLI::IsMember(bench::peer_names()));
  command->add_option("--seconds", options->seconds, "Of samples, for each point")
      ->check(CLI::Range(0.001, 3600.0))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "Of the inputs")->capture_default_str();
  repeatable(command->add_option("--option", options->method_options,
                                 "An option of the methods (`leet info METHOD`); may be repeated"))
      ->type_name("KEY=VALUE");
  CLI::Option* const overhead = command->add_flag(
      "--overhead", options->overhead,
      "Only what the library adds to a plugin's execute, at N = B = H = 1, R = D = 8, and "
      "what a parallel loop costs (-a threads=...)");
  overhead->excludes(peers);
  CLI::Option* const compare =
      command
          ->add_option("--compare", options->compare,
                       "Only what changed beyond noise between two --json outputs, old and new")
          ->type_name("FILE FILE")
          ->check(check_path)
          ->expected(2)
          ->excludes(overhead)
          ->excludes(peers);
  command
      ->add_option("--fail-on-regression", options->fail_on_regression,
                   "Exit with 1 if a point is slower by so many per cent, beyond noise, or broken")
      ->type_name("PERCENT")
      ->check(CLI::Range(0.0, 1e6))
      ->needs(compare);
  command->add_flag("--json", options->json,
                    "Print leet.bench/1 (leet.bench-overhead/1, leet.bench-compare/1)");
  command->footer(
      "Axes not given are B=1, H=8, N=4096, R=128, D=R, dtype=f32, decay=head, threads=all. N=1 "
      "is\n"
      "a decoding step with its state updated in place, any other N a prefill without states.\n"
      "Executes go round copies of the tensors that fill twice the last cache, where memory\n"
      "allows. Figures are of samples on quiet cores if there are any, see the SAMPLES column.\n"
      "Each point is checked against the fp64 oracle first; a wrong one has no figures.\n"
      "Two points differ beyond noise if each one's median is outside the other's P5 .. P95.\n"
      "With several methods, the crossover follows: for each point the methods by time, what\n"
      "`auto` takes there (none where --option is given), and its time over the best method's.\n\n"
      "Exit codes: 1 a wrong result; 3 nothing could be measured; 4 a plugin failed; 130 Ctrl-C,\n"
      "with the points so far.\n\n"
      "Example:\n"
      "  leet bench recurrent naive -a N=1024,4096 -a R=64,128 --json > new.json\n"
      "  leet bench all --peer openblas -a N=1,64,4096\n"
      "  leet bench --compare old.json new.json");
  command->final_callback([&global, &action, options] {
    action = [&global, options] {
      if (!options->compare.empty()) return bench::run_compare(*options);
      if (options->overhead) return bench::run_overhead(global, *options);
      return bench::run_bench(global, *options);
    };
  });
}

}  // namespace leet::tools
