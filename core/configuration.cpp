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

struct Key {
  std::string_view name;
  std::function<void(const YAML::Node& value)> read;
};

// Reads a map; `where` names it in messages. A map without content, all its lines commented out, is
// as good as none.
void read_map(const YAML::Node& map, const std::string& where, const std::vector<Key>& keys) {
  if (map.IsNull()) return;
  if (!map.IsMap()) fail(map, "{} is {}, not a map", where, kind(map));
  std::vector<std::string_view> known;
  for (const Key& key : keys) known.push_back(key.name);
  std::set<std::string> seen;
  for (const auto& item : map) {
    if (!item.first.IsScalar()) fail(item.first, "a key of {} is {}", where, kind(item.first));
    const std::string& name = item.first.Scalar();
    const auto key =
        std::find_if(keys.begin(), keys.end(), [&](const Key& k) { return k.name == name; });
    if (key == keys.end()) {
      const std::string_view near = nearest(name, known);
      if (near.empty()) {
        fail(item.first, "unknown key '{}': {} has {}", name, where, fmt::join(known, ", "));
      }
      fail(item.first, "unknown key '{}': did you mean '{}'?", name, near);
    }
    if (!seen.insert(name).second) fail(item.first, "key '{}' is given twice", name);
    key->read(item.second);
  }
}

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

std::string read_log_level(const YAML::Node& node) {
  const std::string text = read_text(node, "log.level");
  if (std::find(kLogLevels.begin(), kLogLevels.end(), text) != kLogLevels.end()) return text;
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
  fail(node, "unknown probe policy '{}': one of {}", text, fmt::join(kProbePolicies, ", "));
}

bool read_refuse_unprobed(const YAML::Node& node) {
  const std::string text = read_text(node, "plugins.unprobed");
  if (text != "use" && text != "refuse") {
    fail(node, "plugins.unprobed is '{}', neither use nor refuse", text);
  }
  return text == "refuse";
}

void read_document(const YAML::Node& document, const fs::path& directory, Configuration& out) {
  const auto globs_into = [](std::vector<std::string>& globs) {
    return [&globs](const YAML::Node& node, const std::string& text) {
      globs.push_back(read_glob(node, text));
    };
  };
  read_map(
      document, "the configuration",
      {{"plugins",
        [&](const YAML::Node& plugins) {
          read_map(plugins, "plugins",
                   {{"search",
                     [&](const YAML::Node& node) {
                       read_list(node, "plugins.search", [&](const auto& item, const auto& text) {
                         out.search.push_back(read_path(item, text, directory));
                       });
                     }},
                    {"enabled",
                     [&](const YAML::Node& node) {
                       if (!node.IsNull()) out.enabled.clear();
                       read_list(node, "plugins.enabled", globs_into(out.enabled));
                     }},
                    {"disabled",
                     [&](const YAML::Node& node) {
                       read_list(node, "plugins.disabled", globs_into(out.disabled));
                     }},
                    {"probe",
                     [&](const YAML::Node& node) { out.probe.policy = read_probe_policy(node); }},
                    {"probe_seconds",
                     [&](const YAML::Node& node) {
                       out.probe.seconds =
                           read_number(node, "plugins.probe_seconds", 1, kMaxProbeSeconds);
                     }},
                    {"probe_memory_mib",
                     [&](const YAML::Node& node) {
                       out.probe.memory_mib =
                           read_number(node, "plugins.probe_memory_mib", 1, kMaxProbeMemoryMib);
                     }},
                    {"unprobed", [&](const YAML::Node& node) {
                       out.probe.refuse_unprobed = read_refuse_unprobed(node);
                     }}});
        }},
       {"log",
        [&](const YAML::Node& log) {
          read_map(
              log, "log",
              {{"level", [&](const YAML::Node& node) { out.log_level = read_log_level(node); }}});
        }},
       {"threads", [&](const YAML::Node& node) {
          out.threads = read_number(node, "threads", 0, kMaxThreads);
        }}});
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
    if (!documents.empty()) read_document(documents[0], directory, out);
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

Result<Configuration> find_configuration(const fs::path& given) {
  if (!given.empty()) return load_configuration(given);
  if (const char* named = secure_getenv("LEET_CONFIG"); named != nullptr && named[0] != '\0') {
    Result<Configuration> result = load_configuration(named);
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
  return load_configuration(usual);
}

}  // namespace leet::core
