// SPDX-License-Identifier: Apache-2.0
#include "core/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "core/plugin_call.hpp"

namespace leet::core {
namespace {

Error invalid(std::string message) { return {LEET_STATUS_INVALID_ARGUMENT, std::move(message)}; }

Status check_device(const Method& method, leet_device device) {
  const auto& types = method.device_types;
  if (std::find(types.begin(), types.end(), device.type) != types.end()) {
    if (device.type == LEET_DEVICE_CPU && device.index > 0) {
      return Error{
          LEET_STATUS_UNAVAILABLE,
          fmt::format("device cpu:{}: needs index 0; there is one CPU device", device.index)};
    }
    return {};
  }
  std::string names;
  for (const std::int32_t type : types) names += (names.empty() ? "" : ", ") + device_name(type);
  return Error{LEET_STATUS_UNAVAILABLE,
               fmt::format("method '{}' has no kernels for device '{}'; has: {}",
                           method.identity.id, device_name(device.type), names)};
}

// What a method that returned OK can't have meant, or nothing. Within these bounds nobody's
// arithmetic on the workspace's size overflows.
std::string implausible(const leet_method_plan* plan, const leet_plan_info& info) {
  constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 60;
  constexpr std::uint64_t kMaxAlignment = std::uint64_t{1} << 30;
  if (plan == nullptr) return "no plan";
  if (!std::has_single_bit(info.workspace_alignment)) {
    return fmt::format("workspace alignment {}, which is no power of two",
                       info.workspace_alignment);
  }
  if (info.workspace_alignment > kMaxAlignment) {
    return fmt::format("workspace alignment {}; needs 2^30 or less", info.workspace_alignment);
  }
  if (info.workspace_bytes >= kMaxBytes) {
    return fmt::format("{} bytes of workspace; needs less than 2^60", info.workspace_bytes);
  }
  return {};
}

// Memory for one execute, for callers who bring none.
struct Workspace {
  void* data = nullptr;

  Workspace(std::uint64_t bytes, std::uint64_t alignment)
      : data(std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment)) {}
  ~Workspace() { std::free(data); }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
};

}  // namespace

Error plugin_error(const char* method, leet_status status, const leet_error& error) {
  // The plugin may have left the text without its end.
  std::string message(error.message, strnlen(error.message, sizeof error.message));
  const std::string where(error.where, strnlen(error.where, sizeof error.where));
  if (status < LEET_STATUS_OK || status > LEET_STATUS_INTERNAL) {
    message = fmt::format("returned status {}, which does not exist{}{}", status,
                          message.empty() ? "" : ": ", message);
    status = LEET_STATUS_INTERNAL;
  }
  if (message.empty()) message = fmt::format("returned status {} without a reason", status);
  return {status, std::move(message), where.empty() ? method : fmt::format("{}.{}", method, where),
          error.domain, error.native_code};
}

Error plugin_threw(const char* method, const char* what) {
  return {LEET_STATUS_INTERNAL,
          fmt::format("threw an exception across the ABI{}{}", what == nullptr ? "" : ": ",
                      what == nullptr ? "" : what),
          method};
}

Result<leet_verdict> supports(const Method& method, const HostServices& host,
                              const leet_problem& problem, leet_device device,
                              const std::string& options) {
  Result<CheckedProblem> checked = check_problem(problem);
  if (!checked) return checked.error();
  if (Status status = check_device(method, device); !status) return status.error();
  leet_verdict verdict{};
  verdict.struct_size = sizeof verdict;
  const Status status = call_plugin(method.identity.id, [&](leet_error* error) {
    return method.table->supports(&host.table(), &checked->problem(), &device, options.c_str(),
                                  &verdict, error);
  });
  if (!status) return status.error();
  verdict.reason[sizeof verdict.reason - 1] = '\0';
  return verdict;
}

Result<std::unique_ptr<Plan>> Plan::make(const Method& method, const HostServices& host,
                                         const leet_problem& problem, leet_device device,
                                         const std::string& options) {
  Result<CheckedProblem> checked = check_problem(problem);
  if (!checked) return checked.error();
  if (Status status = check_device(method, device); !status) return status.error();

  std::unique_ptr<Plan> plan(new Plan);
  plan->method_ = &method;
  plan->host_ = &host;
  plan->device_ = device;
  plan->problem_ = std::move(*checked);
  plan->info_.struct_size = sizeof plan->info_;
  const Status status = call_plugin(method.identity.id, [&](leet_error* error) {
    return method.table->plan_create(&host.table(), &plan->problem_.problem(), &device,
                                     options.c_str(), &plan->plan_, &plan->info_, error);
  });
  if (!status) return status.error();
  plan->info_.choice[sizeof plan->info_.choice - 1] = '\0';
  if (plan->info_.workspace_alignment == 0) plan->info_.workspace_alignment = 1;
  if (std::string why = implausible(plan->plan_, plan->info_); !why.empty()) {
    return Error{LEET_STATUS_INTERNAL, "returned OK with " + why, method.identity.id};
  }
  return plan;
}

Plan::~Plan() {
  if (plan_ != nullptr) method_->table->plan_destroy(plan_);
}

Status Plan::check(const leet_tensor* const* tensors, std::uint32_t count) const {
  CheckedTensors checked;
  if (Status status = check_tensors(problem_, tensors, count, checked); !status) return status;
  return device_.type == LEET_DEVICE_CPU ? check_values(checked) : Status();
}

Status Plan::execute(const leet_tensor* const* tensors, std::uint32_t count, void* stream,
                     void* workspace, std::uint64_t workspace_bytes) const {
  CheckedTensors checked;
  if (Status status = check_tensors(problem_, tensors, count, checked); !status) return status;
  if (workspace == nullptr && info_.workspace_bytes > 0) {
    const Workspace own(info_.workspace_bytes,
                        std::max<std::uint64_t>(info_.workspace_alignment, sizeof(void*)));
    if (own.data == nullptr) {
      return Error{LEET_STATUS_OUT_OF_MEMORY,
                   fmt::format("no {} bytes of workspace", info_.workspace_bytes)};
    }
    return run(checked, stream, own.data, info_.workspace_bytes);
  }
  if (info_.workspace_bytes > 0) {
    if (workspace_bytes < info_.workspace_bytes) {
      return invalid(fmt::format("workspace: {} bytes; this plan needs {}", workspace_bytes,
                                 info_.workspace_bytes));
    }
    if (reinterpret_cast<std::uintptr_t>(workspace) % info_.workspace_alignment != 0) {
      return invalid(fmt::format("workspace: at {}; this plan needs a multiple of {} bytes",
                                 workspace, info_.workspace_alignment));
    }
  }
  return run(checked, stream, workspace, workspace_bytes);
}

Status Plan::run(const CheckedTensors& checked, void* stream, void* workspace,
                 std::uint64_t workspace_bytes) const {
  leet_exec exec{};
  exec.struct_size = sizeof exec;
  exec.role_count = LEET_ROLE_COUNT;
  exec.tensors = checked.pointers.data();
  exec.device = device_;
  exec.stream = stream;
  exec.workspace = workspace;
  exec.workspace_bytes = workspace_bytes;
  return call_plugin(method_->identity.id, [&](leet_error* error) {
    return method_->table->execute(&host_->table(), plan_, &exec, error);
  });
}

}  // namespace leet::core
