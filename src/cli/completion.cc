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
    if (!command.hidden && !IsUnderAnother(command)) names += (names.empty() ? "" : " ") + command.name;
  }
  return names;
}

/// "list verify prune": what may follow a command's name, "" where nothing may.
std::string WordsUnder(const CommandSpec& command) {
  std::string words;
  for (const auto* under : CommandsUnder(command)) words += (words.empty() ? "" : " ") + LastWord(*under);
  return words;
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

std::string BashFlags(bool under_another) {
  std::string text;
  for (const auto& command : Commands()) {
    if (command.hidden || IsUnderAnother(command) != under_another) continue;
    std::string flags = "--help";
    for (const auto* flag : FlagsOf(command)) flags += " --" + flag->option.name;
    if (command.name == "completion") flags += " bash zsh fish";
    text += fmt::format("    '{} '*) flags='{}';;\n", command.name, flags);
  }
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
    if (const std::string words = WordsUnder(command); !words.empty()) {
      text += fmt::format("    {}) if [[ $COMP_CWORD == 2 ]]; then COMPREPLY=($(compgen -W '{}' -- \"$cur\")); fi;;\n", command.name, words);
    }
  }
  // The longest name first: a command's own words come before the arguments of the one that it stands under.
  text += "  esac\n  case \"${COMP_WORDS[1]} ${COMP_WORDS[2]} \" in\n";
  for (const bool under : {true, false}) text += BashFlags(under);
  text += fmt::format("  esac\n  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"))\n  else COMPREPLY+=($(compgen -W '{}' -- \"$cur\") $(compgen -f -- \"$cur\")); fi\n}}\n", Schemes(registry));
  return text + "complete -o nospace -F _vecferry vecferry\n";
}

std::string ZshFlags(bool under_another) {
  std::string text;
  for (const auto& command : Commands()) {
    if (command.hidden || IsUnderAnother(command) != under_another) continue;
    text += fmt::format("    '{} '*)\n      _arguments -s \\\n", command.name);
    for (const auto* flag : FlagsOf(command)) {
      std::string help;
      for (const char c : flag->option.help) help += c == '[' || c == ']' || c == ':' ? std::string("\\") + c : std::string(1, c);
      const bool takes = flag->option.kind != OptionSpec::Kind::boolean;
      const std::string action = flag->option.choices.empty() ? "_files" : fmt::format("({})", fmt::join(flag->option.choices, " "));
      text += "        " + Quoted(fmt::format("{}--{}{}[{}]{}", flag->repeatable ? "*" : "", flag->option.name, takes ? "=" : "", help, takes ? ":value:" + action : "")) + " \\\n";
    }
    text += "        '*: :_vecferry_words' ;;\n";
  }
  return text;
}

std::string Zsh(const Registry& registry) {
  std::string text = "#compdef vecferry\n_vecferry() {\n  local -a commands\n  commands=(\n";
  for (const auto& command : Commands()) {
    if (!command.hidden && !IsUnderAnother(command)) text += "    " + Quoted(command.name + ":" + command.summary) + "\n";
  }
  text += "  )\n  if (( CURRENT == 2 )); then _describe command commands; return; fi\n  case \"$words[2] $words[3] \" in\n";
  for (const bool under : {true, false}) text += ZshFlags(under);
  text += "  esac\n}\n_vecferry_words() {\n";
  for (const auto& command : Commands()) {
    if (const std::string words = WordsUnder(command); !words.empty()) text += fmt::format("  if [[ $words[2] == {} ]] && (( CURRENT == 3 )); then compadd {}; fi\n", command.name, words);
  }
  text += fmt::format("  if [[ $words[2] == completion ]]; then compadd bash zsh fish; else compadd -S '' {}; _files; fi\n}}\n", Schemes(registry));
  return text + "compdef _vecferry vecferry\n";
}

/// Where a command's name is offered.
std::string FishPlace(const CommandSpec& command) {
  if (!IsUnderAnother(command)) return "__fish_use_subcommand";
  const std::string parent = command.name.substr(0, command.name.find(' '));
  return fmt::format("'__fish_seen_subcommand_from {}; and not __fish_seen_subcommand_from {}'", parent, WordsUnder(*FindCommand(parent)));
}

/// Where its flags are. A word may be a command's name and stand under another as well.
std::string FishSeen(const CommandSpec& command) {
  if (IsUnderAnother(command)) {
    return fmt::format("__fish_seen_subcommand_from {}; and __fish_seen_subcommand_from {}", command.name.substr(0, command.name.find(' ')), LastWord(command));
  }
  std::string text = "__fish_seen_subcommand_from " + command.name;
  if (const std::string words = WordsUnder(command); !words.empty()) return text + "; and not __fish_seen_subcommand_from " + words;
  for (const auto& other : Commands()) {
    if (IsUnderAnother(other) && LastWord(other) == command.name) text += "; and not __fish_seen_subcommand_from " + other.name.substr(0, other.name.find(' '));
  }
  return text;
}

std::string Fish(const Registry& registry) {
  std::string text = "# fish completion for vecferry\n";
  for (const auto& command : Commands()) {
    if (command.hidden) continue;
    text += fmt::format("complete -c vecferry -n {} -f -a {} -d {}\n", FishPlace(command), LastWord(command), Quoted(command.summary));
    for (const auto* flag : FlagsOf(command)) {
      text += fmt::format("complete -c vecferry -n '{}' -l {} -d {}", FishSeen(command), flag->option.name, Quoted(flag->option.help));
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
