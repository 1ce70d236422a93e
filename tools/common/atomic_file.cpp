// SPDX-License-Identifier: Apache-2.0
#include "tools/common/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

namespace leet::tools {
namespace {

core::Error unwritable(const std::filesystem::path& file, int number) {
  return {LEET_STATUS_INVALID_ARGUMENT,
          fmt::format("{}: can't be written: {}", file.string(),
                      std::generic_category().message(number)),
          {},
          LEET_DOMAIN_ERRNO,
          number};
}

}  // namespace

core::Result<AtomicFile> AtomicFile::create(const std::filesystem::path& file) {
  // A link stays a link to the new content.
  std::error_code ignored;
  std::filesystem::path target = std::filesystem::canonical(file, ignored);
  if (ignored) target = file;
  const std::filesystem::file_status status = std::filesystem::status(target, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    // Renaming over a device or a pipe would replace it.
    return core::Error{
        LEET_STATUS_INVALID_ARGUMENT,
        fmt::format(
            "{}: can't be written: it is {}; name a file", file.string(),
            std::filesystem::is_directory(status) ? "a directory" : "a device, pipe or socket")};
  }
  if (!target.has_filename()) return unwritable(file, EISDIR);
  for (int attempt = 0;; ++attempt) {
    std::filesystem::path temporary = target;
    temporary.replace_filename(
        fmt::format(".{}.{}.{}.tmp", target.filename().string(), ::getpid(), attempt));
    const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0) return AtomicFile(std::move(target), std::move(temporary), descriptor);
    constexpr int kAttempts = 100;
    if (errno != EEXIST || attempt == kAttempts) return unwritable(file, errno);
  }
}

AtomicFile::AtomicFile(std::filesystem::path file, std::filesystem::path temporary, int descriptor)
    : file_(std::move(file)), temporary_(std::move(temporary)), descriptor_(descriptor) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : file_(std::move(other.file_)),
      temporary_(std::exchange(other.temporary_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

core::Error AtomicFile::failure(int number) const { return unwritable(file_, number); }

core::Status AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failure(errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

core::Status AtomicFile::commit() {
  // Some file systems report a full disk only here.
  if (::close(std::exchange(descriptor_, -1)) != 0) return failure(errno);
  if (std::rename(temporary_.c_str(), file_.c_str()) != 0) return failure(errno);
  temporary_.clear();
  return {};
}

core::Status check_writable(const std::filesystem::path& file) {
  const core::Result<AtomicFile> trial = AtomicFile::create(file);
  return trial ? core::Status() : core::Status(trial.error());
}

}  // namespace leet::tools
