#pragma once
#include "cli/invocation.h"
#include "migration/engine.h"

namespace vecferry::cli {

/// The engine's options from flags. Category::usage for a value out of its range.
Result<CopyOptions> CopyOptionsOf(const Invocation& invocation);
Result<VerifyOptions> VerifyOptionsOf(const Invocation& invocation, const std::string& level_flag);
/// The transforms of --filter, --map and the like, with the file of --ids read.
Result<TransformSpec> TransformSpecOf(const Invocation& invocation);
/// Of --sync or --repair and what belongs to them; `mode` says which of the two the command has.
Result<DeltaOptions> DeltaOptionsOf(const Invocation& invocation, DeltaMode mode);
/// "5" or "0.5%" of --max-rejects into the options.
Status ParseMaxRejects(const std::string& text, CopyOptions* options);

}  // namespace vecferry::cli
