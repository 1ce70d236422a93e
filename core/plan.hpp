// SPDX-License-Identifier: Apache-2.0
//
// A method's plan for a problem, and its execution on the caller's memory. Every argument is
// checked here, once, for all plugins.
#ifndef LEET_CORE_PLAN_HPP
#define LEET_CORE_PLAN_HPP

#include <leet/plugin.h>

#include <memory>
#include <string>

#include "core/argument_check.hpp"
#include "core/host_services.hpp"
#include "core/registry.hpp"
#include "core/result.hpp"

namespace leet::core {

// Asks whether `method` can compute the problem. A problem that is malformed is an error
// (INVALID_ARGUMENT); one that is not supported is a verdict with LEET_ANSWER_NO. [thread-safe]
Result<leet_verdict> supports(const Method& method, const HostServices& host,
                              const leet_problem& problem, leet_device device,
                              const std::string& options);

class Plan {
 public:
  // `method`, `host` and the registry that they come from outlive the plan; `problem` is copied.
  // [thread-safe] Errors: INVALID_ARGUMENT, UNSUPPORTED (with the method's reason), UNAVAILABLE (a
  // device that the method is not registered for), and whatever the method returns.
  static Result<std::unique_ptr<Plan>> make(const Method& method, const HostServices& host,
                                            const leet_problem& problem, leet_device device,
                                            const std::string& options);
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  const leet_plan_info& info() const { return info_; }
  const Method& method() const { return *method_; }
  leet_device device() const { return device_; }

  // `tensors` by role, `count` of them. `workspace` has at least info().workspace_bytes at
  // info().workspace_alignment; null lets the plan allocate and free one for this call. Any number
  // of threads may execute one plan at once, each with its own workspace. Nothing is written unless
  // every check passed. [thread-safe]
  Status execute(const leet_tensor* const* tensors, std::uint32_t count, void* stream,
                 void* workspace, std::uint64_t workspace_bytes) const;

  // Everything that execute checks and, for tensors in host memory, their values too
  // (check_values). [thread-safe]
  Status check(const leet_tensor* const* tensors, std::uint32_t count) const;

 private:
  Plan() = default;

  Status run(const CheckedTensors& checked, void* stream, void* workspace,
             std::uint64_t workspace_bytes) const;

  const Method* method_ = nullptr;
  const HostServices* host_ = nullptr;
  leet_device device_{};
  CheckedProblem problem_;
  leet_method_plan* plan_ = nullptr;
  leet_plan_info info_{};
};

}  // namespace leet::core
#endif  // LEET_CORE_PLAN_HPP
