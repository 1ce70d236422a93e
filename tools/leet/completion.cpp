// SPDX-License-Identifier: Apache-2.0
#include "tools/leet/completion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <vector>

namespace leet::tools {
namespace {

// The constant part; the functions that it calls are generated. Words are looked at as the shell
// splits them, with `=` as a word of its own.
constexpr std::string_view kScript = R"sh(
_leet_methods() {
  local id part=$1
  shift
  while read -r id; do
    # Ids where one is being typed, else what they end in.
    [[ $part == *.* ]] && printf '%s\n' "$id" || printf '%s\n' "${id##*.}"
  done < <("$@" list --names 2>/dev/null)
}

_leet() {
  local current=${COMP_WORDS[COMP_CWORD]} command="" option="" positionals=0 word kind i
  local -a asked=("${COMP_WORDS[0]}")  # with the options that say which plugins there are
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    [[ $word == "=" ]] && continue
    if [[ -n $option ]]; then
      case $option in
        --plugins | --config) asked+=("$option" "${word/#\~\//$HOME/}") ;;
      esac
      option=""
    elif [[ $word == -* ]]; then
      [[ $word == --only-plugins ]] && asked+=("$word")
      [[ -n $(_leet_value "$command" "$word") ]] && option=$word
    elif [[ -z $command ]]; then
      command=$word
    else
      ((positionals++))
    fi
  done
  [[ $current == "=" ]] && current=""

  if [[ -n $option ]]; then
    kind=$(_leet_value "$command" "$option")
  elif [[ $current == -* ]]; then
    kind=$(_leet_options "$command")
  elif [[ -z $command ]]; then
    kind=$(_leet_commands)
  else
    kind=$(_leet_positional "$command" "$positionals")
  fi
  case $kind in
    @file)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      ;;
    @method)
      mapfile -t COMPREPLY < <(compgen -W "$(_leet_methods "$current" "${asked[@]}")" -- "$current")
      # The beginning of an author's name, maybe.
      ((${#COMPREPLY[@]})) ||
        mapfile -t COMPREPLY < <(compgen -W "$(_leet_methods . "${asked[@]}")" -- "$current")
      ;;
    @*) ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$kind" -- "$current") ;;
  esac
}

complete -F _leet leet
)sh";

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
}

std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return !option->get_group().empty(); });
}

std::vector<std::string> names_of(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

// What a value can be: "@file", "@method", "@text", or the words that there are. Types are shown
// as "TEXT:{one,two}" and the like.
std::string kind_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t open = type.find('{');
  const std::size_t close = type.find('}');
  if (open != std::string::npos && close != std::string::npos && open < close) {
    std::string words = type.substr(open + 1, close - open - 1);
    std::ranges::replace(words, ',', ' ');
    return words;
  }
  if (type.starts_with("FILE") || type.starts_with("PATH")) return "@file";
  return option.get_name(true).starts_with("METHOD") ? "@method" : "@text";
}

std::string quoted(const std::vector<std::string>& words) {
  return fmt::format("'{}'", fmt::join(words, " "));
}

// The cases of `option takes this`, of one command or ("*") of all.
void add_values(const CLI::App& app, const std::string& command, std::string& values) {
  for (const CLI::Option* option : options_of(app)) {
    if (!takes_value(*option)) continue;
    std::vector<std::string> patterns;
    for (const std::string& name : names_of(*option)) {
      patterns.push_back(command == "*" ? fmt::format("*\" {}\"", name)
                                        : fmt::format("\"{} {}\"", command, name));
    }
    if (patterns.empty()) continue;
    values += fmt::format("    {}) echo '{}' ;;\n", fmt::join(patterns, " | "), kind_of(*option));
  }
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> all;
  for (const CLI::Option* option : options_of(app)) {
    for (const std::string& name : names_of(*option)) {
      if (name.starts_with("--")) all.push_back(name);
    }
  }
  return all;
}

// `command i` for the positional of that index; the last may be repeated.
void add_positionals(const CLI::App& command, std::string& positionals) {
  int index = 0;
  std::vector<const CLI::Option*> all;
  for (const CLI::Option* option : options_of(command)) {
    if (option->get_positional()) all.push_back(option);
  }
  for (const CLI::Option* option : all) {
    const bool repeats = option == all.back() && option->get_items_expected_max() > 1;
    positionals += fmt::format("    \"{} \"{}) echo '{}' ;;\n", command.get_name(),
                               repeats ? "*" : std::to_string(index), kind_of(*option));
    ++index;
  }
}

}  // namespace

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands_of(app)) names.push_back(command->get_name());
  return names;
}

std::string bash_completion(const CLI::App& app) {
  std::string options, values, positionals;
  const std::vector<std::string> global = option_names(app);
  for (const CLI::App* command : commands_of(app)) {
    std::vector<std::string> names = option_names(*command);
    for (const std::string& name : global) {
      if (std::ranges::find(names, name) == names.end() && name != "--version") {
        names.push_back(name);
      }
    }
    options += fmt::format("    {}) echo {} ;;\n", command->get_name(), quoted(names));
    add_values(*command, command->get_name(), values);
    add_positionals(*command, positionals);
  }
  add_values(app, "*", values);
  return fmt::format(
      "# bash completion for leet, made by `leet completion bash`\n\n"
      "_leet_commands() {{ echo {}; }}\n\n"
      "_leet_options() {{\n  case $1 in\n{}    *) echo {} ;;\n  esac\n}}\n\n"
      "_leet_value() {{\n  case \"$1 $2\" in\n{}  esac\n}}\n\n"
      "_leet_positional() {{\n  case \"$1 $2\" in\n{}    *) echo @none ;;\n  esac\n}}\n{}",
      quoted(command_names(app)), options, quoted(global), values, positionals, kScript);
}

}  // namespace leet::tools
