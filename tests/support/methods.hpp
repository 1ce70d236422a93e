// SPDX-License-Identifier: Apache-2.0
//
// The methods of the build, for tests that run with each of them. CMake writes the names from the
// folders of plugins/ and their leet_test_variants; link leet_test_methods.
#ifndef LEET_TESTS_SUPPORT_METHODS_HPP
#define LEET_TESTS_SUPPORT_METHODS_HPP

#include <leet_method_lists.inc>
#include <string>
#include <vector>

namespace leet::tests {

// "naive", "recurrent", ...
inline std::vector<std::string> methods() { return {LEET_METHODS}; }

// The same and then those with options: "recurrent?kernel=plain".
inline std::vector<std::string> methods_and_variants() {
  std::vector<std::string> names = methods();
  const std::vector<std::string> variants = {LEET_METHOD_VARIANTS};
  names.insert(names.end(), variants.begin(), variants.end());
  return names;
}

// With the options that force a vector kernel: "recurrent?kernel=simd".
inline std::vector<std::string> vector_variants() { return {LEET_VECTOR_VARIANTS}; }

// GoogleTest's names have letters, digits and underscores alone.
inline std::string test_name(std::string method) {
  for (char& c : method) {
    if (c == '?' || c == '=' || c == ';') c = '_';
  }
  return method;
}

}  // namespace leet::tests
#endif  // LEET_TESTS_SUPPORT_METHODS_HPP
