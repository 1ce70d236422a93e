// SPDX-License-Identifier: Apache-2.0
//
// The plugins and the configuration that the global options ask for.
#ifndef LEET_TOOLS_COMMON_SESSION_HPP
#define LEET_TOOLS_COMMON_SESSION_HPP

#include <cstdint>
#include <string>

#include "core/configuration.hpp"
#include "core/registry.hpp"
#include "core/result.hpp"
#include "tools/common/global_options.hpp"

namespace leet::tools {

struct Session {
  core::Configuration configuration;  // --log-level already in it
  core::Registry registry;

  // As Registry::find; when a plugin path of the command line could not be used, the error says so,
  // because that is then the likely cause.
  core::Result<const core::Method*> find(const std::string& name, std::int32_t device_type) const;
};

// `inspect_only` as in core::RegistryOptions. Errors: INVALID_ARGUMENT (the configuration).
core::Result<Session> open_session(const GlobalOptions& options, bool inspect_only = false);

}  // namespace leet::tools
#endif  // LEET_TOOLS_COMMON_SESSION_HPP
