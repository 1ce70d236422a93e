/* SPDX-License-Identifier: Apache-2.0
 *
 * A note, and no entry. */
#include "method.h"

HOSTILE_NOTE(LEET_DEVICE_CPU);
