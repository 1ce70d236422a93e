// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/hostile_case.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>
#include <utility>

#include "tests/hostile/elf_patch.hpp"

namespace leet::tests {
namespace {

namespace fs = std::filesystem;
constexpr const char* kOtherId = "evil.method";  // as long as the good one's, test.method

void set_mode(const fs::path& path, mode_t mode) {
  if (chmod(path.c_str(), mode) != 0) throw std::runtime_error("chmod: " + path.string());
}

void add_good(Scene& scene) {
  const fs::path directory = scene.directory("good");
  const fs::path file = scene.file(directory, "leet_good.so", hostile_plugin("good"));
  scene.explicit_paths.push_back(directory);
  scene.expected[file] = {"OK", "test.method 1.0.0 for cpu"};
}

HostileCase built(std::string name, std::string rule, std::string seen) {
  return broken(
      name, [name] { return hostile_plugin(name); }, std::move(rule), std::move(seen));
}

HostileCase patched(std::string name, std::function<void(ElfPatch&)> damage, std::string rule,
                    std::string seen) {
  return broken(
      std::move(name),
      [damage = std::move(damage)] {
        ElfPatch patch(hostile_plugin("good"));
        damage(patch);
        return patch.bytes();
      },
      std::move(rule), std::move(seen));
}

// A sound plugin of its own id whose trust `spoil` takes away, reached by LEET_PLUGIN_PATH, where
// it is refused, or explicitly, where it is loaded with a warning.
HostileCase untrusted(std::string name, std::function<void(const fs::path& file)> spoil,
                      bool explicitly, std::string seen, std::string skip_reason = {}) {
  return {std::move(name),
          [=](Scene& scene) {
            const fs::path directory = scene.directory("bad");
            const fs::path file = scene.file(
                directory, "leet_bad.so",
                ElfPatch(hostile_plugin("good")).replace("test.method", kOtherId).bytes());
            spoil(file);
            if (explicitly) {
              scene.explicit_paths.push_back(directory);
            } else {
              scene.plugin_path = directory.string();
            }
            scene.expected[file] = {explicitly ? "W-UNTRUSTED" : "E-UNTRUSTED", seen};
            add_good(scene);
          },
          std::move(skip_reason)};
}

std::vector<HostileCase> damaged_files() {
  return {
      broken(
          "truncated",
          [] {
            const std::string good = hostile_plugin("good");
            return good.substr(0, good.size() / 2);
          },
          "E-TRUNCATED", "the file at"),
      broken(
          "last_byte_cut",
          [] {
            const std::string good = hostile_plugin("good");
            return good.substr(0, good.size() - 1);
          },
          "E-TRUNCATED", "the section header table"),
      broken(
          "empty", [] { return std::string(); }, "E-TRUNCATED", "an empty file"),
      broken(
          "text", [] { return std::string("#!/bin/sh\necho hello\n"); }, "E-NOT-ELF",
          "23 21 2f 62"),
      patched(
          "relocatable_object",
          [](ElfPatch& elf) { elf.header([](Elf64_Ehdr& header) { header.e_type = ET_REL; }); },
          "E-NOT-ELF", "type 1"),
      patched(
          "other_machine",
          [](ElfPatch& elf) { elf.header([](Elf64_Ehdr& h) { h.e_machine = EM_S390; }); }, "E-ARCH",
          "ELF machine 22"),
      patched(
          "32_bit",
          [](ElfPatch& elf) {
            elf.header([](Elf64_Ehdr& h) { h.e_ident[EI_CLASS] = ELFCLASS32; });
          },
          "E-ARCH", "32-bit"),
      patched(
          "big_endian",
          [](ElfPatch& elf) {
            elf.header([](Elf64_Ehdr& h) { h.e_ident[EI_DATA] = ELFDATA2MSB; });
          },
          "E-ARCH", "big-endian"),
      patched(
          "segment_offset_overflows",
          [](ElfPatch& elf) {
            elf.segment(PT_LOAD, [](Elf64_Phdr& s) { s.p_offset = UINT64_MAX - 8; });
          },
          "E-MALFORMED", "overflows"),
      patched(
          "note_size_overflows",
          [](ElfPatch& elf) { elf.note([](leet_note& note) { note.desc_size = 0xffffffff; }); },
          "E-MALFORMED", "4294967295"),
      patched(
          "symbol_name_outside",
          [](ElfPatch& elf) {
            elf.dynamic(DT_STRSZ, [](Elf64_Dyn& entry) { entry.d_un.d_val = 4; });
          },
          "E-MALFORMED", "string table of 4 bytes"),
  };
}

std::vector<HostileCase> wrong_identities() {
  return {
      patched(
          "no_note", [](ElfPatch& elf) { elf.note([](leet_note& n) { n.owner[0] = 'M'; }); },
          "E-NO-NOTE", "has the owner LEET"),
      patched(
          "newer_note_version",
          [](ElfPatch& elf) { elf.identity([](leet_note_desc& d) { d.note_version = 2; }); },
          "E-NO-NOTE", "version 2"),
      patched(
          "id_not_ended",
          [](ElfPatch& elf) {
            elf.identity([](leet_note_desc& d) { std::memset(d.id, 'a', sizeof d.id); });
          },
          "E-NO-NOTE", "id does not end within 96 bytes"),
      patched(
          "id_with_escape_sequence",
          [](ElfPatch& elf) {
            elf.identity([](leet_note_desc& d) { std::memcpy(d.id, "\x1b[2J", 4); });
          },
          "E-NO-NOTE", "'?[2J"),
      patched(
          "no_device",
          [](ElfPatch& elf) { elf.identity([](leet_note_desc& d) { d.device_types[0] = 0; }); },
          "E-NO-NOTE", "no device"),
      patched(
          "too_many_sm_versions",
          [](ElfPatch& elf) { elf.identity([](leet_note_desc& d) { d.sm_count = 17; }); },
          "E-NO-NOTE", "17 SM versions"),
      patched(
          "newer_abi_major",
          [](ElfPatch& elf) { elf.identity([](leet_note_desc& d) { d.abi_major = 7; }); },
          "E-ABI-MAJOR", "ABI major 7"),
      // Such a plugin has another entry symbol, which must not be what is reported.
      broken(
          "newer_abi_major_and_entry",
          [] {
            return ElfPatch(hostile_plugin("good"))
                .identity([](leet_note_desc& d) { d.abi_major = 1; })
                .replace("leet_plugin_entry_v0", "leet_plugin_entry_v1")
                .bytes();
          },
          "E-ABI-MAJOR", "ABI major 1"),
      patched(
          "needs_newer_minor",
          [](ElfPatch& elf) { elf.identity([](leet_note_desc& d) { d.abi_minor_required = 99; }); },
          "E-ABI-MINOR", "requires ABI 0.99"),
      patched(
          "older_than_oldest",
          [](ElfPatch& elf) {
            static_assert(LEET_ABI_OLDEST_MINOR > 0, "no minor is too old");
            elf.identity([](leet_note_desc& d) { d.abi_minor_built = 0; });
          },
          "E-ABI-OLD", "built with ABI 0.0"),
  };
}

std::vector<HostileCase> wrong_plugins() {
  return {
      built("no_entry", "E-NO-ENTRY", "leet_plugin_entry_v0"),
      built("data_entry", "E-NO-ENTRY", "not a function"),
      built("extra_export", "E-EXPORTS", "'leaked_helper'"),
      built("needs_library", "E-NEEDED", "'libleet_hostile_absent.so'"),
      built("unresolved", "E-LOAD", "hostile_nowhere"),
      built("entry_error", "E-ENTRY", "status 4: needs a machine from the future"),
      built("null_table", "E-NULL-TABLES", "no table"),
      built("null_execute", "E-NULL-TABLES", "execute is null"),
      built("short_table", "E-NULL-TABLES",
            fmt::format("{} bytes", offsetof(leet_method, plan_destroy))),
      built("mismatch", "E-MISMATCH", "'2.0.0'"),
  };
}

std::vector<HostileCase> wrong_places() {
  const std::string no_chown = geteuid() == 0 ? "" : "only root can give a file to another user";
  const auto file_for_group = [](const fs::path& file) { set_mode(file, 0664); };
  const auto directory_for_all = [](const fs::path& file) { set_mode(file.parent_path(), 0757); };
  const auto sticky_directory = [](const fs::path& file) { set_mode(file.parent_path(), 01777); };
  const auto of_another = [](const fs::path& file) {
    if (chown(file.c_str(), 12345, 12345) != 0) throw std::runtime_error("chown");
  };
  const auto of_another_directory = [](const fs::path& file) {
    if (chown(file.parent_path().c_str(), 12345, 12345) != 0) throw std::runtime_error("chown");
  };
  return {
      {"duplicate",
       [](Scene& scene) {
         const fs::path directory = scene.directory("bad");
         const std::string bytes =
             ElfPatch(hostile_plugin("good")).replace("test.method", kOtherId).bytes();
         const fs::path one = scene.file(directory, "leet_one.so", bytes);
         const fs::path two = scene.file(directory, "leet_two.so", bytes);
         scene.explicit_paths.push_back(directory);
         scene.expected[one] = {"E-DUPLICATE", two.string()};
         scene.expected[two] = {"E-DUPLICATE", one.string()};
         add_good(scene);
       }},
      {"shadowed",
       [](Scene& scene) {
         add_good(scene);
         const fs::path directory = scene.directory("later");
         const fs::path file = scene.file(directory, "leet_same.so", hostile_plugin("good"));
         scene.explicit_paths.push_back(directory);
         scene.expected[file] = {"N-SHADOWED", "good/leet_good.so"};
       }},
      {"shadowed_in_part",
       [](Scene& scene) {
         add_good(scene);
         const fs::path directory = scene.directory("later");
         const fs::path file =
             scene.file(directory, "leet_two_devices.so", hostile_plugin("two_devices"));
         scene.explicit_paths.push_back(directory);
         scene.expected[file] = {"OK", "in use for cuda"};
       }},
      {"disabled",
       [](Scene& scene) {
         const fs::path directory = scene.directory("bad");
         const fs::path file =
             scene.file(directory, "leet_bad.so",
                        ElfPatch(hostile_plugin("good")).replace("test.method", kOtherId).bytes());
         scene.explicit_paths.push_back(directory);
         scene.expected[file] = {"N-DISABLED", kOtherId};
         scene.configuration =
             scene.file(scene.root(), "leet.yaml", "plugins:\n  disabled: [\"evil.*\"]\n");
         add_good(scene);
       }},
      {"not_a_file",
       [](Scene& scene) {
         const fs::path directory = scene.directory("bad");
         const fs::path fifo = directory / "leet_fifo.so";
         if (mkfifo(fifo.c_str(), 0644) != 0) throw std::runtime_error("mkfifo");
         const fs::path dangling = directory / "leet_link.so";
         fs::create_symlink("nowhere.so", dangling);
         scene.explicit_paths.push_back(directory);
         scene.expected[fifo] = {"E-UNREADABLE", "not a regular file"};
         scene.expected[dangling] = {"E-UNREADABLE", "No such file"};
         add_good(scene);
       }},
      untrusted("file_for_group", file_for_group, false, "mode 0664, writable by its group"),
      untrusted("directory_for_all", directory_for_all, false, "mode 0757, writable by everyone"),
      untrusted("sticky_directory", sticky_directory, false, "mode 1777"),
      untrusted("file_of_another_user", of_another, false, "user 12345", no_chown),
      untrusted("directory_of_another_user", of_another_directory, false, "user 12345", no_chown),
      untrusted("file_for_group_explicitly", file_for_group, true, "mode 0664"),
      untrusted("directory_for_all_explicitly", directory_for_all, true, "mode 0757"),
      untrusted("file_of_another_user_explicitly", of_another, true, "user 12345", no_chown),
  };
}

}  // namespace

HostileCase broken(std::string name, std::function<std::string()> bytes, std::string rule,
                   std::string seen) {
  return {std::move(name), [=](Scene& scene) {
            const fs::path directory = scene.directory("bad");
            const fs::path file = scene.file(directory, "leet_bad.so", bytes());
            scene.explicit_paths.push_back(directory);
            scene.expected[file] = {rule, seen};
            add_good(scene);
          }};
}

fs::path Scene::directory(std::string_view name) {
  const fs::path path = root() / name;
  fs::create_directory(path);
  set_mode(path, 0755);
  return path;
}

fs::path Scene::file(const fs::path& directory, std::string_view name, std::string_view bytes) {
  const fs::path path = root_.write((directory.lexically_relative(root()) / name).string(), bytes);
  set_mode(path, 0644);
  return path.lexically_normal();
}

const std::vector<HostileCase>& hostile_cases() {
  static const std::vector<HostileCase> cases = [] {
    std::vector<HostileCase> all;
    for (const auto& group :
         {damaged_files(), wrong_identities(), wrong_plugins(), wrong_places(), probed_cases()}) {
      all.insert(all.end(), group.begin(), group.end());
    }
    return all;
  }();
  return cases;
}

std::string hostile_plugin(std::string_view name) {
  return read_bytes(fmt::format("{}/hostile/leet_hostile_{}.so", LEET_BINARY_DIR, name));
}

}  // namespace leet::tests
