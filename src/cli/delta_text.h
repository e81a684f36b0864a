#pragma once
#include <iosfwd>

#include "migration/engine.h"

namespace vecferry::cli {

/// What a sync or a repair found and did with it.
void PrintDelta(std::ostream& out, const CopyReport& report);
/// The result of `verify --repair`.
void PrintRepair(std::ostream& out, const CopyReport& report);

}  // namespace vecferry::cli
