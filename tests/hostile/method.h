/* SPDX-License-Identifier: Apache-2.0
 *
 * The sound parts that the plugins of this folder share. Their methods refuse every problem: what
 * is tested is how a host finds, judges and loads them. */
#ifndef LEET_TESTS_HOSTILE_METHOD_H
#define LEET_TESTS_HOSTILE_METHOD_H

#include <leet/plugin.h>
#include <string.h>

#define HOSTILE_ID "test.method"
#define HOSTILE_VERSION "1.0.0"

/* clang-format off */
#define HOSTILE_NOTE(...)                                                                \
  LEET_DEFINE_NOTE({.note_version = LEET_NOTE_VERSION,                                   \
                    .abi_major = LEET_ABI_MAJOR,                                         \
                    .abi_minor_built = LEET_ABI_MINOR,                                   \
                    .abi_minor_required = LEET_ABI_MINOR,                                \
                    .device_types = {__VA_ARGS__},                                       \
                    .decay_kinds = LEET_DECAYS_NONE,                                     \
                    .dtypes = LEET_DTYPES_F32,                                           \
                    .id = HOSTILE_ID,                                                    \
                    .version = HOSTILE_VERSION})

#define HOSTILE_TABLE                                                                    \
  .struct_size = sizeof(leet_method), .id = HOSTILE_ID, .version = HOSTILE_VERSION,      \
  .summary = "refuses everything", .reference = "none", .supports = hostile_supports,    \
  .plan_create = hostile_plan_create, .execute = hostile_execute,                        \
  .plan_destroy = hostile_plan_destroy
/* clang-format on */

static inline leet_status hostile_supports(const leet_host* host, const leet_problem* problem,
                                           const leet_device* device, const char* options,
                                           leet_verdict* verdict, leet_error* error) {
  (void)host, (void)problem, (void)device, (void)options, (void)error;
  verdict->answer = LEET_ANSWER_NO;
  strcpy(verdict->reason, "a test plugin");
  return LEET_STATUS_OK;
}

static inline leet_status hostile_plan_create(const leet_host* host, const leet_problem* problem,
                                              const leet_device* device, const char* options,
                                              leet_method_plan** plan, leet_plan_info* info,
                                              leet_error* error) {
  (void)host, (void)problem, (void)device, (void)options, (void)plan, (void)info, (void)error;
  return LEET_STATUS_UNSUPPORTED;
}

static inline leet_status hostile_execute(const leet_host* host, const leet_method_plan* plan,
                                          const leet_exec* exec, leet_error* error) {
  (void)host, (void)plan, (void)exec, (void)error;
  return LEET_STATUS_INTERNAL;
}

static inline void hostile_plan_destroy(leet_method_plan* plan) { (void)plan; }

#endif /* LEET_TESTS_HOSTILE_METHOD_H */
