// SPDX-License-Identifier: Apache-2.0
#include "tools/leet/doctor/section.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/printable.hpp"
#include "tools/common/text.hpp"

namespace leet::doctor {
namespace {

// As it stands after a name.
std::string fact_text(const Json& fact) {
  if (fact.is_string()) return core::printable(fact.get<std::string>(), 4096);
  if (fact.is_null()) return "unknown";
  if (fact.is_boolean()) return fact.get<bool>() ? "yes" : "no";
  if (fact.is_array()) {
    std::string text;
    for (const Json& item : fact) text += (text.empty() ? "" : ", ") + fact_text(item);
    return text.empty() ? "none" : text;
  }
  if (fact.is_object() && fact.contains("origin")) {
    return fmt::format("{}  ({})", fact_text(fact.at("value")), fact_text(fact.at("origin")));
  }
  return fact.dump();
}

void add_wrapped(const std::string& head, const std::string& text,
                 std::vector<std::string>& lines) {
  std::string start = head;
  for (const std::string& part :
       tools::wrap(text, std::max<std::size_t>(24, tools::kTextWidth - head.size()))) {
    lines.push_back(start + part);
    start.assign(head.size(), ' ');
  }
}

}  // namespace

Json to_json(const Section& section) {
  Json record = {{"name", section.name}, {"facts", section.facts}, {"findings", Json::array()}};
  for (const Finding& finding : section.findings) {
    record["findings"].push_back({{"level", kLevelNames[static_cast<int>(finding.level)]},
                                  {"text", finding.text},
                                  {"fix", finding.fix}});
  }
  return record;
}

std::vector<std::string> to_lines(const Section& section) {
  std::vector<std::string> lines = {section.name};
  std::size_t width = 0;
  for (const auto& [name, fact] : section.facts.items()) width = std::max(width, name.size());
  for (const auto& [name, fact] : section.facts.items()) {
    add_wrapped(fmt::format("  {:<{}}  ", name, width), fact_text(fact), lines);
  }
  for (const Finding& finding : section.findings) {
    const char* const level = kLevelNames[static_cast<int>(finding.level)];
    add_wrapped(fmt::format("  {:<10}", fmt::format("[{}]", level)),
                core::printable(finding.text, 4096), lines);
    if (!finding.fix.empty()) add_wrapped("            -> ", finding.fix, lines);
  }
  return lines;
}

}  // namespace leet::doctor
