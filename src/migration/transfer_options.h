#pragma once
#include "migration/open.h"
#include "migration/session.h"
#include "pipeline/transfer.h"

namespace vecferry {

/// How records of that schema are brought into a target: what the user said, and what source and target declare. What only the run itself knows, its
/// total and its passes over the source again, is left out.
TransferOptions TransferOptionsOf(const CopyOptions& options, const OpenedSource& source, const OpenedTarget& target, const RecordSchema& schema, const TargetIntent& intent);

}  // namespace vecferry
