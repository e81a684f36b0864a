#include <ostream>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/actions.h"

namespace vecferry::cli {
namespace {

std::vector<const FlagSpec*> FlagsOf(const CommandSpec& command) {
  std::vector<const FlagSpec*> flags;
  for (const auto* group : command.groups) {
    for (const auto& flag : group->flags) flags.push_back(&flag);
  }
  return flags;
}

std::string CommandNames() {
  std::string names;
  for (const auto& command : Commands()) {
    if (!command.hidden) names += (names.empty() ? "" : " ") + command.name;
  }
  return names;
}

/// In single quotes of a POSIX shell and of fish alike: help texts of the tables hold no backslash.
std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string Schemes(const Registry& registry) {
  std::string text;
  for (const auto& connector : registry.connectors()) text += (text.empty() ? "" : " ") + connector->info().scheme + ":";
  return text;
}

std::string Bash(const Registry& registry) {
  std::string text = "# bash completion for vecferry\n_vecferry() {\n  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} flags=\n  COMPREPLY=()\n";
  text += fmt::format("  if [[ $COMP_CWORD == 1 ]]; then COMPREPLY=($(compgen -W {} -- \"$cur\")); return; fi\n  case $prev in\n", Quoted(CommandNames()));
  std::string seen = " ";
  for (const auto& command : Commands()) {
    for (const auto* flag : FlagsOf(command)) {
      if (flag->option.choices.empty() || seen.find(" " + flag->option.name + " ") != std::string::npos) continue;
      seen += flag->option.name + " ";
      text += fmt::format("    --{}) COMPREPLY=($(compgen -W '{}' -- \"$cur\")); return;;\n", flag->option.name, fmt::join(flag->option.choices, " "));
    }
  }
  text += "  esac\n  case ${COMP_WORDS[1]} in\n";
  for (const auto& command : Commands()) {
    std::string flags = "--help";
    for (const auto* flag : FlagsOf(command)) flags += " --" + flag->option.name;
    if (command.name == "completion") flags += " bash zsh fish";
    if (!command.hidden) text += fmt::format("    {}) flags='{}';;\n", command.name, flags);
  }
  text += fmt::format("  esac\n  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"))\n  else COMPREPLY=($(compgen -W '{}' -- \"$cur\") $(compgen -f -- \"$cur\")); fi\n}}\n", Schemes(registry));
  return text + "complete -o nospace -F _vecferry vecferry\n";
}

std::string Zsh(const Registry& registry) {
  std::string text = "#compdef vecferry\n_vecferry() {\n  local -a commands\n  commands=(\n";
  for (const auto& command : Commands()) {
    if (!command.hidden) text += "    " + Quoted(command.name + ":" + command.summary) + "\n";
  }
  text += "  )\n  if (( CURRENT == 2 )); then _describe command commands; return; fi\n  case $words[2] in\n";
  for (const auto& command : Commands()) {
    if (command.hidden) continue;
    text += fmt::format("    {})\n      _arguments -s \\\n", command.name);
    for (const auto* flag : FlagsOf(command)) {
      std::string help;
      for (const char c : flag->option.help) help += c == '[' || c == ']' || c == ':' ? std::string("\\") + c : std::string(1, c);
      const bool takes = flag->option.kind != OptionSpec::Kind::boolean;
      const std::string action = flag->option.choices.empty() ? "_files" : fmt::format("({})", fmt::join(flag->option.choices, " "));
      text += "        " + Quoted(fmt::format("{}--{}{}[{}]{}", flag->repeatable ? "*" : "", flag->option.name, takes ? "=" : "", help, takes ? ":value:" + action : "")) + " \\\n";
    }
    text += "        '*: :_vecferry_words' ;;\n";
  }
  text += fmt::format("  esac\n}}\n_vecferry_words() {{\n  if [[ $words[2] == completion ]]; then compadd bash zsh fish; else compadd -S '' {}; _files; fi\n}}\n", Schemes(registry));
  return text + "compdef _vecferry vecferry\n";
}

std::string Fish(const Registry& registry) {
  std::string text = "# fish completion for vecferry\n";
  for (const auto& command : Commands()) {
    if (command.hidden) continue;
    text += fmt::format("complete -c vecferry -n __fish_use_subcommand -f -a {} -d {}\n", command.name, Quoted(command.summary));
    for (const auto* flag : FlagsOf(command)) {
      text += fmt::format("complete -c vecferry -n '__fish_seen_subcommand_from {}' -l {} -d {}", command.name, flag->option.name, Quoted(flag->option.help));
      if (flag->letter) text += fmt::format(" -s {}", flag->letter);
      if (flag->option.kind != OptionSpec::Kind::boolean) text += " -r";
      if (!flag->option.choices.empty()) text += fmt::format(" -f -a '{}'", fmt::join(flag->option.choices, " "));
      text += "\n";
    }
  }
  text += "complete -c vecferry -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'\n";
  return text + fmt::format("complete -c vecferry -n 'not __fish_use_subcommand' -a '{}'\n", Schemes(registry));
}

}  // namespace

Result<int> RunCompletion(const Invocation& invocation, Context& context) {
  const std::string& shell = invocation.arguments[0];
  if (shell == "bash") {
    context.out << Bash(context.registry);
  } else if (shell == "zsh") {
    context.out << Zsh(context.registry);
  } else if (shell == "fish") {
    context.out << Fish(context.registry);
  } else {
    return MakeError(Category::usage, fmt::format("there is no completion for '{}'{}", Printable(shell, 100), Suggestion(shell, {"bash", "zsh", "fish"})), "give it bash, zsh or fish");
  }
  return exit_code::kOk;
}

}  // namespace vecferry::cli
