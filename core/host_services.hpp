// SPDX-License-Identifier: Apache-2.0
//
// The leet_host table that plugins are given: logging, a thread pool, extensions. One object for
// each host context; two in one process share nothing.
#ifndef LEET_CORE_HOST_SERVICES_HPP
#define LEET_CORE_HOST_SERVICES_HPP

#include <leet/plugin.h>

#include <memory>
#include <string>

#include "core/thread_pool.hpp"

namespace spdlog {
class logger;
}

namespace leet::core {

class HostServices {
 public:
  // `threads` and `pin_threads` as in Configuration; `log_level` one of its names. Logs go to
  // stderr.
  HostServices(int threads, const std::string& log_level, bool pin_threads = false);
  ~HostServices();
  HostServices(const HostServices&) = delete;
  HostServices& operator=(const HostServices&) = delete;

  // Valid as long as this object. [thread-safe]
  const leet_host& table() const { return table_; }
  spdlog::logger& log() const { return *log_; }
  ThreadPool& threads() { return pool_; }

 private:
  std::shared_ptr<spdlog::logger> log_;
  ThreadPool pool_;
  leet_host table_{};
};

}  // namespace leet::core
#endif  // LEET_CORE_HOST_SERVICES_HPP
