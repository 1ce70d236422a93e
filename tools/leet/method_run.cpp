// SPDX-License-Identifier: Apache-2.0
#include "tools/leet/method_run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <leet/plugin/dtype.hpp>
#include <memory>
#include <system_error>
#include <utility>

#include "core/plan.hpp"
#include "core/selection.hpp"
#include "tools/common/atomic_file.hpp"
#include "tools/common/background.hpp"
#include "tools/common/error_metrics.hpp"
#include "tools/common/exit_code.hpp"
#include "tools/common/interrupt.hpp"
#include "tools/common/machine.hpp"
#include "tools/common/names.hpp"
#include "tools/common/npy.hpp"
#include "tools/common/progress.hpp"
#include "tools/common/reporter.hpp"
#include "tools/common/session.hpp"
#include "tools/leet/array_check.hpp"
#include "tools/leet/operands.hpp"

namespace leet::tools {
namespace {

using std::filesystem::path;

// An output that is asked for: where it goes, and what it should be.
struct Output {
  int role;
  path file;      // empty: not to be written
  path expected;  // empty: not to be checked
  Array expected_array = {};
  std::optional<ArrayCheck> check = {};
};

class MethodRun {
 public:
  MethodRun(const GlobalOptions& global, const RunOptions& options)
      : global_(global),
        options_(options),
        reporter_("run", options.json),
        operands_(options.layout == "bnhd" ? Layout::kBnhd : Layout::kBhnd) {
    outputs_.push_back({LEET_ROLE_OUT, options.out, options.expect});
    if (!options.state_out.empty() || !options.expect_state.empty()) {
      outputs_.push_back({LEET_ROLE_STATE_OUT, options.state_out, options.expect_state});
    }
  }

  int run();

 private:
  void begin_stage(std::string stage) {
    stage_ = std::move(stage);
    progress_.show(stage_);
  }
  core::Status find_method();
  core::Status read_arrays();
  core::Status make_plan();
  core::Status check_before_computing();
  core::Status execute();
  core::Status write_outputs();
  int report();
  int interrupted();

  double tolerance() const;
  Json record() const;
  void print_text() const;

  const GlobalOptions& global_;
  const RunOptions& options_;
  Reporter reporter_;
  Interrupt interrupt_;
  Progress progress_;
  std::string stage_;  // what is going on, for a person
  bool written_ = false;
  std::vector<Output> outputs_;
  std::optional<Session> session_;
  const core::Method* method_ = nullptr;
  std::string reason_;  // why this method, where "auto" chose it
  leet_device device_{};
  Operands operands_;
  std::unique_ptr<core::HostServices> host_;
  std::unique_ptr<core::Plan> plan_;  // ends before its host and its session
  double seconds_ = 0;
};

core::Error invalid(std::string message) {
  return {LEET_STATUS_INVALID_ARGUMENT, std::move(message)};
}

// Says which plugin an error came from, if it came from one.
core::Error from_plugin(core::Error error, const core::Method& method) {
  if (error.where.empty()) return error;
  const bool its_answer = exit_code_of(error.code) != kExitPluginFailed;
  error.message =
      fmt::format("{}: {}", its_answer ? method.identity.id : error.where, error.message);
  return error;
}

core::Status MethodRun::find_method() {
  begin_stage("looking for plugins");
  const core::Result<std::int32_t> device = core::parse_device(options_.device);
  if (!device) return device.error();
  device_ = {*device, 0};
  core::Result<Session> session = open_session(global_);
  if (!session) return session.error();
  session_.emplace(std::move(*session));
  if (options_.method == core::kAuto) return {};  // needs the problem
  const core::Result<const core::Method*> method = session_->find(options_.method, *device);
  if (!method) return method.error();
  method_ = *method;
  return {};
}

core::Status MethodRun::read_arrays() {
  for (const auto& [role, file] : {std::pair<int, const path&>{LEET_ROLE_Q, options_.q},
                                   {LEET_ROLE_K, options_.k},
                                   {LEET_ROLE_V, options_.v},
                                   {LEET_ROLE_LOG_DECAY, options_.log_decay},
                                   {LEET_ROLE_STATE_IN, options_.state_in},
                                   {LEET_ROLE_SEQUENCE_OFFSETS, options_.sequence_offsets}}) {
    if (file.empty()) continue;
    if (Interrupt::requested()) return {};
    begin_stage(fmt::format("reading {}", file.string()));
    if (core::Status status = operands_.read(role, file); !status) return status;
  }
  for (Output& output : outputs_) {
    if (output.expected.empty()) continue;
    if (Interrupt::requested()) return {};
    begin_stage(fmt::format("reading {}", output.expected.string()));
    core::Result<Array> array = read_npy(output.expected);
    if (!array) return array.error();
    output.expected_array = std::move(*array);
  }
  return {};
}

core::Status MethodRun::make_plan() {
  begin_stage("planning");
  const Array& expected = outputs_.front().expected_array;
  const std::int64_t heads =
      expected.extents.size() == 4 ? expected.extents[options_.layout == "bnhd" ? 2 : 1] : 0;
  const leet_dtype out_dtype = options_.out_dtype.empty() ? operands_.array(LEET_ROLE_Q).dtype
                                                          : *parse_float_dtype(options_.out_dtype);
  operands_.describe_outputs(heads, out_dtype, outputs_.size() > 1);

  const auto specs = operands_.specs();
  leet_problem problem{};
  problem.struct_size = sizeof problem;
  problem.decay_kind = operands_.decay_kind();
  problem.lowest_precision =
      options_.precision == "tf32" ? LEET_PRECISION_TF32 : LEET_PRECISION_EXACT;
  problem.role_count = LEET_ROLE_COUNT;
  problem.scale = options_.scale;
  problem.specs = specs.data();

  const core::Configuration& configuration = session_->configuration;
  host_ = std::make_unique<core::HostServices>(
      options_.threads > 0 ? options_.threads : configuration.threads, configuration.log_level,
      configuration.pin_threads);
  const std::string method_options = fmt::format("{}", fmt::join(options_.method_options, ";"));
  if (method_ == nullptr) {
    const core::Result<core::Selection> selection =
        core::select(session_->registry, *host_, options_.method, problem, device_, method_options);
    if (!selection) return operands_.with_file(selection.error());
    method_ = selection->method;
    reason_ = selection->reason;
  }
  core::Result<std::unique_ptr<core::Plan>> plan =
      core::Plan::make(*method_, *host_, problem, device_, method_options);
  if (!plan) return operands_.with_file(from_plugin(plan.error(), *method_));
  plan_ = std::move(*plan);
  return {};
}

// Whatever can be refused is refused before time is spent and before any file is touched.
core::Status MethodRun::check_before_computing() {
  for (const Output& output : outputs_) {
    if (!output.file.empty()) {
      if (core::Status status = check_writable(output.file); !status) return status;
    }
    if (output.expected.empty()) continue;
    if (core::Status status = check_comparable(operands_.array(output.role), output.expected_array);
        !status) {
      return invalid(fmt::format("{}: {}", output.expected.string(), status.error().message));
    }
  }
  std::error_code ignored;
  if (!options_.state_out.empty() &&
      std::filesystem::weakly_canonical(options_.out, ignored) ==
          std::filesystem::weakly_canonical(options_.state_out, ignored)) {
    return invalid(fmt::format("{}: given for --out and for --state-out; needs two files",
                               options_.out.string()));
  }
  operands_.allocate_outputs();
  const auto tensors = operands_.tensors();
  if (core::Status status = plan_->check(tensors.data(), LEET_ROLE_COUNT); !status) {
    return operands_.with_file(status.error());
  }
  return {};
}

core::Status MethodRun::execute() {
  begin_stage(fmt::format("computing with {}", method_->identity.id));
  const auto tensors = operands_.tensors();
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [begin] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  core::Status status;
  Background computing([&] {
    status = plan_->execute(tensors.data(), LEET_ROLE_COUNT, nullptr, nullptr, 0);
    seconds_ = seconds();
  });
  const bool ended = computing.wait(
      interrupt_, [&](int so_far) { progress_.show(fmt::format("{}, {} s", stage_, so_far)); });
  if (!ended) {
    // A plugin can't be told to stop, so this process ends around it.
    const int code = interrupted();
    std::fflush(nullptr);
    std::_Exit(code);
  }
  return status ? status : from_plugin(status.error(), *method_);
}

core::Status MethodRun::write_outputs() {
  begin_stage("writing");
  std::vector<AtomicFile> files;
  for (const Output& output : outputs_) {
    if (output.file.empty()) continue;
    if (Interrupt::requested()) return {};
    core::Result<AtomicFile> file = AtomicFile::create(output.file);
    if (!file) return file.error();
    if (core::Status status = write_npy(*file, operands_.array(output.role)); !status) {
      return status;
    }
    files.push_back(std::move(*file));
  }
  if (Interrupt::requested()) return {};
  for (AtomicFile& file : files) {
    if (core::Status status = file.commit(); !status) return status;
  }
  written_ = true;
  return {};
}

// Operands of several dtypes can be no better than the coarsest of them.
double MethodRun::tolerance() const {
  double gate = 0;
  for (const int role : {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_OUT}) {
    gate = std::max(gate, relative_error_gate(operands_.array(role).dtype,
                                              options_.precision == "tf32" ? LEET_PRECISION_TF32
                                                                           : LEET_PRECISION_EXACT));
  }
  return options_.tolerance.value_or(gate);
}

Json MethodRun::record() const {
  const sdk::Shape shape = operands_.shape();
  const leet_plan_info& info = plan_->info();
  const Machine machine = this_machine();
  Json dtypes = Json::object();
  for (int role = 0; role < LEET_ROLE_COUNT; ++role) {
    if (operands_.has(role)) {
      dtypes[core::role_name(role)] = sdk::dtype_name(operands_.array(role).dtype);
    }
  }
  Json record = reporter_.record();
  record["interrupted"] = false;
  record["method"] = method_->identity.id;
  record["version"] = method_->identity.version;
  record["plugin"] = method_->path.string();
  record["device"] = core::device_name(device_.type);
  record["dtype"] = sdk::dtype_name(operands_.array(LEET_ROLE_Q).dtype);
  record["dtypes"] = std::move(dtypes);
  record["decay"] = decay_kind_name(operands_.decay_kind());
  record["layout"] = options_.layout;
  record["shape"] = {{"B", shape.B},
                     {"H", shape.H},
                     {"N", shape.N},
                     {"R", shape.R},
                     {"D", shape.D},
                     {"H_q", shape.Hq},
                     {"H_k", shape.Hk},
                     {"H_v", shape.Hv},
                     {"H_g", shape.Hg},
                     {"H_s", shape.Hs},
                     {"sequences", shape.sequences}};
  record["scale"] = options_.scale;
  record["precision"] = {{"lowest", options_.precision},
                         {"used", precision_name(info.precision_used)}};
  record["options"] = options_.method_options;
  record["threads"] = host_->table().concurrency(host_->table().ctx);
  record["seconds"] = seconds_;
  record["workspace_bytes"] = info.workspace_bytes;
  record["declared_rel_error"] = info.declared_rel_error;
  record["choice"] = info.choice;
  record["reason"] = reason_.empty() ? Json() : Json(reason_);
  record["tolerance"] = tolerance();
  Json pass;  // null where nothing was checked
  for (const Output& output : outputs_) {
    Json& entry = record[core::role_name(output.role)];
    entry = {{"file", output.file.empty() ? Json() : Json(output.file.string())},
             {"shape", operands_.extents(output.role)}};
    if (!output.check) continue;
    entry["expected"] = output.expected.string();
    entry.update(output.check->record());
    pass = output.check->passes() && (pass.is_null() || pass.get<bool>());
  }
  record["pass"] = std::move(pass);
  record["cpu"] = machine.cpu;
  record["isa"] = machine.isa;
  return record;
}

void MethodRun::print_text() const {
  fmt::print("{} {} on {}, decay {}: {:.3g} s with {} threads\n", method_->identity.id,
             method_->identity.version, core::device_name(device_.type),
             decay_kind_name(operands_.decay_kind()), seconds_,
             host_->table().concurrency(host_->table().ctx));
  if (!reason_.empty()) fmt::print("{}\n", reason_);
  for (const Output& output : outputs_) {
    fmt::print("{:<10} {} {} {}\n", core::role_name(output.role),
               sdk::dtype_name(operands_.array(output.role).dtype),
               extents_text(operands_.extents(output.role)),
               output.file.empty() ? "not written" : output.file.string());
    if (output.check) {
      fmt::print("{:<10} {} against {}: {}\n", "", output.check->passes() ? "right" : "WRONG",
                 output.expected.string(), output.check->text());
    }
  }
}

int MethodRun::report() {
  for (Output& output : outputs_) {
    if (output.expected.empty()) continue;
    output.check = check_array(operands_.array(output.role), output.expected_array, tolerance());
  }
  progress_.clear();
  if (reporter_.json()) {
    Reporter::print(record());
  } else {
    print_text();
  }
  int code = kExitOk;
  for (const Output& output : outputs_) {
    if (!output.check || output.check->passes()) continue;
    reporter_.say(fmt::format("{} differs from {}: {}", core::role_name(output.role),
                              output.expected.string(), output.check->text()));
    code = kExitNegative;
  }
  return code;
}

// Nothing that could be taken for a result: no file, and no record of a run.
int MethodRun::interrupted() {
  progress_.clear();
  if (reporter_.json()) {
    Json record = reporter_.record();
    record["interrupted"] = true;
    record["stage"] = stage_;
    record["method"] = method_ == nullptr ? Json() : Json(method_->identity.id);
    Reporter::print(record);
  }
  reporter_.say(fmt::format("interrupted while {}; no file was written", stage_));
  return kExitInterrupted;
}

int MethodRun::run() {
  const auto fail = [&](const core::Status& status) {
    progress_.clear();
    return reporter_.fail(status.error());
  };
  for (const auto step : {&MethodRun::find_method, &MethodRun::read_arrays, &MethodRun::make_plan,
                          &MethodRun::check_before_computing}) {
    if (const core::Status status = (this->*step)(); !status) return fail(status);
    if (Interrupt::requested()) return interrupted();
  }
  if (const core::Status status = execute(); !status) {
    progress_.clear();
    // Every argument has been checked, so whatever went wrong is not the caller's.
    return reporter_.fail(status.error(), kExitPluginFailed);
  }
  if (const core::Status status = write_outputs(); !status) return fail(status);
  if (!written_) return interrupted();
  return report();
}

}  // namespace

int run_method(const GlobalOptions& global, const RunOptions& options) {
  return MethodRun(global, options).run();
}

}  // namespace leet::tools
