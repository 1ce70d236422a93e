// SPDX-License-Identifier: Apache-2.0
//
// `leet run` on good input: right results for every shape that files may have, and what it reports.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <leet/leet.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/reference/oracle.hpp"
#include "tests/support/methods.hpp"
#include "tests/tools/run_files.hpp"
#include "tools/common/error_metrics.hpp"
#include "tools/common/exit_code.hpp"

namespace leet::tests {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using tools::Array;

class RunEveryMethod : public testing::TestWithParam<std::string> {
 protected:
  void expect_right(const RunFiles& files) {
    const ProcessResult result = files.run(GetParam());
    EXPECT_EQ(result.exit_code, tools::kExitOk) << result.err;
    EXPECT_EQ(result.err, "");
  }

  // For a decay kind that not every method has. One that doesn't claim it must refuse it; false.
  bool expect_right_or_refused(const RunFiles& files, const std::string& decay_kind) {
    const auto info = nlohmann::json::parse(run_leet({"info", GetParam(), "--json"}).out);
    const auto& kinds = info.at("decay_kinds");
    if (std::find(kinds.begin(), kinds.end(), decay_kind) != kinds.end()) {
      expect_right(files);
      return true;
    }
    const ProcessResult result = files.run(GetParam());
    EXPECT_EQ(result.exit_code, tools::kExitNothingToRun);
    EXPECT_THAT(result.err, HasSubstr("'" + decay_kind + "'"));
    return false;
  }
};
INSTANTIATE_TEST_SUITE_P(Methods, RunEveryMethod, testing::ValuesIn(methods()),
                         [](const auto& test) { return test.param; });

// One head of one channel: o_t = sum over s <= t of gamma^(t - s).
TEST_P(RunEveryMethod, ComputesAGeometricSeries) {
  RunFiles files;
  const Array ones = array_of(sdk::kF64, {1, 1, 4, 1}, {1, 1, 1, 1});
  for (const char* option : {"--q", "--k", "--v"}) files.set(option, ones);
  files.set("--log-decay", array_of(sdk::kF64, {1}, {std::log(0.5)}));
  files.set("--scale", "-2");
  files.set("--state-out", files.path("s.npy"));
  files.set("--expect", array_of(sdk::kF64, {1, 1, 4, 1}, {-2, -3, -3.5, -3.75}));
  files.set("--expect-state", array_of(sdk::kF64, {1, 1, 1, 1}, {1.875}));
  expect_right(files);
  EXPECT_THAT(files.output("--state-out").extents, ElementsAre(1, 1, 1, 1));
}

// The oracle on these arrays, which are contiguous in the order of the ABI.
core::OracleResult oracle(const Array& q, const Array& k, const Array& v, const Array& decay,
                          const Array* state_in, const Array* offsets, std::int64_t H,
                          double scale) {
  const auto view = [](const Array& array) {
    leet_tensor tensor = leet::tensor(
        const_cast<float*>(reinterpret_cast<const float*>(array.data.data())), array.extents);
    tensor.spec.dtype = array.dtype;
    return tensor;
  };
  Tensors tensors;
  tensors.set(LEET_ROLE_Q, view(q));
  tensors.set(LEET_ROLE_K, view(k));
  tensors.set(LEET_ROLE_V, view(v));
  leet_tensor full_decay = view(decay);
  const std::int64_t full[] = {q.extents[0], 0, q.extents[2], q.extents[3]};
  for (const int axis : {0, 2, 3}) {
    if (full_decay.spec.extent[axis] == 1) full_decay.spec.stride[axis] = 0;
    full_decay.spec.extent[axis] = full[axis];
  }
  tensors.set(LEET_ROLE_LOG_DECAY, full_decay);
  if (state_in != nullptr) tensors.set(LEET_ROLE_STATE_IN, view(*state_in));
  if (offsets != nullptr) tensors.set(LEET_ROLE_SEQUENCE_OFFSETS, view(*offsets));
  Array out{q.dtype, {q.extents[0], H, q.extents[2], v.extents[3]}, {}};
  tensors.set(LEET_ROLE_OUT, view(out));
  return core::run_oracle(tensors.pointers().data(), scale);
}

TEST_P(RunEveryMethod, PackedSequencesSharedHeadsAndStates) {
  for (const auto& [dtype, kind] : {std::pair(sdk::kF16, "channel"),
                                    {sdk::kBf16, "channel"},
                                    {sdk::kF32, "channel"},
                                    {sdk::kF64, "channel"},
                                    {sdk::kBf16, "head"},
                                    {sdk::kF32, "head"}}) {
    const leet_dtype wide = sdk::same(dtype, sdk::kF64) ? sdk::kF64 : sdk::kF32;
    const Array q = random_array(dtype, {1, 6, 7, 3}, 1);
    const Array k = random_array(dtype, {1, 2, 7, 3}, 2);
    const Array v = random_array(dtype, {1, 3, 7, 5}, 3);
    const Array decay = kind == std::string("head") ? random_array(wide, {1, 1, 1, 1}, 4, -1, 0)
                                                    : random_array(wide, {1, 1, 7, 3}, 4, -1, 0);
    const Array state = random_array(wide, {3, 6, 3, 5}, 5);
    const Array offsets = offsets_array({0, 4, 4, 7});
    const core::OracleResult right = oracle(q, k, v, decay, &state, &offsets, 6, 0.5);

    RunFiles files;
    files.set("--q", q);
    files.set("--k", k);
    files.set("--v", v);
    files.set("--log-decay", decay);
    files.set("--state-in", state);
    files.set("--sequence-offsets", offsets);
    files.set("--scale", "0.5");
    files.set("--state-out", files.path("s.npy"));
    files.set("--expect", array_of(sdk::kF64, {1, 6, 7, 5}, right.out));
    files.set("--expect-state", array_of(sdk::kF64, {3, 6, 3, 5}, right.state_out));
    SCOPED_TRACE(std::string(sdk::dtype_name(dtype)) + " " + kind);
    if (!expect_right_or_refused(files, kind)) continue;
    EXPECT_TRUE(sdk::same(files.output("--out").dtype, dtype));
    EXPECT_TRUE(sdk::same(files.output("--state-out").dtype, wide));
  }
}

TEST_P(RunEveryMethod, TheExpectationSaysHowManyHeadsThereAre) {
  const Array q = random_array(sdk::kF32, {2, 2, 5, 3}, 1);
  const Array k = random_array(sdk::kF32, {2, 3, 5, 3}, 2);
  const Array v = random_array(sdk::kF32, {2, 1, 5, 4}, 3);
  const Array decay = random_array(sdk::kF32, {2, 1, 5, 1}, 4, -1, 0);
  const core::OracleResult right = oracle(q, k, v, decay, nullptr, nullptr, 6, 1);
  RunFiles files;
  files.set("--q", q);
  files.set("--k", k);
  files.set("--v", v);
  files.set("--log-decay", decay);
  files.set("--expect", array_of(sdk::kF32, {2, 6, 5, 4}, right.out));
  expect_right_or_refused(files, "step");
}

TEST_P(RunEveryMethod, LayoutsAreTheSameNumbersElsewhere) {
  for (const auto& [decay_extents, kind] : {std::pair<Extents, const char*>{{2}, "head"},
                                            {{1, 2, 1}, "head"},
                                            {{3, 2, 5}, "step"},
                                            {{3, 1, 5, 1}, "step"},
                                            {{1, 2, 5, 4}, "channel"},
                                            {{3, 2, 1, 4}, "channel"}}) {
    RunFiles files;
    const Array q = random_array(sdk::kF32, {3, 2, 5, 4}, 1);
    const Array k = random_array(sdk::kF32, {3, 1, 5, 4}, 2);
    const Array v = random_array(sdk::kF32, {3, 2, 5, 6}, 3);
    const Array decay = random_array(sdk::kF32, decay_extents, 4, -1, 0);
    files.set("--state-in", random_array(sdk::kF32, {3, 2, 4, 6}, 5));
    files.set("--state-out", files.path("s.npy"));
    files.set("--q", q);
    files.set("--k", k);
    files.set("--v", v);
    files.set("--log-decay", decay);
    if (!expect_right_or_refused(files, kind)) continue;
    const Array out = files.output("--out");
    const Array state = files.output("--state-out");
    EXPECT_THAT(out.extents, ElementsAre(3, 2, 5, 6));

    files.set("--layout", "bnhd");
    files.set("--q", swap_axes(q));
    files.set("--k", swap_axes(k));
    files.set("--v", swap_axes(v));
    if (decay_extents.size() > 1) files.set("--log-decay", swap_axes(decay));
    files.set("--expect", swap_axes(out));
    expect_right(files);
    EXPECT_THAT(files.output("--out").extents, ElementsAre(3, 5, 2, 6));
    EXPECT_EQ(files.output("--out").data, swap_axes(out).data);
    EXPECT_EQ(files.output("--state-out").data, state.data);
  }
}

// The decay in each of its shorter forms is the decay written out.
TEST_P(RunEveryMethod, ExtentsOfOneBroadcast) {
  struct Form {
    Extents extents;
    std::string kind;
  };
  const std::int64_t B = 2, H = 2, N = 3, R = 4;
  for (const Form& form :
       {Form{{1}, "head"}, Form{{H}, "head"}, Form{{B, H, 1}, "head"}, Form{{1, H, 1, 1}, "head"},
        Form{{B, 1, N}, "step"}, Form{{1, 1, N, 1}, "step"}, Form{{B, H, N, 1}, "step"},
        Form{{1, 1, 1, R}, "channel"}, Form{{B, 1, 1, R}, "channel"},
        Form{{1, H, N, R}, "channel"}}) {
    SCOPED_TRACE(testing::PrintToString(form.extents));
    const Array decay = random_array(sdk::kF32, form.extents, 4, -1, 0);
    Extents full = form.extents;
    if (full.size() == 1) full.insert(full.begin(), 1);
    full.resize(4, 1);
    const std::vector<double> values = decay.to_doubles();
    const Extents whole = {B, H, form.kind == "head" ? 1 : N, form.kind == "channel" ? R : 1};
    std::vector<double> written_out;
    for (std::int64_t i = 0; i < whole[0] * whole[1] * whole[2] * whole[3]; ++i) {
      const std::int64_t index[4] = {i / whole[3] / whole[2] / whole[1],
                                     i / whole[3] / whole[2] % whole[1], i / whole[3] % whole[2],
                                     i % whole[3]};
      std::int64_t flat = 0;
      for (std::size_t axis = 0; axis < 4; ++axis) {
        flat = flat * full[axis] + (full[axis] == 1 ? 0 : index[axis]);
      }
      written_out.push_back(values[static_cast<std::size_t>(flat)]);
    }
    RunFiles files;
    files.set("--q", random_array(sdk::kF32, {B, H, N, R}, 1));
    files.set("--k", random_array(sdk::kF32, {B, H, N, R}, 2));
    files.set("--v", random_array(sdk::kF32, {B, H, N, 5}, 3));
    files.set("--log-decay", array_of(sdk::kF32, whole, written_out));
    if (!expect_right_or_refused(files, form.kind)) continue;
    files.set("--expect", files.output("--out"));
    files.set("--log-decay", decay);
    expect_right(files);
    files.set("--json", "");
    EXPECT_EQ(nlohmann::json::parse(files.run(GetParam()).out).at("decay"), form.kind);
  }
}

TEST_P(RunEveryMethod, WritesWiderOutputsOfNarrowInputs) {
  RunFiles files;
  const Array q = random_array(sdk::kBf16, {1, 2, 5, 3}, 1);
  const Array k = random_array(sdk::kBf16, {1, 2, 5, 3}, 2);
  const Array v = random_array(sdk::kBf16, {1, 2, 5, 4}, 3);
  const Array decay = random_array(sdk::kF32, {1, 2, 1, 1}, 4, -1, 0);
  const core::OracleResult right = oracle(q, k, v, decay, nullptr, nullptr, 2, 1);
  files.set("--q", q);
  files.set("--k", k);
  files.set("--v", v);
  files.set("--log-decay", decay);
  files.set("--out-dtype", "f32");
  files.set("--expect", array_of(sdk::kF64, {1, 2, 5, 4}, right.out));
  files.set("--tolerance", "2e-6");
  expect_right(files);
  EXPECT_TRUE(sdk::same(files.output("--out").dtype, sdk::kF32));
}

TEST_P(RunEveryMethod, EmptyArraysAreFine) {
  for (const auto& [q, v] : {std::pair<Extents, Extents>{{1, 2, 0, 3}, {1, 2, 0, 4}},
                             {{1, 2, 5, 0}, {1, 2, 5, 4}},
                             {{0, 2, 5, 3}, {0, 2, 5, 4}}}) {
    RunFiles files;
    files.set("--q", Array::zeros(sdk::kF32, q));
    files.set("--k", Array::zeros(sdk::kF32, q));
    files.set("--v", Array::zeros(sdk::kF32, v));
    files.set("--state-out", files.path("s.npy"));
    files.set("--expect", Array::zeros(sdk::kF32, v));
    files.set("--expect-state", Array::zeros(sdk::kF32, {q[0], 2, q[3], v[3]}));
    expect_right(files);
    EXPECT_EQ(files.output("--out").extents, v);
  }
}

TEST(Run, AFailedCheckSaysHowFarItIsAndKeepsTheOutput) {
  RunFiles files;
  files.set("--plugins", LEET_BINARY_DIR "/tests/plugins");
  files.set("--option", "mood=grim");
  std::vector<double> expected(40, 0);
  expected[27] = 3;
  files.set("--expect", array_of(sdk::kF32, {1, 2, 5, 4}, expected));
  const ProcessResult result = files.run("test.moody");
  EXPECT_EQ(result.exit_code, tools::kExitNegative);
  EXPECT_EQ(count_lines(result.err), 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr("leet run: out differs from "));
  EXPECT_THAT(result.err, HasSubstr("relative error 1, tolerance 2e-06; worst at [0, 1, 1, 3]: 0.0 "
                                    "where 3.0 is expected"));
  EXPECT_THAT(result.out, HasSubstr("WRONG against "));
  EXPECT_EQ(files.output("--out").size(), 40);

  files.set("--json", "");
  const ProcessResult json = files.run("test.moody");
  EXPECT_EQ(json.exit_code, tools::kExitNegative);
  const auto record = nlohmann::json::parse(json.out);
  EXPECT_EQ(record.at("pass"), false);
  EXPECT_EQ(record.at("out").at("pass"), false);
  EXPECT_EQ(record.at("out").at("relative_error"), 1.0);
  EXPECT_EQ(record.at("out").at("worst").at("index"), (std::vector<int>{0, 1, 1, 3}));
  EXPECT_EQ(record.at("out").at("worst").at("expected"), 3);

  files.set("--tolerance", "1.5");
  EXPECT_EQ(files.run("test.moody").exit_code, tools::kExitOk);
}

// "stuck" never ends; "interrupt" ends at once, and then its outputs must not be written either.
TEST(Run, CtrlCLeavesNoFile) {
  for (const char* fail : {"stuck", "interrupt"}) {
    RunFiles files;
    files.set("--plugins", LEET_BINARY_DIR "/tests/plugins");
    files.set("--option", std::string("fail=") + fail);
    files.set("--state-out", files.path("s.npy"));
    files.set("--json", "");
    const std::vector<std::string> before = files.names();
    const ProcessResult result = files.run("test.moody");
    EXPECT_EQ(result.exit_code, 130) << fail;
    EXPECT_EQ(result.err,
              "leet run: interrupted while computing with test.moody; no file was written\n");
    EXPECT_EQ(files.names(), before) << fail;
    const auto record = nlohmann::json::parse(result.out);
    EXPECT_EQ(record.at("schema"), "leet.run/1");
    EXPECT_EQ(record.at("interrupted"), true);
    EXPECT_EQ(record.at("stage"), "computing with test.moody");
    EXPECT_FALSE(record.contains("pass"));
  }
}

TEST(Run, ChecksAStateThatIsNotWritten) {
  RunFiles files;
  files.set("--expect-state", Array::zeros(sdk::kF32, {1, 2, 3, 4}));
  const ProcessResult result = files.run("recurrent");
  EXPECT_EQ(result.exit_code, tools::kExitNegative);
  EXPECT_THAT(result.err, HasSubstr("state_out differs"));
}

TEST(Run, TheToleranceFollowsTheDtypesAndThePrecision) {
  struct Case {
    leet_dtype dtype;
    std::string precision;
    double tolerance;
  };
  for (const Case& expected : {Case{sdk::kF64, "exact", 1e-12}, Case{sdk::kF32, "exact", 2e-6},
                               Case{sdk::kF32, "tf32", 1e-3}, Case{sdk::kF16, "exact", 1e-3},
                               Case{sdk::kBf16, "exact", 4e-3}}) {
    RunFiles files;
    files.set("--q", random_array(expected.dtype, {1, 2, 5, 3}, 1));
    files.set("--k", random_array(expected.dtype, {1, 2, 5, 3}, 2));
    files.set("--v", random_array(expected.dtype, {1, 2, 5, 4}, 3));
    files.drop("--log-decay");
    files.set("--precision", expected.precision);
    files.set("--json", "");
    const ProcessResult result = files.run("recurrent");
    ASSERT_EQ(result.exit_code, tools::kExitOk) << result.err;
    EXPECT_EQ(nlohmann::json::parse(result.out).at("tolerance"), expected.tolerance);
  }
}

TEST(Run, TheRecordSaysWhatWasRunAndWhere) {
  RunFiles files;
  files.set("--state-out", files.path("s.npy"));
  files.set("--threads", "2");
  files.set("--json", "");
  const ProcessResult result = files.run("recurrent");
  ASSERT_EQ(result.exit_code, tools::kExitOk) << result.err;
  EXPECT_EQ(result.err, "");
  const auto record = nlohmann::json::parse(result.out);
  EXPECT_EQ(record.at("schema"), "leet.run/1");
  EXPECT_EQ(record.at("method"), "leet.recurrent");
  EXPECT_EQ(record.at("device"), "cpu");
  EXPECT_EQ(record.at("dtype"), "f32");
  EXPECT_EQ(record.at("decay"), "head");
  EXPECT_EQ(record.at("threads"), 2);
  EXPECT_EQ(record.at("shape").at("N"), 5);
  EXPECT_EQ(record.at("shape").at("H_s"), 2);
  EXPECT_EQ(record.at("out").at("shape"), (std::vector<int>{1, 2, 5, 4}));
  EXPECT_EQ(record.at("state_out").at("file"), files.path("s.npy").string());
  EXPECT_GT(record.at("seconds").get<double>(), 0);
  EXPECT_TRUE(record.at("workspace_bytes").is_number());
  EXPECT_TRUE(record.at("pass").is_null());
  EXPECT_TRUE(record.at("cpu").is_string());
  EXPECT_TRUE(record.at("isa").is_array());
}

TEST(Run, AutoSaysWhatItTookAndWhy) {
  RunFiles files;
  files.set("--json", "");
  const ProcessResult result = files.run("auto");
  ASSERT_EQ(result.exit_code, tools::kExitOk) << result.err;
  const auto record = nlohmann::json::parse(result.out);
  const std::string method = record.at("method");
  EXPECT_NE(method, "auto");
  EXPECT_THAT(record.at("reason").get<std::string>(), HasSubstr(method));
  EXPECT_TRUE(nlohmann::json::parse(files.run(method).out).at("reason").is_null());
  files.drop("--json");
  EXPECT_THAT(files.run("auto").out, HasSubstr("expected to be fastest"));
  files.set("--option", "kernel=plain");
  EXPECT_EQ(files.run("auto").exit_code, tools::kExitUsage);
}

TEST(Run, PathsMayHaveSpaces) {
  RunFiles files;
  files.set("--out", files.path("the output.npy"));
  EXPECT_EQ(files.run("recurrent").exit_code, tools::kExitOk);
  EXPECT_EQ(files.output("--out").size(), 40);
}

}  // namespace
}  // namespace leet::tests
