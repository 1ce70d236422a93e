/* SPDX-License-Identifier: Apache-2.0
 *
 * An entry that declines. */
#include "method.h"

HOSTILE_NOTE(LEET_DEVICE_CPU);

leet_status leet_plugin_entry_v0(uint32_t host_minor, const leet_method** method,
                                 leet_error* error) {
  (void)host_minor, (void)method;
  if (error != NULL) {
    error->code = LEET_STATUS_UNAVAILABLE;
    strcpy(error->message, "needs a machine from the future");
  }
  return LEET_STATUS_UNAVAILABLE;
}
