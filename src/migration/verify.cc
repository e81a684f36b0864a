#include <fmt/format.h>

#include "connector/fit.h"
#include "migration/known_run.h"
#include "migration/session.h"
#include "migration/transforms.h"
#include "migration/verifier.h"

namespace vecferry {
namespace {

/// The transforms to verify with: those asked for, else those of the run. What was fixed in a run that did the same is taken from it.
Result<ResolvedTransforms> TransformsFor(const Engine& engine, OpenedSource* source, const KnownRun& known, const VerifyOptions& options, VerifyReport* report) {
  ResolvedTransforms transforms;
  const bool asked = !options.transforms.empty();
  if (known.transforms && (!asked || options.transforms == known.transforms->spec)) {
    transforms = *known.transforms;
    if (!asked) report->transforms_of = known.id;
  } else if (asked && NamesTheRun(options.transforms)) {
    return MakeError(Category::refused, "a map names the run, and there is no run of this pair that did the same", "verify without the map, or with the values that it had");
  } else if (asked) {
    ARROW_ASSIGN_OR_RAISE(transforms, ResolveTransforms(engine, source, options.transforms, FactsOfRun(engine, *source, "")));
  }
  if (options.limit >= 0) transforms.limit = options.limit;
  if (transforms.limit >= 0 && !known.found) {
    return MakeError(Category::refused, "which records --limit took is known to the run that copied them, and there is none of this pair", "verify without --limit");
  }
  report->transforms = transforms.spec.Entries();
  if (transforms.limit >= 0) report->transforms.emplace_back("--limit", fmt::format("{}", transforms.limit));
  return transforms;
}

}  // namespace

Result<VerifyReport> Verify(const Engine& engine, const Location& source, const Location& target, const VerifyOptions& options) {
  ARROW_ASSIGN_OR_RAISE(auto from, OpenSourceSide(engine, source, {}));
  ARROW_ASSIGN_OR_RAISE(auto to, OpenSourceSide(engine, target, {.layout = from.info.layout, .missing_vector = "keep", .side = Side::sink}));
  ARROW_ASSIGN_OR_RAISE(const KnownRun known, FindKnown(PairOf(from.info.identity, to.info.identity), ""));
  VerifyReport said;
  ARROW_ASSIGN_OR_RAISE(ResolvedTransforms transforms, TransformsFor(engine, &from, known, options, &said));
  const int64_t limit = transforms.limit;
  ARROW_RETURN_NOT_OK(At(ApplyTransforms(&from, std::move(transforms)), Side::source, source.scheme, source.Display()));
  VerifyRequest request;
  request.limit = limit;
  request.source = from.source.get();
  request.target = to.source.get();
  request.layout = to.layout;
  request.options = options;
  request.vector_change = ChangeOf(to.can, from.info.schema);
  request.least_cosine = to.can.least_cosine;
  request.unique_ids = from.can.unique_ids && to.can.unique_ids;
  request.predictable = CanPredict(from.info.schema);
  request.shared_target = known.shared_target;
  request.written = request.ours = known.found ? &known.written : nullptr;
  request.rejected = known.rejected;
  request.source_total = from.info.count;
  ARROW_ASSIGN_OR_RAISE(VerifyOutcome outcome, VerifySides(engine, request));
  outcome.report.transforms = std::move(said.transforms);
  outcome.report.transforms_of = std::move(said.transforms_of);
  return std::move(outcome.report);
}

}  // namespace vecferry
