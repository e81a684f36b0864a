#include <algorithm>
#include <ostream>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/actions.h"
#include "cli/completion_words.h"

namespace vecferry::cli {

Offer OfferOf(const FlagSpec& flag) {
  if (!flag.option.choices.empty()) return Offer::choices;
  const std::string& value = flag.option.value_name;
  if (value == "RUN") return Offer::runs;
  const bool file = value.find("FILE") != std::string::npos || value.find("DIR") != std::string::npos || value.find(".yaml") != std::string::npos;
  return file ? Offer::files : Offer::nothing;
}

Offer OfferOf(const ArgumentSpec& argument) {
  if (argument.location) return Offer::uris;
  const std::pair<std::string_view, Offer> known[] = {{"RUN", Offer::runs}, {"SHELL", Offer::shells}, {"SCHEME", Offer::schemes}};
  const auto found = std::find_if(std::begin(known), std::end(known), [&](const auto& each) { return each.first == argument.name; });
  return found == std::end(known) ? Offer::files : found->second;
}

std::vector<const FlagSpec*> FlagsOf(const CommandSpec& command) {
  std::vector<const FlagSpec*> flags;
  for (const auto* group : command.groups) {
    for (const auto& flag : group->flags) flags.push_back(&flag);
  }
  return flags;
}

bool TakesValue(const FlagSpec& flag) { return flag.option.kind != OptionSpec::Kind::boolean; }

std::vector<const CommandSpec*> CommandsLongestFirst() {
  std::vector<const CommandSpec*> all;
  for (const bool under : {true, false}) {
    for (const auto& command : Commands()) {
      if (!command.hidden && IsUnderAnother(command) == under) all.push_back(&command);
    }
  }
  return all;
}

std::string CommandNames() {
  std::string names;
  for (const auto& command : Commands()) {
    if (!command.hidden && !IsUnderAnother(command)) names += command.name + " ";
  }
  return names + "help";
}

std::string WordsUnder(const CommandSpec& command) {
  std::string words;
  for (const auto* under : CommandsUnder(command)) words += (words.empty() ? "" : " ") + LastWord(*under);
  return words;
}

std::string Schemes(const Registry& registry, bool colon) {
  std::string text;
  for (const auto& connector : registry.connectors()) text += (text.empty() ? "" : " ") + connector->info().scheme + (colon ? ":" : "");
  return text;
}

std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

Result<int> RunCompletion(const Invocation& invocation, Context& context) {
  const std::string& shell = invocation.arguments[0];
  if (shell == "bash") {
    context.out << BashCompletion(context.registry);
  } else if (shell == "zsh") {
    context.out << ZshCompletion(context.registry);
  } else if (shell == "fish") {
    context.out << FishCompletion(context.registry);
  } else {
    return MakeError(Category::usage, fmt::format("there is no completion for '{}'{}", Printable(shell, 100), Suggestion(shell, {"bash", "zsh", "fish"})), "give it bash, zsh or fish");
  }
  return exit_code::kOk;
}

}  // namespace vecferry::cli
