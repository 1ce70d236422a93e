// SPDX-License-Identifier: Apache-2.0
//
// A right method, f32 with a decay for each head, until FAULT, which is one of the names below,
// comes to its place. Each build of this file has one fault that only running it can show.
#include <fcntl.h>
#include <leet/plugin.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cfenv>
#include <stdexcept>

namespace {

// In C++ a crash must not look like something that can't happen, which compilers leave out.
void crash() { raise(SIGSEGV); }

[[maybe_unused]] void* sleep_for_ever(void*) {
  for (;;) pause();
}

[[maybe_unused]] void take_memory() {
  constexpr size_t kPiece = size_t{8} << 20;
  for (;;) {
    memset(malloc(kPiece), 1, kPiece);
    usleep(1000);
  }
}

[[maybe_unused]] void write_everywhere() {
  static const char kText[] = "a line of the plugin's\n";
  for (int descriptor = 3; descriptor < 200; ++descriptor) {
    if (write(descriptor, kText, sizeof kText - 1) < 0) continue;
  }
}

[[maybe_unused]] void start_thread() {
  pthread_t thread;
  pthread_create(&thread, nullptr, sleep_for_ever, nullptr);
}

[[maybe_unused]] void start_process() {
  if (fork() == 0) sleep_for_ever(nullptr);
}

#define STRING(x) #x
#define TEXT(x) STRING(x)
// Whether this build is the one with the fault `name`; folded by the compiler.
#define HAS(name) (strcmp(TEXT(FAULT), #name) == 0)

struct AtLoad {
  AtLoad() {
    if (HAS(crash_load)) crash();
    if (HAS(exit_load)) exit(0);
    if (HAS(throw_load)) throw 7;
    if (HAS(memory)) take_memory();
    if (HAS(chdir) && chdir("/") != 0) abort();
    if (HAS(locale)) setlocale(LC_ALL, "C.UTF-8");
    if (HAS(environment)) setenv("HOSTILE", "1", 1);
    if (HAS(signal)) signal(SIGINT, SIG_IGN);
    if (HAS(thread)) start_thread();
    if (HAS(process)) start_process();
    if (HAS(umask)) umask(0);
    if (HAS(stdout_load)) puts("loaded, hooray");
  }
  ~AtLoad() {
    if (HAS(crash_exit)) crash();
  }
};
AtLoad at_load;

leet_status supports(const leet_host*, const leet_problem*, const leet_device*, const char*,
                     leet_verdict* verdict, leet_error*) {
  if (HAS(crash_supports)) crash();
  if (HAS(throw_supports)) throw std::runtime_error("no idea");
  verdict->answer = LEET_ANSWER_YES;
  return LEET_STATUS_OK;
}

struct Plan {
  double scale;
};

leet_status plan_create(const leet_host*, const leet_problem* problem, const leet_device*,
                        const char*, leet_method_plan** plan, leet_plan_info*, leet_error* error) {
  if (HAS(crash_plan)) crash();
  if (HAS(refuse_plan)) {
    strcpy(error->message, "changed its mind");
    return LEET_STATUS_UNSUPPORTED;
  }
  *plan = reinterpret_cast<leet_method_plan*>(new Plan{problem->scale});
  return LEET_STATUS_OK;
}

float* row(const leet_tensor& tensor, int64_t b, int64_t h, int64_t t) {
  const int64_t* stride = tensor.spec.stride;
  return static_cast<float*>(tensor.data) + b * stride[0] + h * stride[1] + t * stride[2];
}

// One head; the state is [R, D].
void compute(const leet_exec& exec, double scale, int64_t b, int64_t h, double* state) {
  const auto tensor = [&](int role) -> const leet_tensor& { return *exec.tensors[role]; };
  const leet_tensor& out = tensor(LEET_ROLE_OUT);
  const int64_t N = out.spec.extent[2], R = tensor(LEET_ROLE_Q).spec.extent[3],
                D = out.spec.extent[3];
  const double gamma =
      HAS(ignores_decay) ? 1.0 : exp(double{row(tensor(LEET_ROLE_LOG_DECAY), b, h, 0)[0]});
  const int64_t steps = HAS(forgets_tail) ? N / 64 * 64 : N;
  memset(row(out, b, h, 0), 0, sizeof(float) * static_cast<size_t>(N * D));
  memset(state, 0, sizeof(double) * static_cast<size_t>(R * D));
  for (int64_t t = 0; t < steps; ++t) {
    const float* const q = row(tensor(LEET_ROLE_Q), b, h, t);
    const float* const k = row(tensor(LEET_ROLE_K), b, h, t);
    const float* const v = row(tensor(LEET_ROLE_V), b, h, t);
    for (int64_t d = 0; d < D; ++d) {
      double sum = 0;
      for (int64_t r = 0; r < R; ++r) {
        double& s = state[r * D + d];
        s = gamma * s + double{k[r]} * v[d];
        sum += q[r] * s;
      }
      row(out, b, h, t)[d] = static_cast<float>(scale * sum);
    }
  }
}

leet_status execute(const leet_host*, const leet_method_plan* plan, const leet_exec* exec,
                    leet_error* error) {
  if (HAS(crash_execute)) crash();
  if (HAS(exit_execute)) _exit(3);
  if (HAS(hang_execute)) sleep_for_ever(nullptr);
  if (HAS(throw_execute)) throw 7;
  if (HAS(rounding)) fesetround(FE_UPWARD);
  if (HAS(stdout_execute)) printf("executing\n");
  if (HAS(open_file)) open("/dev/null", O_RDONLY);
  if (HAS(status)) {
    strcpy(error->message, "not today");
    return LEET_STATUS_INTERNAL;
  }
  const leet_tensor_spec& out = exec->tensors[LEET_ROLE_OUT]->spec;
  const int64_t R = exec->tensors[LEET_ROLE_Q]->spec.extent[3];
  const auto scale = reinterpret_cast<const Plan*>(plan)->scale;
  double* const state =
      static_cast<double*>(malloc(sizeof(double) * static_cast<size_t>(R * out.extent[3] + 1)));
  for (int64_t b = 0; b < out.extent[0]; ++b) {
    for (int64_t h = 0; h < out.extent[1]; ++h) compute(*exec, scale, b, h, state);
  }
  free(state);
  return LEET_STATUS_OK;
}

void plan_destroy(leet_method_plan* plan) {
  if (HAS(crash_destroy)) crash();
  delete reinterpret_cast<Plan*>(plan);
}

const leet_method kMethod = {.struct_size = sizeof(leet_method),
                             .reserved = 0,
                             .id = "test.method",
                             .version = "1.0.0",
                             .summary = "has one fault",
                             .reference = "none",
                             .options = nullptr,
                             .supports = supports,
                             .plan_create = plan_create,
                             .execute = execute,
                             .plan_destroy = plan_destroy,
                             .get_extension = nullptr};

}  // namespace

LEET_DEFINE_NOTE({.note_version = LEET_NOTE_VERSION,
                  .abi_major = LEET_ABI_MAJOR,
                  .abi_minor_built = LEET_ABI_MINOR,
                  .abi_minor_required = LEET_ABI_MINOR,
                  .device_types = {LEET_DEVICE_CPU},
                  .decay_kinds = LEET_DECAYS_HEAD,
                  .dtypes = LEET_DTYPES_F32,
                  .features = 0,
                  .cudart_version = 0,
                  .sm_count = 0,
                  .sm = {},
                  .id = "test.method",
                  .version = "1.0.0",
                  .build_id = TEXT(FAULT)});

extern "C" leet_status leet_plugin_entry_v0(uint32_t, const leet_method** method, leet_error*) {
  if (HAS(crash_entry)) crash();
  if (HAS(abort_entry)) abort();
  if (HAS(exit_entry)) exit(0);
  if (HAS(throw_entry)) throw 7;
  if (HAS(hang_entry)) sleep_for_ever(nullptr);
  if (HAS(kill_entry)) raise(SIGKILL);
  if (HAS(descriptors)) write_everywhere();
  *method = &kMethod;
  return LEET_STATUS_OK;
}
