/* SPDX-License-Identifier: Apache-2.0
 *
 * leet/plugin.h - the binary interface between a LeetDecoding host and a method plugin.
 *
 * A plugin is one shared library with one exported symbol, leet_plugin_entry_v0, and one ELF note
 * that says what it is without running it. It computes one operator, exponentially decaying causal
 * linear attention, by one method:
 *
 *     S_t = exp(g_t) S_{t-1} + k_t v_t^T        S_0 = state_in or zero                      [R, D]
 *     o_t = scale * q_t S_t                                                                 [D]
 *
 * Letters: B batch, H head, N time, R key dimension, D value dimension. H is the number of output
 * heads (without an out tensor: the largest of the others); q, k, v and log_decay may have fewer,
 * H_x, as long as H_x divides H, and output head h then reads index h * H_x / H. States have H_s =
 * lcm(H_k, H_v, H_g) heads.
 *
 * Portability: C11, C++17, C++20 and CUDA; LP64 and little-endian only. Structs have no implicit
 * padding; enum values travel as int32_t or uint32_t.
 *
 * Versioning. Structs that begin with struct_size grow only at the tail; a field exists if it lies
 * inside the struct_size that the other side wrote (LEET_HAS), and sizes are never compared for
 * equality. leet_tensor_spec, leet_tensor and leet_note_desc never change. The minor number rises
 * with every addition; a host also has an oldest minor that it still serves
 * (LEET_ABI_OLDEST_MINOR), raised by every change that is not growth at a tail. A host accepts a
 * plugin iff the majors are equal, the minor it was built with is at least the host's oldest, and
 * the minor that it requires is at most the host's own. Major 0 may still change between minors,
 * each change with a line in CHANGELOG.md; major 1 will be frozen.
 *
 * History: 0.1 first version.
 *
 * The core checks every argument against every other before a plugin sees it (rank, extents, heads,
 * dtypes, strides, alignment, overlap, workspace); a plugin may rely on that and judges capability
 * only.
 */
#ifndef LEET_PLUGIN_H
#define LEET_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#if !defined(__LP64__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "leet/plugin.h needs an LP64, little-endian target and GCC's predefined macros"
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define LEET_ABI_MAJOR 0u
#define LEET_ABI_MINOR 1u
#define LEET_ABI_OLDEST_MINOR 1u

/* Whether `field` lies inside the part of *p that its writer knew. `type` is the struct's name. */
#define LEET_HAS(p, type, field) ((p)->struct_size >= offsetof(type, field) + sizeof((p)->field))

/* ---- Status ---- */

/* The one table of results; C++, the command line and every plugin translate from it and add
 * nothing. */
typedef int32_t leet_status;
enum {
  LEET_STATUS_OK = 0,
  LEET_STATUS_INVALID_ARGUMENT = 1, /* the caller's mistake; nothing was written */
  LEET_STATUS_UNSUPPORTED = 2,      /* a normal answer, given by supports() before any work */
  LEET_STATUS_OUT_OF_MEMORY = 3,    /* of the host or of the device */
  LEET_STATUS_UNAVAILABLE = 4,      /* no such method, device, driver or library on this machine */
  LEET_STATUS_DEVICE_ERROR = 5,     /* native_code holds the device's own code */
  LEET_STATUS_DEVICE_POISONED = 6,  /* sticky: this process's device context is gone */
  LEET_STATUS_INTERNAL = 7          /* a fault of the callee; please report it */
};

/* Whose numbering leet_error::native_code uses. */
enum {
  LEET_DOMAIN_NONE = 0,
  LEET_DOMAIN_ERRNO = 1,
  LEET_DOMAIN_CUDA_RUNTIME = 2,
  LEET_DOMAIN_CUDA_DRIVER = 3,
  LEET_DOMAIN_CUFFT = 4
};

/* Owned and zeroed by the caller, who sets struct_size; filled by the callee exactly when it
 * returns a status other than LEET_STATUS_OK. A null pointer means that the caller does not want
 * the text. No heap, no thread-local state. */
typedef struct leet_error {
  uint32_t struct_size;
  leet_status code;
  int32_t domain;      /* LEET_DOMAIN_* */
  int32_t native_code; /* by the domain's numbering; 0 without one */
  char where[64];      /* the function that failed, NUL-ended */
  char message[432];   /* what was wrong, the value seen, what would be right; NUL-ended */
} leet_error;

/* ---- Devices and element types ---- */

/* DLPack's numbers; devices of our own start at 0x4C450000 ("LE"). */
enum {
  LEET_DEVICE_CPU = 1,
  LEET_DEVICE_CUDA = 2,
  LEET_DEVICE_CUDA_EMULATED = 0x4C450001, /* CUDA kernels executed on the CPU */
  LEET_DEVICE_CUDA_CHECKED = 0x4C450002   /* the same, every access checked */
};

typedef struct leet_device {
  int32_t type;  /* LEET_DEVICE_* */
  int32_t index; /* -1: any device of this type, judged by what was compiled in */
} leet_device;

/* DLPack's numbers. */
enum {
  LEET_DTYPE_INT = 0,   /* i64 is {INT, 64, 1} */
  LEET_DTYPE_FLOAT = 2, /* f16, f32, f64 */
  LEET_DTYPE_BFLOAT = 4 /* bf16 is {BFLOAT, 16, 1} */
};

typedef struct leet_dtype {
  uint8_t code; /* LEET_DTYPE_* */
  uint8_t bits;
  uint16_t lanes; /* always 1 */
} leet_dtype;

/* ---- Tensors ---- */

#define LEET_MAX_RANK 5

/* This struct and leet_tensor never change; what comes later gets a new role. */
typedef struct leet_tensor_spec {
  leet_dtype dtype;
  int32_t rank;
  /* Bytes, a power of two, that the host promises for data; 0 means the element's size. */
  uint32_t alignment;
  uint32_t reserved; /* zero */
  int64_t extent[LEET_MAX_RANK];
  int64_t stride[LEET_MAX_RANK]; /* in elements, never negative; 0 broadcasts an input */
} leet_tensor_spec;

typedef struct leet_tensor {
  void* data;
  leet_tensor_spec spec;
} leet_tensor;

/* Tensors travel in arrays of pointers indexed by role; NULL means absent. The last stride of q, k,
 * v, out and the states is 1. */
enum {
  LEET_ROLE_Q = 0, /* [B, H_q, N, R] */
  LEET_ROLE_K = 1, /* [B, H_k, N, R] */
  LEET_ROLE_V = 2, /* [B, H_v, N, D] */

  /* [B, H_g, N, R], f32 (f64 with f64 tensors), <= 0, -inf legal. Hosts may pass extents of 1; the
   * core hands plugins full B, N and R extents with strides of 0. */
  LEET_ROLE_LOG_DECAY = 3,

  LEET_ROLE_STATE_IN = 4,  /* [B or sequences, H_s, R, D], f32 (f64 with f64 tensors) */
  LEET_ROLE_OUT = 5,       /* [B, H, N, D] */
  LEET_ROLE_STATE_OUT = 6, /* as STATE_IN; may be STATE_IN's own memory with the same strides */

  /* i64 [sequences + 1], with B = 1: 0 first, never decreasing, N last; on the tensors' device.
   * Packs sequences of different lengths along N. */
  LEET_ROLE_SEQUENCE_OFFSETS = 7,

  LEET_ROLE_COUNT = 8
};

/* ---- Problems ---- */

enum {
  LEET_DECAY_NONE = 0,   /* gamma = 1; no log_decay tensor */
  LEET_DECAY_HEAD = 1,   /* constant along N and R; may differ by head and batch */
  LEET_DECAY_STEP = 2,   /* per step, constant along R */
  LEET_DECAY_CHANNEL = 3 /* per step and key channel */
};

enum {
  LEET_PRECISION_EXACT = 0, /* fp32 arithmetic or as good */
  LEET_PRECISION_TF32 = 1
};

/* Bits of leet_problem::dynamic_axes. */
enum {
  LEET_DYNAMIC_B = 1,
  LEET_DYNAMIC_N = 2,
  LEET_DYNAMIC_SEQUENCES = 4,
  LEET_DYNAMIC_STRIDES = 8
};

/* What is to be computed, without pointers to data. Owned by the caller; a plugin copies what it
 * keeps. */
typedef struct leet_problem {
  uint32_t struct_size;

  /* A plugin answers UNSUPPORTED to a bit that it does not know; every later field that changes
   * results has its bit here. None is defined yet. */
  uint32_t must_understand;

  uint32_t may_ignore; /* bits that a receiver may pass over; none is defined yet */

  /* LEET_DYNAMIC_*: the specs' extents are maxima there, execute brings the actual ones. */
  uint32_t dynamic_axes;

  int32_t decay_kind;       /* LEET_DECAY_* */
  int32_t lowest_precision; /* LEET_PRECISION_*: the lowest that the caller accepts */
  int32_t deterministic;    /* 1: the same bits whatever the thread count */
  uint32_t role_count;      /* the length of specs */
  double scale;
  const leet_tensor_spec* const* specs; /* by role; NULL = absent */
} leet_problem;

/* ---- Answers ---- */

enum {
  LEET_ANSWER_NO = 0,
  LEET_ANSWER_YES = 1,
  LEET_ANSWER_SLOW = 2 /* yes, but on a slow path */
};

typedef struct leet_verdict {
  uint32_t struct_size;
  int32_t answer;           /* LEET_ANSWER_* */
  double predicted_seconds; /* comparable between methods; 0 = not known */
  char reason[240];         /* for a person: why not, why slow, or which path; NUL-ended */
} leet_verdict;

/* Bits of leet_plan_info::properties. */
enum { LEET_PLAN_DETERMINISTIC = 1, LEET_PLAN_GRAPH_CAPTURABLE = 2 };

typedef struct leet_plan_info {
  uint32_t struct_size;
  uint32_t properties;          /* LEET_PLAN_* */
  int32_t precision_used;       /* LEET_PRECISION_* */
  int32_t reserved;             /* zero */
  uint64_t workspace_bytes;     /* for each concurrent execute, enough for the maxima */
  uint64_t workspace_alignment; /* a power of two; 0 means 1 */
  uint64_t persistent_bytes;    /* held by the plan itself */
  double predicted_seconds;     /* of one execute at the maxima; 0 = not known */
  double flops;                 /* of one execute at the maxima */
  double bytes_moved;           /* of one execute at the maxima */

  /* Relative Frobenius error against exact arithmetic on the given inputs; a promise that the
   * validator holds the method to. */
  double declared_rel_error;

  char choice[240]; /* the configuration picked, for a person; NUL-ended */
} leet_plan_info;

/* ---- What the host gives ---- */

enum {
  LEET_LOG_TRACE = 0,
  LEET_LOG_DEBUG = 1,
  LEET_LOG_INFO = 2,
  LEET_LOG_WARN = 3,
  LEET_LOG_ERROR = 4
};

/* Computes the items [begin, end) on worker `worker`, 0 <= worker < concurrency. Must not throw. A
 * status other than LEET_STATUS_OK stops the loop: items not yet begun may be left out. */
typedef leet_status (*leet_loop_body)(void* arg, int64_t begin, int64_t end, int32_t worker);

/* Given with every call, and valid during that call; two hosts in one process share nothing. */
typedef struct leet_host {
  uint32_t struct_size;
  uint32_t reserved; /* zero */
  void* ctx;         /* passed back as the first argument of each function below */

  /* One line for the host's log; `text` need not be NUL-ended and is copied. [thread-safe] */
  void (*log)(void* ctx, int32_t level, const char* text, uint64_t length);

  /* The number of workers that parallel_for uses, at least 1. At execute it is never more than it
   * was at plan_create, so that per-worker workspace can be sized there. [thread-safe] */
  int32_t (*concurrency)(void* ctx);

  /* Runs body over [0, count) in pieces of at most `grain` items (grain >= 1) and returns when all
   * are done: LEET_STATUS_OK, or the status of a piece that failed. Two pieces of one call on one
   * worker index never overlap in time; calls from different threads do not share the indices.
   * Workers have the caller's floating-point environment. A call from inside a body runs inline
   * with the caller's worker index. [thread-safe] */
  leet_status (*parallel_for)(void* ctx, int64_t count, int64_t grain, leet_loop_body body,
                              void* arg);

  /* A table of further services by id, "leet.<name>/<rev>", or NULL. Owned by the host.
   * [thread-safe] */
  const void* (*get_extension)(void* ctx, const char* id);
} leet_host;

/* ---- Plans ---- */

typedef struct leet_method_plan leet_method_plan; /* the plugin's own; immutable once made */

typedef struct leet_exec {
  uint32_t struct_size;
  uint32_t role_count;               /* the length of tensors */
  const leet_tensor* const* tensors; /* by role, with actual extents and strides; NULL = absent */
  leet_device device;                /* left current as found */
  void* stream;             /* cudaStream_t, 0 = the legacy default stream; NULL for the CPU */
  void* workspace;          /* of the plan's size and alignment; contents undefined */
  uint64_t workspace_bytes; /* at least the plan's */
  uint64_t correlation_id;  /* the host's number for this call, for logs and traces; 0 = none */
} leet_exec;

/* ---- Methods ---- */

/* One option that a method takes, printed by `leet info`. */
typedef struct leet_option {
  uint32_t struct_size;
  uint32_t reserved;         /* zero */
  const char* name;          /* [a-z0-9_]+ */
  const char* default_value; /* as it would be written in an options string */
  const char* description;   /* one line: what it does and which values are legal */
} leet_option;

/* A method. Static, owned by the plugin, valid for the life of the process; all strings are UTF-8
 * and NUL-ended, none of the method's own is NULL. Options are written "key=value;key=value"; NULL
 * and "" mean none; an unknown key or a bad value is INVALID_ARGUMENT. A null function pointer
 * means that the ability is absent; supports, plan_create, execute and plan_destroy are required.
 */
typedef struct leet_method {
  uint32_t struct_size;
  uint32_t reserved;                 /* zero */
  const char* id;                    /* "<author>.<method>", [a-z0-9_.]+; equals the note's */
  const char* version;               /* equals the note's */
  const char* summary;               /* one line for `leet list` */
  const char* reference;             /* paper and equation that the method comes from */
  const leet_option* const* options; /* NULL-ended array; NULL = no options */

  /* Whether the method can compute the problem on the device, and how fast. Returns LEET_STATUS_OK
   * with LEET_ANSWER_NO and a reason when it can't. Allocates nothing, needs no device to be
   * present. [thread-safe] Errors: INVALID_ARGUMENT (options). */
  leet_status (*supports)(const leet_host* host, const leet_problem* problem,
                          const leet_device* device, const char* options, leet_verdict* verdict,
                          leet_error* error);

  /* Makes a plan; the host owns it and ends it with plan_destroy. May allocate and synchronise.
   * [thread-safe] Errors: UNSUPPORTED exactly where supports answers no, INVALID_ARGUMENT
   * (options), OUT_OF_MEMORY, DEVICE_ERROR. */
  leet_status (*plan_create)(const leet_host* host, const leet_problem* problem,
                             const leet_device* device, const char* options,
                             leet_method_plan** plan, leet_plan_info* info, leet_error* error);

  /* Computes on the caller's memory, ordered on the caller's stream. Writes every element of the
   * outputs and nothing else; reads state_in before it writes state_out where they share memory.
   * Neither allocates nor synchronises. Any number of executes of one plan may run at once, each
   * with its own workspace. [thread-safe] Errors: DEVICE_ERROR (this call's own launches),
   * INTERNAL. */
  leet_status (*execute)(const leet_host* host, const leet_method_plan* plan, const leet_exec* exec,
                         leet_error* error);

  /* Ends a plan after its work has completed; NULL is ignored. [thread-safe] */
  void (*plan_destroy)(leet_method_plan* plan);

  /* A table of a further ability by id, "leet.<name>/<rev>", or NULL. Optional. [thread-safe] */
  const void* (*get_extension)(const char* id);
} leet_method;

/* The one exported symbol. Gives the method's table, or an error when the plugin can't serve a host
 * of this minor (or lacks something on this machine). Called once for each load, before anything
 * else; does no work. A newer major is another symbol. [thread-safe] */
#define LEET_ENTRY_SYMBOL "leet_plugin_entry_v0"
__attribute__((visibility("default"))) leet_status leet_plugin_entry_v0(uint32_t host_minor,
                                                                        const leet_method** method,
                                                                        leet_error* error);
typedef leet_status (*leet_plugin_entry_fn)(uint32_t host_minor, const leet_method** method,
                                            leet_error* error);

/* ---- Identity: an ELF note, readable without running code ---- */

#define LEET_NOTE_OWNER "LEET"
#define LEET_NOTE_TYPE 0x4C454554u
#define LEET_NOTE_VERSION 1u

/* Bits of leet_note_desc::dtypes. */
enum { LEET_DTYPES_F16 = 1, LEET_DTYPES_BF16 = 2, LEET_DTYPES_F32 = 4, LEET_DTYPES_F64 = 8 };

/* Bits of leet_note_desc::decay_kinds. */
enum { LEET_DECAYS_NONE = 1, LEET_DECAYS_HEAD = 2, LEET_DECAYS_STEP = 4, LEET_DECAYS_CHANNEL = 8 };

/* Bits of leet_note_desc::features. */
enum {
  LEET_FEATURE_STATES = 1,        /* state_in and state_out */
  LEET_FEATURE_VARLEN = 2,        /* sequence_offsets */
  LEET_FEATURE_SHARED_HEADS = 4,  /* fewer heads in q, k, v or log_decay than in out */
  LEET_FEATURE_ANY_STRIDES = 8,   /* other than row-major contiguous; log_decay always broadcasts */
  LEET_FEATURE_DYNAMIC_AXES = 16, /* all LEET_DYNAMIC_* bits */
  LEET_FEATURE_F32_OUT = 32       /* f32 out from 16-bit q, k, v */
};

/* Free text for leet_note_desc::build_id; leet_add_plugin() defines it as the compiler's name. */
#ifndef LEET_BUILD_ID
#define LEET_BUILD_ID ""
#endif

/* The masks are what `leet list` shows and what the validator holds supports() to. Never changes;
 * the alignment is 4, that of a note. */
typedef struct leet_note_desc {
  uint32_t note_version;       /* LEET_NOTE_VERSION */
  uint32_t abi_major;          /* LEET_ABI_MAJOR */
  uint32_t abi_minor_built;    /* LEET_ABI_MINOR */
  uint32_t abi_minor_required; /* the oldest host minor that the plugin works with */
  int32_t device_types[4];     /* LEET_DEVICE_*, filled up with 0; one file may serve several */
  uint32_t decay_kinds;        /* LEET_DECAYS_* */
  uint32_t dtypes;             /* LEET_DTYPES_* of q, k, v and out */
  uint32_t features;           /* LEET_FEATURE_* */
  uint32_t cudart_version;     /* CUDART_VERSION, 0 without CUDA */
  uint32_t sm_count;           /* how many of sm are used */
  uint16_t sm[16];             /* 80, 90, ...; + 0x4000 arch-specific (90a); + 0x8000 PTX */
  char id[96];                 /* NUL-ended, like the next two */
  char version[32];
  char build_id[64]; /* free text of the builder: compiler, commit */
} leet_note_desc;

/* An ELF note as it lies in the file. */
typedef struct leet_note {
  uint32_t name_size; /* with the NUL */
  uint32_t desc_size;
  uint32_t type; /* LEET_NOTE_TYPE */
  char owner[8]; /* LEET_NOTE_OWNER, padded to a multiple of 4 */
  leet_note_desc desc;
} leet_note;

/* Puts `desc` (a braced initialiser of leet_note_desc, or in C++ a constant expression of that
 * type) into the file. Once per plugin, at namespace scope. C++ plugins use LEET_PLUGIN of
 * leet/plugin.hpp instead. */
#ifdef __cplusplus
#define LEET_NOTE_LINKAGE extern "C"
#else
#define LEET_NOTE_LINKAGE
#endif
#define LEET_DEFINE_NOTE(...)                                                               \
  LEET_NOTE_LINKAGE const leet_note leet_note_instance                                      \
      __attribute__((section(".note.leet"), used, aligned(4), visibility("hidden"))) = {    \
          sizeof(LEET_NOTE_OWNER), sizeof(leet_note_desc), LEET_NOTE_TYPE, LEET_NOTE_OWNER, \
          __VA_ARGS__}

#ifdef __cplusplus
}
#endif
#endif /* LEET_PLUGIN_H */
