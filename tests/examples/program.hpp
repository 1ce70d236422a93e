// SPDX-License-Identifier: Apache-2.0
//
// Runs a program of the build to its end, shut off from the user's own plugins and configuration.
#ifndef LEET_TESTS_EXAMPLES_PROGRAM_HPP
#define LEET_TESTS_EXAMPLES_PROGRAM_HPP

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace leet::test {

struct Outcome {
  int code = -1;  // the exit code; -1 after a signal
  std::string out;
  std::string err;
};

// A directory of this test alone, gone with the object.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::filesystem::path path(const std::string& name) const { return directory_ / name; }

 private:
  std::filesystem::path directory_;
};

using Environment = std::map<std::string, std::string>;

// `command` is a program's path and its arguments; `environment` is added to the inherited one.
Outcome run(const std::vector<std::string>& command, const Environment& environment = {});

std::string read_file(const std::filesystem::path& file);
void write_file(const std::filesystem::path& file, const std::string& content);

// The lines of a message to people; a message without its newline counts as a line.
int count_lines(const std::string& text);

}  // namespace leet::test
#endif  // LEET_TESTS_EXAMPLES_PROGRAM_HPP
