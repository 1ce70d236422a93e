// SPDX-License-Identifier: Apache-2.0
//
// `leet completion SHELL`: the script that completes leet's command lines.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "tools/common/exit_code.hpp"
#include "tools/common/reporter.hpp"
#include "tools/leet/command.hpp"
#include "tools/leet/completion.hpp"

namespace leet::tools {

void add_completion_command(CLI::App& app, const GlobalOptions&, Action& action) {
  CLI::App* command =
      app.add_subcommand("completion", "A script that completes leet's command lines");
  struct CompletionOptions {
    std::string shell;
    bool json = false;
  };
  const auto options = std::make_shared<CompletionOptions>();
  command->add_option("SHELL", options->shell, "The shell that sources it")
      ->required()
      ->check(CLI::IsMember({"bash"}));
  command->add_flag("--json", options->json, "Print it in a leet.completion/1 record");
  command->footer(
      "An installed leet has it in share/bash-completion/completions/, where bash finds it.\n\n"
      "Example:\n  leet completion bash > ~/.local/share/bash-completion/completions/leet\n"
      "  source <(leet completion bash)    # in this shell alone");
  command->final_callback([&app, &action, options] {
    action = [&app, options] {
      const std::string script = bash_completion(app);
      if (options->json) {
        Json record = Reporter("completion", true).record();
        record["shell"] = options->shell;
        record["script"] = script;
        Reporter::print(record);
      } else {
        fmt::print("{}", script);
      }
      return kExitOk;
    };
  });
}

}  // namespace leet::tools
