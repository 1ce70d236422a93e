// SPDX-License-Identifier: Apache-2.0
//
// yaml-cpp parses; what it lets pass is caught here: keys given twice, keys that nobody reads, and
// values of another kind than their reader thinks.
#include "core/configuration.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <set>
#include <system_error>
#include <utility>

#include "core/nearest.hpp"
#include "core/user_directories.hpp"

namespace leet::core {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFileSize = 1 << 20;  // a person writes it; more is another file

// A fault in the text; leaves this file only as a Result.
struct Fault {
  YAML::Mark mark;
  std::string message;
};

template <class... Args>
[[noreturn]] void fail(const YAML::Node& node, fmt::format_string<Args...> format, Args&&... args) {
  throw Fault{node.Mark(), fmt::format(format, std::forward<Args>(args)...)};
}

const char* kind(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      return "a single value";
    case YAML::NodeType::Sequence:
      return "a list";
    case YAML::NodeType::Map:
      return "a map";
    default:
      return "nothing";
  }
}

// One key of the configuration: how it is read and how its value in force is shown. All that knows
// of keys is the table of them below.
struct Key {
  std::string_view name;  // with its section: "log.level"
  void (*read)(const YAML::Node& value, const fs::path& directory, Configuration& out);
  std::string (*show)(const Configuration& configuration);
};

std::string read_text(const YAML::Node& node, const std::string& where) {
  if (!node.IsScalar()) fail(node, "{} is {}, not a single value", where, kind(node));
  if (node.Scalar().empty()) fail(node, "{} is empty", where);
  if (node.Scalar().find('\0') != std::string::npos) fail(node, "{} holds a NUL", where);
  return node.Scalar();
}

void read_list(const YAML::Node& list, const std::string& where,
               const std::function<void(const YAML::Node&, const std::string& text)>& read_item) {
  if (list.IsNull()) return;
  if (!list.IsSequence()) fail(list, "{} is {}, not a list", where, kind(list));
  for (const YAML::Node& item : list) read_item(item, read_text(item, "an item of " + where));
}

fs::path read_path(const YAML::Node& node, const std::string& text, const fs::path& directory) {
  if (text != "~" && !text.starts_with("~/")) return (directory / text).lexically_normal();
  const fs::path home = home_directory();
  if (home.empty()) fail(node, "'{}': there is no home directory; write the whole path", text);
  return text.size() <= 2 ? home : home / text.substr(2);
}

std::string read_glob(const YAML::Node& node, const std::string& text) {
  // What an id can't hold could never match.
  constexpr std::string_view kLegal = "abcdefghijklmnopqrstuvwxyz0123456789_.*?";
  if (const std::size_t at = text.find_first_not_of(kLegal); at != std::string::npos) {
    fail(node, "bad glob '{}': '{}' is not in a-z 0-9 _ . * ?", text, text[at]);
  }
  return text;
}

void read_globs(const YAML::Node& list, const std::string& where, std::vector<std::string>& globs) {
  read_list(list, where, [&](const YAML::Node& item, const std::string& text) {
    globs.push_back(read_glob(item, text));
  });
}

std::string read_log_level(const YAML::Node& node) {
  const std::string text = read_text(node, "log.level");
  if (std::find(kLogLevels.begin(), kLogLevels.end(), text) != kLogLevels.end()) return text;
  if (const std::string_view near = nearest(text, kLogLevels); !near.empty()) {
    fail(node, "unknown log level '{}': did you mean '{}'?", text, near);
  }
  fail(node, "unknown log level '{}': one of {}", text, fmt::join(kLogLevels, ", "));
}

int read_number(const YAML::Node& node, const char* where, int least, int most) {
  const std::string text = read_text(node, where);
  int number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  // The tag "!" is yaml-cpp's for quoted text.
  if (error != std::errc{} || stop != end || number < least || number > most || node.Tag() == "!") {
    fail(node, "{} is {}'{}', not a number from {} to {}", where,
         node.Tag() == "!" ? "the text " : "", text, least, most);
  }
  return number;
}

ProbePolicy read_probe_policy(const YAML::Node& node) {
  const std::string text = read_text(node, "plugins.probe");
  if (const auto policy = parse_probe_policy(text)) return *policy;
  if (const std::string_view near = nearest(text, kProbePolicies); !near.empty()) {
    fail(node, "unknown probe policy '{}': did you mean '{}'?", text, near);
  }
  fail(node, "unknown probe policy '{}': one of {}", text, fmt::join(kProbePolicies, ", "));
}

bool read_refuse_unprobed(const YAML::Node& node) {
  const std::string text = read_text(node, "plugins.unprobed");
  if (text != "use" && text != "refuse") {
    fail(node, "plugins.unprobed is '{}', neither use nor refuse", text);
  }
  return text == "refuse";
}

std::string show_list(const auto& items) {
  std::vector<std::string> texts;
  for (const auto& item : items) texts.push_back(std::string(item));
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

bool read_truth(const YAML::Node& node, const char* where) {
  const std::string text = read_text(node, where);
  const bool quoted = node.Tag() == "!";  // yaml-cpp's tag for it
  if ((text != "true" && text != "false") || quoted) {
    fail(node, "{} is {}'{}', not true or false", where, quoted ? "the text " : "", text);
  }
  return text == "true";
}

// In the order in which they are shown.
constexpr Key kKeys[] = {
    {"plugins.search",
     [](const YAML::Node& node, const fs::path& directory, Configuration& out) {
       read_list(node, "plugins.search", [&](const YAML::Node& item, const std::string& text) {
         out.search.push_back(read_path(item, text, directory));
       });
     },
     [](const Configuration& c) { return show_list(c.search); }},
    {"plugins.enabled",
     [](const YAML::Node& node, const fs::path&, Configuration& out) {
       if (!node.IsNull()) out.enabled.clear();
       read_globs(node, "plugins.enabled", out.enabled);
     },
     [](const Configuration& c) { return show_list(c.enabled); }},
    {"plugins.disabled",
     [](const YAML::Node& node, const fs::path&, Configuration& out) {
       read_globs(node, "plugins.disabled", out.disabled);
     },
     [](const Configuration& c) { return show_list(c.disabled); }},
    {"plugins.probe",
     [](const YAML::Node& node, const fs::path&, Configuration& out) {
       out.probe.policy = read_probe_policy(node);
     },
     [](const Configuration& c) { return std::string(probe_policy_name(c.probe.policy)); }},
    {"plugins.probe_seconds",
     [](const YAML::Node& node, const fs::path&, Configuration& out) {
       out.probe.seconds = read_number(node, "plugins.probe_seconds", 1, kMaxProbeSeconds);
     },
     [](const Configuration& c) { return std::to_string(c.probe.seconds); }},
    {"plugins.probe_memory_mib",
     [](const YAML::Node& node, const fs::path&, Configuration& out) {
       out.probe.memory_mib = read_number(node, "plugins.probe_memory_mib", 1, kMaxProbeMemoryMib);
     },
     [](const Configuration& c) { return std::to_string(c.probe.memory_mib); }},
    {"plugins.unprobed",
     [](const YAML::Node& node, const fs::path&, Configuration& out) {
       out.probe.refuse_unprobed = read_refuse_unprobed(node);
     },
     [](const Configuration& c) -> std::string {
       return c.probe.refuse_unprobed ? "refuse" : "use";
     }},
    {"log.level",
     [](const YAML::Node& node, const fs::path&, Configuration& out) {
       out.log_level = read_log_level(node);
     },
     [](const Configuration& c) { return c.log_level; }},
    {"threads",
     [](const YAML::Node& node, const fs::path&, Configuration& out) {
       out.threads = read_number(node, "threads", 0, kMaxThreads);
     },
     [](const Configuration& c) { return std::to_string(c.threads); }},
    {"pin_threads",
     [](const YAML::Node& node, const fs::path&, Configuration& out) {
       out.pin_threads = read_truth(node, "pin_threads");
     },
     [](const Configuration& c) -> std::string { return c.pin_threads ? "true" : "false"; }},
};

// What may stand in a section: "search" and so on in "plugins", "plugins", "log" and so on in "".
std::vector<std::string_view> names_in(std::string_view section) {
  std::vector<std::string_view> names;
  for (const Key& key : kKeys) {
    std::string_view name = key.name;
    if (!section.empty()) {
      if (!name.starts_with(section) || name[section.size()] != '.') continue;
      name.remove_prefix(section.size() + 1);
    }
    name = name.substr(0, name.find('.'));
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

[[noreturn]] void fail_unknown(const YAML::Node& node, std::string_view name,
                               std::string_view section, const std::string& where) {
  const std::vector<std::string_view> known = names_in(section);
  if (const std::string_view near = nearest(name, known); !near.empty()) {
    fail(node, "unknown key '{}': did you mean '{}'?", name, near);
  }
  for (const Key& key : kKeys) {
    const std::size_t dot = key.name.find('.');
    if (key.name.substr(dot == std::string_view::npos ? 0 : dot + 1) != name) continue;
    fail(node, "unknown key '{}' in {}: '{}' belongs {}", name, where, name,
         dot == std::string_view::npos ? "at the top level"
                                       : fmt::format("in '{}'", key.name.substr(0, dot)));
  }
  fail(node, "unknown key '{}': {} has {}", name, where, fmt::join(known, ", "));
}

// Reads the map of a section, "" for the document. One without content, all its lines commented
// out, is as good as none.
void read_section(const YAML::Node& map, const std::string& section, const fs::path& directory,
                  Configuration& out) {
  if (map.IsNull()) return;
  const std::string where = section.empty() ? "the configuration" : section;
  if (!map.IsMap()) fail(map, "{} is {}, not a map", where, kind(map));
  std::set<std::string> seen;
  for (const auto& item : map) {
    if (!item.first.IsScalar()) fail(item.first, "a key of {} is {}", where, kind(item.first));
    const std::string& name = item.first.Scalar();
    const auto known = names_in(section);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      fail_unknown(item.first, name, section, where);
    }
    if (!seen.insert(name).second) fail(item.first, "key '{}' is given twice", name);
    const std::string full = section.empty() ? name : fmt::format("{}.{}", section, name);
    const auto key = std::find_if(std::begin(kKeys), std::end(kKeys),
                                  [&](const Key& k) { return k.name == full; });
    if (key == std::end(kKeys)) {
      read_section(item.second, full, directory, out);
    } else {
      key->read(item.second, directory, out);
      out.lines[full] = item.first.Mark().line + 1;
    }
  }
}

Error bad_text(const fs::path& file, const YAML::Mark& mark, std::string_view message) {
  const std::string name = file.empty() ? "configuration" : file.string();
  // Marks count from 0; a null mark is yaml-cpp's for "somewhere".
  const std::string where =
      mark.is_null() ? name : fmt::format("{}:{}:{}", name, mark.line + 1, mark.column + 1);
  return {LEET_STATUS_INVALID_ARGUMENT, fmt::format("{}: {}", where, message)};
}

}  // namespace

bool Configuration::allows(std::string_view method_id) const {
  const auto matches = [id = std::string(method_id)](const std::string& glob) {
    return fnmatch(glob.c_str(), id.c_str(), FNM_NOESCAPE) == 0;
  };
  return std::any_of(enabled.begin(), enabled.end(), matches) &&
         std::none_of(disabled.begin(), disabled.end(), matches);
}

Result<Configuration> parse_configuration(std::string_view yaml, const fs::path& file) {
  Configuration out;
  out.file = file;
  std::error_code ignored;
  const fs::path directory = fs::absolute(file, ignored).parent_path();
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(yaml));
    if (documents.size() > 1) {
      fail(documents[1], "a second document; a configuration is one");
    }
    if (!documents.empty()) read_section(documents[0], "", directory, out);
  } catch (const Fault& fault) {
    return bad_text(file, fault.mark, fault.message);
  } catch (const YAML::DeepRecursion& e) {  // whose own text is "bad file"
    return bad_text(file, e.mark, "nested too deeply");
  } catch (const YAML::Exception& e) {
    return bad_text(file, e.mark, e.msg);
  }
  return out;
}

Result<Configuration> load_configuration(const fs::path& file) {
  const auto unreadable = [&](std::string_view why) {
    return Error{LEET_STATUS_UNAVAILABLE,
                 fmt::format("can't read the configuration {}: {}", file.string(), why)};
  };
  std::error_code failed;
  const fs::file_status status = fs::status(file, failed);
  if (failed) return unreadable(failed.message());
  if (fs::is_directory(status)) return unreadable("it is a directory");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return unreadable(std::strerror(errno));
  std::string text(kMaxFileSize + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) return unreadable(std::strerror(errno));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kMaxFileSize) {
    return unreadable(fmt::format("it is larger than {} bytes", kMaxFileSize));
  }
  return parse_configuration(text, file);
}

std::vector<Setting> settings(const Configuration& configuration) {
  std::vector<Setting> all;
  for (const Key& key : kKeys) {
    const auto line = configuration.lines.find(std::string(key.name));
    all.push_back({std::string(key.name), key.show(configuration),
                   line == configuration.lines.end()
                       ? "default"
                       : fmt::format("{}:{}", configuration.file.string(), line->second)});
  }
  return all;
}

Result<Configuration> find_configuration(const fs::path& given) {
  const auto load = [](const fs::path& file, const char* origin) {
    Result<Configuration> result = load_configuration(file);
    if (result.ok()) result->file_origin = origin;
    return result;
  };
  if (!given.empty()) return load(given, "given");
  if (const char* named = secure_getenv("LEET_CONFIG"); named != nullptr && named[0] != '\0') {
    Result<Configuration> result = load(named, "LEET_CONFIG");
    if (result.ok()) return result;
    Error error = result.error();
    error.message += " (named by LEET_CONFIG)";
    return error;
  }
  const fs::path directory = user_configuration_directory();
  const fs::path usual = directory / "leet" / "config.yaml";
  std::error_code failed;
  if (directory.empty() || fs::status(usual, failed).type() == fs::file_type::not_found) {
    return Configuration{};
  }
  return load(usual, "user configuration");
}

}  // namespace leet::core
