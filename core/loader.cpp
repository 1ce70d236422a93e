// SPDX-License-Identifier: Apache-2.0
#include "core/loader.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <boost/dll/shared_library.hpp>
#include <cstddef>
#include <cstring>
#include <exception>
#include <mutex>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/printable.hpp"

namespace leet::core {
namespace {

// shared_library closes its file when it goes, so each lives as long as the process. Allocated and
// never freed: other statics may call into plugins while the process ends. The pointer keeps the
// memory reachable for leak checkers.
void keep_for_ever(boost::dll::shared_library library) {
  static std::mutex mutex;
  static auto* const kept = new std::vector<boost::dll::shared_library>;
  const std::lock_guard lock(mutex);
  kept->push_back(std::move(library));
}

LoadedPlugin failed(Rule rule, std::string seen) { return {rule, std::move(seen), nullptr}; }

// "" or the first thing that the table lacks.
std::string first_absent(const leet_method& table) {
  if (!LEET_HAS(&table, leet_method, plan_destroy)) {
    return fmt::format("its table has {} bytes; the required fields end at byte {}",
                       table.struct_size,
                       offsetof(leet_method, plan_destroy) + sizeof table.plan_destroy);
  }
  const std::pair<const char*, bool> required[] = {
      {"id", table.id != nullptr},
      {"version", table.version != nullptr},
      {"summary", table.summary != nullptr},
      {"reference", table.reference != nullptr},
      {"supports", table.supports != nullptr},
      {"plan_create", table.plan_create != nullptr},
      {"execute", table.execute != nullptr},
      {"plan_destroy", table.plan_destroy != nullptr},
  };
  for (const auto& [name, present] : required) {
    if (!present) return fmt::format("its table's {} is null", name);
  }
  return {};
}

}  // namespace

LoadedPlugin enter_plugin(leet_plugin_entry_fn entry, const leet_note_desc& identity) {
  const leet_method* table = nullptr;
  leet_error error{};
  error.struct_size = sizeof error;
  leet_status status = LEET_STATUS_INTERNAL;
  try {
    status = entry(LEET_ABI_MINOR, &table, &error);
  } catch (...) {  // forbidden by the ABI; a plugin that does it must not end the host
    return failed(Rule::kException, "its entry threw an exception");
  }
  if (status != LEET_STATUS_OK) {
    const std::string_view message(error.message, strnlen(error.message, sizeof error.message));
    return failed(Rule::kEntry, fmt::format("its entry returned status {}: {}", status,
                                            message.empty() ? "no message" : printable(message)));
  }
  if (table == nullptr) return failed(Rule::kNullTables, "its entry returned OK and no table");
  if (std::string absent = first_absent(*table); !absent.empty()) {
    return failed(Rule::kNullTables, std::move(absent));
  }
  if (std::strcmp(table->id, identity.id) != 0 ||
      std::strcmp(table->version, identity.version) != 0) {
    return failed(Rule::kMismatch,
                  fmt::format("its table says '{}' version '{}', its note '{}' version '{}'",
                              printable(table->id, 96), printable(table->version, 32), identity.id,
                              identity.version));
  }
  return {Rule::kOk, {}, table};
}

LoadedEntry load_entry(const std::filesystem::path& path) {
  // Boost 1.74 has no name for RTLD_NODELETE, and hands the bits on as they are.
  constexpr auto kMode = static_cast<boost::dll::load_mode::type>(
      boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local | RTLD_NODELETE);
  try {
    boost::dll::shared_library library(path, kMode);
    const auto entry = library.get<std::remove_pointer_t<leet_plugin_entry_fn>>(LEET_ENTRY_SYMBOL);
    keep_for_ever(std::move(library));
    return {Rule::kOk, {}, entry};
  } catch (const std::exception& e) {  // the linker's own message is in the exception's
    return {Rule::kLoad, e.what(), nullptr};
  }
}

LoadedPlugin load_plugin(const std::filesystem::path& path, const leet_note_desc& identity) {
  LoadedEntry loaded = load_entry(path);
  if (loaded.rule != Rule::kOk) return failed(loaded.rule, std::move(loaded.seen));
  return enter_plugin(loaded.entry, identity);
}

}  // namespace leet::core
