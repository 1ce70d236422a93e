// SPDX-License-Identifier: Apache-2.0
#include "core/probe_cache.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <leet/plugin.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "core/discovery.hpp"
#include "core/elf_reader.hpp"
#include "core/needed_libraries.hpp"
#include "core/user_directories.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
// Compiled in, so that the library needs no further one at run time.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace leet::core {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kSchema = "leet.probe/1";
// A rebuilt plugin leaves its old record behind; beyond this many the oldest half goes.
constexpr std::size_t kMostRecords = 1000;

// The processor and what it can do, from the processor itself: /proc/cpuinfo takes milliseconds on
// a large machine.
std::string processor() {
  utsname system{};
  uname(&system);
  std::string text = system.machine;
#if defined(__x86_64__)
  const auto leaf = [](unsigned number) {
    std::array<unsigned, 4> r{};
    __get_cpuid_count(number, 0, &r[0], &r[1], &r[2], &r[3]);
    return r;
  };
  const auto family = leaf(1), extended = leaf(7);
  for (unsigned number = 0x80000002; number <= 0x80000004; ++number) {  // the brand's name
    const auto part = leaf(number);
    char name[sizeof part + 1] = {};
    std::memcpy(name, part.data(), sizeof part);
    text += name;
  }
  // Not all of leaf 1: a part of it differs from core to core.
  text += fmt::format(" {:x}.{:x}.{:x}.{:x}.{:x}.{:x}", family[0], family[2], family[3],
                      extended[1], extended[2], extended[3]);
#else
  text += fmt::format(" {:x}.{:x}", getauxval(AT_HWCAP), getauxval(AT_HWCAP2));
#endif
  return text;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : fmt::format(" {}={}", name, value);
}

std::vector<fs::directory_entry> records_of(const fs::path& directory) {
  std::vector<fs::directory_entry> records;
  std::error_code failed;
  for (fs::directory_iterator it(directory, failed), end; !failed && it != end;
       it.increment(failed)) {
    records.push_back(*it);
  }
  return records;
}

void drop_oldest(const fs::path& directory) {
  auto records = records_of(directory);
  if (records.size() <= kMostRecords) return;
  std::error_code ignored;
  std::vector<std::pair<fs::file_time_type, fs::path>> by_age;
  for (const auto& record : records) {
    by_age.emplace_back(record.last_write_time(ignored), record.path());
  }
  std::sort(by_age.begin(), by_age.end());
  for (std::size_t i = 0; i < by_age.size() / 2; ++i) fs::remove(by_age[i].second, ignored);
}

// "" or why not. For the user alone: what others could write is not believed when it is read.
std::string make_directory(const fs::path& directory) {
  std::error_code failed;
  if (fs::is_directory(directory, failed)) return {};
  fs::create_directories(directory.parent_path(), failed);
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return fmt::format("{}: {}", directory.string(), std::strerror(errno));
  }
  return {};
}

// "" or why not. Written under another name and renamed: no reader meets a part of it.
std::string write_whole(const fs::path& file, std::string_view text) {
  std::string temporary = file.string() + ".XXXXXX";
  const auto failure = [&] { return fmt::format("{}: {}", file.string(), std::strerror(errno)); };
  const int descriptor = mkostemp(temporary.data(), O_CLOEXEC);
  if (descriptor < 0) return failure();
  const bool written =
      write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  std::string why = written ? "" : failure();
  if (close(descriptor) != 0 && why.empty()) why = failure();
  if (why.empty() && rename(temporary.c_str(), file.c_str()) != 0) why = failure();
  if (!why.empty()) unlink(temporary.c_str());
  return why;
}

Json digest_record(const ProbeSubject& subject) {
  return fmt::format("{:016x}{:016x}-{}", subject.high, subject.low, subject.bytes);
}

// "/usr/lib/x86_64-linux-gnu/libm.so.6 2049.131.1700000000.000000000.907784; ..."
std::string libraries_of(std::string_view bytes, const fs::path& file) {
  const auto read = read_elf(std::as_bytes(std::span(bytes)));
  const auto* elf = std::get_if<ElfFile>(&read);
  if (elf == nullptr) return {};  // the probe will say so
  std::string text;
  for (const fs::path& library : library_candidates(elf->needed, elf->runpaths, file)) {
    struct stat status {};
    if (stat(library.c_str(), &status) != 0) continue;
    text += fmt::format("{}{} {}.{}.{}.{:09}.{}", text.empty() ? "" : "; ", library.string(),
                        status.st_dev, status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
                        status.st_size);
  }
  return text;
}

}  // namespace

std::optional<ProbeSubject> subject_of(const fs::path& file) {
  constexpr std::uintmax_t kMostBytes = std::uintmax_t{1} << 30;
  std::error_code failed;
  if (!fs::is_regular_file(file, failed) || fs::file_size(file, failed) > kMostBytes) {
    return std::nullopt;
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::nullopt;
  std::string bytes;
  std::vector<char> chunk(1 << 16);
  do {
    stream.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    bytes.append(chunk.data(), static_cast<std::size_t>(stream.gcount()));
  } while (stream && bytes.size() <= kMostBytes);
  if (!stream.eof()) return std::nullopt;
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return ProbeSubject{hash.high64, hash.low64, bytes.size(), libraries_of(bytes, file)};
}

std::string probe_environment(const fs::path& program, const ProbeSettings& settings) {
  // A probe that was built again may test other things.
  struct stat status {};
  if (!program.empty()) stat(program.c_str(), &status);
  std::string variables;
  for (const char* name : {"LD_LIBRARY_PATH", "LD_PRELOAD", "OMP_NUM_THREADS",
                           "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}) {
    variables += variable(name);
  }
  return fmt::format("leet {} abi {}.{} probe {}.{}.{:09} policy {} {}s {}MiB on {}{}",
                     LEET_VERSION, LEET_ABI_MAJOR, LEET_ABI_MINOR, status.st_size,
                     status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
                     probe_policy_name(settings.policy), settings.seconds, settings.memory_mib,
                     processor(), variables);
}

ProbeCache::ProbeCache(std::string environment) : environment_(std::move(environment)) {
  const fs::path cache = user_cache_directory();
  if (!cache.empty()) directory_ = cache / "leet" / "probe";
}

fs::path ProbeCache::file(const ProbeSubject& subject) const {
  const std::string around = environment_ + '\n' + subject.libraries;
  const std::uint64_t environment = XXH3_64bits(around.data(), around.size());
  return directory_ /
         fmt::format("{:016x}{:016x}-{:016x}.json", subject.high, subject.low, environment);
}

std::optional<ProbeFinding> ProbeCache::find(const ProbeSubject& subject) const {
  if (directory_.empty()) return std::nullopt;
  const fs::path path = file(subject);
  std::ifstream stream(path, std::ios::binary);
  if (!stream || !why_untrusted(path).empty()) return std::nullopt;
  const Json record = Json::parse(stream, nullptr, false);
  if (!record.is_object()) return std::nullopt;
  const auto text = [&](const char* key) -> std::string {
    const auto found = record.find(key);
    return found == record.end() || !found->is_string() ? "" : found->get<std::string>();
  };
  const auto rule = parse_rule(text("rule"));
  // The names of records are hashes; what is meant is inside.
  if (text("schema") != kSchema || text("environment") != environment_ ||
      text("digest") != digest_record(subject) || text("libraries") != subject.libraries || !rule ||
      text("when").empty()) {
    return std::nullopt;
  }
  ProbeFinding finding{*rule, text("seen"), true};
  if (!usable(*rule)) {
    finding.seen += fmt::format(" (seen {}; to try again, remove {})", text("when"), path.string());
  }
  return finding;
}

void ProbeCache::keep(const ProbeSubject& subject, const ProbeFinding& finding) {
  if (!problem_.empty()) return;  // the next would fail as well
  if (directory_.empty()) {
    problem_ = "what the probe finds is not kept: there is no home directory";
    return;
  }
  const Json record = {
      {"schema", kSchema},
      {"digest", digest_record(subject)},
      {"libraries", subject.libraries},
      {"environment", environment_},
      {"rule", rule_code(finding.rule)},
      {"seen", finding.seen},
      {"when", fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr)))}};
  std::string why = make_directory(directory_);
  if (why.empty()) {
    why = write_whole(file(subject), record.dump(2, ' ', false, Json::error_handler_t::replace));
  }
  // A record that find() would not believe.
  if (why.empty()) why = why_untrusted(file(subject));
  if (!why.empty()) {
    problem_ =
        fmt::format("what the probe finds is not kept, so every process probes again: {}", why);
    return;
  }
  drop_oldest(directory_);
}

}  // namespace leet::core
