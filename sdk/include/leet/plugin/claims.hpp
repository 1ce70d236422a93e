// SPDX-License-Identifier: Apache-2.0
//
// What a plugin says of itself in its ELF note, and the refusals that follow from it.
#ifndef LEET_PLUGIN_CLAIMS_HPP
#define LEET_PLUGIN_CLAIMS_HPP

#include <leet/plugin.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <leet/plugin/dtype.hpp>
#include <leet/plugin/error.hpp>
#include <string_view>

namespace leet::sdk {

// What a method without restrictions claims.
inline constexpr std::uint32_t kEveryDecayKind =
    LEET_DECAYS_NONE | LEET_DECAYS_HEAD | LEET_DECAYS_STEP | LEET_DECAYS_CHANNEL;
inline constexpr std::uint32_t kEveryDtype =
    LEET_DTYPES_F16 | LEET_DTYPES_BF16 | LEET_DTYPES_F32 | LEET_DTYPES_F64;
inline constexpr std::uint32_t kEveryForwardFeature =
    LEET_FEATURE_STATES | LEET_FEATURE_VARLEN | LEET_FEATURE_SHARED_HEADS |
    LEET_FEATURE_ANY_STRIDES | LEET_FEATURE_DYNAMIC_AXES | LEET_FEATURE_F32_OUT;

// The fields of leet_note_desc that an author decides.
struct Identity {
  std::string_view id;       // "<author>.<method>", at most 95 characters of [a-z0-9_.]
  std::string_view version;  // "1.0.0"
  std::array<std::int32_t, 4> devices = {LEET_DEVICE_CPU};  // 0-ended
  std::uint32_t decay_kinds = 0;                            // LEET_DECAYS_*
  std::uint32_t dtypes = 0;                                 // LEET_DTYPES_*
  std::uint32_t features = 0;                               // LEET_FEATURE_*
  std::uint32_t abi_minor_required = LEET_ABI_OLDEST_MINOR;
};

namespace detail {
template <std::size_t Size>
constexpr void copy_text(char (&to)[Size], std::string_view from) {
  if (from.size() >= Size) throw "text too long for its field of leet_note_desc";
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = from[i];
}
}  // namespace detail

constexpr bool is_id(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.') return false;
  for (const char c : text) {
    const bool legal = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    if (!legal) return false;
  }
  return true;
}

// Evaluated by the compiler: what a note can't hold does not compile.
constexpr leet_note_desc identity(const Identity& from) {
  if (!is_id(from.id))
    throw "an id has the characters a-z 0-9 _ . and no dot at an end: me.my_method";
  leet_note_desc note{};
  note.note_version = LEET_NOTE_VERSION;
  note.abi_major = LEET_ABI_MAJOR;
  note.abi_minor_built = LEET_ABI_MINOR;
  note.abi_minor_required = from.abi_minor_required;
  for (std::size_t i = 0; i < from.devices.size(); ++i) note.device_types[i] = from.devices[i];
  note.decay_kinds = from.decay_kinds;
  note.dtypes = from.dtypes;
  note.features = from.features;
  detail::copy_text(note.id, from.id);
  detail::copy_text(note.version, from.version);
  detail::copy_text(note.build_id, LEET_BUILD_ID);
  return note;
}

// An answer to supports(). The reason is for a person and may be empty with a plain yes.
struct Verdict {
  std::int32_t answer = LEET_ANSWER_YES;
  double predicted_seconds = 0;  // 0 = not known
  char reason[sizeof(leet_verdict::reason)] = "";

  static Verdict yes(double predicted_seconds = 0) {
    return {LEET_ANSWER_YES, predicted_seconds, ""};
  }
  // Yes, but on a slow path; printf-style, why.
  __attribute__((format(printf, 2, 3))) static Verdict slow(double predicted_seconds,
                                                            const char* format, ...) {
    Verdict verdict{LEET_ANSWER_SLOW, predicted_seconds, ""};
    std::va_list arguments;
    va_start(arguments, format);
    verdict.explain(format, arguments);
    va_end(arguments);
    return verdict;
  }
  // printf-style: what was wrong, the value, what would be right.
  __attribute__((format(printf, 1, 2))) static Verdict no(const char* format, ...) {
    Verdict verdict{LEET_ANSWER_NO, 0, ""};
    std::va_list arguments;
    va_start(arguments, format);
    verdict.explain(format, arguments);
    va_end(arguments);
    return verdict;
  }

 private:
  __attribute__((format(printf, 2, 0))) void explain(const char* format, std::va_list arguments) {
    std::vsnprintf(reason, sizeof reason, format, arguments);
  }
};

// Refuses what this version of the ABI cannot see: roles, bits and values that a newer host may
// send.
inline Verdict check_visible(const leet_problem& problem) {
  constexpr std::uint32_t kKnownAxes =
      LEET_DYNAMIC_B | LEET_DYNAMIC_N | LEET_DYNAMIC_SEQUENCES | LEET_DYNAMIC_STRIDES;
  if (problem.must_understand != 0) {
    return Verdict::no("must_understand=0x%x: this plugin was built with ABI %u.%u, which has none",
                       problem.must_understand, LEET_ABI_MAJOR, LEET_ABI_MINOR);
  }
  if ((problem.dynamic_axes & ~kKnownAxes) != 0) {
    return Verdict::no("dynamic_axes=0x%x: this plugin knows 0x%x", problem.dynamic_axes,
                       kKnownAxes);
  }
  if (problem.decay_kind < LEET_DECAY_NONE || problem.decay_kind > LEET_DECAY_CHANNEL) {
    return Verdict::no("decay_kind=%d: this plugin knows 0 to %d", problem.decay_kind,
                       LEET_DECAY_CHANNEL);
  }
  if (problem.lowest_precision < LEET_PRECISION_EXACT ||
      problem.lowest_precision > LEET_PRECISION_TF32) {
    return Verdict::no("lowest_precision=%d: this plugin knows 0 to %d", problem.lowest_precision,
                       LEET_PRECISION_TF32);
  }
  for (std::uint32_t role = LEET_ROLE_COUNT; role < problem.role_count; ++role) {
    if (problem.specs[role] != nullptr) {
      return Verdict::no("tensor role %u: this plugin knows 0 to %d", role, LEET_ROLE_COUNT - 1);
    }
  }
  return Verdict::yes();
}

namespace detail {
// Whether every element lies where row-major order puts it. Strides along an axis of one element,
// and of a tensor without elements, mean nothing; `broadcasts` lets strides of 0 pass.
inline bool is_contiguous(const leet_tensor_spec& spec, bool broadcasts) {
  if (std::find(spec.extent, spec.extent + spec.rank, 0) != spec.extent + spec.rank) return true;
  std::int64_t expected = 1;
  for (std::int32_t axis = spec.rank; axis-- > 0;) {
    const bool broadcast = broadcasts && spec.stride[axis] == 0;
    if (spec.extent[axis] > 1 && spec.stride[axis] != expected && !broadcast) return false;
    if (!broadcast) expected *= spec.extent[axis];
  }
  return true;
}
}  // namespace detail

// Refuses what the note does not claim. `problem` has passed check_visible.
inline Verdict check_claims(const leet_note_desc& note, const leet_problem& problem,
                            leet_device device) {
  const auto spec = [&](std::uint32_t role) -> const leet_tensor_spec* {
    return role < problem.role_count ? problem.specs[role] : nullptr;
  };
  bool device_claimed = false;
  for (const std::int32_t type : note.device_types) {
    device_claimed = device_claimed || (type != 0 && type == device.type);
  }
  if (!device_claimed) return Verdict::no("device type %d: not built for it", device.type);

  static constexpr const char* kDecayNames[] = {"none", "head", "step", "channel"};
  if ((note.decay_kinds >> problem.decay_kind & 1u) == 0) {
    return Verdict::no("decay kind '%s': not supported by this method",
                       kDecayNames[problem.decay_kind]);
  }
  for (const std::uint32_t role : {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_OUT}) {
    if (spec(role) == nullptr || (note.dtypes & dtype_bit(spec(role)->dtype)) != 0) continue;
    return Verdict::no("dtype %s: not supported by this method", dtype_name(spec(role)->dtype));
  }

  const auto lacks = [&](std::uint32_t feature) { return (note.features & feature) == 0; };
  const std::int64_t H = spec(LEET_ROLE_OUT) != nullptr ? spec(LEET_ROLE_OUT)->extent[1]
                                                        : spec(LEET_ROLE_Q)->extent[1];
  bool shares_heads = false;
  for (const std::uint32_t role : {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_LOG_DECAY}) {
    shares_heads = shares_heads || (spec(role) != nullptr && spec(role)->extent[1] != H);
  }
  if (shares_heads && lacks(LEET_FEATURE_SHARED_HEADS)) {
    return Verdict::no("shared heads: every tensor needs %lld heads with this method",
                       static_cast<long long>(H));
  }
  if ((spec(LEET_ROLE_STATE_IN) != nullptr || spec(LEET_ROLE_STATE_OUT) != nullptr) &&
      lacks(LEET_FEATURE_STATES)) {
    return Verdict::no("initial and final states: not supported by this method");
  }
  if (spec(LEET_ROLE_SEQUENCE_OFFSETS) != nullptr && lacks(LEET_FEATURE_VARLEN)) {
    return Verdict::no("sequence_offsets: packed sequences are not supported by this method");
  }
  if (lacks(LEET_FEATURE_ANY_STRIDES)) {
    if ((problem.dynamic_axes & LEET_DYNAMIC_STRIDES) != 0) {
      return Verdict::no("dynamic strides: this method needs contiguous tensors");
    }
    for (std::uint32_t role = 0; role < LEET_ROLE_COUNT; ++role) {
      if (spec(role) == nullptr ||
          detail::is_contiguous(*spec(role), role == LEET_ROLE_LOG_DECAY)) {
        continue;
      }
      return Verdict::no("tensor role %u is strided: this method needs contiguous tensors", role);
    }
  }
  if (problem.dynamic_axes != 0 && lacks(LEET_FEATURE_DYNAMIC_AXES)) {
    return Verdict::no("dynamic_axes=0x%x: this method needs fixed sizes", problem.dynamic_axes);
  }
  if (spec(LEET_ROLE_OUT) != nullptr && is_16_bit(spec(LEET_ROLE_Q)->dtype) &&
      same(spec(LEET_ROLE_OUT)->dtype, kF32) && lacks(LEET_FEATURE_F32_OUT)) {
    return Verdict::no("f32 out from 16-bit inputs: not supported by this method");
  }
  return Verdict::yes();
}

// The body of leet_plugin_entry_v0.
inline leet_status enter(const leet_note_desc& note, const leet_method& table,
                         std::uint32_t host_minor, const leet_method** method,
                         leet_error* error) noexcept {
  if (host_minor < note.abi_minor_required) {
    char message[sizeof(leet_error::message)];
    std::snprintf(message, sizeof message,
                  "the host has ABI %u.%u; this plugin needs %u.%u or later", LEET_ABI_MAJOR,
                  host_minor, LEET_ABI_MAJOR, note.abi_minor_required);
    return report(error, LEET_STATUS_UNSUPPORTED, "leet_plugin_entry_v0", message);
  }
  *method = &table;
  return LEET_STATUS_OK;
}

}  // namespace leet::sdk
#endif  // LEET_PLUGIN_CLAIMS_HPP
