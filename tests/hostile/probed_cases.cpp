// SPDX-License-Identifier: Apache-2.0
//
// The faults that only running a plugin shows, each with the rule that it earns from the probe.
#include <utility>

#include "tests/hostile/elf_patch.hpp"
#include "tests/hostile/hostile_case.hpp"

namespace leet::tests {
namespace {

namespace fs = std::filesystem;

// A build of fault.cpp.
HostileCase fault(const std::string& name, std::string rule, std::string seen,
                  const std::string& settings = {}) {
  HostileCase made = broken(
      name, [name] { return hostile_plugin(name); }, std::move(rule), std::move(seen));
  if (settings.empty()) return made;
  made.arrange = [arrange = std::move(made.arrange), settings](Scene& scene) {
    arrange(scene);
    scene.configuration = scene.file(scene.root(), "leet.yaml", "plugins: {" + settings + "}\n");
  };
  return made;
}

// fault.cpp without a fault.
HostileCase passes() {
  return {"passes_the_self_test", [](Scene& scene) {
            const fs::path directory = scene.directory("good");
            const auto add = [&](const char* name, const std::string& bytes) {
              return scene.file(directory, name, bytes);
            };
            scene.explicit_paths.push_back(directory);
            scene.expected[add("leet_good.so", hostile_plugin("good"))] = {
                "OK", "no self-test: it takes none of the problems"};
            scene.expected[add(
                "leet_sound.so",
                ElfPatch(hostile_plugin("none")).replace("test.method", "evil.method").bytes())] = {
                "OK", "self-test of 2 cases passed"};
          }};
}

// Nothing is wrong with the file, but it can't be probed.
HostileCase unprobed(std::string name, const std::string& probe, std::string seen, bool refuse) {
  return {std::move(name), [=](Scene& scene) {
            const fs::path directory = scene.directory("good");
            const fs::path file = scene.file(directory, "leet_good.so", hostile_plugin("good"));
            scene.explicit_paths.push_back(directory);
            scene.environment["LEET_PROBE"] = probe;
            scene.expected[file] = {refuse ? "E-NOT-PROBED" : "W-NOT-PROBED", seen};
            if (refuse) {
              scene.configuration =
                  scene.file(scene.root(), "leet.yaml", "plugins: {unprobed: refuse}\n");
            }
          }};
}

}  // namespace

std::vector<HostileCase> probed_cases() {
  return {
      passes(),
      fault("crash_load", "E-CRASH-LOAD", "signal 11 (Segmentation fault) while it was loaded"),
      fault("crash_entry", "E-CRASH-ENTRY", "signal 11 (Segmentation fault) in its entry"),
      fault("abort_entry", "E-CRASH-ENTRY", "signal 6 (Aborted) in its entry"),
      fault("crash_supports", "E-CRASH-SUPPORTS", "in supports of f32, decay head, B=1"),
      fault("crash_plan", "E-CRASH-PLAN", "in plan_create of f32, decay head, B=1"),
      fault("crash_destroy", "E-CRASH-PLAN", "in plan_destroy of f32, decay head, B=1"),
      fault("crash_execute", "E-CRASH-EXECUTE", "in execute of f32, decay head, B=1"),
      fault("crash_exit", "E-CRASH-EXIT", "at the end of the process"),
      fault("exit_load", "E-VANISHED", "exit status 0 while it was loaded"),
      fault("exit_entry", "E-VANISHED", "exit status 0 in its entry"),
      fault("exit_execute", "E-VANISHED", "exit status 3 in execute of f32"),
      fault("kill_entry", "E-VANISHED", "signal 9 (Killed) in its entry"),
      fault("hang_entry", "E-TIMEOUT", "no end after 1 s in its entry", "probe_seconds: 1"),
      fault("hang_execute", "E-TIMEOUT", "in execute of f32", "probe_seconds: 1"),
      fault("memory", "E-MEMORY", "more than 400 MiB resident while it was loaded",
            "probe_memory_mib: 400"),
      fault("throw_load", "E-EXCEPTION", "an exception of type int was not caught"),
      fault("throw_entry", "E-EXCEPTION", "its entry threw an exception"),
      fault("throw_supports", "E-EXCEPTION", "type std::runtime_error (no idea) came out of supp"),
      fault("throw_execute", "E-EXCEPTION", "an exception of type int came out of execute"),
      fault("fast_math", "E-FP-STATE", "after load: MXCSR 0x1f80 -> 0x9fc0 (flush-to-zero, denor"),
      fault("rounding", "E-FP-STATE", "after execute: MXCSR 0x1f80 -> 0x5f80"),
      fault("chdir", "E-SIDE-EFFECTS", "the working directory: "),
      fault("locale", "E-SIDE-EFFECTS", "the locale: C -> C.UTF-8"),
      fault("environment", "E-SIDE-EFFECTS", "the environment variable HOSTILE: new, '1'"),
      fault("signal", "E-SIDE-EFFECTS", "the handler of signal 2 (Interrupt): default -> ignored"),
      fault("thread", "E-SIDE-EFFECTS", "after load: the number of threads: "),
      fault("process", "E-SIDE-EFFECTS", "after load: child processes: none -> some"),
      fault("umask", "E-SIDE-EFFECTS", "-> 0000"),
      fault("open_file", "E-SIDE-EFFECTS", "after the self-test: the file descriptor "),
      fault("descriptors", "E-SIDE-EFFECTS", "not its own: a line of the plugin's"),
      fault("stdout_load", "E-STDOUT", "printed to stdout: loaded, hooray"),
      fault("stdout_execute", "E-STDOUT", "printed to stdout: executing"),
      fault("ignores_decay", "E-SELF-TEST", "f32, decay head, B=1 H=8 N=259 R=6 D=10: out: "),
      fault("forgets_tail", "E-SELF-TEST", "the error starts at token 256"),
      fault("refuse_plan", "E-SELF-TEST", "supports said yes, plan_create UNSUPPORTED"),
      fault("status", "E-SELF-TEST", "execute: INTERNAL: not today"),
      unprobed("probe_absent", "/nowhere/leet-probe", "No such file or directory", false),
      unprobed("probe_no_program", "/dev/null", "Permission denied", false),
      unprobed("probe_is_another", "/bin/false", "gave exit status 1 and no results", false),
      unprobed("probe_absent_refused", "/nowhere/leet-probe", "not probed: ", true),
  };
}

}  // namespace leet::tests
