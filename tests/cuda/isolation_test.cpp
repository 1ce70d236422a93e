// SPDX-License-Identifier: Apache-2.0
//
// A process may hold the emulator and CUDA's runtime: neither may get the other's calls.
#include <dlfcn.h>
#include <elf.h>
#include <gtest/gtest.h>
#include <link.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <iterator>
#include <leet/cuda/language.hpp>
#include <string>
#include <vector>

namespace leet::cuda_test {
namespace {

// The names of the dynamic symbols that the library defines.
std::vector<std::string> exported_names(const char* path) {
  std::ifstream stream(path, std::ios::binary);
  const std::vector<char> file((std::istreambuf_iterator<char>(stream)),
                               std::istreambuf_iterator<char>());
  const auto read = [&](std::size_t offset, auto& value) {
    ASSERT_LE(offset + sizeof value, file.size());
    std::memcpy(&value, file.data() + offset, sizeof value);
  };
  std::vector<std::string> names;
  ElfW(Ehdr) header{};
  read(0, header);
  for (std::size_t s = 0; s < header.e_shnum; ++s) {
    ElfW(Shdr) section{}, strings{};
    read(header.e_shoff + s * header.e_shentsize, section);
    if (section.sh_type != SHT_DYNSYM) {
      continue;
    }
    read(header.e_shoff + section.sh_link * header.e_shentsize, strings);
    for (std::size_t i = 0; i < section.sh_size / sizeof(ElfW(Sym)); ++i) {
      ElfW(Sym) symbol{};
      read(section.sh_offset + i * sizeof symbol, symbol);
      if (symbol.st_shndx != SHN_UNDEF) {
        names.emplace_back(file.data() + strings.sh_offset + symbol.st_name);
      }
    }
  }
  return names;
}

TEST(Isolation, TheEmulatorExportsItsNamespaceOnly) {
  const auto names = exported_names(LEET_TEST_EMULATOR);
  for (const std::string& name : names) {
    EXPECT_EQ(name.rfind("_ZN4leet8emulator", 0), 0u) << name;
  }
  const auto exports = [&](const char* name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  EXPECT_TRUE(exports("_ZN4leet8emulator10cudaMallocEPPvm"));
  EXPECT_FALSE(exports("_ZN4leet8emulator6Device8instanceEv"));  // its own affairs
}

TEST(Isolation, EachCallsItsOwnRuntime) {
  int count = 0;
  ASSERT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
  EXPECT_EQ(count, 1);

  // The emulator's symbols are in the global scope: the client's come after them.
  void* const client = dlopen(LEET_TEST_CLIENT, RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(client, nullptr) << dlerror();
  const auto call = [&](const char* name) {
    return reinterpret_cast<int (*)()>(dlsym(client, name))();
  };
  EXPECT_EQ(call("device_count"), 4242);
  EXPECT_EQ(call("malloc_result"), 4243);

  ASSERT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
  EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace leet::cuda_test
