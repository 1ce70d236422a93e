// SPDX-License-Identifier: Apache-2.0
//
// The leet_error of a call into a plugin, and what the core makes of its status.
#ifndef LEET_CORE_PLUGIN_CALL_HPP
#define LEET_CORE_PLUGIN_CALL_HPP

#include <leet/plugin.h>

#include "core/result.hpp"

namespace leet::core {

// Calls `function(leet_error*)`, which returns a leet_status. A status that the table of
// leet/plugin.h doesn't have is INTERNAL. Allocates nothing when it succeeds. `method` is named in
// the error's `where`.
template <class Function>
Status call_plugin(const char* method, Function&& function);

// Out of line: the error of a call that returned `status`.
Error plugin_error(const char* method, leet_status status, const leet_error& error);

template <class Function>
Status call_plugin(const char* method, Function&& function) {
  leet_error error;
  error.struct_size = sizeof error;
  error.code = LEET_STATUS_OK;
  error.domain = LEET_DOMAIN_NONE;
  error.native_code = 0;
  error.where[0] = '\0';
  error.message[0] = '\0';
  const leet_status status = function(&error);
  if (status == LEET_STATUS_OK) return {};
  return plugin_error(method, status, error);
}

}  // namespace leet::core
#endif  // LEET_CORE_PLUGIN_CALL_HPP
