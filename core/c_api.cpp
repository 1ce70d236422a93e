// SPDX-License-Identifier: Apache-2.0
//
// leet/leet.h on top of the core. Nothing is decided here: arguments are translated, results copied
// out, exceptions stopped.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <leet/leet.h>
#include <spdlog/logger.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <leet/plugin/error.hpp>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "core/configuration.hpp"
#include "core/host_services.hpp"
#include "core/plan.hpp"
#include "core/registry.hpp"
#include "core/selection.hpp"

struct leet_context {
  leet::core::Registry registry;
  std::unique_ptr<leet::core::HostServices> host;
  std::vector<std::string> report_paths;  // the report's paths as text, for the strings given out
};

struct leet_plan {
  std::unique_ptr<leet::core::Plan> plan;
  std::string reason;  // for this method
};

namespace {

using leet::core::Configuration;
using leet::core::Error;
using leet::core::LoadReportEntry;
using leet::core::Method;
using leet::core::Plan;
using leet::core::Registry;
using leet::core::RegistryOptions;
using leet::core::Result;
using leet::core::Selection;
using leet::core::Status;

leet_status report(leet_error* error, const Error& failure, const char* function) {
  return leet::sdk::report(error, failure.code,
                           failure.where.empty() ? function : failure.where.c_str(),
                           failure.message.c_str(), failure.domain, failure.native_code);
}

// Runs `body`, which returns a Status, and stops every exception.
template <class Body>
leet_status guarded(const char* function, leet_error* error, Body&& body) noexcept {
  try {
    const Status status = body();
    return status ? LEET_STATUS_OK : report(error, status.error(), function);
  } catch (const std::bad_alloc&) {
    return leet::sdk::report(error, LEET_STATUS_OUT_OF_MEMORY, function, "out of host memory");
  } catch (const std::exception& e) {
    return leet::sdk::report(error, LEET_STATUS_INTERNAL, function, e.what());
  } catch (...) {  // of a plugin, say; C callers have no way to catch it
    return leet::sdk::report(error, LEET_STATUS_INTERNAL, function, "an unknown exception");
  }
}

Error invalid(std::string message) { return {LEET_STATUS_INVALID_ARGUMENT, std::move(message)}; }

// How many bytes of a caller's struct count: as with LEET_HAS, a field that its struct_size cuts is
// one that it doesn't have. `fields` are all of the struct's but struct_size, in order.
template <class Struct, class... Fields>
std::size_t whole_fields(std::uint32_t struct_size, Fields Struct::*... fields) {
  static const Struct layout{};
  std::size_t size = sizeof layout.struct_size;
  const auto extend = [&](const auto& field) {
    const auto end = static_cast<std::size_t>(reinterpret_cast<const char*>(&field) -
                                              reinterpret_cast<const char*>(&layout)) +
                     sizeof field;
    if (end <= struct_size) size = end;
  };
  (extend(layout.*fields), ...);
  return size;
}

std::size_t whole(const leet_context_options& s) {
  using S = leet_context_options;
  return whole_fields(s.struct_size, &S::threads, &S::configuration, &S::plugin_paths,
                      &S::plugin_path_count, &S::only_plugin_paths, &S::log_level, &S::pin_threads,
                      &S::probe_seconds, &S::probe);
}

std::size_t whole(const leet_method_info& s) {
  using S = leet_method_info;
  return whole_fields(s.struct_size, &S::reserved, &S::id, &S::version, &S::summary, &S::reference,
                      &S::path, &S::identity, &S::options);
}

std::size_t whole(const leet_report_entry& s) {
  using S = leet_report_entry;
  return whole_fields(s.struct_size, &S::usable, &S::path, &S::rule, &S::seen, &S::action);
}

std::size_t whole(const leet_verdict& s) {
  using S = leet_verdict;
  return whole_fields(s.struct_size, &S::answer, &S::predicted_seconds, &S::reason);
}

std::size_t whole(const leet_plan_info& s) {
  using S = leet_plan_info;
  return whole_fields(s.struct_size, &S::properties, &S::precision_used, &S::reserved,
                      &S::workspace_bytes, &S::workspace_alignment, &S::persistent_bytes,
                      &S::predicted_seconds, &S::flops, &S::bytes_moved, &S::declared_rel_error,
                      &S::choice);
}

// Copies as many fields of `from` as the caller's struct holds; both begin with struct_size, which
// stays the caller's.
template <class Struct>
Status copy_out(const Struct& from, Struct* to) {
  if (to == nullptr || to->struct_size < sizeof(std::uint32_t)) {
    return invalid("the struct to fill: null or without its struct_size");
  }
  std::memcpy(reinterpret_cast<char*>(to) + sizeof(std::uint32_t),
              reinterpret_cast<const char*>(&from) + sizeof(std::uint32_t),
              whole(*to) - sizeof(std::uint32_t));
  return {};
}

leet_method_info method_info(const Method& method) {
  leet_method_info info{};
  info.id = method.identity.id;
  info.version = method.identity.version;
  info.summary = method.table->summary;
  info.reference = method.table->reference;
  info.path = method.path.c_str();
  info.identity = &method.identity;
  info.options = method.table->options;
  return info;
}

Result<const Method*> find_method(const leet_context* context, const char* name,
                                  std::int32_t device_type) {
  if (context == nullptr || name == nullptr) return invalid("context or method name: null");
  return context->registry.find(name, device_type);
}

std::string text_or_empty(const char* text) {
  return text == nullptr ? std::string() : std::string(text);
}

Result<Selection> select(const leet_context* context, const char* method,
                         const leet_problem* problem, leet_device device, const char* options) {
  if (context == nullptr || method == nullptr) return invalid("context or method name: null");
  if (problem == nullptr) return invalid("problem: null");
  return leet::core::select(context->registry, *context->host, method, *problem, device,
                            text_or_empty(options));
}

leet_verdict refusal(const Error& error) {
  leet_verdict verdict{};
  verdict.answer = LEET_ANSWER_NO;
  std::snprintf(verdict.reason, sizeof verdict.reason, "%s", error.message.c_str());
  return verdict;
}

bool is_log_level(std::string_view name) {
  using leet::core::kLogLevels;
  return std::find(kLogLevels.begin(), kLogLevels.end(), name) != kLogLevels.end();
}

// The caller's options, as many fields of them as its struct has.
leet_context_options read_options(const leet_context_options* given) {
  leet_context_options options{};
  if (given != nullptr) std::memcpy(&options, given, whole(*given));
  return options;
}

// What the options say of the probe, over what is configured.
Status read_probe(const leet_context_options& options, leet::core::ProbeSettings& settings) {
  using leet::core::kMaxProbeSeconds;
  if (options.probe != nullptr) {
    const auto policy = leet::core::parse_probe_policy(options.probe);
    if (!policy) {
      return invalid(fmt::format("probe='{}': needs one of {}", options.probe,
                                 fmt::join(leet::core::kProbePolicies, ", ")));
    }
    settings.policy = *policy;
  }
  if (options.probe_seconds < 0 || options.probe_seconds > kMaxProbeSeconds) {
    return invalid(fmt::format("probe_seconds={}: needs 0 (as configured) to {}",
                               options.probe_seconds, kMaxProbeSeconds));
  }
  if (options.probe_seconds != 0) settings.seconds = options.probe_seconds;
  return {};
}

}  // namespace

extern "C" {

const char* leet_version(void) { return LEET_VERSION; }

const char* leet_status_name(leet_status status) {
  static constexpr const char* kNames[] = {"LEET_STATUS_OK",
                                           "LEET_STATUS_INVALID_ARGUMENT",
                                           "LEET_STATUS_UNSUPPORTED",
                                           "LEET_STATUS_OUT_OF_MEMORY",
                                           "LEET_STATUS_UNAVAILABLE",
                                           "LEET_STATUS_DEVICE_ERROR",
                                           "LEET_STATUS_DEVICE_POISONED",
                                           "LEET_STATUS_INTERNAL"};
  const bool known = status >= LEET_STATUS_OK && status <= LEET_STATUS_INTERNAL;
  return known ? kNames[status] : "unknown status";
}

leet_status leet_context_create(const leet_context_options* given, leet_context** context,
                                leet_error* error) {
  return guarded("leet_context_create", error, [&]() -> Status {
    if (context == nullptr)
      return invalid("context: null; needs the address to write the handle to");
    if (given != nullptr && given->struct_size < sizeof(std::uint32_t)) {
      return invalid(fmt::format("options: struct_size {}; needs {} of leet/leet.h",
                                 given->struct_size, sizeof(leet_context_options)));
    }
    const leet_context_options options = read_options(given);
    if (options.threads < 0 || options.threads > leet::core::kMaxThreads) {
      return invalid(fmt::format("threads={}: needs 0 (as configured) to {}", options.threads,
                                 leet::core::kMaxThreads));
    }
    if (options.pin_threads < -1 || options.pin_threads > 1) {
      return invalid(fmt::format("pin_threads={}: needs 0 (as configured), 1 (yes) or -1 (no)",
                                 options.pin_threads));
    }
    if (options.plugin_paths == nullptr && options.plugin_path_count != 0) {
      return invalid(
          fmt::format("plugin_paths: null with plugin_path_count={}", options.plugin_path_count));
    }
    Result<Configuration> configuration =
        leet::core::find_configuration(text_or_empty(options.configuration));
    if (!configuration) return configuration.error();
    if (options.log_level != nullptr && !is_log_level(options.log_level)) {
      return invalid(fmt::format("log_level='{}': needs one of {}", options.log_level,
                                 fmt::join(leet::core::kLogLevels, ", ")));
    }

    if (Status status = read_probe(options, configuration->probe); !status) return status;

    RegistryOptions registry;
    for (std::uint32_t i = 0; i < options.plugin_path_count; ++i) {
      registry.paths.emplace_back(text_or_empty(options.plugin_paths[i]));
    }
    registry.default_paths = options.only_plugin_paths == 0;
    registry.configuration = *configuration;
    auto made = std::make_unique<leet_context>();
    made->registry = Registry::open(registry);
    for (const LoadReportEntry& entry : made->registry.report().entries) {
      made->report_paths.push_back(entry.path.string());
    }
    made->host = std::make_unique<leet::core::HostServices>(
        options.threads != 0 ? options.threads : configuration->threads,
        options.log_level != nullptr ? options.log_level : configuration->log_level,
        options.pin_threads != 0 ? options.pin_threads > 0 : configuration->pin_threads);
    for (const std::string& warning : made->registry.report().warnings) {
      made->host->log().warn(warning);
    }
    *context = made.release();
    return {};
  });
}

void leet_context_destroy(leet_context* context) { delete context; }

uint32_t leet_method_count(const leet_context* context) {
  return context == nullptr ? 0 : static_cast<uint32_t>(context->registry.methods().size());
}

leet_status leet_method_get(const leet_context* context, uint32_t index, leet_method_info* info,
                            leet_error* error) {
  return guarded("leet_method_get", error, [&]() -> Status {
    if (index >= leet_method_count(context)) {
      return invalid(
          fmt::format("index={}: there are {} methods", index, leet_method_count(context)));
    }
    return copy_out(method_info(context->registry.methods()[index]), info);
  });
}

leet_status leet_method_find(const leet_context* context, const char* name, int32_t device_type,
                             leet_method_info* info, leet_error* error) {
  return guarded("leet_method_find", error, [&]() -> Status {
    const Result<const Method*> method = find_method(context, name, device_type);
    if (!method) return method.error();
    return copy_out(method_info(**method), info);
  });
}

uint32_t leet_report_count(const leet_context* context) {
  return context == nullptr ? 0 : static_cast<uint32_t>(context->registry.report().entries.size());
}

leet_status leet_report_get(const leet_context* context, uint32_t index, leet_report_entry* entry,
                            leet_error* error) {
  return guarded("leet_report_get", error, [&]() -> Status {
    if (index >= leet_report_count(context)) {
      return invalid(
          fmt::format("index={}: there are {} entries", index, leet_report_count(context)));
    }
    const LoadReportEntry& from = context->registry.report().entries[index];
    leet_report_entry filled{};
    filled.usable = leet::core::usable(from.rule) ? 1 : 0;
    filled.path = context->report_paths[index].c_str();
    filled.rule = leet::core::rule_code(from.rule);
    filled.seen = from.seen.c_str();
    filled.action = from.action.c_str();
    return copy_out(filled, entry);
  });
}

leet_status leet_supports(const leet_context* context, const char* method,
                          const leet_problem* problem, leet_device device, const char* options,
                          leet_verdict* verdict, leet_error* error) {
  return guarded("leet_supports", error, [&]() -> Status {
    const Result<Selection> selected = select(context, method, problem, device, options);
    if (!selected) {
      if (selected.error().code != LEET_STATUS_UNSUPPORTED) return selected.error();
      return copy_out(refusal(selected.error()), verdict);
    }
    const Result<leet_verdict> answer = leet::core::supports(
        *selected->method, *context->host, *problem, device, text_or_empty(options));
    if (!answer) return answer.error();
    return copy_out(*answer, verdict);
  });
}

leet_status leet_plan_create(leet_context* context, const char* method, const leet_problem* problem,
                             leet_device device, const char* options, leet_plan** plan,
                             leet_error* error) {
  return guarded("leet_plan_create", error, [&]() -> Status {
    if (plan == nullptr) return invalid("plan: null; needs the address to write the handle to");
    Result<Selection> selected = select(context, method, problem, device, options);
    if (!selected) return selected.error();
    Result<std::unique_ptr<Plan>> made =
        Plan::make(*selected->method, *context->host, *problem, device, text_or_empty(options));
    if (!made) return made.error();
    *plan = new leet_plan{std::move(*made), std::move(selected->reason)};
    return {};
  });
}

void leet_plan_destroy(leet_plan* plan) { delete plan; }

leet_status leet_plan_get_info(const leet_plan* plan, leet_plan_info* info, leet_error* error) {
  return guarded("leet_plan_get_info", error, [&]() -> Status {
    if (plan == nullptr) return invalid("plan: null");
    return copy_out(plan->plan->info(), info);
  });
}

leet_status leet_plan_get_method(const leet_plan* plan, leet_method_info* info, leet_error* error) {
  return guarded("leet_plan_get_method", error, [&]() -> Status {
    if (plan == nullptr) return invalid("plan: null");
    return copy_out(method_info(plan->plan->method()), info);
  });
}

const char* leet_plan_reason(const leet_plan* plan) {
  return plan == nullptr ? "" : plan->reason.c_str();
}

leet_status leet_plan_execute(const leet_plan* plan, const leet_tensor* const* tensors,
                              uint32_t count, void* stream, void* workspace,
                              uint64_t workspace_bytes, leet_error* error) {
  return guarded("leet_plan_execute", error, [&]() -> Status {
    if (plan == nullptr) return invalid("plan: null");
    return plan->plan->execute(tensors, count, stream, workspace, workspace_bytes);
  });
}

leet_status leet_plan_check(const leet_plan* plan, const leet_tensor* const* tensors,
                            uint32_t count, leet_error* error) {
  return guarded("leet_plan_check", error, [&]() -> Status {
    if (plan == nullptr) return invalid("plan: null");
    return plan->plan->check(tensors, count);
  });
}

}  // extern "C"
