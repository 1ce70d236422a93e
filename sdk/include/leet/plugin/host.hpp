// SPDX-License-Identifier: Apache-2.0
//
// The host's services, as a plugin written in C++ calls them.
#ifndef LEET_PLUGIN_HOST_HPP
#define LEET_PLUGIN_HOST_HPP

#include <leet/plugin.h>

#include <cstdint>
#include <exception>
#include <leet/plugin/error.hpp>
#include <mutex>
#include <string_view>

namespace leet::sdk {

// Valid during the call that brought it. [thread-safe]
class Host {
 public:
  explicit Host(const leet_host& host) : host_(host) {}

  int concurrency() const { return host_.concurrency(host_.ctx); }

  void log(int level, std::string_view text) const {
    host_.log(host_.ctx, level, text.data(), text.size());
  }

  const void* extension(const char* id) const { return host_.get_extension(host_.ctx, id); }

  // Calls body(begin, end, worker) over [0, count) in pieces of at most `grain`; see
  // leet_host::parallel_for. An exception of the body ends the loop and is thrown again here; of
  // several, that of the lowest piece.
  template <class Body>
  void parallel_for(std::int64_t count, std::int64_t grain, Body&& body) const {
    struct Loop {
      Body& body;
      std::mutex mutex;
      std::exception_ptr failure;
      std::int64_t failed_at;
    } loop{body, {}, nullptr, count};
    const auto piece = [](void* arg, std::int64_t begin, std::int64_t end,
                          std::int32_t worker) noexcept -> leet_status {
      auto& ours = *static_cast<Loop*>(arg);
      try {
        ours.body(begin, end, worker);
        return LEET_STATUS_OK;
      } catch (...) {
        const std::lock_guard lock(ours.mutex);
        if (begin < ours.failed_at) {
          ours.failed_at = begin;
          ours.failure = std::current_exception();
        }
        return LEET_STATUS_INTERNAL;
      }
    };
    const leet_status status = host_.parallel_for(host_.ctx, count, grain, piece, &loop);
    if (loop.failure) std::rethrow_exception(loop.failure);
    if (status != LEET_STATUS_OK) {
      throw Error(status, "the host's parallel_for ended with status %d", status);
    }
  }

 private:
  const leet_host& host_;
};

}  // namespace leet::sdk
#endif  // LEET_PLUGIN_HOST_HPP
