/* SPDX-License-Identifier: Apache-2.0
 *
 * Good too; the same method for two devices. */
#include "method.h"

HOSTILE_NOTE(LEET_DEVICE_CPU, LEET_DEVICE_CUDA);

static const leet_method kMethod = {HOSTILE_TABLE};

leet_status leet_plugin_entry_v0(uint32_t host_minor, const leet_method** method,
                                 leet_error* error) {
  (void)host_minor, (void)error;
  *method = &kMethod;
  return LEET_STATUS_OK;
}
