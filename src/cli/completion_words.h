#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "cli/context.h"
#include "cli/spec.h"

namespace vecferry::cli {

/// What may be offered where a value stands.
enum class Offer { nothing, choices, files, uris, schemes, runs, shells };

Offer OfferOf(const FlagSpec& flag);
Offer OfferOf(const ArgumentSpec& argument);

std::vector<const FlagSpec*> FlagsOf(const CommandSpec& command);
bool TakesValue(const FlagSpec& flag);
/// Commands that are told of, those that stand under another first: so the longest name is met first.
std::vector<const CommandSpec*> CommandsLongestFirst();
/// Words with a blank between them: names of commands; what may follow a command's name, "" where nothing may; schemes with or without colon.
std::string CommandNames();
std::string WordsUnder(const CommandSpec& command);
std::string Schemes(const Registry& registry, bool colon);
inline constexpr std::string_view kShells = "bash zsh fish";

/// In single quotes of a POSIX shell and of zsh: as one word.
std::string Quoted(std::string_view text);

/// The scripts.
std::string BashCompletion(const Registry& registry);
std::string ZshCompletion(const Registry& registry);
std::string FishCompletion(const Registry& registry);

}  // namespace vecferry::cli
