// SPDX-License-Identifier: Apache-2.0
//
// A value or an error. Inside the core nothing throws for what a user, a file or a plugin got
// wrong.
#ifndef LEET_CORE_RESULT_HPP
#define LEET_CORE_RESULT_HPP

#include <leet/plugin.h>

#include <string>
#include <utility>
#include <variant>

namespace leet::core {

struct Error {
  leet_status code = LEET_STATUS_INTERNAL;
  std::string message;     // one line: what was wrong, the value seen, what would be right
  std::string where = {};  // the function or file that failed, may be empty
  int domain = LEET_DOMAIN_NONE;
  int native_code = 0;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : content_(std::move(value)) {}
  Result(Error error) : content_(std::move(error)) {}

  bool ok() const { return content_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Only where ok().
  T& value() & { return std::get<0>(content_); }
  const T& value() const& { return std::get<0>(content_); }
  T&& value() && { return std::get<0>(std::move(content_)); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }

  // Only where not ok().
  const Error& error() const { return std::get<1>(content_); }

 private:
  std::variant<T, Error> content_;
};

// The result of something that gives nothing back.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : failed_(true), error_(std::move(error)) {}

  bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const { return error_; }

 private:
  bool failed_ = false;
  Error error_;
};

}  // namespace leet::core
#endif  // LEET_CORE_RESULT_HPP
