// SPDX-License-Identifier: Apache-2.0
//
// What is measured: methods, and peers to hold them against.
//
// A peer is other people's way to compute the operator. It is a plugin too, so that it passes the
// same gate and gets the same threads and samples, but it lies in a directory of its own,
// <program>/../peers, and is loaded only when it is asked for.
#ifndef LEET_TOOLS_BENCH_SUBJECTS_HPP
#define LEET_TOOLS_BENCH_SUBJECTS_HPP

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/registry.hpp"
#include "core/result.hpp"
#include "tools/common/session.hpp"

namespace leet::bench {

struct Subject {
  const core::Registry* registry = nullptr;  // outlives the subject
  std::string name;                          // an id, or "auto": chosen at each point
  std::string options;                       // "key=value;key=value"
  bool peer = false;
};

// "leet.recurrent", "peer.openblas?chunk=32": options only where they tell subjects apart.
std::string label_of(const Subject& subject);

// Methods by name, each once; none, or "all" among them, means every method for the CPU.
// Errors: those of Session::find, UNAVAILABLE where there is no method at all.
core::Result<std::vector<Subject>> subjects_of(const tools::Session& session,
                                               std::span<const std::string> names,
                                               const std::string& options);

// The names that `leet bench --peer` takes.
std::vector<std::string> peer_names();

// The plugins of the peers that are asked for, and what is measured of each: OpenBLAS with several
// chunk lengths, because none is best everywhere.
struct Peers {
  core::Registry registry;
  std::vector<Subject> subjects;  // of a registry that stays where it is
};

// `names` are of peer_names(). Sets environment variables that the peers' libraries read.
// Errors: UNAVAILABLE (not built, with what to install; or refused, with the reason).
core::Result<std::unique_ptr<Peers>> open_peers(const core::Configuration& configuration,
                                                std::span<const std::string> names);

}  // namespace leet::bench
#endif  // LEET_TOOLS_BENCH_SUBJECTS_HPP
