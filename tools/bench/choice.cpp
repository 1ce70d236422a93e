// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/choice.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <leet/plugin/dtype.hpp>

#include "tools/common/names.hpp"

namespace leet::bench {
namespace {

using tools::Json;

constexpr std::size_t kAxes = 8;

std::array<std::string, kAxes> axis_texts(const Point& p) {
  return {fmt::format("B={}", p.B),
          fmt::format("H={}", p.H),
          fmt::format("R={}", p.R),
          fmt::format("D={}", p.D),
          sdk::dtype_name(p.dtype),
          fmt::format("decay={}", tools::decay_kind_name(p.decay_kind)),
          fmt::format("threads={}", p.threads),
          fmt::format("N={}", p.N)};
}

// Stands for a space at which no line is broken.
constexpr char kTied = '\x1f';

std::string order_text(const Choice& choice) {
  const auto best = std::find_if(choice.order.begin(), choice.order.end(),
                                 [](const Contender& c) { return !c.subject.peer; });
  std::vector<std::string> texts;
  for (auto c = choice.order.begin(); c != choice.order.end(); ++c) {
    std::string text = fmt::format("{} {}", label_of(c->subject), tools::duration_text(c->seconds));
    if (best != choice.order.end() && c != best) {
      text += fmt::format(" ({:.2f}x)", c->seconds / best->seconds);
    }
    std::replace(text.begin(), text.end(), ' ', kTied);
    texts.push_back(std::move(text));
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace

Choice make_choice(std::span<const Record> records,
                   const std::optional<core::Result<core::Selection>>& selection) {
  Choice choice;
  choice.point = records.front().measurement.point;
  for (const Record& record : records) {
    const Measurement& m = record.measurement;
    if (record.seconds) choice.order.push_back({m.subject, m.method, record.seconds->median});
  }
  std::stable_sort(choice.order.begin(), choice.order.end(),
                   [](const Contender& a, const Contender& b) { return a.seconds < b.seconds; });
  const auto fastest = [&](auto&& accepts) {
    return std::find_if(choice.order.begin(), choice.order.end(),
                        [&](const Contender& c) { return !c.subject.peer && accepts(c); });
  };
  const auto best = fastest([](const Contender&) { return true; });
  if (best != choice.order.end()) choice.best = best->method;
  if (!selection) return choice;
  if (!*selection) {
    choice.reason = selection->error().message;
    return choice;
  }
  choice.chosen = (*selection)->method->identity.id;
  choice.reason = (*selection)->reason;
  const auto chosen = fastest([&](const Contender& c) { return c.method == choice.chosen; });
  if (chosen != choice.order.end()) choice.regret = chosen->seconds / best->seconds;
  return choice;
}

Json to_json(const Choice& choice) {
  const Point& p = choice.point;
  const auto text = [](const std::string& value) { return value.empty() ? Json() : Json(value); };
  Json order = Json::array();
  for (const Contender& c : choice.order) {
    order.push_back({{"method", c.subject.name},
                     {"options", c.subject.options},
                     {"peer", c.subject.peer},
                     {"seconds_median", c.seconds}});
  }
  return {{"dtype", sdk::dtype_name(p.dtype)},
          {"decay", tools::decay_kind_name(p.decay_kind)},
          {"threads", p.threads},
          {"B", p.B},
          {"H", p.H},
          {"N", p.N},
          {"R", p.R},
          {"D", p.D},
          {"choice",
           {{"order", std::move(order)},
            {"best", text(choice.best)},
            {"auto", text(choice.chosen)},
            {"reason", text(choice.reason)},
            {"regret", choice.regret ? Json(*choice.regret) : Json()}}}};
}

std::vector<std::string> crossover_lines(std::span<const Choice> choices) {
  if (std::none_of(choices.begin(), choices.end(),
                   [](const Choice& choice) { return choice.order.size() > 1; })) {
    return {};
  }
  const auto first = axis_texts(choices.front().point);
  std::array<bool, kAxes> varies{};
  varies[kAxes - 1] = true;  // rows need a name
  for (const Choice& choice : choices) {
    const auto texts = axis_texts(choice.point);
    for (std::size_t axis = 0; axis < kAxes; ++axis) {
      varies[axis] = varies[axis] || texts[axis] != first[axis];
    }
  }
  const auto named = [&](const Point& point, bool varying) {
    const auto texts = axis_texts(point);
    std::vector<std::string> chosen;
    for (std::size_t axis = 0; axis < kAxes; ++axis) {
      if (varies[axis] == varying) chosen.push_back(texts[axis]);
    }
    return fmt::format("{}", fmt::join(chosen, " "));
  };
  std::vector<std::vector<std::string>> rows = {
      {"POINT", "AUTO", "REGRET", "METHODS BY TIME, AND OVER THE BEST"}};
  const Choice* worst = nullptr;
  for (const Choice& choice : choices) {
    rows.push_back({named(choice.point, true), choice.chosen.empty() ? "-" : choice.chosen,
                    choice.regret ? fmt::format("{:.2f}x", *choice.regret) : "-",
                    order_text(choice)});
    if (choice.regret && (worst == nullptr || *choice.regret > *worst->regret)) worst = &choice;
  }
  std::vector<std::string> lines = {"Crossover, " + named(choices.front().point, false)};
  for (std::string& line : tools::table_lines(rows)) {
    std::replace(line.begin(), line.end(), kTied, ' ');
    lines.push_back(std::move(line));
  }
  if (worst != nullptr) {
    lines.push_back(fmt::format("What auto takes costs at most {:.2f}x the best method, at {}.",
                                *worst->regret, named(worst->point, true)));
  }
  return lines;
}

}  // namespace leet::bench
