/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls a function that nobody has: sound to look at, and refused by the dynamic linker. */
#include "method.h"

int hostile_nowhere(void);

HOSTILE_NOTE(LEET_DEVICE_CPU);

static const leet_method kMethod = {HOSTILE_TABLE};

leet_status leet_plugin_entry_v0(uint32_t host_minor, const leet_method** method,
                                 leet_error* error) {
  (void)host_minor, (void)error;
  *method = &kMethod;
  return hostile_nowhere() == 1 ? LEET_STATUS_OK : LEET_STATUS_INTERNAL;
}
