/* SPDX-License-Identifier: Apache-2.0
 *
 * leet/leet.h - the C API for host applications, and what other languages bind. Link with libleet.
 *
 *     leet_context* context = NULL;
 *     leet_plan* plan = NULL;
 *     leet_context_create(NULL, &context, &error);                      finds and loads the plugins
 *     leet_plan_create(context, "recurrent", &problem, device, NULL, &plan, &error);
 *     leet_plan_execute(plan, tensors, LEET_ROLE_COUNT, NULL, NULL, 0, &error);
 *     leet_plan_destroy(plan);
 *     leet_context_destroy(context);
 *
 * Tensors, problems, verdicts, plan information, errors and the operator itself are those of
 * leet/plugin.h. Every function that can fail returns a leet_status and fills `error`, which may be
 * NULL; out parameters are written on LEET_STATUS_OK alone. Structs that begin with struct_size are
 * zeroed by the caller, who then sets it. Strings that come back are owned by the context.
 *
 * Thread rules: [thread-safe] functions may be called at once on one handle. Destroying a handle
 * needs all other calls on it to have ended.
 */
#ifndef LEET_LEET_H
#define LEET_LEET_H

#include <leet/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LEET_API __attribute__((visibility("default")))

/* The library's own version, "0.1.0". [thread-safe] */
LEET_API const char* leet_version(void);

/* "LEET_STATUS_OK" and so on; "unknown status" for a number that is none. [thread-safe] */
LEET_API const char* leet_status_name(leet_status status);

/* ---- Contexts ---- */

/* A set of loaded plugins, a configuration and a thread pool. */
typedef struct leet_context leet_context;

typedef struct leet_context_options {
  uint32_t struct_size;
  /* Workers of a plan's execution, at most 4096; 0 = as configured, by default one for each
   * available CPU. */
  int32_t threads;
  /* The YAML file; NULL = $LEET_CONFIG, else $XDG_CONFIG_HOME/leet/config.yaml, else defaults. */
  const char* configuration;
  /* Directories or .so files, searched before every other place. */
  const char* const* plugin_paths;
  uint32_t plugin_path_count;
  /* 1: search plugin_paths alone. */
  uint32_t only_plugin_paths;
  /* trace, debug, info, warn, error, off; NULL = as configured. Logs go to stderr. */
  const char* log_level;
  /* 1: each worker but the calling thread stays on one CPU; -1: they move as the system likes;
   * 0 = as configured, by default -1. Best where nothing else runs on these CPUs. */
  int32_t pin_threads;
  /* The deadline of `probe` for one file, at most 3600; 0 = as configured, by default 10. */
  int32_t probe_seconds;
  /* Before a plugin is loaded into this process, one of its own tries it out: off = it does not;
   * contract = loads it, takes its table, sees that the process stays as it was; self-test = also
   * compares what it computes with an fp64 oracle. NULL = as configured, by default self-test.
   * How much memory that may take, and what becomes of a file that can't be tried out, is said in
   * YAML alone (plugins.probe_memory_mib, plugins.unprobed). */
  const char* probe;
} leet_context_options;

/* Finds and loads plugins; `options` may be NULL. What could not be loaded is no error: see the
 * load report. The caller owns the context. Plugins stay loaded for the life of the process.
 * [thread-safe] Errors: INVALID_ARGUMENT (options, configuration), UNAVAILABLE (configuration
 * file), OUT_OF_MEMORY. */
LEET_API leet_status leet_context_create(const leet_context_options* options,
                                         leet_context** context, leet_error* error);

/* After its plans. NULL is ignored. */
LEET_API void leet_context_destroy(leet_context* context);

/* ---- Methods ---- */

typedef struct leet_method_info {
  uint32_t struct_size;
  uint32_t reserved;
  const char* id;
  const char* version;
  const char* summary;
  const char* reference;
  const char* path;                  /* of the plugin's file */
  const leet_note_desc* identity;    /* what it claims */
  const leet_option* const* options; /* NULL-ended, or NULL */
} leet_method_info;

/* How many methods there are; they are sorted by id. [thread-safe] */
LEET_API uint32_t leet_method_count(const leet_context* context);

/* The method at `index`. [thread-safe] Errors: INVALID_ARGUMENT (index). */
LEET_API leet_status leet_method_get(const leet_context* context, uint32_t index,
                                     leet_method_info* info, leet_error* error);

/* The method that `name` means for devices of `device_type` (0 = any): an exact id, or the part
 * after its last dot where that is unique ("chunked" for "leet.chunked"). [thread-safe]
 * Errors: UNAVAILABLE (the message lists the methods), INVALID_ARGUMENT (ambiguous). */
LEET_API leet_status leet_method_find(const leet_context* context, const char* name,
                                      int32_t device_type, leet_method_info* info,
                                      leet_error* error);

/* ---- The load report ---- */

/* What became of one candidate file; each appears once. */
typedef struct leet_report_entry {
  uint32_t struct_size;
  int32_t usable; /* 1 or 0 */
  const char* path;
  const char* rule;   /* "OK", "E-TRUNCATED", ...; stable */
  const char* seen;   /* what was found */
  const char* action; /* what to do about it; may be empty */
} leet_report_entry;

/* How many entries there are, in the order of discovery. [thread-safe] */
LEET_API uint32_t leet_report_count(const leet_context* context);

/* [thread-safe] Errors: INVALID_ARGUMENT (index). */
LEET_API leet_status leet_report_get(const leet_context* context, uint32_t index,
                                     leet_report_entry* entry, leet_error* error);

/* ---- Plans ---- */

typedef struct leet_plan leet_plan;

/* Methods are named as for leet_method_find, or "auto": the one that is expected to be the fastest
 * of those that can compute the problem. */

/* Whether the method can compute the problem on the device; a clean no is LEET_STATUS_OK with
 * LEET_ANSWER_NO and a reason. [thread-safe]
 * Errors: INVALID_ARGUMENT (a malformed problem, options), UNAVAILABLE (no such method). */
LEET_API leet_status leet_supports(const leet_context* context, const char* method,
                                   const leet_problem* problem, leet_device device,
                                   const char* options, leet_verdict* verdict, leet_error* error);

/* Makes a plan. The caller owns it; `problem` is copied; the context must outlive it. [thread-safe]
 * Errors: INVALID_ARGUMENT, UNSUPPORTED (with the method's reason), UNAVAILABLE (no such method or
 * device), OUT_OF_MEMORY, DEVICE_ERROR. */
LEET_API leet_status leet_plan_create(leet_context* context, const char* method,
                                      const leet_problem* problem, leet_device device,
                                      const char* options, leet_plan** plan, leet_error* error);

/* After its executions have completed. NULL is ignored. */
LEET_API void leet_plan_destroy(leet_plan* plan);

/* What was planned: workspace, precision, the method's own error bound. [thread-safe] */
LEET_API leet_status leet_plan_get_info(const leet_plan* plan, leet_plan_info* info,
                                        leet_error* error);

/* The method that "auto" chose, or that was asked for. [thread-safe] Errors: INVALID_ARGUMENT. */
LEET_API leet_status leet_plan_get_method(const leet_plan* plan, leet_method_info* info,
                                          leet_error* error);

/* Why it is this method, for a person; "" for a null plan. Owned by the plan. [thread-safe] */
LEET_API const char* leet_plan_reason(const leet_plan* plan);

/* Computes on the caller's memory. `tensors` by role, `count` of them, NULL = absent; `stream` is
 * the device's (NULL on the CPU). `workspace` has the plan's size and alignment, one for each
 * concurrent call; NULL lets this call allocate its own. Outputs are written only when every
 * argument is in order. [thread-safe]
 * Errors: INVALID_ARGUMENT, OUT_OF_MEMORY, DEVICE_ERROR, INTERNAL. */
LEET_API leet_status leet_plan_execute(const leet_plan* plan, const leet_tensor* const* tensors,
                                       uint32_t count, void* stream, void* workspace,
                                       uint64_t workspace_bytes, leet_error* error);

/* Everything that leet_plan_execute checks and, for tensors in host memory, the values too:
 * log_decay is neither NaN nor positive, sequence_offsets begin with 0, never decrease and end
 * with N. Reads all of both. [thread-safe] Errors: INVALID_ARGUMENT. */
LEET_API leet_status leet_plan_check(const leet_plan* plan, const leet_tensor* const* tensors,
                                     uint32_t count, leet_error* error);

#ifdef __cplusplus
}
#endif
#endif /* LEET_LEET_H */
