// SPDX-License-Identifier: Apache-2.0
#include "core/host_services.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <iterator>
#include <string_view>

namespace leet::core {
namespace {

using Level = spdlog::level::level_enum;

// The configuration has refused every other name.
Level level_of(std::string_view name) {
  if (name == "trace") return Level::trace;
  if (name == "debug") return Level::debug;
  if (name == "info") return Level::info;
  if (name == "error") return Level::err;
  if (name == "off") return Level::off;
  return Level::warn;
}

// A plugin's level. One that this host does not know is a later, graver one or nonsense; both
// should be seen.
Level level_of(std::int32_t level) {
  static constexpr Level kLevels[] = {Level::trace, Level::debug, Level::info, Level::warn,
                                      Level::err};
  if (level < LEET_LOG_TRACE || level >= static_cast<std::int32_t>(std::size(kLevels))) {
    return Level::err;
  }
  return kLevels[level];
}

HostServices& services(void* ctx) { return *static_cast<HostServices*>(ctx); }

// Not spdlog::stderr_logger_mt, which would put it in the process's registry of loggers.
std::shared_ptr<spdlog::logger> make_logger(const std::string& level) {
  auto logger =
      std::make_shared<spdlog::logger>("leet", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("[%l] %v");
  logger->set_level(level_of(level));
  return logger;
}

}  // namespace

HostServices::HostServices(int threads, const std::string& log_level, bool pin_threads)
    : log_(make_logger(log_level)), pool_(threads, pin_threads) {
  table_.struct_size = sizeof table_;
  table_.ctx = this;
  table_.log = [](void* ctx, std::int32_t level, const char* text, std::uint64_t length) noexcept {
    services(ctx).log().log(level_of(level), spdlog::string_view_t(text, length));
  };
  table_.concurrency = [](void* ctx) noexcept -> std::int32_t {
    return services(ctx).threads().concurrency();
  };
  table_.parallel_for = [](void* ctx, std::int64_t count, std::int64_t grain, leet_loop_body body,
                           void* arg) noexcept {
    return services(ctx).threads().parallel_for(count, grain, body, arg);
  };
  // No extension is defined yet; an unknown id is a normal question of a newer plugin.
  table_.get_extension = [](void*, const char*) noexcept -> const void* { return nullptr; };
}

HostServices::~HostServices() = default;

}  // namespace leet::core
