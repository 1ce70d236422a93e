/* SPDX-License-Identifier: Apache-2.0
 *
 * The name of the entry belongs to data; calling it would crash. The declaration in leet/plugin.h
 * is renamed out of the way. */
#define leet_plugin_entry_v0 declared_entry
#include "method.h"
#undef leet_plugin_entry_v0

HOSTILE_NOTE(LEET_DEVICE_CPU);

__attribute__((visibility("default"))) const int leet_plugin_entry_v0 = 1;
