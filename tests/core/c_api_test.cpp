// SPDX-License-Identifier: Apache-2.0
//
// libleet as a host sees it: through leet/leet.h and leet/leet.hpp alone, with the recurrent
// plugin.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <leet/leet.hpp>
#include <memory>
#include <string>
#include <vector>

namespace leet {
namespace {

using ::testing::HasSubstr;

ContextOptions build_tree() {
  return {.threads = 2,
          .plugin_paths = {LEET_BINARY_DIR "/plugins"},
          .only_plugin_paths = true,
          .log_level = "off"};
}

// gamma = 1/2, one head, keys and queries of 1: out[t] = sum of v[s] / 2^(t-s).
struct Halving {
  std::int64_t N;
  std::vector<float> ones, v, out, decay = {std::log(0.5F)};
  Tensors tensors;

  explicit Halving(std::int64_t n) : N(n), ones(n, 1.0F), v(n), out(n, NAN) {
    for (std::int64_t t = 0; t < N; ++t) v[static_cast<std::size_t>(t)] = static_cast<float>(t + 1);
    tensors.set(LEET_ROLE_Q, tensor(ones.data(), {1, 1, N, 1}));
    tensors.set(LEET_ROLE_K, tensor(ones.data(), {1, 1, N, 1}));
    tensors.set(LEET_ROLE_V, tensor(v.data(), {1, 1, N, 1}));
    tensors.set(LEET_ROLE_LOG_DECAY, tensor(decay.data(), {1, 1, 1, 1}));
    tensors.set(LEET_ROLE_OUT, tensor(out.data(), {1, 1, N, 1}));
  }

  void expect_right() const {
    double expected = 0;
    for (std::size_t t = 0; t < out.size(); ++t) {
      expected = expected / 2 + v[t];
      EXPECT_NEAR(out[t], expected, 1e-5 * expected) << "t=" << t;
    }
  }
};

TEST(CApi, FindsPlansAndExecutesAMethodByName) {
  Context context(build_tree());
  Halving problem(9);
  const PlanOptions options = {.decay_kind = LEET_DECAY_HEAD};
  for (const char* name : {"leet.recurrent", "recurrent"}) {
    std::fill(problem.out.begin(), problem.out.end(), NAN);
    const Plan plan = context.plan(name, problem.tensors, options);
    plan.check(problem.tensors);
    plan.execute(problem.tensors);
    problem.expect_right();
  }
  EXPECT_NE(context.supports("recurrent", problem.tensors, options).answer, LEET_ANSWER_NO);
}

TEST(CApi, PlansServeShorterSequencesAlongADynamicAxis) {
  Context context(build_tree());
  Halving longest(40);
  const Plan plan = context.plan(
      "recurrent", longest.tensors,
      {.decay_kind = LEET_DECAY_HEAD, .dynamic_axes = LEET_DYNAMIC_N | LEET_DYNAMIC_STRIDES});
  for (const std::int64_t n : {1, 17, 40}) {
    Halving problem(n);
    plan.execute(problem.tensors);
    problem.expect_right();
  }
}

TEST(CApi, UsesTheCallersWorkspace) {
  Context context(build_tree());
  Halving problem(9);
  const Plan plan = context.plan("recurrent", problem.tensors, {.decay_kind = LEET_DECAY_HEAD});
  const leet_plan_info info = plan.info();
  std::vector<std::byte> memory(info.workspace_bytes + info.workspace_alignment);
  void* begin = memory.data();
  std::size_t room = memory.size();
  ASSERT_NE(std::align(info.workspace_alignment, info.workspace_bytes, begin, room), nullptr);
  plan.execute(problem.tensors, {static_cast<std::byte*>(begin), info.workspace_bytes});
  problem.expect_right();
}

TEST(CApi, SaysWhatIsWrongWithTheStatusOfTheTable) {
  Context context(build_tree());
  Halving problem(9);
  const PlanOptions options = {.decay_kind = LEET_DECAY_HEAD};
  const auto status_of = [](auto&& call) {
    try {
      call();
    } catch (const Exception& e) {
      EXPECT_STRNE(e.what(), "");
      return e.status();
    }
    return leet_status{LEET_STATUS_OK};
  };
  EXPECT_EQ(status_of([&] { context.plan("no_such_method", problem.tensors, options); }),
            LEET_STATUS_UNAVAILABLE);
  EXPECT_EQ(status_of([&] { context.plan("recurrent", problem.tensors, {}); }),
            LEET_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(status_of([&] {
              context.plan("recurrent", problem.tensors,
                           {.decay_kind = LEET_DECAY_HEAD, .method_options = "no=1"});
            }),
            LEET_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(status_of([] { Context({.configuration = "/no/such/file.yaml"}); }),
            LEET_STATUS_UNAVAILABLE);
  EXPECT_EQ(status_of([] { Context({.log_level = "loud"}); }), LEET_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(status_of([] { Context({.threads = -1}); }), LEET_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(status_of([] { Context({.threads = 4097}); }), LEET_STATUS_INVALID_ARGUMENT);

  problem.decay[0] = 0.5F;
  const Plan plan = context.plan("recurrent", problem.tensors, options);
  EXPECT_EQ(status_of([&] { plan.check(problem.tensors); }), LEET_STATUS_INVALID_ARGUMENT);
}

TEST(CApi, ListsMethodsAndEveryCandidate) {
  Context context(build_tree());
  bool found = false;
  for (const leet_method_info& method : context.methods()) {
    found = found || std::string(method.id) == "leet.recurrent";
    EXPECT_THAT(method.path, HasSubstr(".so"));
    EXPECT_EQ(std::string(method.identity->id), method.id);
  }
  EXPECT_TRUE(found);
  EXPECT_GE(context.report().size(), context.methods().size());
  for (const leet_report_entry& entry : context.report())
    EXPECT_STREQ(entry.rule, entry.usable ? "OK" : entry.rule);
}

TEST(CApi, HandlesNullAndForeignStructSizes) {
  leet_error error{};
  error.struct_size = sizeof error;
  EXPECT_EQ(leet_context_create(nullptr, nullptr, &error), LEET_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(leet_plan_execute(nullptr, nullptr, 0, nullptr, nullptr, 0, nullptr),
            LEET_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(leet_method_count(nullptr), 0U);
  leet_context_destroy(nullptr);
  leet_plan_destroy(nullptr);
  EXPECT_STREQ(leet_status_name(LEET_STATUS_UNSUPPORTED), "LEET_STATUS_UNSUPPORTED");
  EXPECT_STREQ(leet_status_name(99), "unknown status");

  Context context(build_tree());
  // A host built against an older header has a shorter struct: only that part is written.
  leet_method_info older{};
  older.struct_size = offsetof(leet_method_info, version);
  ASSERT_EQ(leet_method_find(context.handle(), "recurrent", 0, &older, &error), LEET_STATUS_OK);
  EXPECT_STREQ(older.id, "leet.recurrent");
  EXPECT_EQ(older.version, nullptr);
}

// The bytes from `begin` to the struct's end, all of them this one.
template <class Struct>
bool untouched(const Struct& object, std::size_t begin, unsigned char byte) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(&object);
  return std::all_of(bytes + begin, bytes + sizeof object,
                     [&](unsigned char seen) { return seen == byte; });
}

TEST(CApi, WritesNoFieldThatTheStructSizeCuts) {
  Context context(build_tree());
  leet_error error{};
  error.struct_size = sizeof error;
  // What each size has room for, field by field.
  struct Room {
    std::uint32_t struct_size;
    std::size_t end;
  };
  for (const Room room : {Room{4, 4}, Room{7, 4}, Room{8, 8}, Room{12, 8}, Room{15, 8},
                          Room{16, 16}, Room{20, 16}, Room{63, 56}, Room{64, 64}, Room{99, 64}}) {
    leet_method_info info;
    std::memset(&info, 0xee, sizeof info);
    info.struct_size = room.struct_size;
    ASSERT_EQ(leet_method_find(context.handle(), "recurrent", 0, &info, &error), LEET_STATUS_OK);
    EXPECT_EQ(info.struct_size, room.struct_size);
    EXPECT_TRUE(untouched(info, room.end, 0xee)) << "struct_size " << room.struct_size;
    EXPECT_FALSE(room.end > 4 && untouched(info, room.end - 1, 0xee))
        << "struct_size " << room.struct_size;
  }

  leet_report_entry entry;
  std::memset(&entry, 0xee, sizeof entry);
  entry.struct_size = offsetof(leet_report_entry, action) + 4;
  ASSERT_EQ(leet_report_get(context.handle(), 0, &entry, &error), LEET_STATUS_OK);
  EXPECT_TRUE(untouched(entry, offsetof(leet_report_entry, action), 0xee));
  EXPECT_STREQ(entry.seen, context.report()[0].seen);
}

TEST(CApi, ReadsNoOptionThatTheStructSizeCuts) {
  leet_error error{};
  error.struct_size = sizeof error;
  leet_context_options options;
  std::memset(&options, 0xee, sizeof options);  // pointers that no one may follow
  options.threads = 1;
  for (const std::uint32_t size : {8U, 12U, 15U}) {
    options.struct_size = size;
    leet_context* context = nullptr;
    ASSERT_EQ(leet_context_create(&options, &context, &error), LEET_STATUS_OK) << error.message;
    leet_context_destroy(context);
  }
  options.configuration = nullptr;
  options.struct_size = 20;
  leet_context* context = nullptr;
  EXPECT_EQ(leet_context_create(&options, &context, &error), LEET_STATUS_OK) << error.message;
  leet_context_destroy(context);

  options.struct_size = 0;
  EXPECT_EQ(leet_context_create(&options, &context, &error), LEET_STATUS_INVALID_ARGUMENT);
  EXPECT_THAT(error.message, HasSubstr("struct_size 0"));
}

TEST(CApi, ProbesAsAsked) {
  if (!std::filesystem::exists(LEET_BINARY_DIR "/libexec/leet/leet-probe")) {
    GTEST_SKIP() << "leet-probe is not built: it needs LEET_BUILD_TOOLS";
  }
  const auto rule_with = [](const char* probe) {
    ContextOptions options;
    options.plugin_paths = {LEET_BINARY_DIR "/hostile/leet_hostile_ignores_decay.so"};
    options.only_plugin_paths = true;
    options.probe = probe;
    options.probe_seconds = 60;
    return std::string(Context(options).report().at(0).rule);
  };
  EXPECT_EQ(rule_with(""), "E-SELF-TEST");
  EXPECT_EQ(rule_with("self-test"), "E-SELF-TEST");
  EXPECT_EQ(rule_with("contract"), "OK");
  EXPECT_EQ(rule_with("off"), "OK");

  const auto message_of = [](const char* probe, std::int32_t seconds) -> std::string {
    leet_error error{};
    error.struct_size = sizeof error;
    leet_context_options options{};
    options.struct_size = sizeof options;
    options.probe = probe;
    options.probe_seconds = seconds;
    leet_context* context = nullptr;
    EXPECT_EQ(leet_context_create(&options, &context, &error), LEET_STATUS_INVALID_ARGUMENT);
    return error.message;
  };
  EXPECT_THAT(message_of("maybe", 0), HasSubstr("probe='maybe': needs one of off, contract, self"));
  EXPECT_THAT(message_of(nullptr, -1), HasSubstr("probe_seconds=-1: needs 0"));
  EXPECT_THAT(message_of(nullptr, 3601), HasSubstr("to 3600"));
}

TEST(CApi, PinsThreadsAsAsked) {
  leet_error error{};
  error.struct_size = sizeof error;
  leet_context_options options{};
  options.struct_size = sizeof options;
  for (const std::int32_t pin : {-1, 0, 1}) {
    options.pin_threads = pin;
    leet_context* context = nullptr;
    EXPECT_EQ(leet_context_create(&options, &context, &error), LEET_STATUS_OK) << error.message;
    leet_context_destroy(context);
  }
  options.pin_threads = 2;
  leet_context* context = nullptr;
  EXPECT_EQ(leet_context_create(&options, &context, &error), LEET_STATUS_INVALID_ARGUMENT);
  EXPECT_THAT(error.message, HasSubstr("pin_threads=2: needs 0 (as configured), 1 (yes)"));
}

}  // namespace
}  // namespace leet
