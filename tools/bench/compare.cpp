// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "tools/bench/report.hpp"

namespace leet::bench {
namespace {

using tools::Json;

core::Error invalid(std::string message) {
  return {LEET_STATUS_INVALID_ARGUMENT, std::move(message)};
}

std::string point_text(const Json& record) {
  const auto text = [&](const char* key) { return record.at(key).get<std::string>(); };
  const auto size = [&](const char* key) { return record.at(key).get<std::int64_t>(); };
  const std::string options = text("options");
  return fmt::format("{} {} {} {} {} thread{} B={} H={} N={} R={} D={}{}{}", text("method"),
                     text("device"), text("dtype"), text("decay"), size("threads"),
                     size("threads") == 1 ? "" : "s", size("B"), size("H"), size("N"), size("R"),
                     size("D"), options.empty() ? "" : " ", options);
}

struct Cost {
  double median = 0;
  double p5 = 0;
  double p95 = 0;

  bool holds(double value) const { return p5 <= value && value <= p95; }
};

std::optional<Cost> cost_of(const Json& record, bool by_seconds) {
  if (record.at("seconds_median").is_null()) return std::nullopt;
  double scale = 1;
  if (!by_seconds) {
    if (record.at("peak_gflops").is_null()) return std::nullopt;
    scale = record.at("peak_gflops").get<double>();
  }
  const auto figure = [&](const char* key) { return scale * record.at(key).get<double>(); };
  return Cost{figure("seconds_median"), figure("seconds_p5"), figure("seconds_p95")};
}

// Whether the method gave no right result, as opposed to no sample that counts.
bool is_broken(const Json& record) { return record.at("correct") != true; }

Change compare_records(const Json& before, const Json& after, bool by_seconds) {
  Change change{.point = point_text(before)};
  const std::optional<Cost> was = cost_of(before, by_seconds);
  const std::optional<Cost> is = cost_of(after, by_seconds);
  change.old_cost = was ? was->median : 0;
  change.new_cost = is ? is->median : 0;
  if (is_broken(before) || is_broken(after)) {
    change.kind = !is_broken(before)  ? ChangeKind::kBroken
                  : !is_broken(after) ? ChangeKind::kMended
                                      : ChangeKind::kNoFigures;
  } else if (!was || !is) {
    change.kind = ChangeKind::kNoFigures;
  } else {
    change.ratio = is->median / was->median;
    const bool changed = !was->holds(is->median) && !is->holds(was->median);
    change.kind = !changed           ? ChangeKind::kSame
                  : change.ratio > 1 ? ChangeKind::kSlower
                                     : ChangeKind::kFaster;
  }
  return change;
}

// Touches every field that a comparison uses; throws where one is missing or of another type.
void check_record(const Json& record) {
  point_text(record);
  cost_of(record, true);
  cost_of(record, false);
  is_broken(record);
  record.at("cpu").get<std::string>();
}

const Json* find(const std::vector<Json>& records, const std::string& point) {
  const auto found = std::find_if(records.begin(), records.end(),
                                  [&](const Json& record) { return point_text(record) == point; });
  return found == records.end() ? nullptr : &*found;
}

}  // namespace

const char* change_name(ChangeKind kind) {
  static constexpr const char* kNames[] = {"same",   "faster",     "slower",   "broken",
                                           "mended", "no-figures", "only-old", "only-new"};
  return kNames[static_cast<std::size_t>(kind)];
}

bool Change::regressed(double percent) const {
  return kind == ChangeKind::kBroken || (kind == ChangeKind::kSlower && ratio > 1 + percent / 100);
}

core::Result<std::vector<Json>> parse_records(std::string_view text) {
  const Json file = Json::parse(text, nullptr, false);
  if (file.is_discarded() || !file.is_object()) {
    return invalid("not the JSON of `leet bench --json`");
  }
  const Json schema = file.value("schema", Json());
  if (schema != "leet.bench/1") {
    return invalid(fmt::format("schema is {}; needs \"leet.bench/1\"", schema.dump()));
  }
  try {
    const auto records = file.at("records").get<std::vector<Json>>();
    for (const Json& record : records) check_record(record);
    return records;
  } catch (const Json::exception& error) {
    return invalid(fmt::format("a record lacks what a comparison needs: {}", error.what()));
  }
}

ChangeReport compare_runs(const std::vector<Json>& before, const std::vector<Json>& after) {
  ChangeReport report;
  for (const Json& record : before) {
    for (const Json& other : after) {
      report.by_seconds = report.by_seconds && record.at("cpu") == other.at("cpu");
    }
  }
  for (const Json& record : before) {
    const std::string point = point_text(record);
    if (const Json* const other = find(after, point)) {
      report.changes.push_back(compare_records(record, *other, report.by_seconds));
    } else {
      report.changes.push_back({point, ChangeKind::kOnlyOld});
    }
  }
  for (const Json& record : after) {
    const std::string point = point_text(record);
    if (find(before, point) == nullptr) report.changes.push_back({point, ChangeKind::kOnlyNew});
  }
  return report;
}

std::vector<std::string> change_lines(const ChangeReport& report) {
  std::vector<std::string> lines;
  std::size_t width = 0;
  for (const Change& change : report.changes) width = std::max(width, change.point.size());
  for (const Change& change : report.changes) {
    std::string line = fmt::format("{:<10}  {:<{}}", change_name(change.kind), change.point, width);
    if (change.ratio > 0) {
      line += fmt::format("  {:+.1f} % time", 100 * (change.ratio - 1));
      if (report.by_seconds) {
        line += fmt::format("  {} -> {}", duration_text(change.old_cost),
                            duration_text(change.new_cost));
      }
    }
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(line);
  }
  if (report.changes.empty()) lines.push_back("no points");
  if (!report.by_seconds) {
    lines.push_back("The processors differ: compared are seconds times the peak of the same run.");
  }
  return lines;
}

Json to_json(const ChangeReport& report) {
  Json json = {{"schema", "leet.bench-compare/1"},
               {"compared", report.by_seconds ? "seconds" : "seconds_times_peak"},
               {"changes", Json::array()}};
  for (const Change& change : report.changes) {
    json["changes"].push_back({{"point", change.point},
                               {"change", change_name(change.kind)},
                               {"ratio", change.ratio > 0 ? Json(change.ratio) : Json(nullptr)}});
  }
  return json;
}

}  // namespace leet::bench
