#include <fmt/format.h>

#include "connector/fit.h"
#include "migration/session.h"
#include "migration/transforms.h"
#include "migration/verifier.h"

namespace vecferry {
namespace {

/// What the journal of the newest run of that pair knows.
struct KnownRun {
  bool found = false;
  bool shared_target = false;
  WrittenHashes written;
  std::set<uint64_t> rejected;
  std::string id;
  std::optional<ResolvedTransforms> transforms;  ///< of its records, or a limit
};

Result<KnownRun> FindKnown(const std::string& pair) {
  KnownRun known;
  ARROW_ASSIGN_OR_RAISE(const auto folder, FindRun(pair, ""));
  if (!folder) return known;
  auto journal = Journal::Inspect(folder->journal());
  if (!journal.ok()) return known;  // a damaged journal tells nothing; the comparison stands by itself
  ARROW_ASSIGN_OR_RAISE(known.written, LoadWritten(**journal));
  ARROW_ASSIGN_OR_RAISE(const auto text, (*journal)->FindIntent(kTargetIntent));
  if (!text) return known;
  ARROW_ASSIGN_OR_RAISE(const TargetIntent intent, TargetIntent::FromJson(*text));
  ARROW_ASSIGN_OR_RAISE(known.rejected, RejectedKeys(**journal));
  ARROW_ASSIGN_OR_RAISE(const RunHeader header, (*journal)->header());
  known.id = header.id;
  ARROW_ASSIGN_OR_RAISE(const auto transforms, (*journal)->FindIntent(kTransformIntent));
  if (transforms && header.state != "rolled-back") {
    ARROW_ASSIGN_OR_RAISE(known.transforms, ResolvedTransforms::FromJson(*transforms));
  }
  known.found = true;
  known.shared_target = intent.shared();
  return known;
}

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
  ARROW_ASSIGN_OR_RAISE(const KnownRun known, FindKnown(PairOf(from.info.identity, to.info.identity)));
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
  request.written = known.found ? &known.written : nullptr;
  request.rejected = known.rejected;
  request.source_total = from.info.count;
  ARROW_ASSIGN_OR_RAISE(VerifyOutcome outcome, VerifySides(engine, request));
  outcome.report.transforms = std::move(said.transforms);
  outcome.report.transforms_of = std::move(said.transforms_of);
  return std::move(outcome.report);
}

}  // namespace vecferry
