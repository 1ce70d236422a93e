// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/subjects.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "core/selection.hpp"

namespace leet::bench {
namespace {

struct KnownPeer {
  std::string_view name;  // the last part of the method's id
  const char* id;
  const char* package;      // of Debian, without which it is not built
  const char* environment;  // "NAME=VALUE" that its library reads when it is loaded
  std::array<const char*, 3> options;
};

// Threads of the library's own would fight with the host's.
constexpr std::array kKnownPeers = {
    KnownPeer{"openblas",
              "peer.openblas",
              "libopenblas-dev",
              "OPENBLAS_NUM_THREADS=1",
              {"chunk=16", "chunk=32", "chunk=64"}},
};

std::filesystem::path peers_directory() {
  std::error_code failed;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", failed);
  return program.parent_path().parent_path() / "peers";
}

void set_environment(std::string_view assignment) {
  const auto equals = assignment.find('=');
  setenv(std::string(assignment.substr(0, equals)).c_str(),
         std::string(assignment.substr(equals + 1)).c_str(), 1);
}

core::Error not_there(const KnownPeer& peer, const core::Registry& registry) {
  for (const core::LoadReportEntry& entry : registry.report().entries) {
    if (entry.identity && entry.identity->id == std::string_view(peer.id)) {
      return {LEET_STATUS_UNAVAILABLE,
              fmt::format("peer '{}': {} can't be used: {}: {}", peer.name, entry.path.string(),
                          core::rule_code(entry.rule), entry.seen)};
    }
  }
  return {LEET_STATUS_UNAVAILABLE,
          fmt::format("peer '{}' is not in {}: it is built where its library is found; install "
                      "{} and build again",
                      peer.name, peers_directory().string(), peer.package)};
}

bool serves_cpu(const core::Method& method) {
  const auto& types = method.device_types;
  return std::find(types.begin(), types.end(), LEET_DEVICE_CPU) != types.end();
}

}  // namespace

std::string label_of(const Subject& subject) {
  return subject.peer ? fmt::format("{}?{}", subject.name, subject.options) : subject.name;
}

core::Result<std::vector<Subject>> subjects_of(const tools::Session& session,
                                               std::span<const std::string> names,
                                               const std::string& options) {
  std::vector<Subject> subjects;
  const auto add = [&](const std::string& name) {
    const bool known = std::any_of(subjects.begin(), subjects.end(),
                                   [&](const Subject& subject) { return subject.name == name; });
    if (!known) subjects.push_back({&session.registry, name, options});
  };
  if (names.empty() || std::find(names.begin(), names.end(), "all") != names.end()) {
    for (const core::Method& method : session.registry.methods()) {
      if (serves_cpu(method)) add(method.identity.id);
    }
    if (subjects.empty()) {
      return core::Error{LEET_STATUS_UNAVAILABLE,
                         "no method for the CPU was found; see `leet list`"};
    }
    return subjects;
  }
  for (const std::string& name : names) {
    if (name == core::kAuto) {
      add(name);
      continue;
    }
    const core::Result<const core::Method*> method = session.find(name, LEET_DEVICE_CPU);
    if (!method) return method.error();
    add((*method)->identity.id);
  }
  return subjects;
}

std::vector<std::string> peer_names() {
  std::vector<std::string> names;
  for (const KnownPeer& peer : kKnownPeers) names.emplace_back(peer.name);
  return names;
}

core::Result<std::unique_ptr<Peers>> open_peers(const core::Configuration& configuration,
                                                std::span<const std::string> names) {
  core::RegistryOptions options;
  options.paths = {peers_directory()};
  options.default_paths = false;
  options.configuration.probe = configuration.probe;
  options.configuration.log_level = configuration.log_level;
  std::vector<const KnownPeer*> chosen;
  for (const KnownPeer& peer : kKnownPeers) {
    if (std::find(names.begin(), names.end(), peer.name) == names.end()) continue;
    chosen.push_back(&peer);
    set_environment(peer.environment);
  }
  auto peers = std::make_unique<Peers>(Peers{core::Registry::open(options), {}});
  for (const KnownPeer* const peer : chosen) {
    if (!peers->registry.find(peer->id, LEET_DEVICE_CPU)) {
      return not_there(*peer, peers->registry);
    }
    for (const char* const of_peer : peer->options) {
      peers->subjects.push_back({&peers->registry, peer->id, of_peer, true});
    }
  }
  return peers;
}

}  // namespace leet::bench
