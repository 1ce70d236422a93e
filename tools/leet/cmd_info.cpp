// SPDX-License-Identifier: Apache-2.0
//
// `leet info METHOD`: everything that is known of one method.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tools/common/exit_code.hpp"
#include "tools/common/names.hpp"
#include "tools/common/reporter.hpp"
#include "tools/common/session.hpp"
#include "tools/leet/command.hpp"

namespace leet::tools {
namespace {

struct InfoOptions {
  std::string method;
  bool json = false;
};

const char* text_or_empty(const char* text) { return text == nullptr ? "" : text; }

std::vector<const leet_option*> options_of(const core::Method& method) {
  std::vector<const leet_option*> options;
  if (method.table->options == nullptr) return options;
  for (auto option = method.table->options; *option != nullptr; ++option)
    options.push_back(*option);
  return options;
}

// 90 is "sm_90"; the note marks code for one architecture alone and code in PTX.
std::vector<std::string> sm_names(const leet_note_desc& identity) {
  std::vector<std::string> names;
  for (std::uint32_t i = 0; i < identity.sm_count && i < std::size(identity.sm); ++i) {
    const unsigned sm = identity.sm[i];
    names.push_back(fmt::format("{}_{}{}", (sm & 0x8000u) != 0 ? "compute" : "sm", sm & 0x3fffu,
                                (sm & 0x4000u) != 0 ? "a" : ""));
  }
  return names;
}

std::string abi_text(std::uint32_t major, std::uint32_t minor) {
  return fmt::format("{}.{}", major, minor);
}

void print_json(const core::Method& method, Json record) {
  const leet_note_desc& identity = method.identity;
  record["id"] = identity.id;
  record["version"] = identity.version;
  record["summary"] = text_or_empty(method.table->summary);
  record["reference"] = text_or_empty(method.table->reference);
  record["path"] = method.path.string();
  record["devices"] = device_names(method.device_types);
  record["dtypes"] = dtype_names(identity.dtypes);
  record["decay_kinds"] = decay_kind_names(identity.decay_kinds);
  record["features"] = feature_names(identity.features);
  record["abi"] = {{"major", identity.abi_major},
                   {"minor_built", identity.abi_minor_built},
                   {"minor_required", identity.abi_minor_required}};
  record["cudart_version"] = identity.cudart_version;
  record["sm"] = sm_names(identity);
  record["build_id"] = identity.build_id;
  record["options"] = Json::array();
  for (const leet_option* option : options_of(method)) {
    record["options"].push_back({{"name", text_or_empty(option->name)},
                                 {"default", text_or_empty(option->default_value)},
                                 {"description", text_or_empty(option->description)}});
  }
  Reporter::print(record);
}

void print_text(const core::Method& method) {
  const leet_note_desc& identity = method.identity;
  const auto line = [](std::string_view name, std::string_view value) {
    fmt::print("{:<13}{}\n", name, value);
  };
  const auto names = [&](std::string_view name, const std::vector<std::string>& values) {
    line(name, fmt::format("{}", fmt::join(values, ", ")));
  };
  fmt::print("{} {}\n", identity.id, identity.version);
  line("summary", text_or_empty(method.table->summary));
  line("reference", text_or_empty(method.table->reference));
  line("file", method.path.string());
  names("devices", device_names(method.device_types));
  names("dtypes", dtype_names(identity.dtypes));
  names("decay kinds", decay_kind_names(identity.decay_kinds));
  names("features", feature_names(identity.features));
  line("ABI", fmt::format("built with {}, requires {}",
                          abi_text(identity.abi_major, identity.abi_minor_built),
                          abi_text(identity.abi_major, identity.abi_minor_required)));
  if (identity.cudart_version != 0) {
    line("CUDA", fmt::format("runtime {}, {}", identity.cudart_version,
                             fmt::join(sm_names(identity), " ")));
  }
  line("build", identity.build_id);
  const std::vector<const leet_option*> options = options_of(method);
  if (options.empty()) line("options", "none");
  for (const leet_option* option : options) {
    line(option == options.front() ? "options" : "",
         fmt::format("{}={}  {}", text_or_empty(option->name), text_or_empty(option->default_value),
                     text_or_empty(option->description)));
  }
}

int info(const GlobalOptions& global, const InfoOptions& options) {
  const Reporter reporter("info", options.json);
  const core::Result<Session> session = open_session(global);
  if (!session) return reporter.fail(session.error());
  const core::Result<const core::Method*> method = session->find(options.method, 0);
  if (!method) return reporter.fail(method.error());
  if (options.json) {
    print_json(**method, reporter.record());
  } else {
    print_text(**method);
  }
  return kExitOk;
}

}  // namespace

void add_info_command(CLI::App& app, const GlobalOptions& global, Action& action) {
  CLI::App* command = app.add_subcommand("info", "Everything that is known of one method");
  const auto options = std::make_shared<InfoOptions>();
  command->add_option("METHOD", options->method, "Its id, or the id's end after a dot")->required();
  command->add_flag("--json", options->json, "Print a leet.info/1 record");
  command->footer("Example:\n  leet info recurrent");
  command->final_callback([&global, &action, options] {
    action = [&global, options] { return info(global, *options); };
  });
}

}  // namespace leet::tools
