#include "migration/transforms.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace vecferry {
namespace {

/// Vectors that the directions of --reduce DIMS:pca are fitted to, at most.
constexpr int64_t kFitted = 10'000;

}  // namespace

RunFacts FactsOfRun(const Engine& engine, const OpenedSource& source, std::string_view id) {
  return {std::string(id), FormatUtc(std::floor(engine.clock.WallSeconds())), source.location.dataset, source.connector->info().scheme};
}

Result<ResolvedTransforms> ResolveTransforms(const Engine& engine, OpenedSource* source, const TransformSpec& spec, const RunFacts& facts) {
  ResolvedTransforms resolved;
  resolved.spec = spec;
  resolved.facts = facts;
  if (!spec.sample.empty()) {
    ARROW_ASSIGN_OR_RAISE(const double share, SampleShare(spec.sample, source->info.count));
    if (share < 1) resolved.sample_below = static_cast<uint64_t>(std::ldexp(share, 64));
  }
  ARROW_RETURN_NOT_OK(FitProjections(&source->source, &resolved, kFitted, engine.cancel));
  return resolved;
}

Status ApplyTransforms(OpenedSource* source, ResolvedTransforms transforms) {
  source->read_count = source->info.count;
  if (transforms.spec.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto transformed, TransformedSource::Make(std::move(source->source), std::make_shared<const ResolvedTransforms>(std::move(transforms))));
  source->transformed = transformed.get();
  source->source = std::move(transformed);
  ARROW_ASSIGN_OR_RAISE(source->info, source->source->Describe());
  for (const auto& [flag, value] : source->transformed->transforms().spec.Entries()) source->info.facts[flag] = value;
  if (source->transformed->transform().changes_keys()) source->can.unique_ids = false;
  return Status::OK();
}

Status TransformForRun(const Engine& engine, Journal& journal, std::string_view id, const CopyOptions& options, OpenedSource* source) {
  if (options.transforms.empty() && options.limit < 0) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto known, journal.FindIntent(kTransformIntent));
  if (known) {
    ARROW_ASSIGN_OR_RAISE(ResolvedTransforms transforms, ResolvedTransforms::FromJson(*known));
    return ApplyTransforms(source, std::move(transforms));
  }
  if (options.adopt && NamesTheRun(options.transforms)) {
    return MakeError(Category::refused, "a map names the run, and what the run was is lost with its journal", "give the map the values that it had, in place of ${run...}");
  }
  ARROW_ASSIGN_OR_RAISE(ResolvedTransforms transforms, ResolveTransforms(engine, source, options.transforms, FactsOfRun(engine, *source, id)));
  transforms.limit = options.limit;
  ARROW_RETURN_NOT_OK(journal.RecordIntent(kTransformIntent, transforms.ToJson()));
  return ApplyTransforms(source, std::move(transforms));
}

Status TransformNow(const Engine& engine, OpenedSource* source, const TransformSpec& spec) {
  source->read_count = source->info.count;
  if (spec.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(ResolvedTransforms resolved, ResolveTransforms(engine, source, spec, FactsOfRun(engine, *source, "(no run)")));
  return ApplyTransforms(source, std::move(resolved));
}

bool NamesTheRun(const TransformSpec& spec) {
  return std::any_of(spec.maps.begin(), spec.maps.end(), [](const std::string& map) { return map.find("${run.") != map.npos; });
}

}  // namespace vecferry
