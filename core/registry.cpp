// SPDX-License-Identifier: Apache-2.0
#include "core/registry.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "core/discovery.hpp"
#include "core/inspection.hpp"
#include "core/loader.hpp"
#include "core/nearest.hpp"
#include "core/probe.hpp"

namespace leet::core {
namespace {

std::vector<std::int32_t> devices_of(const leet_note_desc& identity) {
  std::vector<std::int32_t> types;
  for (const std::int32_t type : identity.device_types) {
    if (type == 0) break;
    if (std::find(types.begin(), types.end(), type) == types.end()) types.push_back(type);
  }
  return types;
}

std::string device_names(const std::vector<std::int32_t>& types) {
  std::vector<std::string> names;
  for (const std::int32_t type : types) names.push_back(device_name(type));
  return fmt::format("{}", fmt::join(names, ", "));
}

// What is known of one candidate without running it.
LoadReportEntry examine(const Candidate& candidate, const Configuration& configuration) {
  LoadReportEntry entry;
  entry.path = candidate.path;
  const std::string untrusted = why_untrusted(candidate.path);
  // A file that someone else may have put there is not even read.
  if (!untrusted.empty() && !candidate.explicitly_given) {
    entry.rule = Rule::kUntrusted;
    entry.seen = untrusted;
    return entry;
  }
  Inspection inspection = inspect_file(candidate.path);
  entry.rule = inspection.rule;
  entry.seen = std::move(inspection.seen);
  entry.identity = inspection.identity;
  if (entry.rule != Rule::kOk) return entry;
  if (!configuration.allows(entry.identity->id)) {
    entry.rule = Rule::kDisabled;
    entry.seen =
        fmt::format("'{}' is left out by {}", entry.identity->id,
                    configuration.file.empty() ? "the configuration" : configuration.file.string());
  } else if (!untrusted.empty()) {
    entry.rule = Rule::kUntrustedWarning;
    entry.seen += "; " + untrusted;
  }
  return entry;
}

// Two files of one search entry that give the same method for the same device: which is meant is
// anyone's guess, so neither is used.
void refuse_duplicates(const std::vector<Candidate>& candidates,
                       std::vector<LoadReportEntry>& entries) {
  using Key = std::tuple<std::size_t, std::string, std::int32_t>;
  std::map<Key, std::vector<std::size_t>> files;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!usable(entries[i].rule)) continue;
    const leet_note_desc& identity = *entries[i].identity;
    for (const std::int32_t type : devices_of(identity)) {
      files[{candidates[i].search_entry, identity.id, type}].push_back(i);
    }
  }
  for (const auto& [key, indices] : files) {
    if (indices.size() < 2) continue;
    for (const std::size_t i : indices) {
      if (entries[i].rule == Rule::kDuplicate) continue;
      const std::size_t other = indices[indices[0] == i ? 1 : 0];
      entries[i].rule = Rule::kDuplicate;
      entries[i].seen =
          fmt::format("'{}' for {} is also in {}", std::get<std::string>(key),
                      device_name(std::get<std::int32_t>(key)), entries[other].path.string());
    }
  }
}

// Gives (id, device) to the first file that has it and can be used.
class Claims {
 public:
  // The devices of `identity` that are still free.
  std::vector<std::int32_t> free(const leet_note_desc& identity) const {
    std::vector<std::int32_t> types = devices_of(identity);
    std::erase_if(types, [&](std::int32_t type) { return owners_.contains({identity.id, type}); });
    return types;
  }
  const std::filesystem::path& owner(const leet_note_desc& identity) const {
    return owners_.at({identity.id, identity.device_types[0]});
  }
  void take(const Method& method) {
    for (const std::int32_t type : method.device_types) {
      owners_.emplace(Key{method.identity.id, type}, method.path);
    }
  }

 private:
  using Key = std::pair<std::string, std::int32_t>;
  std::map<Key, std::filesystem::path> owners_;
};

std::string places(const LoadReport& report) {
  std::vector<std::string> paths;
  for (const SearchedDirectory& entry : report.searched) paths.push_back(entry.path.string());
  return paths.empty() ? "no directory was searched"
                       : fmt::format("looked in {}", fmt::join(paths, ", "));
}

// Takes what the probe found of one file into its entry.
void take_finding(ProbeFinding finding, const ProbeSettings& settings, LoadReportEntry& entry) {
  if (finding.rule == Rule::kUnprobedWarning && settings.refuse_unprobed) {
    finding.rule = Rule::kUnprobed;
  }
  entry.probe = finding;
  if (usable(finding.rule)) {
    if (!finding.seen.empty()) entry.seen += "; " + finding.seen;
    // One remark is enough, and who may write the file is the graver one.
    if (entry.rule == Rule::kOk) entry.rule = finding.rule;
  } else {
    entry.rule = finding.rule;
    entry.seen = std::move(finding.seen);
  }
}

// Probes the files that would be used. Where one fails, a file that it would have shadowed is used
// in its place and has its turn.
void probe_entries(const ProbeSettings& settings, LoadReport& report) {
  if (settings.policy == ProbePolicy::kOff) return;
  for (;;) {
    Claims claims;
    std::vector<LoadReportEntry*> entries;
    std::vector<std::filesystem::path> files;
    for (LoadReportEntry& entry : report.entries) {
      if (!usable(entry.rule)) continue;
      const Method method{*entry.identity, entry.path, nullptr, claims.free(*entry.identity)};
      claims.take(method);
      if (method.device_types.empty() || entry.probe) continue;
      entries.push_back(&entry);
      files.push_back(entry.path);
    }
    if (files.empty()) return;
    std::string problem;
    std::vector<ProbeFinding> findings = probe_files(files, settings, problem);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      take_finding(std::move(findings[i]), settings, *entries[i]);
    }
    if (!problem.empty() && report.warnings.empty()) report.warnings.push_back(problem);
  }
}

}  // namespace

Registry Registry::open(const RegistryOptions& options) {
  Registry registry;
  Discovery discovery = discover(options);
  registry.report_.searched = std::move(discovery.searched);
  std::vector<LoadReportEntry>& entries = registry.report_.entries;
  for (const Candidate& candidate : discovery.candidates) {
    entries.push_back(examine(candidate, options.configuration));
  }
  refuse_duplicates(discovery.candidates, entries);
  if (!options.inspect_only) probe_entries(options.configuration.probe, registry.report_);

  Claims claims;
  for (LoadReportEntry& entry : entries) {
    if (!usable(entry.rule)) continue;
    Method method{*entry.identity, entry.path, nullptr, claims.free(*entry.identity)};
    if (method.device_types.empty()) {
      entry.rule = Rule::kShadowed;
      entry.seen = fmt::format("'{}' for {} is taken from {}", method.identity.id,
                               device_names(devices_of(method.identity)),
                               claims.owner(method.identity).string());
      continue;
    }
    if (!options.inspect_only) {
      LoadedPlugin loaded = load_plugin(entry.path, method.identity);
      if (loaded.rule != Rule::kOk) {
        entry.rule = loaded.rule;
        entry.seen = std::move(loaded.seen);
        continue;
      }
      method.table = loaded.table;
    }
    if (method.device_types.size() < devices_of(method.identity).size()) {
      entry.seen += fmt::format("; in use for {}, an earlier file has the rest",
                                device_names(method.device_types));
    }
    claims.take(method);
    registry.methods_.push_back(std::move(method));
  }
  for (LoadReportEntry& entry : entries) entry.action = advice(entry.rule);
  std::stable_sort(registry.methods_.begin(), registry.methods_.end(),
                   [](const Method& a, const Method& b) {
                     return std::string_view(a.identity.id) < std::string_view(b.identity.id);
                   });
  return registry;
}

Result<const Method*> Registry::find(std::string_view name, std::int32_t device_type) const {
  std::set<std::string_view> ids;
  for (const Method& method : methods_) ids.insert(method.identity.id);
  if (ids.empty()) {
    return Error{LEET_STATUS_UNAVAILABLE,
                 fmt::format("no method '{}': no usable plugin was found; {}; see `leet list`",
                             name, places(report_))};
  }

  std::vector<std::string_view> meant;
  if (ids.contains(name)) {
    meant.push_back(name);
  } else {
    const std::string suffix = fmt::format(".{}", name);
    std::copy_if(ids.begin(), ids.end(), std::back_inserter(meant),
                 [&](std::string_view id) { return !name.empty() && id.ends_with(suffix); });
  }
  if (meant.size() > 1) {
    return Error{
        LEET_STATUS_INVALID_ARGUMENT,
        fmt::format("method '{}' may be {}: give the whole name", name, fmt::join(meant, " or "))};
  }
  if (meant.empty()) {
    // A suffix may be misspelt too: compare with the last parts as well as with whole ids.
    std::vector<std::string_view> names(ids.begin(), ids.end());
    for (const std::string_view id : ids) names.push_back(id.substr(id.rfind('.') + 1));
    const std::string_view near = nearest(name, names);
    return Error{LEET_STATUS_UNAVAILABLE,
                 fmt::format("no method '{}': there {} {}{}", name, ids.size() == 1 ? "is" : "are",
                             fmt::join(ids, ", "),
                             near.empty() ? "" : fmt::format("; did you mean '{}'?", near))};
  }

  std::vector<std::int32_t> served;
  for (const Method& method : methods_) {
    if (method.identity.id != meant[0]) continue;
    const auto& types = method.device_types;
    if (device_type == 0 || std::find(types.begin(), types.end(), device_type) != types.end()) {
      return &method;
    }
    served.insert(served.end(), types.begin(), types.end());
  }
  return Error{LEET_STATUS_UNAVAILABLE,
               fmt::format("method '{}' does not serve {}: it serves {}", meant[0],
                           device_name(device_type), device_names(served))};
}

}  // namespace leet::core
