// SPDX-License-Identifier: Apache-2.0
#include "tools/validate/counts.hpp"

#include <fmt/format.h>

#include <fstream>
#include <set>
#include <span>

#include "tools/common/atomic_file.hpp"
#include "tools/common/names.hpp"
#include "tools/common/reporter.hpp"

namespace leet::validate {
namespace {

constexpr const char* kSchema = "leet.validate.counts/1";

std::string row_of(const Description& d) {
  return fmt::format("{}/{}", dtype_label(d), tools::decay_kind_name(d.decay_kind));
}

std::string text_of(const Counts& counts) {
  return fmt::format("claimed {}, run {}, refused {}", counts.claimed, counts.run, counts.refused);
}

}  // namespace

CountTable count_combinations(const leet_note_desc& note, const std::vector<Case>& cases,
                              const Outcome& outcome) {
  struct Sets {
    std::set<std::string> claimed, run, refused;
  };
  std::map<std::string, Sets> rows;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Case& counted = cases[i];
    if (!counted.numeric) continue;
    Sets& row = rows[row_of(counted.description)];
    if (claims(note, counted.description_for(note.features), counted.dynamic_axes)) {
      row.claimed.insert(counted.check);
    }
    if (!outcome.results[i]) continue;
    const Status status = outcome.results[i]->status;
    if (status == Status::kUnsupported) row.refused.insert(counted.check);
    if (status != Status::kUnsupported && status != Status::kSkip) row.run.insert(counted.check);
  }
  CountTable table;
  for (const auto& [name, sets] : rows) {
    table[name] = {static_cast<int>(sets.claimed.size()), static_cast<int>(sets.run.size()),
                   static_cast<int>(sets.refused.size())};
  }
  return table;
}

Counts total(const CountTable& table) {
  Counts sum;
  for (const auto& [name, counts] : table) {
    sum.claimed += counts.claimed;
    sum.run += counts.run;
    sum.refused += counts.refused;
  }
  return sum;
}

core::Result<CountFile> read_counts(const std::filesystem::path& file) {
  const auto failure = [&](const std::string& what) {
    return core::Error{LEET_STATUS_INVALID_ARGUMENT, fmt::format("{}: {}", file.string(), what)};
  };
  std::ifstream in(file);
  if (!in) return failure("can't be read");
  const tools::Json json = tools::Json::parse(in, nullptr, false);
  if (!json.is_object() || json.value("schema", "") != kSchema || !json.contains("methods")) {
    return failure(fmt::format("not a table of counts; its schema must be {}", kSchema));
  }
  try {
    CountFile counts;
    for (const auto& [id, table] : json["methods"].items()) {
      for (const auto& [row, entry] : table.items()) {
        counts[id][row] = {entry.at("claimed").get<int>(), entry.at("run").get<int>(),
                           entry.at("refused").get<int>()};
      }
    }
    return counts;
  } catch (const tools::Json::exception& e) {
    return failure(e.what());
  }
}

core::Status write_counts(const std::filesystem::path& file, const CountFile& counts) {
  tools::Json json = {{"schema", kSchema}, {"methods", tools::Json::object()}};
  for (const auto& [id, table] : counts) {
    for (const auto& [row, entry] : table) {
      json["methods"][id][row] = {
          {"claimed", entry.claimed}, {"run", entry.run}, {"refused", entry.refused}};
    }
  }
  auto out = tools::AtomicFile::create(file);
  if (!out) return out.error();
  const std::string text = json.dump(1) + "\n";
  if (const core::Status status = out->write(std::as_bytes(std::span(text))); !status) {
    return status;
  }
  return out->commit();
}

std::vector<std::string> differences(const CountFile& expected, const CountFile& got) {
  std::vector<std::string> lines;
  for (const auto& [id, table] : got) {
    const auto known = expected.find(id);
    if (known == expected.end()) {
      lines.push_back(fmt::format("{}: not in the table of expected counts", id));
      continue;
    }
    std::set<std::string> rows;
    for (const auto& [row, counts] : table) rows.insert(row);
    for (const auto& [row, counts] : known->second) rows.insert(row);
    for (const std::string& row : rows) {
      const auto is = table.find(row);
      const auto was = known->second.find(row);
      const Counts now = is == table.end() ? Counts{} : is->second;
      const Counts before = was == known->second.end() ? Counts{} : was->second;
      if (now == before) continue;
      lines.push_back(
          fmt::format("{} {}: {}; expected {}", id, row, text_of(now), text_of(before)));
    }
  }
  return lines;
}

}  // namespace leet::validate
