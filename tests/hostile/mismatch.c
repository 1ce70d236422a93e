/* SPDX-License-Identifier: Apache-2.0
 *
 * Its table has another version than its note. */
#include "method.h"

HOSTILE_NOTE(LEET_DEVICE_CPU);

leet_status leet_plugin_entry_v0(uint32_t host_minor, const leet_method** method,
                                 leet_error* error) {
  (void)host_minor, (void)error;
  static leet_method table = {HOSTILE_TABLE};
  table.version = "2.0.0";
  *method = &table;
  return LEET_STATUS_OK;
}
