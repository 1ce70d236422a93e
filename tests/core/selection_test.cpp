// SPDX-License-Identifier: Apache-2.0
//
// core::judge_all and select on methods that answer what a test tells them to.
#include "core/selection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <leet/leet.hpp>
#include <limits>
#include <string>
#include <vector>

namespace leet::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Answer {
  std::int32_t answer = LEET_ANSWER_YES;
  double seconds = 0;
  leet_status status = LEET_STATUS_OK;
};

// Tables have no context pointer, so each of these functions belongs to one slot.
constexpr std::size_t kSlots = 4;
std::array<Answer, kSlots> answers;

template <std::size_t kSlot>
leet_status answer_supports(const leet_host*, const leet_problem*, const leet_device*, const char*,
                            leet_verdict* verdict, leet_error* error) {
  const Answer& answer = answers[kSlot];
  if (answer.status != LEET_STATUS_OK) {
    std::snprintf(error->message, sizeof error->message, "broken");
    return answer.status;
  }
  verdict->answer = answer.answer;
  verdict->predicted_seconds = answer.seconds;
  if (answer.answer == LEET_ANSWER_NO) {
    std::snprintf(verdict->reason, sizeof verdict->reason, "not slot %zu", kSlot);
  }
  return LEET_STATUS_OK;
}

template <std::size_t kSlot>
constexpr leet_method table() {
  leet_method method{};
  method.struct_size = sizeof method;
  method.id = "test.slot";
  method.supports = answer_supports<kSlot>;
  return method;
}
const std::array<leet_method, kSlots> kTables = {table<0>(), table<1>(), table<2>(), table<3>()};

class SelectionTest : public ::testing::Test {
 protected:
  SelectionTest() {
    const char* const ids[kSlots] = {"test.a", "test.b", "test.c", "test.d"};
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      answers[slot] = Answer();
      std::strcpy(methods_[slot].identity.id, ids[slot]);
      methods_[slot].table = &kTables[slot];
      methods_[slot].device_types = {LEET_DEVICE_CPU};
    }
    tensor_ = tensor(values_.data(), {1, 1, 2, 4});
    for (const int role : {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_OUT}) {
      specs_[static_cast<std::size_t>(role)] = &tensor_.spec;
    }
    problem_.struct_size = sizeof problem_;
    problem_.role_count = LEET_ROLE_COUNT;
    problem_.scale = 1;
    problem_.specs = specs_.data();
  }

  std::vector<std::string> order() {
    const Result<std::vector<Judgement>> judgements = judge_all(methods_, host_, problem_, kCpu);
    if (!judgements) return {judgements.error().message};
    std::vector<std::string> ids;
    for (const Judgement& judgement : *judgements) ids.push_back(judgement.method->identity.id);
    return ids;
  }

  static constexpr leet_device kCpu = {LEET_DEVICE_CPU, 0};
  HostServices host_{1, "off"};
  std::vector<Method> methods_ = std::vector<Method>(kSlots);
  std::vector<float> values_ = std::vector<float>(8);
  leet_tensor tensor_{};
  std::array<const leet_tensor_spec*, LEET_ROLE_COUNT> specs_{};
  leet_problem problem_{};
};

TEST_F(SelectionTest, OrdersByPredictedTime) {
  answers = {{{LEET_ANSWER_YES, 3}, {LEET_ANSWER_YES, 1}, {LEET_ANSWER_SLOW, 2}, {}}};
  EXPECT_THAT(order(), ElementsAre("test.b", "test.c", "test.a", "test.d"));
}

TEST_F(SelectionTest, PutsSlowPathsWithoutPredictionBehindTheOthers) {
  answers = {{{LEET_ANSWER_SLOW, 0}, {LEET_ANSWER_YES, 0}, {LEET_ANSWER_NO, 0}, {}}};
  EXPECT_THAT(order(), ElementsAre("test.b", "test.d", "test.a", "test.c"));
}

TEST_F(SelectionTest, TakesNoPredictionFromNonsense) {
  answers = {{{LEET_ANSWER_YES, -1},
              {LEET_ANSWER_YES, std::numeric_limits<double>::quiet_NaN()},
              {LEET_ANSWER_YES, 5},
              {LEET_ANSWER_YES, std::numeric_limits<double>::infinity()}}};
  EXPECT_THAT(order(), ElementsAre("test.c", "test.d", "test.a", "test.b"));
}

TEST_F(SelectionTest, LeavesEqualsInTheRegistrysOrder) {
  answers = {{{LEET_ANSWER_YES, 1}, {LEET_ANSWER_YES, 1}, {LEET_ANSWER_SLOW, 1}, {}}};
  EXPECT_THAT(order(), ElementsAre("test.a", "test.b", "test.c", "test.d"));
}

TEST_F(SelectionTest, AsksOnlyMethodsOfTheDevice) {
  methods_[0].device_types = {LEET_DEVICE_CUDA};
  EXPECT_THAT(order(), ElementsAre("test.b", "test.c", "test.d"));
}

TEST_F(SelectionTest, AFailingMethodIsARefusalWithItsError) {
  answers = {{{LEET_ANSWER_YES, 1, LEET_STATUS_INTERNAL}, {}, {}, {}}};
  const Result<std::vector<Judgement>> judgements = judge_all(methods_, host_, problem_, kCpu);
  ASSERT_TRUE(judgements.ok());
  EXPECT_EQ(judgements->back().method, &methods_[0]);
  EXPECT_EQ(judgements->back().verdict.answer, LEET_ANSWER_NO);
  EXPECT_STREQ(judgements->back().verdict.reason, "broken");
}

TEST_F(SelectionTest, DoesNotCallTheFirstByNameTheFastest) {
  const Result<std::vector<Judgement>> judgements = judge_all(methods_, host_, problem_, kCpu);
  ASSERT_TRUE(judgements.ok());
  const Result<Selection> selection = choose(*judgements, kCpu, "");
  ASSERT_TRUE(selection.ok());
  EXPECT_EQ(selection->method, &methods_[0]);
  EXPECT_THAT(selection->reason, HasSubstr("no method predicts its time"));
}

TEST_F(SelectionTest, AMalformedProblemIsAnErrorNotARefusal) {
  specs_[LEET_ROLE_K] = nullptr;
  const Result<std::vector<Judgement>> judgements = judge_all(methods_, host_, problem_, kCpu);
  ASSERT_FALSE(judgements.ok());
  EXPECT_EQ(judgements.error().code, LEET_STATUS_INVALID_ARGUMENT);
}

// With the methods of the build, through the C API's C++ layer.
class AutoTest : public ::testing::Test {
 protected:
  AutoTest() : context_(options({LEET_BINARY_DIR "/plugins"})) {
    tensors_.set(LEET_ROLE_Q, tensor(in_.data(), {1, 1, 4, 2}));
    tensors_.set(LEET_ROLE_K, tensor(in_.data(), {1, 1, 4, 2}));
    tensors_.set(LEET_ROLE_V, tensor(in_.data(), {1, 1, 4, 2}));
    tensors_.set(LEET_ROLE_OUT, tensor(out_.data(), {1, 1, 4, 2}));
  }

  static ContextOptions options(std::vector<std::string> paths) {
    return {.threads = 1,
            .plugin_paths = std::move(paths),
            .only_plugin_paths = true,
            .log_level = "off"};
  }

  std::vector<float> in_ = {1, 0, 1, 0, 1, 0, 1, 0};
  std::vector<float> out_ = std::vector<float>(8, NAN);
  Context context_;
  Tensors tensors_;
};

TEST_F(AutoTest, PlansAMethodAndSaysWhichAndWhy) {
  const Plan plan = context_.plan("auto", tensors_, {});
  EXPECT_THAT(plan.reason(), HasSubstr(plan.method().id));
  EXPECT_THAT(plan.reason(), HasSubstr("expected to be fastest"));
  plan.execute(tensors_);
  EXPECT_THAT(out_, ElementsAre(1, 0, 2, 0, 3, 0, 4, 0));
}

TEST_F(AutoTest, ANamedMethodSaysSoToo) {
  const Plan plan = context_.plan("naive", tensors_, {});
  EXPECT_STREQ(plan.method().id, "leet.naive");
  EXPECT_THAT(plan.reason(), HasSubstr("asked for"));
}

TEST_F(AutoTest, TakesNoOptions) {
  try {
    context_.plan("auto", tensors_, {.method_options = "kernel=plain"});
    FAIL() << "options for auto were taken";
  } catch (const Exception& e) {
    EXPECT_EQ(e.status(), LEET_STATUS_INVALID_ARGUMENT);
    EXPECT_THAT(e.what(), HasSubstr("kernel=plain"));
  }
}

TEST_F(AutoTest, NoMethodIsAnError) {
  const Context empty(options({}));
  EXPECT_THROW(empty.supports("auto", tensors_, {}), Exception);
}

TEST_F(AutoTest, NobodysRefusalsAreListed) {
  Context naive_alone(options({LEET_BINARY_DIR "/plugins/leet_naive.so"}));
  std::vector<double> f64(8);
  tensors_.set(LEET_ROLE_K, tensor(f64.data(), {1, 1, 4, 2}));  // f32 beside f64
  const leet_verdict verdict = naive_alone.supports("auto", tensors_, {});
  EXPECT_EQ(verdict.answer, LEET_ANSWER_NO);
  EXPECT_THAT(verdict.reason, HasSubstr("leet.naive"));
  EXPECT_THROW(naive_alone.plan("auto", tensors_, {}), Exception);
}

}  // namespace
}  // namespace leet::core
