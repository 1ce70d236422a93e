// SPDX-License-Identifier: Apache-2.0
#include "tools/probe/channel.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/common/exit_code.hpp"

namespace leet::probe {
namespace {

std::string dump(const nlohmann::json& object) {
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

// Fewer descriptors may be allowed than the first choice needs (ulimit -n).
int move_away(int descriptor) {
  for (const int least : {100, 32, descriptor + 1}) {
    if (const int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, least); moved >= 0) return moved;
  }
  return -1;
}

}  // namespace

Channel::Channel(int descriptor) : descriptor_(move_away(descriptor)) {
  close(descriptor);
  send_line(dump({{"protocol", core::kProbeProtocol}}));
}

void Channel::stage(core::ProbeStage stage) { send("stage", core::stage_name(stage)); }

void Channel::test_case(std::string_view name) { send("case", name); }

void Channel::pass(std::string_view seen) {
  send_line(dump({{"rule", core::rule_code(core::Rule::kOk)}, {"seen", seen}}));
}

void Channel::fail(core::Rule rule, std::string_view seen) {
  send_line(dump({{"rule", core::rule_code(rule)}, {"seen", seen}}));
  _exit(tools::kExitOk);
}

void Channel::send(std::string_view key, std::string_view value) {
  send_line(dump({{std::string(key), value}}));
}

void Channel::send_line(std::string_view line) {
  while (!line.empty()) {
    const ssize_t written = write(descriptor_, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) _exit(tools::kExitInternal);  // nobody listens
    line.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace leet::probe
