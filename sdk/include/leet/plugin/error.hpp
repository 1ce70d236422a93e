// SPDX-License-Identifier: Apache-2.0
//
// The exception that carries a status through a plugin's own code, up to the barrier at the ABI.
// Its text lives in a fixed buffer, so that an out-of-memory error can be reported too.
#ifndef LEET_PLUGIN_ERROR_HPP
#define LEET_PLUGIN_ERROR_HPP

#include <leet/plugin.h>

#include <cstdarg>
#include <cstdio>
#include <exception>

namespace leet::sdk {

class Error : public std::exception {
 public:
  // printf-style. Say what was wrong, the value seen, what would be right:
  // "R=96: needs R % 16 == 0".
  __attribute__((format(printf, 3, 4))) Error(leet_status code, const char* format, ...) noexcept
      : code_(code) {
    std::va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(message_, sizeof message_, format, arguments);
    va_end(arguments);
  }

  // With the device's own code; `domain` is LEET_DOMAIN_*.
  Error with_native(int domain, int native_code) const noexcept {
    Error copy = *this;
    copy.domain_ = domain;
    copy.native_code_ = native_code;
    return copy;
  }

  leet_status code() const noexcept { return code_; }
  int domain() const noexcept { return domain_; }
  int native_code() const noexcept { return native_code_; }
  const char* what() const noexcept override { return message_; }

 private:
  leet_status code_;
  int domain_ = LEET_DOMAIN_NONE;
  int native_code_ = 0;
  char message_[sizeof(leet_error::message)];
};

// Fills a caller's error, as much of it as the caller's struct_size holds. Null is ignored.
inline leet_status report(leet_error* error, leet_status code, const char* where,
                          const char* message, int domain = LEET_DOMAIN_NONE,
                          int native_code = 0) noexcept {
  if (error == nullptr) return code;
  if (LEET_HAS(error, leet_error, code)) error->code = code;
  if (LEET_HAS(error, leet_error, domain)) error->domain = domain;
  if (LEET_HAS(error, leet_error, native_code)) error->native_code = native_code;
  if (LEET_HAS(error, leet_error, where)) {
    std::snprintf(error->where, sizeof error->where, "%s", where);
  }
  if (LEET_HAS(error, leet_error, message)) {
    std::snprintf(error->message, sizeof error->message, "%s", message);
  }
  return code;
}

}  // namespace leet::sdk
#endif  // LEET_PLUGIN_ERROR_HPP
