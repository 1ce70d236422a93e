/* SPDX-License-Identifier: Apache-2.0
 *
 * test.c_method: the plain recurrence for f32 tensors, in C11 and without the SDK's C++ layer. It
 * keeps the C path of leet/plugin.h honest, and shows what a plugin in C looks like:
 *
 *     S_t = exp(g_t) S_{t-1} + k_t v_t^T,   o_t = scale * q_t S_t
 *
 * One loop item is one state head of one sequence. The state is in double, in the workspace of the
 * worker; so one rounding to f32 is all that the results lose.
 */
#include <leet/plugin.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METHOD_ID "test.c_method"
#define METHOD_VERSION "1.0.0"

LEET_DEFINE_NOTE({
    .note_version = LEET_NOTE_VERSION,
    .abi_major = LEET_ABI_MAJOR,
    .abi_minor_built = LEET_ABI_MINOR,
    .abi_minor_required = 1,
    .device_types = {LEET_DEVICE_CPU},
    .decay_kinds = LEET_DECAYS_NONE | LEET_DECAYS_HEAD | LEET_DECAYS_STEP | LEET_DECAYS_CHANNEL,
    .dtypes = LEET_DTYPES_F32,
    .features = LEET_FEATURE_STATES | LEET_FEATURE_VARLEN | LEET_FEATURE_SHARED_HEADS |
                LEET_FEATURE_ANY_STRIDES | LEET_FEATURE_DYNAMIC_AXES,
    .id = METHOD_ID,
    .version = METHOD_VERSION,
    .build_id = LEET_BUILD_ID,
});

struct leet_method_plan {
  double scale;
  uint64_t bytes_a_worker;
};

/* Fills as much of `error` as its owner's version has, and gives `code` back. */
static leet_status fail(leet_error* error, leet_status code, const char* where,
                        const char* message) {
  if (error == NULL) return code;
  if (LEET_HAS(error, leet_error, code)) error->code = code;
  if (LEET_HAS(error, leet_error, where)) {
    snprintf(error->where, sizeof error->where, "%s", where);
  }
  if (LEET_HAS(error, leet_error, message)) {
    snprintf(error->message, sizeof error->message, "%s", message);
  }
  return code;
}

/* ---- What the method can do ---- */

static const leet_tensor_spec* spec_of(const leet_problem* problem, uint32_t role) {
  return role < problem->role_count ? problem->specs[role] : NULL;
}

/* Writes why the method can't compute the problem, or nothing when it can. */
static int refuses(const leet_problem* problem, const leet_device* device, char* reason,
                   size_t size) {
  static const uint32_t kAxes =
      LEET_DYNAMIC_B | LEET_DYNAMIC_N | LEET_DYNAMIC_SEQUENCES | LEET_DYNAMIC_STRIDES;
  static const uint32_t kTyped[] = {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_OUT};

  /* First what this version of the ABI can't see: a newer host may send it. */
  if (problem->must_understand != 0) {
    return snprintf(reason, size, "must_understand=0x%x: this plugin knows no such bit",
                    problem->must_understand);
  }
  if ((problem->dynamic_axes & ~kAxes) != 0) {
    return snprintf(reason, size, "dynamic_axes=0x%x: this plugin knows 0x%x",
                    problem->dynamic_axes, kAxes);
  }
  for (uint32_t role = LEET_ROLE_COUNT; role < problem->role_count; ++role) {
    if (problem->specs[role] != NULL) {
      return snprintf(reason, size, "tensor role %u: this plugin knows 0 to %d", role,
                      LEET_ROLE_COUNT - 1);
    }
  }
  if (problem->decay_kind < LEET_DECAY_NONE || problem->decay_kind > LEET_DECAY_CHANNEL) {
    return snprintf(reason, size, "decay_kind=%d: this plugin knows 0 to %d", problem->decay_kind,
                    LEET_DECAY_CHANNEL);
  }
  if (problem->lowest_precision < LEET_PRECISION_EXACT ||
      problem->lowest_precision > LEET_PRECISION_TF32) {
    return snprintf(reason, size, "lowest_precision=%d: this plugin knows 0 to %d",
                    problem->lowest_precision, LEET_PRECISION_TF32);
  }

  if (device->type != LEET_DEVICE_CPU) {
    return snprintf(reason, size, "device type %d: needs the CPU", device->type);
  }
  for (size_t i = 0; i < sizeof kTyped / sizeof kTyped[0]; ++i) {
    const leet_tensor_spec* spec = spec_of(problem, kTyped[i]);
    if (spec == NULL) continue;
    if (spec->dtype.code != LEET_DTYPE_FLOAT || spec->dtype.bits != 32 || spec->dtype.lanes != 1) {
      return snprintf(reason, size, "tensor role %u has dtype code %d with %d bits: needs f32",
                      kTyped[i], spec->dtype.code, spec->dtype.bits);
    }
  }
  return 0;
}

static int has_options(const char* options) { return options != NULL && options[0] != '\0'; }

static leet_status supports(const leet_host* host, const leet_problem* problem,
                            const leet_device* device, const char* options, leet_verdict* verdict,
                            leet_error* error) {
  char reason[sizeof verdict->reason] = "";
  (void)host;
  if (has_options(options)) {
    return fail(error, LEET_STATUS_INVALID_ARGUMENT, "supports", METHOD_ID " has no options");
  }
  const int refused = refuses(problem, device, reason, sizeof reason);
  if (LEET_HAS(verdict, leet_verdict, answer)) {
    verdict->answer = refused ? LEET_ANSWER_NO : LEET_ANSWER_YES;
  }
  if (LEET_HAS(verdict, leet_verdict, predicted_seconds)) verdict->predicted_seconds = 0;
  if (LEET_HAS(verdict, leet_verdict, reason)) memcpy(verdict->reason, reason, sizeof reason);
  return LEET_STATUS_OK;
}

/* ---- Sizes ---- */

typedef struct {
  int64_t N, R, D;
  int64_t H, Hq, Hk, Hv, Hg; /* heads of out, q, k, v and log_decay */
  int64_t Hs;                /* heads of the states */
  int64_t sequences;
} Shape;

static int64_t lcm(int64_t a, int64_t b) {
  int64_t x = a, y = b;
  while (y != 0) {
    const int64_t rest = x % y;
    x = y;
    y = rest;
  }
  return x == 0 ? 0 : a / x * b;
}

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* The shape that `specs` describe, LEET_ROLE_COUNT of them. */
static Shape shape_of(const leet_tensor_spec* const* specs) {
  const leet_tensor_spec* q = specs[LEET_ROLE_Q];
  const leet_tensor_spec* k = specs[LEET_ROLE_K];
  const leet_tensor_spec* v = specs[LEET_ROLE_V];
  const leet_tensor_spec* g = specs[LEET_ROLE_LOG_DECAY];
  const leet_tensor_spec* out = specs[LEET_ROLE_OUT];
  const leet_tensor_spec* offsets = specs[LEET_ROLE_SEQUENCE_OFFSETS];
  Shape shape;
  shape.N = q->extent[2];
  shape.R = q->extent[3];
  shape.D = v->extent[3];
  shape.Hq = q->extent[1];
  shape.Hk = k->extent[1];
  shape.Hv = v->extent[1];
  shape.Hg = g != NULL ? g->extent[1] : 1;
  shape.H =
      out != NULL ? out->extent[1] : larger(larger(shape.Hq, shape.Hk), larger(shape.Hv, shape.Hg));
  shape.Hs = lcm(lcm(shape.Hk, shape.Hv), shape.Hg);
  shape.sequences = offsets != NULL ? offsets->extent[0] - 1 : q->extent[0];
  return shape;
}

/* The bytes of a tensor, elements repeated by a stride of 0 once. */
static double bytes_of(const leet_tensor_spec* spec) {
  double bytes = spec->dtype.bits / 8;
  for (int32_t axis = 0; axis < spec->rank; ++axis) {
    if (spec->stride[axis] != 0 || spec->extent[axis] == 0) bytes *= (double)spec->extent[axis];
  }
  return bytes;
}

/* ---- Plans ---- */

static leet_status plan_create(const leet_host* host, const leet_problem* problem,
                               const leet_device* device, const char* options,
                               leet_method_plan** plan, leet_plan_info* info, leet_error* error) {
  static const uint64_t kLine = 64; /* so that two workers never write to one cache line */
  const leet_tensor_spec* specs[LEET_ROLE_COUNT] = {NULL};
  char reason[sizeof((leet_verdict*)0)->reason];
  double bytes_moved = 0;
  if (has_options(options)) {
    return fail(error, LEET_STATUS_INVALID_ARGUMENT, "plan_create", METHOD_ID " has no options");
  }
  if (refuses(problem, device, reason, sizeof reason)) {
    return fail(error, LEET_STATUS_UNSUPPORTED, "plan_create", reason);
  }
  for (uint32_t role = 0; role < LEET_ROLE_COUNT; ++role) {
    specs[role] = spec_of(problem, role);
    if (specs[role] != NULL) bytes_moved += bytes_of(specs[role]);
  }
  leet_method_plan* made = malloc(sizeof *made);
  if (made == NULL) {
    return fail(error, LEET_STATUS_OUT_OF_MEMORY, "plan_create", "out of host memory");
  }
  const Shape shape = shape_of(specs);
  const uint64_t state_bytes = (uint64_t)shape.R * (uint64_t)shape.D * sizeof(double);
  const double cells =
      (double)specs[LEET_ROLE_Q]->extent[0] * (double)shape.N * (double)shape.R * (double)shape.D;
  made->scale = problem->scale;
  made->bytes_a_worker = (state_bytes + kLine - 1) / kLine * kLine;
  *plan = made;

  if (LEET_HAS(info, leet_plan_info, properties)) info->properties = LEET_PLAN_DETERMINISTIC;
  if (LEET_HAS(info, leet_plan_info, precision_used)) {
    info->precision_used = LEET_PRECISION_EXACT;
  }
  if (LEET_HAS(info, leet_plan_info, workspace_bytes)) {
    info->workspace_bytes = made->bytes_a_worker * (uint64_t)host->concurrency(host->ctx);
  }
  if (LEET_HAS(info, leet_plan_info, workspace_alignment)) info->workspace_alignment = kLine;
  if (LEET_HAS(info, leet_plan_info, persistent_bytes)) info->persistent_bytes = sizeof *made;
  if (LEET_HAS(info, leet_plan_info, predicted_seconds)) info->predicted_seconds = 0;
  if (LEET_HAS(info, leet_plan_info, flops)) {
    info->flops = 2 * cells * (double)shape.Hs +
                  (specs[LEET_ROLE_OUT] != NULL ? 2 * cells * (double)shape.H : 0);
  }
  if (LEET_HAS(info, leet_plan_info, bytes_moved)) info->bytes_moved = bytes_moved;
  if (LEET_HAS(info, leet_plan_info, declared_rel_error)) {
    info->declared_rel_error = 1e-7; /* rounding to f32 is 6e-8 */
  }
  if (LEET_HAS(info, leet_plan_info, choice)) {
    snprintf(info->choice, sizeof info->choice, "f64 arithmetic, one state head an item");
  }
  return LEET_STATUS_OK;
}

static void plan_destroy(leet_method_plan* plan) { free(plan); }

/* ---- Execution ---- */

/* The address of element [i, j, k, l]. In int64, because tensors may have more than 2^31 elements;
 * read and written by memcpy, because they may begin at any byte that their spec allows. */
static char* address(const leet_tensor* tensor, int64_t i, int64_t j, int64_t k, int64_t l) {
  const int64_t* stride = tensor->spec.stride;
  const int64_t element = i * stride[0] + j * stride[1] + k * stride[2] + l * stride[3];
  return (char*)tensor->data + element * (int64_t)sizeof(float);
}

static double load(const leet_tensor* tensor, int64_t i, int64_t j, int64_t k, int64_t l) {
  float value;
  memcpy(&value, address(tensor, i, j, k, l), sizeof value);
  return value;
}

static void store(const leet_tensor* tensor, int64_t i, int64_t j, int64_t k, int64_t l, double x) {
  const float value = (float)x;
  memcpy(address(tensor, i, j, k, l), &value, sizeof value);
}

typedef struct {
  const leet_method_plan* plan;
  const leet_tensor* tensors[LEET_ROLE_COUNT];
  Shape shape;
  char* workspace;
} Execution;

/* S = exp(g_t) S + k_t v_t^T of state head `s`. */
static void update(const Execution* e, double* state, int64_t b, int64_t t, int64_t s) {
  const Shape* shape = &e->shape;
  const leet_tensor* g = e->tensors[LEET_ROLE_LOG_DECAY];
  double gamma = 1;
  for (int64_t r = 0; r < shape->R; ++r) {
    const double k = load(e->tensors[LEET_ROLE_K], b, s * shape->Hk / shape->Hs, t, r);
    double* row = state + r * shape->D;
    if (g != NULL && (r == 0 || g->spec.stride[3] != 0)) {
      gamma = exp(load(g, b, s * shape->Hg / shape->Hs, t, r));
    }
    for (int64_t d = 0; d < shape->D; ++d) {
      row[d] =
          gamma * row[d] + k * load(e->tensors[LEET_ROLE_V], b, s * shape->Hv / shape->Hs, t, d);
    }
  }
}

/* o_t = scale * q_t S for the output heads that share state head `s`. */
static void read_out(const Execution* e, const double* state, int64_t b, int64_t t, int64_t s) {
  const Shape* shape = &e->shape;
  const int64_t group = shape->H / shape->Hs;
  for (int64_t h = s * group; h < (s + 1) * group; ++h) {
    for (int64_t d = 0; d < shape->D; ++d) {
      double sum = 0;
      for (int64_t r = 0; r < shape->R; ++r) {
        sum += load(e->tensors[LEET_ROLE_Q], b, h * shape->Hq / shape->H, t, r) *
               state[r * shape->D + d];
      }
      store(e->tensors[LEET_ROLE_OUT], b, h, t, d, e->plan->scale * sum);
    }
  }
}

static int64_t offset(const leet_tensor* offsets, int64_t i) {
  int64_t value;
  memcpy(&value, (char*)offsets->data + i * offsets->spec.stride[0] * (int64_t)sizeof value,
         sizeof value);
  return value;
}

/* All of sequence `i` for state head `s`. */
static void run(const Execution* e, double* state, int64_t i, int64_t s) {
  const Shape* shape = &e->shape;
  const leet_tensor* offsets = e->tensors[LEET_ROLE_SEQUENCE_OFFSETS];
  const leet_tensor* in = e->tensors[LEET_ROLE_STATE_IN];
  const leet_tensor* out = e->tensors[LEET_ROLE_STATE_OUT];
  const int64_t b = offsets != NULL ? 0 : i;
  const int64_t begin = offsets != NULL ? offset(offsets, i) : 0;
  const int64_t end = offsets != NULL ? offset(offsets, i + 1) : shape->N;

  for (int64_t r = 0; r < shape->R; ++r) {
    for (int64_t d = 0; d < shape->D; ++d) {
      state[r * shape->D + d] = in != NULL ? load(in, i, s, r, d) : 0;
    }
  }
  for (int64_t t = begin; t < end; ++t) {
    update(e, state, b, t, s);
    if (e->tensors[LEET_ROLE_OUT] != NULL) read_out(e, state, b, t, s);
  }
  if (out == NULL) return;
  for (int64_t r = 0; r < shape->R; ++r) {
    for (int64_t d = 0; d < shape->D; ++d) store(out, i, s, r, d, state[r * shape->D + d]);
  }
}

static leet_status run_items(void* arg, int64_t begin, int64_t end, int32_t worker) {
  const Execution* e = arg;
  double* state = (double*)(e->workspace + (uint64_t)worker * e->plan->bytes_a_worker);
  for (int64_t item = begin; item < end; ++item) {
    run(e, state, item / e->shape.Hs, item % e->shape.Hs);
  }
  return LEET_STATUS_OK;
}

static leet_status execute(const leet_host* host, const leet_method_plan* plan,
                           const leet_exec* exec, leet_error* error) {
  const leet_tensor_spec* specs[LEET_ROLE_COUNT] = {NULL};
  Execution e = {.plan = plan, .workspace = exec->workspace};
  for (uint32_t role = 0; role < LEET_ROLE_COUNT && role < exec->role_count; ++role) {
    e.tensors[role] = exec->tensors[role];
    if (e.tensors[role] != NULL) specs[role] = &e.tensors[role]->spec;
  }
  e.shape = shape_of(specs);
  const leet_status status =
      host->parallel_for(host->ctx, e.shape.sequences * e.shape.Hs, 1, run_items, &e);
  if (status != LEET_STATUS_OK) {
    return fail(error, status, "execute", "the host's parallel_for failed");
  }
  return LEET_STATUS_OK;
}

/* ---- The plugin ---- */

static const leet_method kMethod = {
    .struct_size = sizeof(leet_method),
    .id = METHOD_ID,
    .version = METHOD_VERSION,
    .summary = "The plain recurrence for f32, in C11",
    .reference = "leet/plugin.h, the operator's definition",
    .supports = supports,
    .plan_create = plan_create,
    .execute = execute,
    .plan_destroy = plan_destroy,
};

leet_status leet_plugin_entry_v0(uint32_t host_minor, const leet_method** method,
                                 leet_error* error) {
  if (host_minor < leet_note_instance.desc.abi_minor_required) {
    return fail(error, LEET_STATUS_UNSUPPORTED, "leet_plugin_entry_v0",
                "the host is older than this plugin needs");
  }
  *method = &kMethod;
  return LEET_STATUS_OK;
}
