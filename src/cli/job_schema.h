#pragma once
#include <string>

#include "connector/connector.h"

namespace vecferry::cli {

/// The JSON Schema (draft 7) of job files, made from the tables of flags and of the stores' options. It takes what the program takes, but
/// for what is known only when it runs: variables, ranges of numbers, stores and datasets.
std::string JobSchema(const Registry& registry);
/// A table of the keys, for the reference page.
std::string JobKeysMarkdown();

}  // namespace vecferry::cli
