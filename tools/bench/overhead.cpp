// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/overhead.hpp"

#include <leet/leet.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <leet/plugin/dtype.hpp>
#include <memory>
#include <vector>

#include "core/argument_check.hpp"
#include "core/host_services.hpp"
#include "core/plugin_call.hpp"
#include "tools/bench/samples.hpp"
#include "tools/bench/tensors.hpp"

namespace leet::bench {
namespace {

constexpr Point kPoint = {.B = 1, .H = 1, .N = 1, .R = 8, .D = 8, .dtype = sdk::kF32};
constexpr leet_device kCpu = {LEET_DEVICE_CPU, 0};

// A tenth of a millisecond: long against the clock's steps, so short against a time slice that most
// batches fall into none's end, on a crowded machine too.
constexpr int kCallsInBatch = 100;
constexpr int kBatches = 2001;

// Calls the C API and makes its error one of ours.
template <class Function>
core::Status call_api(Function&& function) {
  leet_error error{};
  error.struct_size = sizeof error;
  const leet_status status = function(&error);
  if (status == LEET_STATUS_OK) return {};
  return core::Error{status, error.message, error.where};
}

struct DestroyContext {
  void operator()(leet_context* context) const { leet_context_destroy(context); }
};
struct DestroyPlan {
  void operator()(leet_plan* plan) const { leet_plan_destroy(plan); }
};
using Context = std::unique_ptr<leet_context, DestroyContext>;
using ApiPlan = std::unique_ptr<leet_plan, DestroyPlan>;

core::Result<Context> open_context(const tools::GlobalOptions& global) {
  std::vector<const char*> paths;
  for (const auto& path : global.plugin_paths) paths.push_back(path.c_str());
  leet_context_options options{};
  options.struct_size = sizeof options;
  options.threads = 1;
  options.configuration = global.configuration.empty() ? nullptr : global.configuration.c_str();
  options.plugin_paths = paths.data();
  options.plugin_path_count = static_cast<std::uint32_t>(paths.size());
  options.only_plugin_paths = global.only_plugin_paths ? 1 : 0;
  options.log_level = global.log_level.empty() ? nullptr : global.log_level.c_str();
  leet_context* context = nullptr;
  const core::Status status =
      call_api([&](leet_error* error) { return leet_context_create(&options, &context, error); });
  if (!status) return status.error();
  return Context(context);
}

// The plugin's own plan, without the library between.
class DirectPlan {
 public:
  static core::Result<std::unique_ptr<DirectPlan>> make(const core::Method& method,
                                                        const core::CheckedProblem& problem,
                                                        const std::string& options) {
    auto direct = std::make_unique<DirectPlan>(*method.table);
    leet_plan_info info{};
    info.struct_size = sizeof info;
    const core::Status status = core::call_plugin(method.identity.id, [&](leet_error* error) {
      return method.table->plan_create(&direct->host_.table(), &problem.problem(), &kCpu,
                                       options.c_str(), &direct->plan_, &info, error);
    });
    if (!status) return status.error();
    return direct;
  }
  explicit DirectPlan(const leet_method& table) : table_(table) {}
  ~DirectPlan() { table_.plan_destroy(plan_); }
  DirectPlan(const DirectPlan&) = delete;
  DirectPlan& operator=(const DirectPlan&) = delete;

  leet_status execute(const leet_exec& exec, leet_error* error) const {
    return table_.execute(&host_.table(), plan_, &exec, error);
  }

 private:
  const leet_method& table_;
  core::HostServices host_{1, "off"};
  leet_method_plan* plan_ = nullptr;
};

template <class Call>
double seconds_a_call(Call&& call) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  for (int i = 0; i < kCallsInBatch; ++i) call();
  return std::chrono::duration<double>(Clock::now() - begin).count() / kCallsInBatch;
}

double median(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return percentile(values, 0.5);
}

}  // namespace

core::Result<Overhead> measure_overhead(const core::Method& method,
                                        const tools::GlobalOptions& global,
                                        const std::string& options) {
  core::Result<Context> context = open_context(global);
  if (!context) return context.error();
  const PointProblem problem(kPoint);
  leet_plan* made = nullptr;
  core::Status status = call_api([&](leet_error* error) {
    return leet_plan_create(context->get(), method.identity.id, &problem.problem(), kCpu,
                            options.c_str(), &made, error);
  });
  if (!status) return status.error();
  const ApiPlan plan(made);
  leet_plan_info info{};
  info.struct_size = sizeof info;
  leet_plan_get_info(plan.get(), &info, nullptr);

  const core::Result<core::CheckedProblem> checked_problem = core::check_problem(problem.problem());
  if (!checked_problem) return checked_problem.error();
  const auto direct = DirectPlan::make(method, *checked_problem, options);
  if (!direct) return direct.error();

  const Tensors tensors(kPoint, problem, 0, 1);
  const leet_tensor* const* const pointers = tensors.pointers(0);
  const HugePages workspace(info.workspace_bytes + info.workspace_alignment);
  void* begin = workspace.data();
  std::size_t space = workspace.size();
  std::align(info.workspace_alignment, info.workspace_bytes, begin, space);

  core::CheckedTensors checked;
  status = core::check_tensors(*checked_problem, pointers, LEET_ROLE_COUNT, checked);
  if (!status) return status.error();
  leet_exec exec{};
  exec.struct_size = sizeof exec;
  exec.role_count = LEET_ROLE_COUNT;
  exec.tensors = checked.pointers.data();
  exec.device = kCpu;
  exec.workspace = begin;
  exec.workspace_bytes = info.workspace_bytes;

  const auto call_library = [&](leet_error* error) {
    return leet_plan_execute(plan.get(), pointers, LEET_ROLE_COUNT, nullptr, begin,
                             info.workspace_bytes, error);
  };
  status = call_api(call_library);
  if (!status) return status.error();
  status = core::call_plugin(method.identity.id,
                             [&](leet_error* error) { return (*direct)->execute(exec, error); });
  if (!status) return status.error();

  leet_error error{};
  error.struct_size = sizeof error;
  std::vector<double> calls, executes, checks;
  for (int batch = 0; batch < kBatches; ++batch) {
    calls.push_back(seconds_a_call([&] { call_library(&error); }));
    executes.push_back(seconds_a_call([&] { (*direct)->execute(exec, &error); }));
    checks.push_back(seconds_a_call([&] {
      core::CheckedTensors again;
      status = core::check_tensors(*checked_problem, pointers, LEET_ROLE_COUNT, again);
    }));
  }
  return Overhead{median(calls), median(executes), median(checks)};
}

}  // namespace leet::bench
