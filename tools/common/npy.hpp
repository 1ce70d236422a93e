// SPDX-License-Identifier: Apache-2.0
//
// NumPy's .npy files, read strictly: versions 1.0 to 3.0, C order, little-endian f16, f32, f64,
// i64, and bf16 as ml_dtypes writes it (descr '<V2'). The file must be exactly as long as its
// header says.
#ifndef LEET_TOOLS_COMMON_NPY_HPP
#define LEET_TOOLS_COMMON_NPY_HPP

#include <leet/plugin.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "core/result.hpp"
#include "tools/common/atomic_file.hpp"

namespace leet::tools {

struct Array {
  leet_dtype dtype{};
  std::vector<std::int64_t> extents;  // C order
  std::vector<std::byte> data;

  // Throws std::bad_alloc for more than memory can hold.
  static Array zeros(leet_dtype dtype, std::vector<std::int64_t> extents);

  std::int64_t size() const;  // elements
  // Every element widened to double; dtype must be a float type.
  std::vector<double> to_doubles() const;
};

// Errors: INVALID_ARGUMENT with the file's name and what is wrong with it.
core::Result<Array> read_npy(const std::filesystem::path& file);

// Writes to a temporary file beside `file` and renames it, so that no partial file is left. Errors:
// INVALID_ARGUMENT (unwritable).
core::Status write_npy(const std::filesystem::path& file, const Array& array);
// The same into a file that the caller commits, so that several come to be together.
core::Status write_npy(AtomicFile& file, const Array& array);

}  // namespace leet::tools
#endif  // LEET_TOOLS_COMMON_NPY_HPP
