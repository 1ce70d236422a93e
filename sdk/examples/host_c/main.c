/* SPDX-License-Identifier: Apache-2.0
 *
 * The smallest whole host in C: lists the methods, plans one, executes it on two heads whose
 * results have closed forms, and checks them.
 *
 *     host_c [METHOD]          METHOD defaults to "recurrent"; exits with 0 if it computes rightly
 *
 * With q = k = 1 and R = D = 1 the operator is a decaying sum, out_t = gamma out_{t-1} + v_t:
 *     head 0: gamma = 1,   v = 1, 2, 3, ...   a prefix sum        out_t = (t + 1)(t + 2) / 2
 *     head 1: gamma = 1/2, v = 1, 1, 1, ...   a geometric sum     out_t = 2 - 2^-t
 */
#include <leet/leet.h>
#include <math.h>
#include <stdio.h>

enum { B = 1, H = 2, N = 8, R = 1, D = 1 };

/* A contiguous f32 tensor over the caller's memory. */
static leet_tensor tensor_f32(float* data, int64_t b, int64_t h, int64_t n, int64_t width) {
  leet_tensor tensor = {
      .data = data,
      .spec = {.dtype = {LEET_DTYPE_FLOAT, 32, 1},
               .rank = 4,
               .extent = {b, h, n, width},
               .stride = {h * n * width, n * width, width, 1}},
  };
  return tensor;
}

static int report(const char* what, const leet_error* error) {
  fprintf(stderr, "host_c: %s: %s (%s)\n", what, error->message, leet_status_name(error->code));
  return 1;
}

static int list_methods(const leet_context* context) {
  leet_error error = {.struct_size = sizeof error};
  for (uint32_t i = 0; i < leet_method_count(context); ++i) {
    leet_method_info info = {.struct_size = sizeof info};
    if (leet_method_get(context, i, &info, &error) != LEET_STATUS_OK) {
      return report("leet_method_get", &error);
    }
    printf("method %s %s: %s\n", info.id, info.version, info.summary);
  }
  return 0;
}

/* Prints both heads beside their closed forms; 0 if all agree. */
static int check(const float* out) {
  int wrong = 0;
  for (int t = 0; t < N; ++t) {
    const double prefix_sum = (t + 1) * (t + 2) / 2.0;
    const double geometric_sum = 2 - exp2(-t);
    printf("t=%d  head 0: %g (expected %g)  head 1: %g (expected %g)\n", t, out[t], prefix_sum,
           out[N + t], geometric_sum);
    wrong += !(fabs(out[t] - prefix_sum) <= 1e-5 * prefix_sum);
    wrong += !(fabs(out[N + t] - geometric_sum) <= 1e-5 * geometric_sum);
  }
  return wrong != 0;
}

static int compute(leet_context* context, const char* method) {
  float q[B * H * N * R], k[B * H * N * R], v[B * H * N * D], out[B * H * N * D];
  float log_decay[H] = {0.0f, logf(0.5f)};
  for (int t = 0; t < N; ++t) {
    q[t] = k[t] = q[N + t] = k[N + t] = 1.0f;
    v[t] = (float)(t + 1);
    v[N + t] = 1.0f;
  }

  /* Tensors go by role. log_decay is [B, H, N, R], with extents of 1 where it does not vary. */
  const leet_tensor q_tensor = tensor_f32(q, B, H, N, R);
  const leet_tensor k_tensor = tensor_f32(k, B, H, N, R);
  const leet_tensor v_tensor = tensor_f32(v, B, H, N, D);
  const leet_tensor log_decay_tensor = tensor_f32(log_decay, 1, H, 1, 1);
  const leet_tensor out_tensor = tensor_f32(out, B, H, N, D);
  const leet_tensor* tensors[LEET_ROLE_COUNT] = {
      [LEET_ROLE_Q] = &q_tensor,     [LEET_ROLE_K] = &k_tensor,
      [LEET_ROLE_V] = &v_tensor,     [LEET_ROLE_LOG_DECAY] = &log_decay_tensor,
      [LEET_ROLE_OUT] = &out_tensor,
  };

  /* The problem is the tensors without their data; a plan serves any number of executions. */
  const leet_tensor_spec* specs[LEET_ROLE_COUNT] = {0};
  for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
    if (tensors[role] != NULL) specs[role] = &tensors[role]->spec;
  }
  const leet_problem problem = {
      .struct_size = sizeof problem,
      .decay_kind = LEET_DECAY_HEAD,
      .lowest_precision = LEET_PRECISION_EXACT,
      .role_count = LEET_ROLE_COUNT,
      .scale = 1.0,
      .specs = specs,
  };
  const leet_device cpu = {LEET_DEVICE_CPU, 0};

  leet_error error = {.struct_size = sizeof error};
  leet_plan* plan = NULL;
  if (leet_plan_create(context, method, &problem, cpu, NULL, &plan, &error) != LEET_STATUS_OK) {
    return report("leet_plan_create", &error);
  }
  /* Without a workspace of ours the call allocates one. */
  const leet_status status =
      leet_plan_execute(plan, tensors, LEET_ROLE_COUNT, NULL, NULL, 0, &error);
  leet_plan_destroy(plan);
  if (status != LEET_STATUS_OK) return report("leet_plan_execute", &error);
  const int wrong = check(out);
  printf("%s is %s\n", method, wrong ? "wrong" : "right");
  return wrong;
}

int main(int argc, char** argv) {
  const char* method = argc > 1 ? argv[1] : "recurrent";
  leet_error error = {.struct_size = sizeof error};
  leet_context* context = NULL;
  if (leet_context_create(NULL, &context, &error) != LEET_STATUS_OK) {
    return report("leet_context_create", &error);
  }
  int failed = list_methods(context);
  if (!failed) failed = compute(context, method);
  leet_context_destroy(context);
  return failed;
}
