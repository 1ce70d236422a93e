// SPDX-License-Identifier: Apache-2.0
//
// leet-probe, which the library starts to try a plugin out: loads it, takes its table, tests it,
// and says after each step whether the process is still as it was. What it finds goes to
// descriptor 3. Nothing here need survive the plugin; whoever started it watches.
//
//     leet-probe contract|self-test FILE PARENT
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/child_process.hpp"
#include "core/inspection.hpp"
#include "core/loader.hpp"
#include "core/probe_settings.hpp"
#include "tools/common/exit_code.hpp"
#include "tools/probe/channel.hpp"
#include "tools/probe/guarded_method.hpp"
#include "tools/probe/process_state.hpp"
#include "tools/probe/self_test.hpp"

#if defined(__SANITIZE_ADDRESS__)
// A crash is to look like one to whoever waits, and a leak is no crash.
extern "C" const char* __asan_default_options() {
  return "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0:"
         "abort_on_error=1:detect_leaks=0";
}
#endif

namespace leet::probe {
namespace {

using core::ProbeStage;
using core::Rule;

// Fails where the process is no longer as it was before `stage`.
void expect_unchanged(const ProcessState& before, std::string_view stage, Channel& channel) {
  const std::vector<std::string> changes = settled_changes(before);
  if (changes.empty()) return;
  channel.fail(Rule::kSideEffects, fmt::format("after {}: {}", stage, fmt::join(changes, "; ")));
}

// What it says when nothing is wrong.
std::string test_method(const leet_note_desc& identity, const std::string& file,
                        const leet_method* table, Channel& channel) {
  const auto& types = identity.device_types;
  if (std::find(std::begin(types), std::end(types), LEET_DEVICE_CPU) == std::end(types)) {
    return "no self-test: it has no kernels for the CPU";
  }
  const core::Method method{identity, file, table, {LEET_DEVICE_CPU}};
  const validate::Subject subject(method, {LEET_DEVICE_CPU, 0});
  const SelfTestOutcome outcome =
      run_self_test(subject, [&](const SelfTestCase& test) { channel.test_case(test.name); });
  if (!outcome.failure.empty()) channel.fail(Rule::kSelfTest, outcome.failure);
  if (outcome.passed == 0) return "no self-test: it takes none of the problems";
  return fmt::format("self-test of {} cases passed", outcome.passed);
}

int run(core::ProbePolicy policy, const std::string& file, const std::string& parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // One that ended before that call sends no signal any more.
  if (std::to_string(getppid()) != parent) {
    fmt::print(stderr, "leet-probe was not started by the process {}\n", parent);
    return tools::kExitInternal;
  }
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
#if defined(__SANITIZE_THREAD__)
  std::thread([] {}).join();  // brings ThreadSanitizer's own thread before threads are counted
#endif

  Channel channel(core::kResultDescriptor);
  const core::Inspection inspection = core::inspect_file(file);
  if (inspection.rule != Rule::kOk) channel.fail(inspection.rule, inspection.seen);
  report_terminate(channel);
  // What differs later is the plugin's doing: C++ and stdio have opened and set what they need.
  const FpState usual = FpState::now();
  const ProcessState before = ProcessState::now();

  const core::LoadedEntry loaded =
      guarded(ProbeStage::kLoad, channel, usual, [&] { return core::load_entry(file); });
  if (loaded.rule != Rule::kOk) channel.fail(loaded.rule, loaded.seen);
  expect_unchanged(before, "load", channel);

  const core::LoadedPlugin plugin = guarded(ProbeStage::kEntry, channel, usual, [&] {
    return core::enter_plugin(loaded.entry, *inspection.identity);
  });
  if (plugin.rule != Rule::kOk) channel.fail(plugin.rule, plugin.seen);
  expect_unchanged(before, "entry", channel);

  std::string seen = "its contract was checked";
  if (policy == core::ProbePolicy::kSelfTest) {
    const leet_method* const table = guard_method(*plugin.table, channel, usual);
    seen = test_method(*inspection.identity, file, table, channel);
    expect_unchanged(before, "the self-test", channel);
  }
  std::fflush(stdout);
  channel.pass(seen);
  channel.stage(ProbeStage::kExit);
  return tools::kExitOk;
}

}  // namespace
}  // namespace leet::probe

int main(int argc, char** argv) {
  const auto policy = argc == 4 ? leet::core::parse_probe_policy(argv[1]) : std::nullopt;
  if (!policy || *policy == leet::core::ProbePolicy::kOff) {
    fmt::print(stderr,
               "leet-probe is started by the library, which listens at descriptor 3\n"
               "usage: leet-probe contract|self-test FILE PARENT\n");
    return leet::tools::kExitUsage;
  }
  return leet::probe::run(*policy, argv[2], argv[3]);
}
