// SPDX-License-Identifier: Apache-2.0
//
// The processor that a record was made on.
#ifndef LEET_TOOLS_COMMON_MACHINE_HPP
#define LEET_TOOLS_COMMON_MACHINE_HPP

#include <string>
#include <vector>

namespace leet::tools {

struct Machine {
  std::string cpu;               // the model's name; empty where the system doesn't tell
  std::vector<std::string> isa;  // those of the vector extensions in use anywhere that it has
};

Machine this_machine();

// The CPUs that this process may use: its affinity mask's, at least 1.
int available_cpus();

}  // namespace leet::tools
#endif  // LEET_TOOLS_COMMON_MACHINE_HPP
