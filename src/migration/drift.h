#pragma once
#include <string_view>

#include "migration/engine.h"

namespace vecferry {

/// Whether what was planned still holds: OK, or Category::refused naming what has changed since. `planned` is what Plan::ToJson gave. Both sides, the
/// schema, the mapping and the transforms must be as they were; the records of a source that is in use may have changed, and estimates may.
Status CheckDrift(std::string_view planned, const Plan& now);

}  // namespace vecferry
