// SPDX-License-Identifier: Apache-2.0
#include "tools/validate/pairwise.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "tools/common/error_metrics.hpp"
#include "tools/validate/catalogue.hpp"

namespace leet::validate {
namespace {

// A case's id holds slashes; its file's name must not.
std::filesystem::path file_of(const std::filesystem::path& directory, std::string id) {
  std::ranges::replace(id, '/', '_');
  return directory / (id + ".f64");
}

std::optional<std::vector<double>> read_values(const std::filesystem::path& file,
                                               std::size_t count) {
  std::vector<double> values(count);
  std::ifstream in(file, std::ios::binary);
  const auto bytes = static_cast<std::streamsize>(count * sizeof(double));
  // A worker that died while writing leaves a short file, which counts as none.
  if (!in.read(reinterpret_cast<char*>(values.data()), bytes)) return std::nullopt;
  return values;
}

}  // namespace

void add_pairwise_cases(std::vector<Case>& cases) {
  for (const Dtypes& dtypes : all_dtypes()) {
    for (const std::int32_t decay_kind : all_decay_kinds()) {
      Description d{.in = dtypes.in, .out = dtypes.out, .decay_kind = decay_kind};
      d.B = 1, d.H = 2, d.N = 200, d.R = 32, d.D = 32;
      Case made{.id = case_id("pairwise", d, "shared"), .check = "pairwise", .description = d};
      made.run = [made](const Subject& subject, const Settings& settings) {
        const Run run =
            subject.run(made.description, make_inputs(made.description, made.random(settings)));
        if (!run.ok() || settings.dump.empty()) return run.result;
        std::ofstream out(file_of(settings.dump, made.id), std::ios::binary);
        out.write(reinterpret_cast<const char*>(run.out.data()),
                  static_cast<std::streamsize>(run.out.size() * sizeof(double)));
        if (!out.flush()) {
          return Result::skip(fmt::format("cannot write to {}", settings.dump.string()));
        }
        return Result::pass();
      };
      cases.push_back(std::move(made));
    }
  }
}

std::vector<PairwiseTable> compare_methods(const std::vector<std::string>& names,
                                           const std::vector<std::filesystem::path>& directories,
                                           std::uint64_t seed) {
  std::vector<Case> cases;
  add_pairwise_cases(cases);
  std::vector<PairwiseTable> tables;
  for (const Case& problem : cases) {
    const std::string dtype = dtype_label(problem.description);
    auto table = std::ranges::find(tables, dtype, &PairwiseTable::dtype);
    if (table == tables.end()) {
      PairwiseTable empty{.dtype = dtype, .names = names, .errors = {}};
      empty.names.emplace_back("fp64");
      empty.errors.assign(names.size(), std::vector<std::optional<double>>(names.size() + 1));
      table = tables.insert(tables.end(), std::move(empty));
    }
    const Inputs inputs = make_inputs(problem.description, problem.random({.seed = seed}));
    std::vector<std::optional<std::vector<double>>> outputs;
    const core::OracleResult oracle = expect(problem.description, inputs);
    for (const auto& directory : directories) {
      outputs.push_back(read_values(file_of(directory, problem.id), oracle.out.size()));
    }
    outputs.emplace_back(oracle.out);
    for (std::size_t row = 0; row < names.size(); ++row) {
      for (std::size_t column = 0; column <= names.size(); ++column) {
        if (row == column || !outputs[row] || !outputs[column]) continue;
        const double error = tools::compare(*outputs[row], *outputs[column]).relative_error;
        auto& worst = table->errors[row][column];
        worst = std::max(worst.value_or(0), error);
      }
    }
  }
  return tables;
}

}  // namespace leet::validate
