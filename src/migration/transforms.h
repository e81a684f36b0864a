#pragma once
#include <string_view>

#include "migration/open.h"
#include "transform/source.h"

namespace vecferry {

/// Payload: ResolvedTransforms as JSON, written before the plan of a run that has any, or a limit.
inline constexpr std::string_view kTransformIntent = "transforms";

/// What a spec means for this source from now on: the run's facts, the share that a sample is, directions fitted to the source's vectors.
Result<ResolvedTransforms> ResolveTransforms(const Engine& engine, OpenedSource* source, const TransformSpec& spec, const RunFacts& facts);
/// The facts of a run that begins now.
RunFacts FactsOfRun(const Engine& engine, const OpenedSource& source, std::string_view id);
/// From here on the source is what the transforms make of it: its schema, its count, whether its ids are unique.
Status ApplyTransforms(OpenedSource* source, ResolvedTransforms transforms);
/// The transforms of a run: what was fixed when it began holds for all of it. They are journalled before anything that depends on them.
Status TransformForRun(const Engine& engine, Journal& journal, std::string_view id, const CopyOptions& options, OpenedSource* source);
/// Both at once, for a look at the source without a run.
Status TransformNow(const Engine& engine, OpenedSource* source, const TransformSpec& spec);
/// Whether some map names the run, which makes it another one each time.
bool NamesTheRun(const TransformSpec& spec);

}  // namespace vecferry
