// SPDX-License-Identifier: Apache-2.0
#include "core/host_services.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdint>
#include <string>

namespace leet::core {
namespace {

void say(const HostServices& host, std::int32_t level, const std::string& text) {
  const leet_host& table = host.table();
  table.log(table.ctx, level, text.data(), text.size());
}

// Everything that a host of this level prints, one message a level.
std::string printed(const std::string& log_level) {
  const HostServices host(1, log_level);
  testing::internal::CaptureStderr();
  say(host, LEET_LOG_TRACE, "t");
  say(host, LEET_LOG_DEBUG, "d");
  say(host, LEET_LOG_INFO, "i");
  say(host, LEET_LOG_WARN, "w");
  say(host, LEET_LOG_ERROR, "e");
  return testing::internal::GetCapturedStderr();
}

TEST(HostServices, LogsToStderrFromItsLevelUp) {
  EXPECT_EQ(printed("trace"), "[trace] t\n[debug] d\n[info] i\n[warning] w\n[error] e\n");
  EXPECT_EQ(printed("debug"), "[debug] d\n[info] i\n[warning] w\n[error] e\n");
  EXPECT_EQ(printed("info"), "[info] i\n[warning] w\n[error] e\n");
  EXPECT_EQ(printed("warn"), "[warning] w\n[error] e\n");
  EXPECT_EQ(printed("error"), "[error] e\n");
  EXPECT_EQ(printed("off"), "");
}

TEST(HostServices, LogsTextVerbatimAndByItsLength) {
  const HostServices host(1, "info");
  testing::internal::CaptureStderr();
  const char text[] = "100% of {} and %s, then cut here";
  host.table().log(host.table().ctx, LEET_LOG_INFO, text, 17);
  host.table().log(host.table().ctx, LEET_LOG_INFO, text, 0);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "[info] 100% of {} and %s\n[info] \n");
}

TEST(HostServices, ShowsLevelsThatItDoesNotKnow) {
  const HostServices host(1, "error");
  testing::internal::CaptureStderr();
  say(host, 99, "later");
  say(host, -1, "nonsense");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "[error] later\n[error] nonsense\n");
}

TEST(HostServices, TwoHostsShareNothing) {
  const HostServices loud(1, "trace");
  const HostServices quiet(3, "off");
  testing::internal::CaptureStderr();
  say(quiet, LEET_LOG_ERROR, "unheard");
  say(loud, LEET_LOG_TRACE, "heard");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "[trace] heard\n");
  EXPECT_EQ(loud.table().concurrency(loud.table().ctx), 1);
  EXPECT_EQ(quiet.table().concurrency(quiet.table().ctx), 3);
  EXPECT_EQ(spdlog::get("leet"), nullptr) << "the logger is in the process's registry";
}

TEST(HostServices, TableIsComplete) {
  const HostServices host(2, "off");
  const leet_host& table = host.table();
  EXPECT_EQ(table.struct_size, sizeof(leet_host));
  EXPECT_EQ(table.reserved, 0u);
  EXPECT_EQ(table.get_extension(table.ctx, "leet.no_such_service/1"), nullptr);
  EXPECT_EQ(table.get_extension(table.ctx, ""), nullptr);
}

TEST(HostServices, ParallelForRunsOnThePool) {
  const HostServices host(3, "off");
  const leet_host& table = host.table();
  std::atomic<std::int64_t> sum = 0;
  const auto body = [](void* arg, std::int64_t begin, std::int64_t end,
                       std::int32_t) -> leet_status {
    for (std::int64_t i = begin; i < end; ++i) *static_cast<std::atomic<std::int64_t>*>(arg) += i;
    return LEET_STATUS_OK;
  };
  EXPECT_EQ(table.parallel_for(table.ctx, 101, 7, body, &sum), LEET_STATUS_OK);
  EXPECT_EQ(sum, 5050);
  const auto failing = [](void*, std::int64_t, std::int64_t, std::int32_t) -> leet_status {
    return LEET_STATUS_OUT_OF_MEMORY;
  };
  EXPECT_EQ(table.parallel_for(table.ctx, 5, 1, failing, nullptr), LEET_STATUS_OUT_OF_MEMORY);
  EXPECT_EQ(table.parallel_for(table.ctx, 5, 0, body, &sum), LEET_STATUS_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace leet::core
