/* SPDX-License-Identifier: Apache-2.0
 *
 * Linked to a library that is not where the dynamic linker looks. */
#include "method.h"

int hostile_absent(void);

HOSTILE_NOTE(LEET_DEVICE_CPU);

static const leet_method kMethod = {HOSTILE_TABLE};

leet_status leet_plugin_entry_v0(uint32_t host_minor, const leet_method** method,
                                 leet_error* error) {
  (void)host_minor, (void)error;
  *method = &kMethod;
  return hostile_absent() == 1 ? LEET_STATUS_OK : LEET_STATUS_INTERNAL;
}
