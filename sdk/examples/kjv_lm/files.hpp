// SPDX-License-Identifier: Apache-2.0
//
// The files that the user names: read whole and bounded, written whole or not at all.
#ifndef KJV_LM_FILES_HPP
#define KJV_LM_FILES_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <vector>

namespace kjv_lm {

// A file that can't be used; the message is one line that names the file and says what is wrong.
class FileError : public std::runtime_error {
 public:
  FileError(const std::filesystem::path& file, const std::string& problem)
      : std::runtime_error(file.string() + ": " + problem) {}
};

using Bytes = std::vector<std::uint8_t>;

// Pipes are welcome. Throws FileError when the file can't be read or is longer than `limit` bytes.
Bytes read_file(const std::filesystem::path& file, std::size_t limit);

// A NumPy array of float32 in C order. Throws FileError; then no partial file is left.
void write_npy(const std::filesystem::path& file, std::span<const std::int64_t> extents,
               std::span<const float> values);

}  // namespace kjv_lm
#endif  // KJV_LM_FILES_HPP
