#include <fmt/format.h>

#include "cli/completion_words.h"

namespace vecferry::cli {
namespace {

/// In single quotes of fish, which knows a backslash in them.
std::string FishQuoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + "'";
}

/// Where a command's name is offered.
std::string Place(const CommandSpec& command) {
  if (!IsUnderAnother(command)) return "__fish_use_subcommand";
  const std::string parent = command.name.substr(0, command.name.find(' '));
  return fmt::format("__fish_seen_subcommand_from {}; and not __fish_seen_subcommand_from {}", parent, WordsUnder(*FindCommand(parent)));
}

/// Where its flags and arguments are: by the first words alone, since an argument may have the name of a command.
std::string Seen(const CommandSpec& command) {
  std::string text = fmt::format("__vecferry_is {}", command.name);
  if (const std::string words = WordsUnder(command); !words.empty()) text += fmt::format("; and not __vecferry_second {}", words);
  return text;
}

std::string Value(Offer offer, const std::string& choices, const Registry& registry) {
  switch (offer) {
    case Offer::nothing: return " -f";
    case Offer::choices: return " -f -a " + FishQuoted(choices);
    case Offer::files: return " -F";
    case Offer::uris: return " -F -a '(__vecferry_uris)'";
    case Offer::schemes: return " -f -a " + FishQuoted(Schemes(registry, false));
    case Offer::runs: return " -f -a '(__vecferry_runs)'";
    case Offer::shells: return " -f -a " + FishQuoted(kShells);
  }
  return "";
}

std::string FlagLine(const CommandSpec& command, const FlagSpec& flag, const Registry& registry) {
  std::string text = fmt::format("complete -c vecferry -n '{}' -l {} -d {}", Seen(command), flag.option.name, FishQuoted(flag.option.help));
  if (flag.letter) text += fmt::format(" -s {}", flag.letter);
  if (TakesValue(flag)) text += " -r" + Value(OfferOf(flag), fmt::format("{}", fmt::join(flag.option.choices, " ")), registry);
  return text + "\n";
}

std::string Functions(const Registry& registry) {
  std::string text = R"sh(function __vecferry_runs
  echo last
  vecferry runs 2>/dev/null | awk 'NR > 1 { print $1 }'
end
function __vecferry_is
  set -l words (commandline -opc)
  set -l last (math 1 + (count $argv))
  test (count $words) -ge $last; and test "$words[2..$last]" = "$argv"
end
function __vecferry_second
  set -l words (commandline -opc)
  test (count $words) -gt 2; and contains -- $words[3] $argv
end
)sh";
  return text + fmt::format(
                    "function __vecferry_uris\n  set -l word (commandline -ct)\n  if string match -rq '^(?<scheme>[a-z0-9-]+:)(?<rest>.*)$' -- $word\n"
                    "    for file in $rest*\n      test -d $file; and echo $scheme$file/; or echo $scheme$file\n    end\n  else\n    string split ' ' -- '{}'\n  end\nend\n",
                    Schemes(registry, true));
}

}  // namespace

std::string FishCompletion(const Registry& registry) {
  std::string text = "# fish completion for vecferry: vecferry completion fish > ~/.config/fish/completions/vecferry.fish\n" + Functions(registry);
  text += "complete -c vecferry -f\n";
  for (const auto& command : Commands()) {
    if (command.hidden) continue;
    text += fmt::format("complete -c vecferry -n '{}' -f -a {} -d {}\n", Place(command), LastWord(command), FishQuoted(command.summary));
    for (const auto* flag : FlagsOf(command)) text += FlagLine(command, *flag, registry);
    text += fmt::format("complete -c vecferry -n '{}' -l help -d 'Show what the command does.'\n", Seen(command));
    for (const auto& argument : command.arguments) text += fmt::format("complete -c vecferry -n '{}'{}\n", Seen(command), Value(OfferOf(argument), "", registry));
  }
  text += "complete -c vecferry -n __fish_use_subcommand -f -a help -d 'Show what a command does'\n";
  return text + fmt::format("complete -c vecferry -n '__vecferry_is help' -f -a {}\n", FishQuoted(CommandNames()));
}

}  // namespace vecferry::cli
