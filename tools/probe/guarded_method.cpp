// SPDX-License-Identifier: Apache-2.0
#include "tools/probe/guarded_method.hpp"

#include <cxxabi.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <typeinfo>

#include "core/printable.hpp"

namespace leet::probe {
namespace {

using core::ProbeStage;

struct Guard {
  const leet_method* method = nullptr;
  Channel* channel = nullptr;
  FpState usual;

  template <class Function>
  auto call(ProbeStage stage, Function&& function) const {
    return guarded(stage, *channel, usual, function);
  }
};

Guard guard;  // of the process's one plugin
Channel* terminate_channel = nullptr;

leet_status supports(const leet_host* host, const leet_problem* problem, const leet_device* device,
                     const char* options, leet_verdict* verdict, leet_error* error) {
  return guard.call(ProbeStage::kSupports, [&] {
    return guard.method->supports(host, problem, device, options, verdict, error);
  });
}

leet_status plan_create(const leet_host* host, const leet_problem* problem,
                        const leet_device* device, const char* options, leet_method_plan** plan,
                        leet_plan_info* info, leet_error* error) {
  return guard.call(ProbeStage::kPlanCreate, [&] {
    return guard.method->plan_create(host, problem, device, options, plan, info, error);
  });
}

leet_status execute(const leet_host* host, const leet_method_plan* plan, const leet_exec* exec,
                    leet_error* error) {
  return guard.call(ProbeStage::kExecute,
                    [&] { return guard.method->execute(host, plan, exec, error); });
}

void plan_destroy(leet_method_plan* plan) {
  guard.call(ProbeStage::kPlanDestroy, [&] {
    guard.method->plan_destroy(plan);
    return 0;
  });
}

}  // namespace

const leet_method* guard_method(const leet_method& method, Channel& channel, const FpState& usual) {
  static leet_method table;
  guard = {&method, &channel, usual};
  std::memcpy(&table, &method, std::min<std::size_t>(sizeof table, method.struct_size));
  table.struct_size = std::min<std::uint32_t>(sizeof table, method.struct_size);
  table.supports = supports;
  table.plan_create = plan_create;
  table.execute = execute;
  table.plan_destroy = plan_destroy;
  return &table;
}

std::string describe_exception() {
  const std::type_info* const type = abi::__cxa_current_exception_type();
  if (type == nullptr) return "something that is no C++ exception";
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> readable(
      abi::__cxa_demangle(type->name(), nullptr, nullptr, &status), std::free);
  const std::string name = readable ? readable.get() : type->name();
  try {
    throw;
  } catch (const std::exception& e) {
    return fmt::format("an exception of type {} ({})", core::printable(name, 80),
                       core::printable(e.what(), 120));
  } catch (...) {
    return fmt::format("an exception of type {}", core::printable(name, 80));
  }
}

void report_terminate(Channel& channel) {
  terminate_channel = &channel;
  std::set_terminate([] {
    if (std::current_exception()) {
      terminate_channel->fail(core::Rule::kException,
                              describe_exception() + " was not caught and ended the process");
    }
    std::abort();
  });
}

}  // namespace leet::probe
