/* SPDX-License-Identifier: Apache-2.0
 *
 * A table whose struct_size ends before its required functions do, as an older, shorter one's
 * would: the fields behind it must not be read. */
#include "method.h"

HOSTILE_NOTE(LEET_DEVICE_CPU);

leet_status leet_plugin_entry_v0(uint32_t host_minor, const leet_method** method,
                                 leet_error* error) {
  (void)host_minor, (void)error;
  static leet_method table = {HOSTILE_TABLE};
  table.struct_size = offsetof(leet_method, plan_destroy);
  *method = &table;
  return LEET_STATUS_OK;
}
