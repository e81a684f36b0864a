#pragma once
#include <string>
#include <string_view>

#include "migration/open.h"

namespace vecferry {

/// The plan of a copy between two opened sides. Reads, writes nothing.
Result<Plan> PlanCopy(const Engine& engine, OpenedSource& source, OpenedTarget& target, const CopyOptions& options);

/// JSON of everything that changes data; a run is resumed only where it is the same.
std::string Fingerprint(const OpenedSource& source, const OpenedTarget& target, const CopyOptions& options);
/// Whether it is that of a sync or a repair.
bool IsDelta(std::string_view fingerprint);
/// Category::refused, naming what changed.
Status CheckFingerprint(std::string_view before, std::string_view now);
/// The same of the transforms alone, for a run that is finished.
Status CheckTransforms(std::string_view before, std::string_view now);

}  // namespace vecferry
