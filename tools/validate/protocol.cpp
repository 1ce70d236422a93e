// SPDX-License-Identifier: Apache-2.0
//
// Level 3, the parts about the ABI itself: what a method answers to hosts that are newer, older or
// wrong.
#include <dlfcn.h>
#include <fmt/format.h>

#include <cstddef>
#include <cstring>
#include <functional>

#include "core/argument_check.hpp"
#include "tools/common/reporter.hpp"
#include "tools/validate/catalogue.hpp"

namespace leet::validate {
namespace {

// A well-formed problem in the form that plugins see, of a dtype and decay kind that the note
// claims.
struct PluginProblem {
  explicit PluginProblem(const Subject& subject) {
    for (const Dtypes& dtypes : all_dtypes()) {
      for (const std::int32_t decay_kind : all_decay_kinds()) {
        const Description d{.in = dtypes.in, .out = dtypes.out, .decay_kind = decay_kind};
        if (!claimed && subject.claims(d)) {
          description = d;
          claimed = true;
        }
      }
    }
    const Specs specs = make_specs(description, description);
    const ProblemView view(description, specs);
    auto result = core::check_problem(view.problem);
    if (result) checked = std::move(result.value());
  }

  Description description;
  bool claimed = false;
  core::CheckedProblem checked;
};

Result nothing_claimed() {
  return {Status::kUnsupported, {}, "the note claims no dtype and decay kind"};
}

// supports() and plan_create() of the table itself must refuse the problem.
Result must_refuse(const Subject& subject, const leet_problem& problem, const std::string& what) {
  const leet_method& table = *subject.method().table;
  const leet_device device = subject.device();
  leet_verdict verdict{};
  verdict.struct_size = sizeof verdict;
  verdict.answer = LEET_ANSWER_YES;
  leet_error error{};
  error.struct_size = sizeof error;
  leet_status status =
      table.supports(&subject.host().table(), &problem, &device, nullptr, &verdict, &error);
  const bool refused =
      status == LEET_STATUS_UNSUPPORTED ||
      (status == LEET_STATUS_OK && verdict.answer == LEET_ANSWER_NO && verdict.reason[0] != '\0');
  if (!refused) {
    return Result::fail(
        fmt::format("{}: supports gives {}, answer {} '{}'; a no with a reason is "
                    "right",
                    what, tools::status_name(status), verdict.answer, verdict.reason));
  }
  leet_plan_info info{};
  info.struct_size = sizeof info;
  leet_method_plan* plan = nullptr;
  status =
      table.plan_create(&subject.host().table(), &problem, &device, nullptr, &plan, &info, &error);
  if (status == LEET_STATUS_OK) table.plan_destroy(plan);
  if (status == LEET_STATUS_UNSUPPORTED) return Result::pass();
  return Result::fail(fmt::format("{}: plan_create gives {}; UNSUPPORTED is right", what,
                                  tools::status_name(status)));
}

Result unknown_bits(const Subject& subject, const Settings&) {
  const PluginProblem base(subject);
  if (!base.claimed) return nothing_claimed();
  struct Variant {
    const char* what;
    std::function<void(leet_problem&)> bend;
  };
  const Variant bent[] = {
      {"must_understand bit 0", [](leet_problem& p) { p.must_understand = 1; }},
      {"must_understand bit 31", [](leet_problem& p) { p.must_understand = 1u << 31; }},
      {"dynamic_axes bit 20", [](leet_problem& p) { p.dynamic_axes = 1u << 20; }},
      {"decay_kind 99", [](leet_problem& p) { p.decay_kind = 99; }},
      {"decay_kind -1", [](leet_problem& p) { p.decay_kind = -1; }},
      {"lowest_precision 7", [](leet_problem& p) { p.lowest_precision = 7; }},
  };
  for (const auto& [what, bend] : bent) {
    leet_problem problem = base.checked.problem();
    bend(problem);
    const Result result = must_refuse(subject, problem, what);
    if (result.status != Status::kPass) return result;
  }
  std::array<const leet_tensor_spec*, LEET_ROLE_COUNT + 2> roles{};
  leet_problem problem = base.checked.problem();
  std::copy_n(problem.specs, LEET_ROLE_COUNT, roles.begin());
  problem.specs = roles.data();
  problem.role_count = static_cast<std::uint32_t>(roles.size());
  const auto accepts = [&](const leet_problem& asked) {
    leet_verdict verdict{};
    verdict.struct_size = sizeof verdict;
    const leet_device device = subject.device();
    return subject.method().table->supports(&subject.host().table(), &asked, &device, nullptr,
                                            &verdict, nullptr) == LEET_STATUS_OK &&
           verdict.answer != LEET_ANSWER_NO;
  };
  // Later roles that are absent, and bits that may be ignored, change nothing.
  problem.may_ignore = 1u << 31;
  if (accepts(base.checked.problem()) && !accepts(problem)) {
    return Result::fail("a bit of may_ignore or an absent later role made it refuse");
  }
  problem.may_ignore = 0;
  roles.back() = roles[LEET_ROLE_Q];
  return must_refuse(subject, problem, "a tensor of role 9");
}

// Calls with a struct of which only `size` bytes are the callee's, and looks at the others.
template <class Struct, class Call>
Result keeps_within(const char* what, std::size_t size, Call&& call) {
  alignas(Struct) std::array<std::byte, sizeof(Struct)> memory;
  memory.fill(std::byte{0xa5});
  std::memset(memory.data(), 0, size);
  auto* object = reinterpret_cast<Struct*>(memory.data());
  object->struct_size = static_cast<std::uint32_t>(size);
  call(object);
  for (std::size_t i = size; i < memory.size(); ++i) {
    if (memory[i] != std::byte{0xa5}) {
      return Result::fail(
          fmt::format("{} with struct_size={}: byte {} was written", what, size, i));
    }
  }
  return Result::pass();
}

Result struct_sizes(const Subject& subject, const Settings&) {
  const PluginProblem base(subject);
  if (!base.claimed) return nothing_claimed();
  const leet_method& table = *subject.method().table;
  const leet_host& host = subject.host().table();
  const leet_device device = subject.device();
  const leet_problem& problem = base.checked.problem();
  std::vector<Result> results;
  for (const std::size_t size : {sizeof(std::uint32_t), offsetof(leet_verdict, predicted_seconds),
                                 offsetof(leet_verdict, reason), sizeof(leet_verdict)}) {
    results.push_back(keeps_within<leet_verdict>("leet_verdict", size, [&](leet_verdict* verdict) {
      table.supports(&host, &problem, &device, nullptr, verdict, nullptr);
    }));
  }
  for (const std::size_t size : {sizeof(std::uint32_t), offsetof(leet_plan_info, workspace_bytes),
                                 offsetof(leet_plan_info, flops), offsetof(leet_plan_info, choice),
                                 sizeof(leet_plan_info)}) {
    results.push_back(
        keeps_within<leet_plan_info>("leet_plan_info", size, [&](leet_plan_info* info) {
          leet_method_plan* plan = nullptr;
          if (table.plan_create(&host, &problem, &device, nullptr, &plan, info, nullptr) ==
              LEET_STATUS_OK) {
            table.plan_destroy(plan);
          }
        }));
  }
  for (const std::size_t size :
       {sizeof(std::uint32_t), offsetof(leet_error, domain), offsetof(leet_error, where),
        offsetof(leet_error, message), sizeof(leet_error)}) {
    results.push_back(keeps_within<leet_error>("leet_error", size, [&](leet_error* error) {
      leet_verdict verdict{};
      verdict.struct_size = sizeof verdict;
      table.supports(&host, &problem, &device, "no_such_option=1", &verdict, error);
    }));
  }
  // An older host's problem ends where its newest field does; nothing is read past struct_size.
  for (const Result& result : results) {
    if (result.status != Status::kPass) return result;
  }
  table.plan_destroy(nullptr);
  return Result::pass();
}

Result entry_refuses_older_host(const Subject& subject, const Settings&) {
  const std::uint32_t required = subject.method().identity.abi_minor_required;
  if (required == 0) return Result::skip("the note requires no minor above 0");
  // The registry has loaded it and keeps it; this only finds it again.
  void* library = dlopen(subject.method().path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  if (library == nullptr) return Result::skip("the loaded file was not found again");
  const auto entry = reinterpret_cast<leet_plugin_entry_fn>(dlsym(library, LEET_ENTRY_SYMBOL));
  if (entry == nullptr) return Result::fail("the entry symbol was not found");
  const leet_method* table = nullptr;
  leet_error error{};
  error.struct_size = sizeof error;
  const leet_status status = entry(required - 1, &table, &error);
  if (status == LEET_STATUS_OK) {
    return Result::fail(fmt::format("a host of minor {} was accepted, the note requires {}",
                                    required - 1, required));
  }
  if (error.message[0] == '\0') return Result::fail("refused without a message");
  return Result::pass();
}

struct Malformed {
  const char* what;
  std::function<void(TensorMemory&)> bend;
};

Result malformed_calls(const Subject& subject, const Settings& settings) {
  const PluginProblem base(subject);
  if (!base.claimed) return nothing_claimed();
  const Description& d = base.description;
  const Specs specs = make_specs(d, d);
  const auto planned = subject.plan(d);
  if (planned.plan == nullptr) return planned.result;
  const Inputs inputs = make_inputs(d, Random(settings.seed, "malformed-calls"));

  const Malformed bent[] = {
      {"k has another N", [](auto& m) { m.tensor(LEET_ROLE_K).spec.extent[2] += 1; }},
      {"v has another B", [](auto& m) { m.tensor(LEET_ROLE_V).spec.extent[0] += 1; }},
      {"q has rank 3", [](auto& m) { m.tensor(LEET_ROLE_Q).spec.rank = 3; }},
      {"v has a negative stride", [](auto& m) { m.tensor(LEET_ROLE_V).spec.stride[1] *= -1; }},
      {"out has a stride of 0", [](auto& m) { m.tensor(LEET_ROLE_OUT).spec.stride[2] = 0; }},
      {"out's last stride is 2", [](auto& m) { m.tensor(LEET_ROLE_OUT).spec.stride[3] = 2; }},
      {"out is q's memory",
       [](auto& m) { m.tensor(LEET_ROLE_OUT).data = m.tensor(LEET_ROLE_Q).data; }},
      {"k has no data", [](auto& m) { m.tensor(LEET_ROLE_K).data = nullptr; }},
      {"q is not aligned to its element",
       [](auto& m) {
         leet_tensor& q = m.tensor(LEET_ROLE_Q);
         q.data = static_cast<std::byte*>(q.data) + 1;
       }},
      {"out has another dtype",
       [](auto& m) {
         m.tensor(LEET_ROLE_OUT).spec.dtype = {LEET_DTYPE_INT, 64, 1};
       }},
  };
  for (const auto& [what, bend] : bent) {
    TensorMemory memory(d, specs, inputs);
    bend(memory);
    const core::Status status =
        planned.plan->execute(memory.pointers(), LEET_ROLE_COUNT, nullptr, nullptr, 0);
    if (status || status.error().code != LEET_STATUS_INVALID_ARGUMENT) {
      return Result::fail(fmt::format("{}: {}; INVALID_ARGUMENT is right", what,
                                      status ? "accepted" : status.error().message));
    }
    if (memory.outputs_touched()) {
      return Result::fail(fmt::format("{}: refused, and yet an output was written", what));
    }
  }

  TensorMemory memory(d, specs, inputs);
  const std::uint64_t needed = planned.plan->info().workspace_bytes;
  if (needed > 0) {
    GuardedBlock small(needed - 1, planned.plan->info().workspace_alignment);
    const core::Status status = planned.plan->execute(memory.pointers(), LEET_ROLE_COUNT, nullptr,
                                                      small.data(), small.size());
    if (status || memory.outputs_touched()) {
      return Result::fail("a workspace that is one byte too small was accepted");
    }
  }
  const core::Status status =
      planned.plan->execute(memory.pointers(), LEET_ROLE_V, nullptr, nullptr, 0);
  if (status || memory.outputs_touched()) return Result::fail("a missing v and out were accepted");
  return Result::pass();
}

}  // namespace

void add_protocol_cases(std::vector<Case>& cases) {
  struct Entry {
    const char* check;
    Result (*body)(const Subject&, const Settings&);
  };
  for (const auto& [check, body] :
       {Entry{"unknown-bits", unknown_bits}, Entry{"struct-sizes", struct_sizes},
        Entry{"entry-refuses-older-host", entry_refuses_older_host},
        Entry{"malformed-calls", malformed_calls}}) {
    cases.push_back(
        {.id = std::string(check) + "/any", .check = check, .level = kContractLevel, .run = body});
  }
}

}  // namespace leet::validate
