// SPDX-License-Identifier: Apache-2.0
//
// A file that comes to be complete or not at all: written under another name in its own directory,
// then renamed.
#ifndef LEET_TOOLS_COMMON_ATOMIC_FILE_HPP
#define LEET_TOOLS_COMMON_ATOMIC_FILE_HPP

#include <cstddef>
#include <filesystem>
#include <span>

#include "core/result.hpp"

namespace leet::tools {

class AtomicFile {
 public:
  // Makes the temporary file. Errors, here and below: INVALID_ARGUMENT with `file`'s name and the
  // system's reason.
  static core::Result<AtomicFile> create(const std::filesystem::path& file);
  // Removes the temporary file, unless it has been committed.
  ~AtomicFile();
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;

  core::Status write(std::span<const std::byte> bytes);
  // Gives the file its name, replacing a file that has it already.
  core::Status commit();

 private:
  AtomicFile(std::filesystem::path file, std::filesystem::path temporary, int descriptor);
  core::Error failure(int number) const;

  std::filesystem::path file_;
  std::filesystem::path temporary_;  // empty once committed or moved from
  int descriptor_ = -1;
};

// Whether `file` could be written now; leaves nothing behind. For asking before a long computation.
core::Status check_writable(const std::filesystem::path& file);

}  // namespace leet::tools
#endif  // LEET_TOOLS_COMMON_ATOMIC_FILE_HPP
