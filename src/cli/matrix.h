#pragma once
#include <string>

#include "connector/connector.h"

/// What the kinds of store hold beside each other, and what a copy between two of them keeps, as Markdown. Made from what they
/// declare; the conformance suite shows that it is so.
namespace vecferry::cli {

/// A row for each capability, a column for each kind.
std::string CapabilityMatrix(const Registry& registry);

/// Sources by sinks: '=' exact, '~' within a declared tolerance. With notes a number says what is refused or changed, in a list
/// below; without, an 'r' says that something may be.
std::string FidelityTable(const Registry& registry, bool notes);

}  // namespace vecferry::cli
