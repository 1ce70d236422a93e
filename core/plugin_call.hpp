// SPDX-License-Identifier: Apache-2.0
//
// The leet_error of a call into a plugin, and what the core makes of its status.
#ifndef LEET_CORE_PLUGIN_CALL_HPP
#define LEET_CORE_PLUGIN_CALL_HPP

#include <leet/plugin.h>

#include <exception>

#include "core/result.hpp"

namespace leet::core {

// Calls `function(leet_error*)`, which returns a leet_status. A status that the table of
// leet/plugin.h doesn't have is INTERNAL. Allocates nothing when it succeeds. `method` is named in
// the error's `where`. Stops what is thrown: the SDK's layer lets nothing out, but a table that is
// made by hand may, and that must not end the host.
template <class Function>
Status call_plugin(const char* method, Function&& function);

// Out of line: the error of a call that returned `status`.
Error plugin_error(const char* method, leet_status status, const leet_error& error);
// The same of one that threw; `what` is null for what is no std::exception.
Error plugin_threw(const char* method, const char* what);

template <class Function>
Status call_plugin(const char* method, Function&& function) {
  leet_error error;
  error.struct_size = sizeof error;
  error.code = LEET_STATUS_OK;
  error.domain = LEET_DOMAIN_NONE;
  error.native_code = 0;
  error.where[0] = '\0';
  error.message[0] = '\0';
  leet_status status = LEET_STATUS_OK;
  try {
    status = function(&error);
  } catch (const std::exception& e) {
    return plugin_threw(method, e.what());
  } catch (...) {
    return plugin_threw(method, nullptr);
  }
  if (status == LEET_STATUS_OK) return {};
  return plugin_error(method, status, error);
}

}  // namespace leet::core
#endif  // LEET_CORE_PLUGIN_CALL_HPP
