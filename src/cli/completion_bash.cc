#include <map>

#include <fmt/format.h>

#include "cli/completion_words.h"

namespace vecferry::cli {
namespace {

/// What a bash function of the script is called with to offer it; "" for nothing.
std::string Call(Offer offer, const std::string& choices, const Registry& registry) {
  switch (offer) {
    case Offer::nothing: return "";
    case Offer::choices: return fmt::format("_vecferry_words {} \"$cur\"", Quoted(choices));
    case Offer::files: return "_vecferry_files \"$cur\"";
    case Offer::uris: return "_vecferry_uris \"$cur\"";
    case Offer::schemes: return fmt::format("_vecferry_words {} \"$cur\"", Quoted(Schemes(registry, false)));
    case Offer::runs: return "_vecferry_words \"last $(_vecferry_runs)\" \"$cur\"";
    case Offer::shells: return fmt::format("_vecferry_words {} \"$cur\"", Quoted(kShells));
  }
  return "";
}

/// What follows a flag that takes a value, over all commands: a flag has one meaning wherever it stands.
std::string ValueCases(const Registry& registry) {
  std::map<std::string, std::string> calls;
  for (const auto* command : CommandsLongestFirst()) {
    for (const auto* flag : FlagsOf(*command)) {
      if (!TakesValue(*flag)) continue;
      const std::string pattern = "--" + flag->option.name + (flag->letter ? fmt::format("|-{}", flag->letter) : "");
      calls[pattern] = Call(OfferOf(*flag), fmt::format("{}", fmt::join(flag->option.choices, " ")), registry);
    }
  }
  std::string text;
  for (const auto& [pattern, call] : calls) text += fmt::format("    {}) {}{}return;;\n", pattern, call, call.empty() ? "" : "; ");
  return text;
}

std::string CommandCases(const Registry& registry) {
  std::string text;
  for (const auto* command : CommandsLongestFirst()) {
    std::string flags = "--help", calls;
    for (const auto* flag : FlagsOf(*command)) flags += " --" + flag->option.name;
    for (const auto& argument : command->arguments) {
      const std::string call = Call(OfferOf(argument), "", registry);
      if (calls.find(call) == std::string::npos) calls += call + "; ";
    }
    // A command's own words stand before the arguments of the one that they stand under.
    if (const std::string under = WordsUnder(*command); !under.empty()) calls += fmt::format("if (( COMP_CWORD == 2 )); then _vecferry_words {} \"$cur\"; fi; ", Quoted(under));
    text += fmt::format("    '{} '*)\n      if [[ $cur == -* ]]; then _vecferry_words '{}' \"$cur\"; return; fi\n      {}return;;\n", command->name, flags, calls);
  }
  return text;
}

}  // namespace

std::string BashCompletion(const Registry& registry) {
  std::string text = R"sh(# bash completion for vecferry: source <(vecferry completion bash)
_vecferry_runs() { vecferry runs 2>/dev/null | awk 'NR > 1 { print $1 }'; }
_vecferry_words() { local IFS=$' \n'; COMPREPLY+=($(compgen -W "$1" -- "$2")); }
_vecferry_files() { local IFS=$'\n'; compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -f -- "$1")); }
)sh";
  // A colon and an equals sign are words of their own to bash, so that a path after SCHEME: is a word as well. What is offered as a file name
  // has its colon quoted: a scheme is none.
  text += fmt::format(
      "_vecferry_uris() {{\n  if [[ ${{COMP_WORDS[COMP_CWORD]}} == : || ${{COMP_WORDS[COMP_CWORD-1]}} == : ]]; then _vecferry_files \"$1\"; return; fi\n"
      "  _vecferry_words '{}' \"$1\"\n"
      "  if (( ${{#COMPREPLY[@]}} == 0 )); then _vecferry_files \"$1\"; return; fi\n"
      "  compopt -o nospace 2>/dev/null\n  local IFS=$'\\n'\n  COMPREPLY+=($(compgen -f -- \"$1\"))\n}}\n",
      Schemes(registry, true));
  text += R"sh(_vecferry() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  if [[ $cur == = || $cur == : ]]; then cur=; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi
)sh";
  text += fmt::format("  if (( COMP_CWORD == 1 )); then _vecferry_words '{0} --help --version' \"$cur\"; return; fi\n", CommandNames());
  text += "  case $prev in\n" + ValueCases(registry) + "  esac\n  case \"${COMP_WORDS[1]} ${COMP_WORDS[2]} \" in\n";
  text += fmt::format("    'help '*) _vecferry_words '{}' \"$cur\"; return;;\n", CommandNames());
  return text + CommandCases(registry) + "  esac\n}\ncomplete -F _vecferry vecferry\n";
}

}  // namespace vecferry::cli
