// SPDX-License-Identifier: Apache-2.0
//
// The files of one `leet run`, small random ones, and what the oracle makes of them.
#ifndef LEET_TESTS_TOOLS_RUN_FILES_HPP
#define LEET_TESTS_TOOLS_RUN_FILES_HPP

#include <leet/plugin.h>

#include <cstdint>
#include <filesystem>
#include <leet/plugin/dtype.hpp>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tools/common/npy.hpp"

namespace leet::tests {

using Extents = std::vector<std::int64_t>;

// The values as `dtype`, a float type.
tools::Array array_of(leet_dtype dtype, Extents extents, const std::vector<double>& values);
// Values in [lowest, highest), the same for the same seed.
tools::Array random_array(leet_dtype dtype, Extents extents, unsigned seed, double lowest = -1,
                          double highest = 1);
tools::Array offsets_array(const std::vector<std::int64_t>& offsets);
// The axes 1 and 2 swapped: from [B, H, N, ...] to [B, N, H, ...].
tools::Array swap_axes(const tools::Array& array);

class RunFiles {
 public:
  // q, k [1, 2, 5, 3], v [1, 2, 5, 4] and log_decay [2], all f32, with --out.
  RunFiles();

  // Gives an option a file of this array; or another value; or takes it away.
  void set(const std::string& option, const tools::Array& array);
  void set(const std::string& option, const std::string& value) { options_[option] = value; }
  void drop(const std::string& option) { options_.erase(option); }

  std::filesystem::path path(std::string_view name) const { return directory_ / name; }
  const TemporaryDirectory& directory() const { return directory_; }
  std::vector<std::string> names() const;  // of all files, sorted

  std::vector<std::string> arguments(const std::string& method) const;
  ProcessResult run(const std::string& method) const { return run_leet(arguments(method)); }
  tools::Array output(const std::string& option) const;

 private:
  TemporaryDirectory directory_;
  std::map<std::string, std::string> options_;
};

}  // namespace leet::tests
#endif  // LEET_TESTS_TOOLS_RUN_FILES_HPP
