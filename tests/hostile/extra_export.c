/* SPDX-License-Identifier: Apache-2.0
 *
 * Exports a helper besides the entry, which could bind to another plugin's. */
#include "method.h"

HOSTILE_NOTE(LEET_DEVICE_CPU);

static const leet_method kMethod = {HOSTILE_TABLE};

__attribute__((visibility("default"))) int leaked_helper(void) { return 1; }

leet_status leet_plugin_entry_v0(uint32_t host_minor, const leet_method** method,
                                 leet_error* error) {
  (void)host_minor, (void)error;
  *method = &kMethod;
  return LEET_STATUS_OK;
}
