#pragma once
#include <string>
#include <vector>

#include "cli/context.h"

namespace vecferry::cli {

/// The whole program but its surroundings: `words` are those after the program's name. Gives the exit code.
int RunProgram(const std::vector<std::string>& words, Context& context);

}  // namespace vecferry::cli
