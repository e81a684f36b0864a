#include <fmt/format.h>

#include "cli/completion_words.h"

namespace vecferry::cli {
namespace {

/// Text in brackets of a specification of _arguments.
std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '[' || c == ']' || c == ':' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out;
}

std::string Action(Offer offer, const std::vector<std::string>& choices) {
  switch (offer) {
    case Offer::nothing: return " ";
    case Offer::choices: return fmt::format("({})", fmt::join(choices, " "));
    case Offer::files: return "_files";
    case Offer::uris: return "_vecferry_uris";
    case Offer::schemes: return "_vecferry_schemes";
    case Offer::runs: return "_vecferry_runs";
    case Offer::shells: return fmt::format("({})", kShells);
  }
  return " ";
}

std::string FlagSpecs(const FlagSpec& flag) {
  const std::string help = fmt::format("[{}]", Escaped(flag.option.help));
  const std::string value_name = flag.option.value_name.empty() ? "value" : Escaped(flag.option.value_name);
  const std::string value = TakesValue(flag) ? fmt::format(":{}:{}", value_name, Action(OfferOf(flag), flag.option.choices)) : "";
  const std::string once = flag.repeatable ? "*" : flag.letter ? fmt::format("(-{} --{})", flag.letter, flag.option.name) : "";
  std::string text = "        " + Quoted(fmt::format("{}--{}{}{}{}", once, flag.option.name, TakesValue(flag) ? "=" : "", help, value)) + " \\\n";
  if (flag.letter) text += "        " + Quoted(fmt::format("{}-{}{}{}{}", once, flag.letter, TakesValue(flag) ? "+" : "", help, value)) + " \\\n";
  return text;
}

std::string CommandCase(const CommandSpec& command) {
  const int words = IsUnderAnother(command) ? 2 : 1;
  std::string text = fmt::format("    '{} '*)\n      shift {} words; (( CURRENT -= {} ))\n      _arguments -s -S \\\n", command.name, words, words);
  for (const auto* flag : FlagsOf(command)) text += FlagSpecs(*flag);
  text += "        '--help[Show what the command does.]'";
  int place = 0;
  for (const auto& argument : command.arguments) {
    ++place;
    text += " \\\n        " + Quoted(fmt::format("{}:{}:{}", argument.many ? "*" : std::to_string(place) + (argument.required ? "" : ":"), argument.name, Action(OfferOf(argument), {})));
  }
  return text + " ;;\n";
}

/// Where a command's name is followed by words of its own.
std::string UnderCases() {
  std::string text;
  for (const auto& command : Commands()) {
    const std::string words = WordsUnder(command);
    if (!words.empty()) text += fmt::format("  if [[ $words[2] == {} ]] && (( CURRENT == 3 )); then compadd -- {}; fi\n", command.name, words);
  }
  return text;
}

}  // namespace

std::string ZshCompletion(const Registry& registry) {
  std::string text = "#compdef vecferry\n# zsh completion for vecferry: source <(vecferry completion zsh), or a file _vecferry in a folder of $fpath\n";
  text += "_vecferry_runs() { compadd -- last ${(f)\"$(vecferry runs 2>/dev/null | awk 'NR > 1 { print $1 }')\"}; }\n";
  text += fmt::format("_vecferry_schemes() {{ compadd -- {}; }}\n", Schemes(registry, false));
  text += fmt::format("_vecferry_uris() {{\n  if compset -P 1 '*:'; then _files; return; fi\n  compadd -S '' -- {}\n  _files\n}}\n", Schemes(registry, true));
  text += "_vecferry() {\n  local -a commands\n  commands=(\n";
  for (const auto& command : Commands()) {
    if (!command.hidden && !IsUnderAnother(command)) text += "    " + Quoted(command.name + ":" + Escaped(command.summary)) + "\n";
  }
  text += "    'help:Show what a command does'\n  )\n  if (( CURRENT == 2 )); then _describe command commands; return; fi\n";
  text += "  if [[ $words[2] == help ]]; then _describe command commands; return; fi\n" + UnderCases();
  text += "  case \"$words[2] $words[3] \" in\n";
  for (const auto* command : CommandsLongestFirst()) text += CommandCase(*command);
  text += "  esac\n}\n";
  // Read by `source` it is registered, where completion is on; autoloaded from $fpath it is what is asked for.
  return text + "if [[ $funcstack[1] == _vecferry ]]; then _vecferry \"$@\"; elif (( $+functions[compdef] )); then compdef _vecferry vecferry; fi\n";
}

}  // namespace vecferry::cli
