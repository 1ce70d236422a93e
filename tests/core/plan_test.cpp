// SPDX-License-Identifier: Apache-2.0
//
// core::Plan against a method that is a table in this file: what reaches it, what comes back, what
// is refused on the way.
#include "core/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <leet/leet.hpp>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace leet::core {
namespace {

using ::testing::HasSubstr;

// What the fake method does; one test at a time sets it.
struct Script {
  std::function<leet_status(leet_verdict*, leet_error*)> supports;
  std::function<leet_status(leet_method_plan**, leet_plan_info*, leet_error*)> plan_create;
  std::function<leet_status(const leet_exec*, leet_error*)> execute;
  int destroyed = 0;
  std::string options;
};
Script script;

leet_status fake_supports(const leet_host*, const leet_problem*, const leet_device*, const char*,
                          leet_verdict* verdict, leet_error* error) {
  return script.supports(verdict, error);
}
leet_status fake_plan_create(const leet_host*, const leet_problem*, const leet_device*,
                             const char* options, leet_method_plan** plan, leet_plan_info* info,
                             leet_error* error) {
  script.options = options;
  return script.plan_create(plan, info, error);
}
leet_status fake_execute(const leet_host*, const leet_method_plan*, const leet_exec* exec,
                         leet_error* error) {
  return script.execute(exec, error);
}
void fake_destroy(leet_method_plan*) { ++script.destroyed; }

const leet_method kTable = {sizeof(leet_method),
                            0,
                            "test.fake",
                            "1.0.0",
                            "",
                            "",
                            nullptr,
                            fake_supports,
                            fake_plan_create,
                            fake_execute,
                            fake_destroy,
                            nullptr};

class PlanTest : public testing::Test {
 protected:
  PlanTest() {
    script = Script();
    script.plan_create = [](leet_method_plan** plan, leet_plan_info*, leet_error*) {
      *plan = reinterpret_cast<leet_method_plan*>(&script);
      return LEET_STATUS_OK;
    };
    script.execute = [](const leet_exec*, leet_error*) { return LEET_STATUS_OK; };
    std::strcpy(method_.identity.id, "test.fake");
    method_.table = &kTable;
    method_.device_types = {LEET_DEVICE_CPU};

    tensors_[LEET_ROLE_Q] = tensor(in_.data(), {1, 1, 2, 4});
    tensors_[LEET_ROLE_K] = tensors_[LEET_ROLE_Q];
    tensors_[LEET_ROLE_V] = tensors_[LEET_ROLE_Q];
    tensors_[LEET_ROLE_OUT] = tensor(out_.data(), {1, 1, 2, 4});
    for (const int named : {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_OUT}) {
      const auto role = static_cast<std::size_t>(named);
      pointers_[role] = &tensors_[role];
      specs_[role] = &tensors_[role].spec;
    }
    problem_.struct_size = sizeof problem_;
    problem_.role_count = LEET_ROLE_COUNT;
    problem_.scale = 1;
    problem_.specs = specs_.data();
  }

  Result<std::unique_ptr<Plan>> make() {
    return Plan::make(method_, host_, problem_, {LEET_DEVICE_CPU, 0}, "a=1");
  }
  Status execute(const Plan& plan, void* workspace = nullptr, std::uint64_t bytes = 0) {
    return plan.execute(pointers_.data(), LEET_ROLE_COUNT, nullptr, workspace, bytes);
  }

  HostServices host_{1, "off"};
  Method method_;
  std::vector<float> in_ = std::vector<float>(8);
  std::vector<float> out_ = std::vector<float>(8);
  std::array<leet_tensor, LEET_ROLE_COUNT> tensors_{};
  std::array<const leet_tensor*, LEET_ROLE_COUNT> pointers_{};
  std::array<const leet_tensor_spec*, LEET_ROLE_COUNT> specs_{};
  leet_problem problem_{};
};

TEST_F(PlanTest, PassesOptionsTensorsAndDeviceAndDestroysOnce) {
  const leet_exec* seen = nullptr;
  script.execute = [&](const leet_exec* exec, leet_error*) {
    seen = exec;
    EXPECT_EQ(exec->tensors[LEET_ROLE_OUT]->data, out_.data());
    EXPECT_EQ(exec->tensors[LEET_ROLE_STATE_IN], nullptr);
    EXPECT_EQ(exec->device.type, LEET_DEVICE_CPU);
    return LEET_STATUS_OK;
  };
  {
    auto plan = make();
    ASSERT_TRUE(plan.ok()) << plan.error().message;
    EXPECT_EQ(script.options, "a=1");
    EXPECT_TRUE(execute(**plan).ok());
    EXPECT_NE(seen, nullptr);
  }
  EXPECT_EQ(script.destroyed, 1);
}

TEST_F(PlanTest, GivesTheMethodsRefusalAsItsOwn) {
  script.plan_create = [](leet_method_plan**, leet_plan_info*, leet_error* error) {
    std::strcpy(error->message, "R=4: needs R % 16 == 0");
    return LEET_STATUS_UNSUPPORTED;
  };
  const auto plan = make();
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.error().code, LEET_STATUS_UNSUPPORTED);
  EXPECT_EQ(plan.error().message, "R=4: needs R % 16 == 0");
  EXPECT_EQ(script.destroyed, 0);
}

TEST_F(PlanTest, SurvivesAnErrorTextWithoutItsEnd) {
  script.execute = [](const leet_exec*, leet_error* error) {
    std::memset(error->message, 'x', sizeof error->message);
    std::memset(error->where, 'y', sizeof error->where);
    return LEET_STATUS_DEVICE_ERROR;
  };
  auto plan = make();
  const Status status = execute(**plan);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message.size(), sizeof(leet_error::message));
}

TEST_F(PlanTest, TurnsAnUnknownStatusIntoInternal) {
  script.execute = [](const leet_exec*, leet_error*) { return leet_status{99}; };
  auto plan = make();
  const Status status = execute(**plan);
  EXPECT_EQ(status.error().code, LEET_STATUS_INTERNAL);
  EXPECT_THAT(status.error().message, HasSubstr("99"));
}

TEST_F(PlanTest, StopsExceptionsOfPlugins) {
  const auto expect_stopped = [](const Error& error, const std::string& message) {
    EXPECT_EQ(error.code, LEET_STATUS_INTERNAL);
    EXPECT_EQ(error.message, message);
    EXPECT_EQ(error.where, "test.fake");
  };
  script.supports = [](leet_verdict*, leet_error*) -> leet_status { throw 1; };
  expect_stopped(supports(method_, host_, problem_, {LEET_DEVICE_CPU, 0}, "").error(),
                 "threw an exception across the ABI");

  script.execute = [](const leet_exec*, leet_error*) -> leet_status {
    throw std::runtime_error("no such row");
  };
  expect_stopped(execute(**make()).error(), "threw an exception across the ABI: no such row");

  script.plan_create = [](leet_method_plan**, leet_plan_info*, leet_error*) -> leet_status {
    throw 1;
  };
  expect_stopped(make().error(), "threw an exception across the ABI");
}

TEST_F(PlanTest, RefusesAPluginThatSaysOkWithoutAPlan) {
  script.plan_create = [](leet_method_plan**, leet_plan_info*, leet_error*) {
    return LEET_STATUS_OK;
  };
  EXPECT_EQ(make().error().code, LEET_STATUS_INTERNAL);
}

TEST_F(PlanTest, RefusesAnImplausibleWorkspace) {
  std::uint64_t bytes = 0, alignment = 0;
  script.plan_create = [&](leet_method_plan** plan, leet_plan_info* info, leet_error*) {
    *plan = reinterpret_cast<leet_method_plan*>(&script);
    info->workspace_bytes = bytes;
    info->workspace_alignment = alignment;
    return LEET_STATUS_OK;
  };
  const auto expect_refused = [&](const std::string& message) {
    script.destroyed = 0;
    const auto plan = make();
    ASSERT_FALSE(plan.ok());
    EXPECT_EQ(plan.error().code, LEET_STATUS_INTERNAL);
    EXPECT_EQ(plan.error().message, message);
    EXPECT_EQ(script.destroyed, 1);
  };
  alignment = 48;
  expect_refused("returned OK with workspace alignment 48, which is no power of two");
  alignment = std::uint64_t{1} << 31;
  expect_refused("returned OK with workspace alignment 2147483648; needs 2^30 or less");
  alignment = 64;
  bytes = std::uint64_t{1} << 60;
  expect_refused("returned OK with 1152921504606846976 bytes of workspace; needs less than 2^60");
  bytes = std::numeric_limits<std::uint64_t>::max() - 8;  // rounded up it would be nothing
  expect_refused("returned OK with 18446744073709551607 bytes of workspace; needs less than 2^60");

  bytes = (std::uint64_t{1} << 60) - 1;
  alignment = std::uint64_t{1} << 30;
  EXPECT_TRUE(make().ok());
}

TEST_F(PlanTest, BringsAWorkspaceWhenTheCallerHasNone) {
  script.plan_create = [](leet_method_plan** plan, leet_plan_info* info, leet_error*) {
    *plan = reinterpret_cast<leet_method_plan*>(&script);
    info->workspace_bytes = 1000;
    info->workspace_alignment = 256;
    return LEET_STATUS_OK;
  };
  int calls = 0;
  script.execute = [&](const leet_exec* exec, leet_error*) {
    ++calls;
    EXPECT_GE(exec->workspace_bytes, 1000U);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(exec->workspace) % 256, 0U);
    std::memset(exec->workspace, 0xff, exec->workspace_bytes);
    return LEET_STATUS_OK;
  };
  auto plan = make();
  ASSERT_TRUE(plan.ok());
  EXPECT_TRUE(execute(**plan).ok());

  alignas(256) static char own[1024];
  EXPECT_TRUE(execute(**plan, own, 1000).ok());
  EXPECT_THAT(execute(**plan, own, 999).error().message,
              HasSubstr("999 bytes; this plan needs 1000"));
  EXPECT_THAT(execute(**plan, own + 8, 1000).error().message, HasSubstr("multiple of 256"));
  EXPECT_EQ(calls, 2);
}

TEST_F(PlanTest, BadArgumentsNeverReachTheMethod) {
  int calls = 0;
  script.execute = [&](const leet_exec*, leet_error*) {
    ++calls;
    return LEET_STATUS_OK;
  };
  auto plan = make();
  tensors_[LEET_ROLE_OUT].data = in_.data();
  EXPECT_EQ(execute(**plan).error().code, LEET_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ((*plan)->execute(nullptr, 0, nullptr, nullptr, 0).error().code,
            LEET_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(calls, 0);
}

TEST_F(PlanTest, SupportsTellsMalformedProblemsFromUnsupportedOnes) {
  script.supports = [](leet_verdict* verdict, leet_error*) {
    verdict->answer = LEET_ANSWER_NO;
    std::strcpy(verdict->reason, "no such kernel");
    return LEET_STATUS_OK;
  };
  const leet_device cpu = {LEET_DEVICE_CPU, -1};
  const Result<leet_verdict> verdict = supports(method_, host_, problem_, cpu, "");
  ASSERT_TRUE(verdict.ok());
  EXPECT_STREQ(verdict->reason, "no such kernel");

  EXPECT_EQ(supports(method_, host_, problem_, {LEET_DEVICE_CUDA, 0}, "").error().code,
            LEET_STATUS_UNAVAILABLE);
  tensors_[LEET_ROLE_K].spec.extent[2] = 7;
  EXPECT_EQ(supports(method_, host_, problem_, cpu, "").error().code, LEET_STATUS_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace leet::core
