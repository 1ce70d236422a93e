// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "tools/common/names.hpp"

namespace leet::bench {
namespace {

using tools::Json;

constexpr int kBarWidth = 20;

// JSON has no infinities.
Json number(std::optional<double> value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

Json text(const std::optional<std::string>& value) { return value ? Json(*value) : Json(nullptr); }

std::string percent(std::optional<double> share) {
  return share ? fmt::format("{:.1f}", 100 * *share) : "-";
}

bool fits_cache(const Record& record) {
  return record.measurement.working_set <= record.ceilings.cache_bytes;
}

// Why a record has no figures.
std::string remark(const Record& record) {
  const Measurement& m = record.measurement;
  if (m.unsupported) return "unsupported: " + *m.unsupported;
  if (m.failure) return "FAILED: " + m.failure->message;
  if (!record.correct()) return "WRONG: " + (m.verdict ? m.verdict->message : "");
  return fmt::format("no figures: all {} samples were kept from running", record.samples.discarded);
}

constexpr std::size_t kColumns = 17;
using Row = std::array<std::string, kColumns>;

std::string subject_text(const Measurement& m) {
  if (m.subject.name != core::kAuto || m.method.empty()) return label_of(m.subject);
  return fmt::format("auto: {}", m.method);
}

Row point_cells(const Measurement& m) {
  const Point& p = m.point;
  return {subject_text(m),          std::to_string(p.B),
          std::to_string(p.H),      std::to_string(p.N),
          std::to_string(p.R),      std::to_string(p.D),
          sdk::dtype_name(p.dtype), tools::decay_kind_name(p.decay_kind),
          std::to_string(p.threads)};
}

Row figures_row(const Record& record) {
  Row row = point_cells(record.measurement);
  row[9] = duration_text(record.seconds->median) + (fits_cache(record) ? "*" : " ");
  row[10] = fmt::format("{} .. {}", duration_text(record.seconds->p5),
                        duration_text(record.seconds->p95));
  row[11] = fmt::format("{:.1f}", record.gflops_4nrd);
  row[12] = percent(record.fraction_of_peak);
  row[13] = percent(record.fraction_of_bandwidth);
  const double reached =
      std::max(record.fraction_of_peak.value_or(0), record.fraction_of_bandwidth.value_or(0));
  row[14] = fmt::format("|{}|", bar(reached));
  row[15] = fmt::format("{:.1e}", record.measurement.verdict->error);
  row[16] =
      fmt::format("{}/{}/{}", record.samples.quiet, record.samples.busy, record.samples.discarded);
  return row;
}

void add_notes(std::span<const Record> records, std::vector<std::string>& lines) {
  std::set<std::string> ceilings;
  std::set<std::string> notes;
  for (const Record& record : records) {
    const Measurement& m = record.measurement;
    if (!record.seconds) continue;
    const MachineCeilings& c = record.ceilings;
    const bool f64 = sdk::same(m.point.dtype, sdk::kF64);
    ceilings.insert(fmt::format(
        "Ceilings, {} thread{}: {} GFLOP/s in {} ({}), {} GB/s scaling in place.", m.point.threads,
        m.point.threads == 1 ? "" : "s",
        c.peak_gflops ? fmt::format("{:.1f}", *c.peak_gflops) : "unknown", f64 ? "f64" : "f32",
        c.isa, c.bandwidth_gbs ? fmt::format("{:.1f}", *c.bandwidth_gbs) : "unknown"));
    if (fits_cache(record)) {
      notes.insert(
          fmt::format("*  The tensors fit in the last cache, {:.0f} MiB; memory sets no "
                      "limit there.",
                      c.cache_bytes / 0x1p20));
    }
    if (record.samples.quiet == 0) {
      notes.insert(
          "Rows with 0 quiet samples show busy ones: expect a quarter more on a shared "
          "core.");
    }
    if (m.checked < 1) {
      notes.insert(
          fmt::format("{} N={} R={} D={}: {:.2g} % of out compared with the oracle, the "
                      "rest only found finite.",
                      label_of(m.subject), m.point.N, m.point.R, m.point.D, 100 * m.checked));
    }
  }
  if (ceilings.empty()) return;
  lines.push_back("");
  lines.insert(lines.end(), ceilings.begin(), ceilings.end());
  lines.push_back(
      "% PEAK counts 4 B H N R D operations; % BW each tensor once; the bar shows the "
      "larger. SAMPLES: quiet/busy/discarded.");
  lines.insert(lines.end(), notes.begin(), notes.end());
}

}  // namespace

Record make_record(Measurement measurement, double best_probe, MachineCeilings ceilings) {
  Record record{std::move(measurement), std::move(ceilings), {}, {}, 0, {}, {}};
  const Measurement& m = record.measurement;
  record.samples = summarise(m.samples, m.point.threads, best_probe);
  if (!record.samples.seconds || !record.correct()) return record;
  const auto& [median, p5, p95] = *record.samples.seconds;
  const auto repeats = static_cast<double>(m.repeats);
  record.seconds = {median / repeats, p5 / repeats, p95 / repeats};
  record.gflops_4nrd = 1e-9 * 4 * m.point.cells() / record.seconds->median;
  if (record.ceilings.peak_gflops) {
    record.fraction_of_peak = record.gflops_4nrd / *record.ceilings.peak_gflops;
  }
  if (record.ceilings.bandwidth_gbs) {
    record.fraction_of_bandwidth =
        1e-9 * m.bytes_min / record.seconds->median / *record.ceilings.bandwidth_gbs;
  }
  return record;
}

tools::Json to_json(const Record& record, const RunFacts& facts) {
  const Measurement& m = record.measurement;
  const Point& p = m.point;
  const auto figure = [&](double Summary::Figures::*member) {
    return record.seconds ? Json((*record.seconds).*member) : Json(nullptr);
  };
  const auto if_measured = [&](auto value) { return record.seconds ? Json(value) : Json(nullptr); };
  Json json;
  json["method"] = m.subject.name;
  json["device"] = "cpu";
  json["dtype"] = sdk::dtype_name(p.dtype);
  json["decay"] = tools::decay_kind_name(p.decay_kind);
  json["threads"] = p.threads;
  json["B"] = p.B;
  json["H"] = p.H;
  json["N"] = p.N;
  json["R"] = p.R;
  json["D"] = p.D;
  json["unsupported"] = text(m.unsupported);
  json["failed"] = m.failure ? Json(m.failure->message) : Json(nullptr);
  json["correct"] = m.verdict ? Json(m.verdict->correct) : Json(nullptr);
  json["error"] = m.verdict ? number(m.verdict->error) : Json(nullptr);
  json["wrong"] = m.verdict && !m.verdict->correct ? Json(m.verdict->message) : Json(nullptr);
  json["checked"] = m.verdict ? Json(m.checked) : Json(nullptr);
  json["seconds_median"] = figure(&Summary::Figures::median);
  json["seconds_p5"] = figure(&Summary::Figures::p5);
  json["seconds_p95"] = figure(&Summary::Figures::p95);
  json["gflops_4nrd"] = if_measured(record.gflops_4nrd);
  json["peak_gflops"] = number(record.ceilings.peak_gflops);
  json["fraction_of_peak"] = number(record.fraction_of_peak);
  json["peak_isa"] = record.ceilings.isa.empty() ? Json(nullptr) : Json(record.ceilings.isa);
  json["bytes_min"] = m.bytes_min;
  json["bandwidth_gbs"] = number(record.ceilings.bandwidth_gbs);
  json["fraction_of_bandwidth"] = number(record.fraction_of_bandwidth);
  json["working_set_bytes"] = m.working_set;
  json["fits_cache"] = if_measured(fits_cache(record));
  json["quiet_samples"] = record.samples.quiet;
  json["busy_samples"] = record.samples.busy;
  json["discarded_samples"] = record.samples.discarded;
  json["executes_per_sample"] = if_measured(m.repeats);
  json["threads_busy"] = if_measured(record.samples.threads_busy);
  json["cpu"] = facts.machine.cpu;
  json["isa"] = facts.machine.isa;
  json["seed"] = facts.seed;
  json["options"] = m.subject.options;
  json["peer"] = m.subject.peer;
  json["chosen"] = m.subject.name == core::kAuto && !m.method.empty() ? Json(m.method) : Json();
  json["predicted_seconds"] = m.predicted_seconds > 0 ? number(m.predicted_seconds) : Json();
  return json;
}

std::string bar(double share) {
  const int filled = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * kBarWidth));
  return fmt::format("{:<{}}", std::string(static_cast<std::size_t>(filled), '#'), kBarWidth);
}

std::vector<std::string> table(std::span<const Record> records) {
  std::vector<Row> rows = {{"METHOD", "B", "H", "N", "R", "D", "DTYPE", "DECAY", "THREADS",
                            "MEDIAN ", "P5 .. P95", "GFLOP/S", "% PEAK", "% BW", "", "ERROR",
                            "SAMPLES"}};
  for (const Record& record : records) {
    rows.push_back(record.seconds ? figures_row(record) : point_cells(record.measurement));
  }
  std::array<std::size_t, kColumns> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  constexpr std::size_t kFirstFigure = 9;
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool figures = i == 0 || records[i - 1].seconds.has_value();
    std::string line;
    for (std::size_t column = 0; column < (figures ? kColumns : kFirstFigure); ++column) {
      const bool left = column == 0 || column == 6 || column == 7;
      line += left ? fmt::format("{:<{}}  ", rows[i][column], widths[column])
                   : fmt::format("{:>{}}  ", rows[i][column], widths[column]);
    }
    if (!figures) line += remark(records[i - 1]);
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(line);
  }
  add_notes(records, lines);
  return lines;
}

}  // namespace leet::bench
