// SPDX-License-Identifier: Apache-2.0
//
// From a C++ value type to a plugin. A method is a class whose objects are its plans:
//
//     class MyMethod {
//      public:
//       static constexpr leet_note_desc kIdentity =
//           leet::sdk::identity({.id = "me.my_method", .version = "1.0.0", ...});
//       static constexpr const char* kSummary = "what it is, in one line";
//       static constexpr const char* kReference = "paper, equation";
//       static constexpr leet_option kOptions[] = {  // may be left out
//           leet::sdk::option("chunk", "64", "tokens in a chunk, 1 to 1024")};
//
//       static leet::sdk::Verdict supports(const leet::sdk::Host&, const leet::sdk::Problem&,
//       leet_device,
//                                          const leet::sdk::Options&);
//       MyMethod(const leet::sdk::Host&, const leet::sdk::Problem&, leet_device,
//                const leet::sdk::Options&);
//       leet::sdk::PlanInfo info() const;
//       void execute(const leet::sdk::Host&, const leet::sdk::Exec&) const;
//       static const void* extension(const char* id);  // may be left out
//     };
//     LEET_PLUGIN(MyMethod)
//
// Before supports() is asked, this layer refuses what kIdentity does not claim (device, dtypes,
// decay kinds, features) and what this version of the ABI cannot see (later roles, bits and
// values). Every function may throw; nothing passes the barrier.
#ifndef LEET_PLUGIN_METHOD_HPP
#define LEET_PLUGIN_METHOD_HPP

#include <leet/plugin.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <iterator>
#include <leet/plugin/claims.hpp>
#include <leet/plugin/error.hpp>
#include <leet/plugin/host.hpp>
#include <leet/plugin/options.hpp>
#include <leet/plugin/problem.hpp>
#include <memory>
#include <new>
#include <type_traits>

namespace leet::sdk {

constexpr leet_option option(const char* name, const char* default_value, const char* description) {
  return {sizeof(leet_option), 0, name, default_value, description};
}

// What a plan tells about itself; see leet_plan_info for the units.
struct PlanInfo {
  std::uint32_t properties = LEET_PLAN_DETERMINISTIC;
  std::int32_t precision_used = LEET_PRECISION_EXACT;
  std::uint64_t workspace_bytes = 0;
  std::uint64_t workspace_alignment = 1;
  std::uint64_t persistent_bytes = 0;
  double predicted_seconds = 0;
  double flops = 0;
  double bytes_moved = 0;
  double declared_rel_error = 0;
  const char* choice = "";  // copied before the plan goes
};

namespace detail {

// Calls `body` and turns whatever it throws into a status. Allocates nothing.
template <class Body>
leet_status barrier(leet_error* error, const char* where, Body&& body) noexcept {
  try {
    body();
    return LEET_STATUS_OK;
  } catch (const Error& e) {
    return report(error, e.code(), where, e.what(), e.domain(), e.native_code());
  } catch (const std::bad_alloc&) {
    return report(error, LEET_STATUS_OUT_OF_MEMORY, where, "out of host memory");
  } catch (const std::exception& e) {
    return report(error, LEET_STATUS_INTERNAL, where, e.what());
  } catch (...) {
    return report(error, LEET_STATUS_INTERNAL, where,
                  "the method threw something that is no std::exception");
  }
}

// What this version of the ABI can't see comes first: until it is refused, nothing else in the
// problem means what it seems to.
template <class Method>
Verdict judge(const leet_host& host, const leet_problem& problem, leet_device device,
              const Options& options) {
  Verdict verdict = check_visible(problem);
  if (verdict.answer != LEET_ANSWER_NO) {
    verdict = check_claims(Method::kIdentity, problem, device);
  }
  if (verdict.answer != LEET_ANSWER_NO) {
    verdict = Method::supports(Host(host), Problem(problem), device, options);
  }
  return verdict;
}

// The ABI's table for Method.
template <class Method>
struct Table {
  static_assert(std::is_nothrow_destructible_v<Method>,
                "plan_destroy has no way to report what a method's destructor throws");

  static constexpr auto make_options() {
    if constexpr (requires { Method::kOptions; }) {
      std::array<const leet_option*, std::size(Method::kOptions) + 1> pointers{};
      for (std::size_t i = 0; i < std::size(Method::kOptions); ++i) {
        pointers[i] = &Method::kOptions[i];
      }
      return pointers;
    } else {
      return std::array<const leet_option*, 1>{};
    }
  }
  static constexpr auto kOptionPointers = make_options();

  static leet_status supports(const leet_host* host, const leet_problem* problem,
                              const leet_device* device, const char* options, leet_verdict* verdict,
                              leet_error* error) noexcept {
    return barrier(error, "supports", [&] {
      const Options parsed(options, kOptionPointers.data());
      const Verdict judged = judge<Method>(*host, *problem, *device, parsed);
      if (LEET_HAS(verdict, leet_verdict, answer)) verdict->answer = judged.answer;
      if (LEET_HAS(verdict, leet_verdict, predicted_seconds)) {
        verdict->predicted_seconds = judged.predicted_seconds;
      }
      if (LEET_HAS(verdict, leet_verdict, reason)) {
        std::snprintf(verdict->reason, sizeof verdict->reason, "%s", judged.reason);
      }
    });
  }

  static leet_status plan_create(const leet_host* host, const leet_problem* problem,
                                 const leet_device* device, const char* options,
                                 leet_method_plan** plan, leet_plan_info* info,
                                 leet_error* error) noexcept {
    return barrier(error, "plan_create", [&] {
      const Options parsed(options, kOptionPointers.data());
      const Verdict judged = judge<Method>(*host, *problem, *device, parsed);
      if (judged.answer == LEET_ANSWER_NO) {
        throw Error(LEET_STATUS_UNSUPPORTED, "%s", judged.reason);
      }
      auto made = std::make_unique<Method>(Host(*host), Problem(*problem), *device, parsed);
      fill(*info, made->info());
      *plan = reinterpret_cast<leet_method_plan*>(made.release());
    });
  }

  static leet_status execute(const leet_host* host, const leet_method_plan* plan,
                             const leet_exec* exec, leet_error* error) noexcept {
    return barrier(error, "execute", [&] {
      reinterpret_cast<const Method*>(plan)->execute(Host(*host), Exec(*exec));
    });
  }

  static void plan_destroy(leet_method_plan* plan) noexcept {
    delete reinterpret_cast<Method*>(plan);
  }

  static const void* get_extension(const char* id) noexcept {
    if constexpr (requires { Method::extension(id); }) {
      try {
        return Method::extension(id);
      } catch (...) {
        return nullptr;
      }
    } else {
      return nullptr;
    }
  }

  static void fill(leet_plan_info& out, const PlanInfo& in) {
    if (LEET_HAS(&out, leet_plan_info, properties)) out.properties = in.properties;
    if (LEET_HAS(&out, leet_plan_info, precision_used)) out.precision_used = in.precision_used;
    if (LEET_HAS(&out, leet_plan_info, workspace_bytes)) out.workspace_bytes = in.workspace_bytes;
    if (LEET_HAS(&out, leet_plan_info, workspace_alignment)) {
      out.workspace_alignment = in.workspace_alignment;
    }
    if (LEET_HAS(&out, leet_plan_info, persistent_bytes)) {
      out.persistent_bytes = in.persistent_bytes;
    }
    if (LEET_HAS(&out, leet_plan_info, predicted_seconds)) {
      out.predicted_seconds = in.predicted_seconds;
    }
    if (LEET_HAS(&out, leet_plan_info, flops)) out.flops = in.flops;
    if (LEET_HAS(&out, leet_plan_info, bytes_moved)) out.bytes_moved = in.bytes_moved;
    if (LEET_HAS(&out, leet_plan_info, declared_rel_error)) {
      out.declared_rel_error = in.declared_rel_error;
    }
    if (LEET_HAS(&out, leet_plan_info, choice)) {
      std::snprintf(out.choice, sizeof out.choice, "%s", in.choice);
    }
  }

  static constexpr leet_method kTable = {
      .struct_size = sizeof(leet_method),
      .reserved = 0,
      .id = Method::kIdentity.id,
      .version = Method::kIdentity.version,
      .summary = Method::kSummary,
      .reference = Method::kReference,
      .options = kOptionPointers.data(),
      .supports = &supports,
      .plan_create = &plan_create,
      .execute = &execute,
      .plan_destroy = &plan_destroy,
      .get_extension = &get_extension,
  };
};

}  // namespace detail
}  // namespace leet::sdk

// Makes a plugin of a method class. Once per shared library, at global scope.
#define LEET_PLUGIN(Method)                                                                    \
  LEET_DEFINE_NOTE(Method::kIdentity);                                                         \
  extern "C" leet_status leet_plugin_entry_v0(std::uint32_t host_minor,                        \
                                              const leet_method** method, leet_error* error) { \
    return ::leet::sdk::enter(Method::kIdentity, ::leet::sdk::detail::Table<Method>::kTable,   \
                              host_minor, method, error);                                      \
  }

#endif  // LEET_PLUGIN_METHOD_HPP
