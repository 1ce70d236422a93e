// SPDX-License-Identifier: Apache-2.0
#include "tools/validate/subject.hpp"

#include <fmt/format.h>

#include <array>
#include <leet/leet.hpp>
#include <leet/plugin/dtype.hpp>

#include "tools/common/reporter.hpp"

namespace leet::validate {

const char* status_name(Status status) {
  switch (status) {
    case Status::kPass:
      return "pass";
    case Status::kWarn:
      return "warn";
    case Status::kUnsupported:
      return "unsupported";
    case Status::kSkip:
      return "skip";
    case Status::kFail:
      return "fail";
    case Status::kCrash:
      return "crash";
    case Status::kTimeout:
      return "timeout";
  }
  return "unknown";
}

bool claims(const leet_note_desc& note, const Description& description,
            std::uint32_t dynamic_axes) {
  const std::uint32_t dtypes = sdk::dtype_bit(description.in) | sdk::dtype_bit(description.out);
  const std::uint32_t features = description.required_features(dynamic_axes);
  return (note.dtypes & dtypes) == dtypes &&
         (note.decay_kinds >> description.decay_kind & 1u) != 0 &&
         (note.features & features) == features;
}

bool Subject::claims(const Description& description, std::uint32_t dynamic_axes) const {
  return validate::claims(method_.identity, description, dynamic_axes);
}

Subject::Planned Subject::plan(const Description& description, const core::HostServices& host,
                               const Specs& specs, std::uint32_t dynamic_axes) const {
  const ProblemView view(description, specs, dynamic_axes);
  const auto verdict = core::supports(method_, host, view.problem, device_, "");
  if (!verdict) {
    return {Result::fail(fmt::format("supports: {}: {}", tools::status_name(verdict.error().code),
                                     verdict.error().message)),
            nullptr};
  }
  if (verdict->answer == LEET_ANSWER_NO) {
    return {{Status::kUnsupported, {}, verdict->reason}, nullptr};
  }
  auto plan = core::Plan::make(method_, host, view.problem, device_, "");
  if (!plan) {
    return {Result::fail(
                fmt::format("plan: supports said yes, plan_create {}: {}",
                            tools::status_name(plan.error().code), plan.error().message),
                plan.error().code == LEET_STATUS_UNSUPPORTED ? "supports-matches-execute" : ""),
            nullptr};
  }
  return {Result::pass(), std::move(plan.value())};
}

Subject::Planned Subject::plan(const Description& description) const {
  return plan(description, host_, make_specs(description, description));
}

Run Subject::execute(const core::Plan& plan, const Description& description, const Specs& specs,
                     const Inputs& inputs) const {
  Run run;
  run.info = plan.info();
  try {
    TensorMemory memory(description, specs, inputs);
    GuardedBlock workspace(run.info.workspace_bytes, run.info.workspace_alignment);
    const core::Status status = plan.execute(memory.pointers(), LEET_ROLE_COUNT, nullptr,
                                             workspace.data(), workspace.size());
    if (!status) {
      run.result = Result::fail(fmt::format(
          "execute: {}: {}", tools::status_name(status.error().code), status.error().message));
      return run;
    }
    if (const auto violation = memory.check_writes()) {
      run.result = Result::fail(violation->message, violation->check);
      return run;
    }
    if (const auto offset = workspace.damage()) {
      run.result =
          Result::fail(fmt::format("the byte at offset {} of a workspace of {} bytes was written",
                                   *offset, workspace.size()),
                       "workspace-honest");
      return run;
    }
    run.out = memory.read(LEET_ROLE_OUT);
    run.state = memory.read(LEET_ROLE_STATE_OUT);
  } catch (const Unavailable& reason) {
    run.result = Result::skip(reason.what());
  }
  return run;
}

Run Subject::run(const Description& description, const Inputs& inputs,
                 const core::HostServices& host) const {
  const Specs specs = make_specs(description, description);
  const Planned planned = plan(description, host, specs);
  if (planned.plan == nullptr) {
    Run run;
    run.result = planned.result;
    return run;
  }
  return execute(*planned.plan, description, specs, inputs);
}

Run Subject::run(const Description& description, const Inputs& inputs) const {
  return run(description, inputs, host_);
}

core::OracleResult expect(const Description& d, const Inputs& inputs) {
  Tensors tensors;
  tensors.set(LEET_ROLE_Q, tensor(inputs.q.data(), {d.B, d.heads(LEET_ROLE_Q), d.N, d.R}));
  tensors.set(LEET_ROLE_K, tensor(inputs.k.data(), {d.B, d.heads(LEET_ROLE_K), d.N, d.R}));
  tensors.set(LEET_ROLE_V, tensor(inputs.v.data(), {d.B, d.heads(LEET_ROLE_V), d.N, d.D}));
  tensors.set(LEET_ROLE_OUT, tensor(static_cast<double*>(nullptr), {d.B, d.H, d.N, d.D}));
  if (d.has(LEET_ROLE_LOG_DECAY)) {
    const std::int64_t heads = d.heads(LEET_ROLE_LOG_DECAY);
    const std::int64_t channels = d.decay_kind == LEET_DECAY_CHANNEL ? d.R : 1;
    const std::int64_t steps = d.decay_kind == LEET_DECAY_HEAD ? 1 : d.N;
    const std::int64_t batch_stride = d.layout == Layout::kBroadcast ? 0 : heads * steps * channels;
    tensors.set(LEET_ROLE_LOG_DECAY, tensor(inputs.g.data(), {d.B, heads, d.N, d.R},
                                            {batch_stride, steps * channels,
                                             d.decay_kind == LEET_DECAY_HEAD ? 0 : channels,
                                             d.decay_kind == LEET_DECAY_CHANNEL ? 1 : 0}));
  }
  const std::int64_t state_heads = d.heads(LEET_ROLE_STATE_OUT);
  if (d.state_in) {
    tensors.set(LEET_ROLE_STATE_IN,
                tensor(inputs.state.data(), {d.sequences(), state_heads, d.R, d.D}));
  }
  std::vector<std::int64_t> offsets{0};
  for (const std::int64_t length : d.lengths) offsets.push_back(offsets.back() + length);
  if (d.has(LEET_ROLE_SEQUENCE_OFFSETS)) {
    tensors.set(LEET_ROLE_SEQUENCE_OFFSETS, tensor(offsets.data(), {d.sequences() + 1}));
  }
  return core::run_oracle(tensors.pointers().data(), d.scale);
}

}  // namespace leet::validate
