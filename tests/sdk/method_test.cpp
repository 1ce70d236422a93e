// SPDX-License-Identifier: Apache-2.0
//
// The table that the C++ layer makes of a method: nothing is thrown through it, nothing is written
// past a struct of another version.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <leet/plugin.hpp>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/sdk/problem_builder.hpp"

namespace leet::sdk {
namespace {

using sdk_test::ProblemBuilder;

// A host that gives each piece a thread of its own.
leet_host threaded_host() {
  leet_host host{};
  host.struct_size = sizeof host;
  host.log = [](void*, std::int32_t, const char*, std::uint64_t) {};
  host.concurrency = [](void*) -> std::int32_t { return 4; };
  host.parallel_for = [](void*, std::int64_t count, std::int64_t grain, leet_loop_body body,
                         void* arg) -> leet_status {
    std::vector<leet_status> statuses(static_cast<std::size_t>((count + grain - 1) / grain));
    std::vector<std::thread> threads;
    for (std::size_t piece = 0; piece < statuses.size(); ++piece) {
      threads.emplace_back([=, &statuses] {
        const std::int64_t begin = static_cast<std::int64_t>(piece) * grain;
        statuses[piece] =
            body(arg, begin, std::min(begin + grain, count), static_cast<std::int32_t>(piece));
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const leet_status status : statuses) {
      if (status != LEET_STATUS_OK) return status;
    }
    return LEET_STATUS_OK;
  };
  host.get_extension = [](void*, const char*) -> const void* { return nullptr; };
  return host;
}

struct NoStdException {};

void throw_as_told(std::string_view what) {
  if (what == "int") throw 42;
  if (what == "struct") throw NoStdException{};
  if (what == "bad_alloc") throw std::bad_alloc();
  if (what == "std") throw std::runtime_error("a runtime_error");
  if (what == "error") {
    throw Error(LEET_STATUS_DEVICE_ERROR, "device %d fell over", 3)
        .with_native(LEET_DOMAIN_CUDA_RUNTIME, 700);
  }
}

int live_plans = 0;

// Throws `what` from `where`, as its options say.
class Thrower {
 public:
  static constexpr leet_note_desc kIdentity = identity({.id = "test.thrower",
                                                        .version = "1.0.0",
                                                        .decay_kinds = LEET_DECAYS_NONE,
                                                        .dtypes = LEET_DTYPES_F32});
  static constexpr const char* kSummary = "throws";
  static constexpr const char* kReference = "none";
  static constexpr leet_option kOptions[] = {option("where", "nowhere", "the function"),
                                             option("what", "int", "the type")};

  static Verdict supports(const Host&, const Problem& problem, leet_device,
                          const Options& options) {
    if (options.get("where") == "supports") throw_as_told(options.get("what"));
    if (problem.shape().R == 96) return Verdict::no("R=96: needs another R");
    return Verdict::slow(2.5, "no path is fast");
  }

  Thrower(const Host&, const Problem&, leet_device, const Options& options)
      : where_(options.get("where")), what_(options.get("what")) {
    if (where_ == "constructor") throw_as_told(what_);
    ++live_plans;
  }
  ~Thrower() { --live_plans; }
  Thrower(const Thrower&) = delete;
  Thrower& operator=(const Thrower&) = delete;

  PlanInfo info() const {
    if (where_ == "info") throw_as_told(what_);
    return {.properties = LEET_PLAN_GRAPH_CAPTURABLE,
            .precision_used = LEET_PRECISION_TF32,
            .workspace_bytes = 11,
            .workspace_alignment = 64,
            .persistent_bytes = 13,
            .predicted_seconds = 14,
            .flops = 15,
            .bytes_moved = 16,
            .declared_rel_error = 17,
            .choice = "the choice"};
  }

  void execute(const Host& host, const Exec&) const {
    if (where_ == "execute") throw_as_told(what_);
    host.parallel_for(8, 2, [&](std::int64_t begin, std::int64_t, std::int32_t) {
      if (where_ == "body" && begin >= 2) throw_as_told(what_);
      if (where_ != "two_bodies" || begin < 4) return;
      if ((begin == 4) == (what_ == "low_last")) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      throw Error(begin == 4 ? LEET_STATUS_UNSUPPORTED : LEET_STATUS_INTERNAL, "item %d",
                  static_cast<int>(begin));
    });
  }

  static const void* extension(const char* id) {
    if (std::strcmp(id, "test.throws/1") == 0) throw 42;
    return std::strcmp(id, "test.there/1") == 0 ? &kIdentity : nullptr;
  }

 private:
  std::string where_;
  std::string what_;
};

// No options and no extension: both may be left out.
class Plain {
 public:
  static constexpr leet_note_desc kIdentity = identity({.id = "test.plain", .version = "1.0.0"});
  static constexpr const char* kSummary = "plain";
  static constexpr const char* kReference = "none";
  static Verdict supports(const Host&, const Problem&, leet_device, const Options&) {
    return Verdict::yes();
  }
  Plain(const Host&, const Problem&, leet_device, const Options&) {}
  PlanInfo info() const { return {}; }
  void execute(const Host&, const Exec&) const {}
};

}  // namespace
}  // namespace leet::sdk

LEET_PLUGIN(leet::sdk::Thrower)

namespace leet::sdk {
namespace {

const leet_method& table() {
  const leet_method* method = nullptr;
  EXPECT_EQ(leet_plugin_entry_v0(LEET_ABI_MINOR, &method, nullptr), LEET_STATUS_OK);
  return *method;
}

leet_error fresh_error() {
  leet_error error{};
  error.struct_size = sizeof error;
  return error;
}

// One call of each function in turn, up to the first that fails.
struct Call {
  explicit Call(const std::string& options, std::int64_t R = 3) : builder(1, 1, 2, R, 2) {
    verdict.struct_size = sizeof verdict;
    info.struct_size = sizeof info;
    failed = "supports";
    status = table().supports(&host, &builder.raw, &device, options.c_str(), &verdict, &error);
    if (status != LEET_STATUS_OK) return;
    failed = "plan_create";
    status =
        table().plan_create(&host, &builder.raw, &device, options.c_str(), &plan, &info, &error);
    if (status != LEET_STATUS_OK) return;
    std::array<leet_tensor, LEET_ROLE_COUNT> tensors{};
    std::array<const leet_tensor*, LEET_ROLE_COUNT> pointers{};
    for (const std::size_t role : {LEET_ROLE_Q, LEET_ROLE_K, LEET_ROLE_V, LEET_ROLE_OUT}) {
      tensors[role].spec = builder.at(static_cast<int>(role));
      pointers[role] = &tensors[role];
    }
    leet_exec exec{};
    exec.struct_size = sizeof exec;
    exec.role_count = LEET_ROLE_COUNT;
    exec.tensors = pointers.data();
    exec.device = device;
    failed = "execute";
    status = table().execute(&host, plan, &exec, &error);
    if (status == LEET_STATUS_OK) failed = "";
  }
  ~Call() { table().plan_destroy(plan); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  leet_host host = threaded_host();
  ProblemBuilder builder;
  leet_device device = {LEET_DEVICE_CPU, 0};
  leet_verdict verdict{};
  leet_plan_info info{};
  leet_error error = fresh_error();
  leet_method_plan* plan = nullptr;
  leet_status status = LEET_STATUS_OK;
  std::string failed;
};

TEST(Method, AnswersAndPlansWhenNothingIsThrown) {
  {
    const Call call("");
    EXPECT_EQ(call.status, LEET_STATUS_OK) << call.error.message;
    EXPECT_EQ(call.verdict.answer, LEET_ANSWER_SLOW);
    EXPECT_EQ(call.verdict.predicted_seconds, 2.5);
    EXPECT_STREQ(call.verdict.reason, "no path is fast");
    EXPECT_EQ(call.info.properties, LEET_PLAN_GRAPH_CAPTURABLE);
    EXPECT_EQ(call.info.precision_used, LEET_PRECISION_TF32);
    EXPECT_EQ(call.info.workspace_bytes, 11u);
    EXPECT_EQ(call.info.workspace_alignment, 64u);
    EXPECT_EQ(call.info.persistent_bytes, 13u);
    EXPECT_EQ(call.info.predicted_seconds, 14);
    EXPECT_EQ(call.info.flops, 15);
    EXPECT_EQ(call.info.bytes_moved, 16);
    EXPECT_EQ(call.info.declared_rel_error, 17);
    EXPECT_STREQ(call.info.choice, "the choice");
    EXPECT_EQ(live_plans, 1);
  }
  EXPECT_EQ(live_plans, 0);
}

TEST(Method, BarrierTurnsEveryExceptionIntoAStatus) {
  const struct {
    const char* what;
    leet_status status;
    const char* message;
  } thrown[] = {{"int", LEET_STATUS_INTERNAL, "no std::exception"},
                {"struct", LEET_STATUS_INTERNAL, "no std::exception"},
                {"bad_alloc", LEET_STATUS_OUT_OF_MEMORY, "out of host memory"},
                {"std", LEET_STATUS_INTERNAL, "a runtime_error"},
                {"error", LEET_STATUS_DEVICE_ERROR, "device 3 fell over"}};
  const struct {
    const char* where;
    const char* function;
  } places[] = {{"supports", "supports"},
                {"constructor", "plan_create"},
                {"info", "plan_create"},
                {"execute", "execute"},
                {"body", "execute"}};
  for (const auto& place : places) {
    for (const auto& t : thrown) {
      SCOPED_TRACE(std::string(t.what) + " from " + place.where);
      const Call call(std::string("where=") + place.where + ";what=" + t.what);
      EXPECT_EQ(call.status, t.status);
      EXPECT_EQ(call.failed, place.function);
      EXPECT_EQ(call.error.code, t.status);
      EXPECT_STREQ(call.error.where, place.function);
      EXPECT_THAT(call.error.message, testing::HasSubstr(t.message));
      const bool native = std::strcmp(t.what, "error") == 0;
      EXPECT_EQ(call.error.domain, native ? LEET_DOMAIN_CUDA_RUNTIME : LEET_DOMAIN_NONE);
      EXPECT_EQ(call.error.native_code, native ? 700 : 0);
      if (call.failed == "plan_create") {
        EXPECT_EQ(call.plan, nullptr);
      }
    }
  }
  EXPECT_EQ(live_plans, 0);
}

TEST(Method, OfSeveralThrowingPiecesTheLowestIsReported) {
  for (const char* order : {"low_last", "low_first"}) {
    const Call call(std::string("where=two_bodies;what=") + order);
    EXPECT_EQ(call.status, LEET_STATUS_UNSUPPORTED) << order;
    EXPECT_STREQ(call.error.message, "item 4") << order;
  }
}

TEST(Method, PlanCreateRefusesWhatSupportsRefuses) {
  const Call call("", 96);
  EXPECT_EQ(call.failed, "plan_create");
  EXPECT_EQ(call.verdict.answer, LEET_ANSWER_NO);
  EXPECT_EQ(call.status, LEET_STATUS_UNSUPPORTED);
  EXPECT_STREQ(call.error.message, "R=96: needs another R");
  EXPECT_STREQ(call.verdict.reason, call.error.message);
}

TEST(Method, RefusesOptionsThatItDoesNotHave) {
  const Call call("chunk=3");
  EXPECT_EQ(call.failed, "supports");
  EXPECT_EQ(call.status, LEET_STATUS_INVALID_ARGUMENT);
  EXPECT_THAT(call.error.message, testing::HasSubstr("unknown option 'chunk'"));
}

// The claims are judged before the method is asked: it would throw.
TEST(Method, RefusesBeforeTheMethodIsAsked) {
  const char* throwing = "where=supports";
  const leet_host host = threaded_host();
  const leet_device cpu = {LEET_DEVICE_CPU, 0};
  leet_error error = fresh_error();
  ProblemBuilder unseen;
  unseen.raw.must_understand = 1;
  ProblemBuilder unclaimed;
  unclaimed.at(LEET_ROLE_V).dtype = kF64;
  for (const ProblemBuilder* builder : {&unseen, &unclaimed}) {
    leet_verdict verdict{};
    verdict.struct_size = sizeof verdict;
    verdict.answer = LEET_ANSWER_YES;
    EXPECT_EQ(table().supports(&host, &builder->raw, &cpu, throwing, &verdict, &error),
              LEET_STATUS_OK);
    EXPECT_EQ(verdict.answer, LEET_ANSWER_NO);
    leet_method_plan* plan = nullptr;
    leet_plan_info info{};
    info.struct_size = sizeof info;
    EXPECT_EQ(table().plan_create(&host, &builder->raw, &cpu, throwing, &plan, &info, &error),
              LEET_STATUS_UNSUPPORTED);
    EXPECT_STREQ(error.message, verdict.reason);
    EXPECT_EQ(plan, nullptr);
  }
}

// A struct of another version: `size` bytes are the caller's, poison follows.
template <class T>
class Sized {
 public:
  explicit Sized(std::size_t size) : size_(size) {
    std::memset(memory_, kPoison, sizeof memory_);
    std::memset(memory_, 0, size);
    get()->struct_size = static_cast<std::uint32_t>(size);
  }
  T* get() { return reinterpret_cast<T*>(memory_); }
  bool poison_is_whole() const {
    return std::all_of(memory_ + size_, memory_ + sizeof memory_,
                       [](unsigned char byte) { return byte == kPoison; });
  }

 private:
  static constexpr unsigned char kPoison = 0xa5;
  std::size_t size_;
  alignas(T) unsigned char memory_[sizeof(T) + 64];
};

TEST(Method, WritesNothingPastAStructOfAnotherVersion) {
  const leet_host host = threaded_host();
  const leet_device cpu = {LEET_DEVICE_CPU, 0};
  const ProblemBuilder builder;
  for (std::size_t size = sizeof(std::uint32_t); size <= sizeof(leet_verdict) + 64; ++size) {
    Sized<leet_verdict> verdict(size);
    ASSERT_EQ(table().supports(&host, &builder.raw, &cpu, "", verdict.get(), nullptr),
              LEET_STATUS_OK);
    ASSERT_TRUE(verdict.poison_is_whole()) << "verdict of " << size << " bytes";
    if (size >= 8) {
      ASSERT_EQ(verdict.get()->answer, LEET_ANSWER_SLOW) << size;
    }
    if (size >= sizeof(leet_verdict)) {
      ASSERT_STREQ(verdict.get()->reason, "no path is fast");
    }
  }
  for (std::size_t size = sizeof(std::uint32_t); size <= sizeof(leet_plan_info) + 64; ++size) {
    Sized<leet_plan_info> info(size);
    leet_method_plan* plan = nullptr;
    ASSERT_EQ(table().plan_create(&host, &builder.raw, &cpu, "", &plan, info.get(), nullptr),
              LEET_STATUS_OK);
    table().plan_destroy(plan);
    ASSERT_TRUE(info.poison_is_whole()) << "plan info of " << size << " bytes";
    if (size >= sizeof(leet_plan_info)) {
      ASSERT_STREQ(info.get()->choice, "the choice");
    }
  }
  for (std::size_t size = sizeof(std::uint32_t); size <= sizeof(leet_error) + 64; ++size) {
    Sized<leet_error> error(size);
    Sized<leet_verdict> verdict(sizeof(leet_verdict));
    ASSERT_EQ(table().supports(&host, &builder.raw, &cpu, "x", verdict.get(), error.get()),
              LEET_STATUS_INVALID_ARGUMENT);
    ASSERT_TRUE(error.poison_is_whole()) << "error of " << size << " bytes";
    if (size >= 8) {
      ASSERT_EQ(error.get()->code, LEET_STATUS_INVALID_ARGUMENT) << size;
    }
    if (size >= sizeof(leet_error)) {
      ASSERT_STREQ(error.get()->where, "supports");
    }
  }
}

TEST(Method, LongTextsAreCutAndEnded) {
  leet_error error = fresh_error();
  const std::string longer(1000, 'x');
  EXPECT_EQ(report(&error, LEET_STATUS_INTERNAL, longer.c_str(), longer.c_str()),
            LEET_STATUS_INTERNAL);
  EXPECT_EQ(std::strlen(error.where), sizeof error.where - 1);
  EXPECT_EQ(std::strlen(error.message), sizeof error.message - 1);
  EXPECT_EQ(report(nullptr, LEET_STATUS_INTERNAL, "", ""), LEET_STATUS_INTERNAL);
}

TEST(Method, TableShowsOptionsAndIdentity) {
  EXPECT_EQ(table().struct_size, sizeof(leet_method));
  EXPECT_STREQ(table().id, "test.thrower");
  EXPECT_STREQ(table().version, "1.0.0");
  ASSERT_NE(table().options, nullptr);
  EXPECT_STREQ(table().options[0]->name, "where");
  EXPECT_STREQ(table().options[1]->default_value, "int");
  EXPECT_EQ(table().options[1]->struct_size, sizeof(leet_option));
  EXPECT_EQ(table().options[2], nullptr);

  const leet_method& plain = detail::Table<Plain>::kTable;
  ASSERT_NE(plain.options, nullptr);
  EXPECT_EQ(plain.options[0], nullptr);
  EXPECT_EQ(plain.get_extension("test.there/1"), nullptr);
}

TEST(Method, ExtensionsAreFoundAndCannotThrow) {
  EXPECT_EQ(table().get_extension("test.there/1"), &Thrower::kIdentity);
  EXPECT_EQ(table().get_extension("test.not_there/1"), nullptr);
  EXPECT_EQ(table().get_extension("test.throws/1"), nullptr);
}

TEST(Method, DestroyingNoPlanIsFine) { table().plan_destroy(nullptr); }

TEST(Entry, RefusesHostsOlderThanItNeeds) {
  static_assert(LEET_ABI_OLDEST_MINOR > 0, "there is an older host to refuse");
  const leet_method* method = nullptr;
  leet_error error = fresh_error();
  EXPECT_EQ(leet_plugin_entry_v0(LEET_ABI_OLDEST_MINOR - 1, &method, &error),
            LEET_STATUS_UNSUPPORTED);
  EXPECT_EQ(method, nullptr);
  EXPECT_STREQ(error.message, "the host has ABI 0.0; this plugin needs 0.1 or later");
  EXPECT_EQ(leet_plugin_entry_v0(LEET_ABI_MINOR + 5, &method, &error), LEET_STATUS_OK);
  EXPECT_NE(method, nullptr);
}

TEST(Host, PassesCallsOn) {
  leet_host raw = threaded_host();
  static std::string logged;
  raw.log = [](void* ctx, std::int32_t level, const char* text, std::uint64_t length) {
    *static_cast<std::string*>(ctx) = std::to_string(level) + std::string(text, length);
  };
  raw.ctx = &logged;
  const Host host(raw);
  host.log(LEET_LOG_WARN, "text");
  EXPECT_EQ(logged, "3text");
  EXPECT_EQ(host.concurrency(), 4);
  EXPECT_EQ(host.extension("leet.any/1"), nullptr);
}

TEST(Host, ReportsALoopThatTheHostEnded) {
  leet_host raw = threaded_host();
  raw.parallel_for = [](void*, std::int64_t, std::int64_t, leet_loop_body, void*) -> leet_status {
    return LEET_STATUS_OUT_OF_MEMORY;
  };
  try {
    Host(raw).parallel_for(1, 1, [](std::int64_t, std::int64_t, std::int32_t) {});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), LEET_STATUS_OUT_OF_MEMORY);
  }
}

}  // namespace
}  // namespace leet::sdk
