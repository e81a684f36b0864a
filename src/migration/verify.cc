#include "connector/fit.h"
#include "migration/session.h"
#include "migration/verifier.h"

namespace vecferry {
namespace {

/// What the journal of the newest run of that pair knows.
struct KnownRun {
  bool found = false;
  bool shared_target = false;
  WrittenHashes written;
  std::set<uint64_t> rejected;
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
  known.found = true;
  known.shared_target = intent.shared();
  return known;
}

}  // namespace

Result<VerifyReport> Verify(const Engine& engine, const Location& source, const Location& target, const VerifyOptions& options) {
  ARROW_ASSIGN_OR_RAISE(auto from, OpenSourceSide(engine, source, {}));
  ARROW_ASSIGN_OR_RAISE(auto to, OpenSourceSide(engine, target, {.layout = from.info.layout, .missing_vector = "keep", .side = Side::sink}));
  ARROW_ASSIGN_OR_RAISE(const KnownRun known, FindKnown(PairOf(from.info.identity, to.info.identity)));
  VerifyRequest request;
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
  return std::move(outcome.report);
}

}  // namespace vecferry
