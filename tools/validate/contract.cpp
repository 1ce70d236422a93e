// SPDX-License-Identifier: Apache-2.0
//
// Level 3: what a method promises about its calls, whatever numbers come out.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <thread>

#include "core/argument_check.hpp"
#include "tools/common/names.hpp"
#include "tools/common/reporter.hpp"
#include "tools/validate/catalogue.hpp"
#include "tools/validate/judge.hpp"

namespace leet::validate {
namespace {

using Body = Result (*)(const Subject&, const Description&, Random);

leet_error empty_error() {
  leet_error error{};
  error.struct_size = sizeof error;
  return error;
}

Result supports_is_pure(const Subject& subject, const Description& d, Random) {
  const Specs specs = make_specs(d, d);
  const ProblemView view(d, specs);
  const auto checked = core::check_problem(view.problem);
  if (!checked) return Result::fail(checked.error().message);
  const leet_problem& problem = checked->problem();
  const leet_problem problem_before = problem;
  std::vector<leet_tensor_spec> specs_before;
  for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
    if (problem.specs[role] != nullptr) specs_before.push_back(*problem.specs[role]);
  }
  std::array<leet_verdict, 2> verdicts{};
  for (leet_verdict& verdict : verdicts) {
    verdict.struct_size = sizeof verdict;
    leet_error error = empty_error();
    const leet_device device = subject.device();
    const leet_status status = subject.method().table->supports(&subject.host().table(), &problem,
                                                                &device, nullptr, &verdict, &error);
    if (status != LEET_STATUS_OK) {
      return Result::fail(
          fmt::format("supports: {}: {}", tools::status_name(status), error.message));
    }
  }
  if (verdicts[0].answer != verdicts[1].answer ||
      verdicts[0].predicted_seconds != verdicts[1].predicted_seconds ||
      std::strncmp(verdicts[0].reason, verdicts[1].reason, sizeof verdicts[0].reason) != 0) {
    return Result::fail(fmt::format("the first answer is {} '{}', the second {} '{}'",
                                    verdicts[0].answer, verdicts[0].reason, verdicts[1].answer,
                                    verdicts[1].reason));
  }
  std::size_t i = 0;
  bool unchanged = std::memcmp(&problem, &problem_before, sizeof problem) == 0;
  for (int role = 0; role < LEET_ROLE_COUNT && unchanged; ++role) {
    if (problem.specs[role] == nullptr) continue;
    unchanged = std::memcmp(problem.specs[role], &specs_before[i++], sizeof specs_before[0]) == 0;
  }
  return unchanged ? Result::pass() : Result::fail("supports changed the problem or its specs");
}

// Plain and featureful problems with these dtypes and this decay kind.
std::vector<Description> variants(const Description& base) {
  std::vector<Description> all(6, base);
  all[1].state_in = all[1].state_out = true;
  all[2].Hk = all[2].Hv = all[2].Hg = 1;
  all[3].layout = Layout::kBnhd;
  all[4].B = 1, all[4].lengths = {30, 35};
  all[5].R = 7, all[5].D = 5, all[5].N = 9;
  return all;
}

Result supports_matches_execute(const Subject& subject, const Description& base, Random random) {
  bool refused_all = true;
  Result refusal;
  for (const Description& d : variants(base)) {
    const Run run = subject.run(d, make_inputs(d, random));
    if (run.result.status == Status::kFail) return run.result;
    if (run.ok()) {
      refused_all = false;
      continue;
    }
    refusal = run.result;
    const Specs specs = make_specs(d, d);
    const ProblemView view(d, specs);
    const auto plan =
        core::Plan::make(subject.method(), subject.host(), view.problem, subject.device(), "");
    if (plan) return Result::fail("supports says no, and plan_create makes a plan");
    if (plan.error().code != LEET_STATUS_UNSUPPORTED || plan.error().message.empty()) {
      return Result::fail(fmt::format("supports says no, plan_create {} '{}'; UNSUPPORTED is right",
                                      tools::status_name(plan.error().code), plan.error().message));
    }
  }
  return refused_all ? refusal : Result::pass();
}

Result check_reason(const leet_verdict& verdict, const std::string& what) {
  const auto end = std::find(std::begin(verdict.reason), std::end(verdict.reason), '\0');
  if (end == std::end(verdict.reason)) {
    return Result::fail(fmt::format("{}: the reason is not NUL-ended", what));
  }
  if (end - std::begin(verdict.reason) < 4) {
    return Result::fail(fmt::format("{}: refused with the reason '{}'", what, verdict.reason));
  }
  return Result::pass();
}

Result unsupported_gives_reason(const Subject& subject, const Description&, Random) {
  const auto ask = [&](const Description& d, leet_device device) {
    const Specs specs = make_specs(d, d);
    const ProblemView view(d, specs);
    leet_verdict verdict{};
    verdict.struct_size = sizeof verdict;
    const auto checked = core::check_problem(view.problem);
    if (!checked) return verdict;
    leet_error error = empty_error();
    subject.method().table->supports(&subject.host().table(), &checked->problem(), &device, nullptr,
                                     &verdict, &error);
    return verdict;
  };
  for (const Dtypes& dtypes : all_dtypes()) {
    for (const std::int32_t decay_kind : all_decay_kinds()) {
      for (const Description& d :
           variants({.in = dtypes.in, .out = dtypes.out, .decay_kind = decay_kind})) {
        const leet_verdict verdict = ask(d, subject.device());
        if (verdict.answer != LEET_ANSWER_NO) continue;
        const Result result = check_reason(verdict, case_id("refusal", d, "variant"));
        if (result.status != Status::kPass) return result;
      }
    }
  }
  for (const std::int32_t type : {LEET_DEVICE_CPU, LEET_DEVICE_CUDA}) {
    const auto& claimed = subject.method().identity.device_types;
    if (std::ranges::find(claimed, type) != std::end(claimed)) continue;
    const leet_verdict verdict = ask({}, {type, -1});
    if (verdict.answer != LEET_ANSWER_NO) {
      return Result::fail(
          fmt::format("device type {} is not in the note and is not refused", type));
    }
    const Result result = check_reason(verdict, fmt::format("device type {}", type));
    if (result.status != Status::kPass) return result;
  }
  return Result::pass();
}

Result note_matches_supports(const Subject& subject, const Description& base, Random) {
  bool any = false;
  std::string reason;
  for (const Description& d : variants(base)) {
    const auto planned = subject.plan(d);
    if (planned.result.status == Status::kFail) return planned.result;
    const bool supported = planned.plan != nullptr;
    if (supported && !subject.claims(d)) {
      return Result::fail(fmt::format("supported, but the note does not claim it: {} {}",
                                      dtype_label(d), tools::decay_kind_name(d.decay_kind)));
    }
    any = any || supported;
    if (!supported) reason = planned.result.message;
  }
  if (any || !subject.claims(base)) {
    return any ? Result::pass() : Result{Status::kUnsupported, {}, reason};
  }
  return Result::fail(fmt::format("the note claims it, every problem is refused: {}", reason));
}

Result plan_info_valid(const Subject& subject, const Description& d, Random) {
  const auto planned = subject.plan(d);
  if (planned.plan == nullptr) return planned.result;
  const leet_plan_info& info = planned.plan->info();
  if (info.workspace_alignment != 0 && !std::has_single_bit(info.workspace_alignment)) {
    return Result::fail(
        fmt::format("workspace_alignment={}: a power of two is right", info.workspace_alignment));
  }
  if (info.precision_used != LEET_PRECISION_EXACT) {
    return Result::fail(fmt::format("precision_used={}: exact was asked for", info.precision_used));
  }
  for (const double value :
       {info.predicted_seconds, info.flops, info.bytes_moved, info.declared_rel_error}) {
    if (!std::isfinite(value) || value < 0) {
      return Result::fail(
          fmt::format("a figure of the plan is {}: finite, not negative is right", value));
    }
  }
  if (info.declared_rel_error == 0) return Result::warn("the plan declares no error bound");
  return Result::pass();
}

// The same plan executed with workspaces that hold different things at first.
Result workspace_honest(const Subject& subject, const Description& d, Random random) {
  const Specs specs = make_specs(d, d);
  const auto planned = subject.plan(d);
  if (planned.plan == nullptr) return planned.result;
  const Inputs inputs = make_inputs(d, random);
  const Run poisoned = subject.execute(*planned.plan, d, specs, inputs);
  if (!poisoned.ok()) return poisoned.result;
  for (const int content : {0x00, 0x3c}) {
    TensorMemory memory(d, specs, inputs);
    GuardedBlock workspace(poisoned.info.workspace_bytes, poisoned.info.workspace_alignment);
    std::memset(workspace.data(), content, workspace.size());
    const core::Status status = planned.plan->execute(memory.pointers(), LEET_ROLE_COUNT, nullptr,
                                                      workspace.data(), workspace.size());
    if (!status) return Result::fail(status.error().message);
    const Result same = agree("out", memory.read(LEET_ROLE_OUT), poisoned.out, d, false);
    if (same.status != Status::kPass) {
      return Result::fail("the result depends on what the workspace holds at first; " +
                          same.message);
    }
  }
  return Result::pass();
}

Result written_memory(const Subject& subject, const Description& base, Random random) {
  Description d = base;
  d.layout = Layout::kGaps;
  Run run = subject.run(d, make_inputs(d, random));
  if (run.result.status != Status::kUnsupported) return run.result;
  d.layout = Layout::kBhnd;
  return subject.run(d, make_inputs(d, random)).result;
}

Result bitwise_repeatable(const Subject& subject, const Description& d, Random random) {
  const Specs specs = make_specs(d, d);
  const auto planned = subject.plan(d);
  if (planned.plan == nullptr) return planned.result;
  if ((planned.plan->info().properties & LEET_PLAN_DETERMINISTIC) == 0) {
    return Result::skip("the plan does not declare determinism");
  }
  const Inputs inputs = make_inputs(d, random);
  const Run first = subject.execute(*planned.plan, d, specs, inputs);
  if (!first.ok()) return first.result;
  for (int repetition = 0; repetition < 4; ++repetition) {
    const Run again = subject.execute(*planned.plan, d, specs, inputs);
    if (!again.ok()) return again.result;
    const Result out = identical("out", again.out, first.out);
    if (out.status != Status::kPass) return out;
    const Result state = identical("state_out", again.state, first.state);
    if (state.status != Status::kPass) return state;
  }
  return Result::pass();
}

Result thread_count(const Subject& subject, const Description& base, Random random) {
  for (const std::int64_t N : {300, 1}) {
    Description d = base;
    d.deterministic = true;
    d.N = N;
    const Inputs inputs = make_inputs(d, random);
    const Run reference = subject.run(d, inputs);
    if (!reference.ok()) return reference.result;
    for (const int threads : {1, 2, 7}) {
      const core::HostServices host(threads, "off");
      const Run run = subject.run(d, inputs, host);
      if (!run.ok()) return run.result;
      Result same = identical("out", run.out, reference.out);
      if (same.status == Status::kPass) {
        same = identical("state_out", run.state, reference.state);
      }
      if (same.status == Status::kPass) continue;
      return Result::fail(fmt::format("N={}, {} threads against {}: {}", N, threads,
                                      Subject::kThreads, same.message));
    }
  }
  return Result::pass();
}

Result reentrant(const Subject& subject, const Description& d, Random random) {
  const Specs specs = make_specs(d, d);
  const auto planned = subject.plan(d);
  if (planned.plan == nullptr) return planned.result;
  const Inputs inputs = make_inputs(d, random);
  const Run alone = subject.execute(*planned.plan, d, specs, inputs);
  if (!alone.ok()) return alone.result;
  constexpr int kThreads = 8;
  std::array<Run, kThreads> runs;
  std::vector<std::jthread> threads;
  for (Run& run : runs) {
    threads.emplace_back([&] {
      for (int repetition = 0; repetition < 4; ++repetition) {
        run = subject.execute(*planned.plan, d, specs, inputs);
        if (run.ok()) run.result = agree("out", run.out, alone.out, d, false);
        if (run.ok()) run.result = agree("state_out", run.state, alone.state, d, true);
        if (!run.ok()) return;
      }
    });
  }
  threads.clear();
  for (const Run& run : runs) {
    if (!run.ok()) return run.result;
  }
  return Result::pass();
}

Result unknown_option_refused(const Subject& subject, const Description& d, Random) {
  const Specs specs = make_specs(d, d);
  const ProblemView view(d, specs);
  for (const char* const options : {"no_such_option=1", "no_such_option"}) {
    const auto verdict =
        core::supports(subject.method(), subject.host(), view.problem, subject.device(), options);
    const auto plan =
        core::Plan::make(subject.method(), subject.host(), view.problem, subject.device(), options);
    if (verdict || verdict.error().code != LEET_STATUS_INVALID_ARGUMENT) {
      return Result::fail(fmt::format("supports with '{}' is not INVALID_ARGUMENT", options));
    }
    if (plan || plan.error().code != LEET_STATUS_INVALID_ARGUMENT) {
      return Result::fail(fmt::format("plan_create with '{}' is not INVALID_ARGUMENT", options));
    }
  }
  return Result::pass();
}

}  // namespace

void add_contract_cases(std::vector<Case>& cases) {
  struct Promise {
    const char* check;
    Body body;
    bool each_dtype;
  };
  static constexpr Promise kPromises[] = {
      {"supports-is-pure", supports_is_pure, true},
      {"supports-matches-execute", supports_matches_execute, true},
      {"unsupported-gives-reason", unsupported_gives_reason, false},
      {"note-matches-supports", note_matches_supports, true},
      {"plan-info-valid", plan_info_valid, true},
      {"workspace-honest", workspace_honest, true},
      {"inputs-unchanged", written_memory, true},
      {"no-write-outside", written_memory, true},
      {"bitwise-repeatable", bitwise_repeatable, true},
      {"thread-count", thread_count, true},
      {"reentrant", reentrant, true},
      {"unknown-option-refused", unknown_option_refused, false},
  };
  for (const auto& [check, body, each_dtype] : kPromises) {
    for (const Dtypes& dtypes : all_dtypes()) {
      for (const std::int32_t decay_kind : all_decay_kinds()) {
        Description d{.in = dtypes.in, .out = dtypes.out, .decay_kind = decay_kind};
        d.B = 2, d.H = 2, d.N = 75;
        d.state_in = d.state_out = body == workspace_honest || body == written_memory ||
                                   body == bitwise_repeatable || body == thread_count ||
                                   body == reentrant;
        Case made{.id = case_id(check, d, "contract"),
                  .check = check,
                  .level = kContractLevel,
                  .description = d};
        if (!each_dtype) made.id = std::string(check) + "/any";
        made.run = [made, body = body](const Subject& subject, const Settings& settings) {
          return body(subject, made.description_for(subject.features()), made.random(settings));
        };
        if (each_dtype || (cases.empty() || cases.back().id != made.id)) {
          cases.push_back(std::move(made));
        }
      }
    }
  }
}

}  // namespace leet::validate
