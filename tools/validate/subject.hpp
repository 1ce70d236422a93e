// SPDX-License-Identifier: Apache-2.0
//
// The method under test: how a case asks it, plans it and runs it. The one place where the
// validator touches a plugin's code and a device's memory.
#ifndef LEET_TOOLS_VALIDATE_SUBJECT_HPP
#define LEET_TOOLS_VALIDATE_SUBJECT_HPP

#include <leet/plugin.h>

#include <memory>
#include <string>
#include <vector>

#include "core/host_services.hpp"
#include "core/plan.hpp"
#include "core/reference/oracle.hpp"
#include "core/registry.hpp"
#include "tools/validate/description.hpp"
#include "tools/validate/tensor_memory.hpp"

namespace leet::validate {

enum class Status { kPass, kWarn, kUnsupported, kSkip, kFail, kCrash, kTimeout };
const char* status_name(Status status);

// What became of one case.
struct Result {
  Status status = Status::kPass;
  std::string check = {};    // the check that decided it, where that is not the case's own
  std::string message = {};  // the plugin's reason, ours, or what went wrong

  static Result pass() { return {}; }
  static Result fail(std::string message, std::string check = {}) {
    return {Status::kFail, std::move(check), std::move(message)};
  }
  static Result skip(std::string message) { return {Status::kSkip, {}, std::move(message)}; }
  static Result warn(std::string message) { return {Status::kWarn, {}, std::move(message)}; }
};

// What one run gave: a result that is not a pass, or values.
struct Run {
  Result result;
  bool ok() const { return result.status == Status::kPass; }

  std::vector<double> out;    // [B, H, N, D]
  std::vector<double> state;  // [sequences, H_s, R, D], when state_out is asked for
  leet_plan_info info{};
};

class Subject {
 public:
  static constexpr int kThreads = 3;  // more than one, and no power of two

  // `method` has been loaded and outlives this.
  Subject(const core::Method& method, leet_device device)
      : method_(method), device_(device), host_(kThreads, "off") {}

  const core::Method& method() const { return method_; }
  leet_device device() const { return device_; }
  const core::HostServices& host() const { return host_; }
  // Whether the note claims the problem's dtypes, decay kind and features.
  bool claims(const Description& description, std::uint32_t dynamic_axes = 0) const;
  std::uint32_t features() const { return method_.identity.features; }  // LEET_FEATURE_*

  // A plan, or the result that ends the case: unsupported with the plugin's reason, or a failure.
  struct Planned {
    Result result;
    std::unique_ptr<core::Plan> plan;
  };
  Planned plan(const Description& description, const core::HostServices& host, const Specs& specs,
               std::uint32_t dynamic_axes = 0) const;
  Planned plan(const Description& description) const;

  // Executes on poisoned memory with a poisoned workspace of exactly the size and alignment that
  // the plan asks for, and checks what was written outside the outputs.
  Run execute(const core::Plan& plan, const Description& description, const Specs& specs,
              const Inputs& inputs) const;

  // All of it.
  Run run(const Description& description, const Inputs& inputs) const;
  Run run(const Description& description, const Inputs& inputs,
          const core::HostServices& host) const;

 private:
  const core::Method& method_;
  leet_device device_;
  core::HostServices host_;
};

// What the oracle says of the same inputs.
core::OracleResult expect(const Description& description, const Inputs& inputs);

// Whether the note claims what a case needs; of the parent, which never loads a plugin.
bool claims(const leet_note_desc& note, const Description& description, std::uint32_t dynamic_axes);

}  // namespace leet::validate
#endif  // LEET_TOOLS_VALIDATE_SUBJECT_HPP
