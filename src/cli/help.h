#pragma once
#include <string>

#include "cli/spec.h"

namespace vecferry::cli {

/// The page of `vecferry --help`.
std::string GeneralHelp();
/// The page of `vecferry COMMAND --help`.
std::string CommandHelp(const CommandSpec& command);
/// Help text of a flag with its default.
std::string FlagHelp(const FlagSpec& flag);

}  // namespace vecferry::cli
