#include <fmt/format.h>

#include "base/text.h"
#include "connector/fit.h"
#include "migration/copier.h"
#include "pipeline/batch_writer.h"

namespace vecferry {
namespace {

constexpr int kMostReconciles = 3;

}  // namespace

bool Copier::SourceMoved() const {
  if (source_.info.consistency == Consistency::snapshot) return run_.resumed || source_.source->Moved();
  return source_.info.consistency == Consistency::live;
}

bool Copier::FollowsSource() const { return SourceMoved() && target_.can.replay == Replay::idempotent_upsert; }

void Copier::WarnOfStates() {
  if (source_.info.consistency != Consistency::snapshot || !SourceMoved() || target_.can.replay == Replay::idempotent_upsert) return;
  engine_.events.Warning("the source's snapshot was lost during the run: where the source changed meanwhile, the target holds records of before and of after; --restart copies one state");
}

Result<VerifyRequest> Copier::RequestFor(Source& target) {
  VerifyRequest request;
  ARROW_ASSIGN_OR_RAISE(request.rejected, RejectedKeys(*run_.journal));
  if (options_.limit >= 0) {
    ARROW_ASSIGN_OR_RAISE(written_, LoadWritten(*run_.journal));
    request.written = &written_;
    request.limit = options_.limit;
  }
  if (options_.verify.search && intent_.shared()) {
    ARROW_ASSIGN_OR_RAISE(written_, LoadWritten(*run_.journal));
    request.ours = &written_;
  }
  request.source = source_.source.get();
  request.target = &target;
  request.layout = target_.layout;
  request.options = options_.verify;
  request.vector_change = ChangeOf(target_.can, schema_);
  request.least_cosine = target_.can.least_cosine;
  request.unique_ids = source_.can.unique_ids && target_.can.unique_ids;
  request.predictable = CanPredict(schema_);
  request.shared_target = intent_.shared();
  request.fresh = true;
  request.gather = request.vector_change == VectorChange::cosine_normalised;
  request.source_total = report_.total;
  request.jobs = options_.jobs;
  // A source that moved is read again; where passes were repeated, the journal's sum counts some records twice.
  const bool sum_holds = !FollowsSource() && report_.reconciled == 0;
  if (sum_holds) request.source_digest = &report_.transfer.digest;
  if (sum_holds && report_.transfer.stored) request.stored_digest = &*report_.transfer.stored;
  return request;
}

Status Copier::VerifyPhase() {
  WarnOfStates();
  if (options_.verify.level == VerifyLevel::none && !options_.verify.search) return Status::OK();
  for (int pass = 0;; ++pass) {
    ARROW_ASSIGN_OR_RAISE(auto target, target_.sink->OpenReadBack());
    ARROW_ASSIGN_OR_RAISE(const VerifyRequest request, RequestFor(*target));
    ARROW_ASSIGN_OR_RAISE(VerifyOutcome outcome, VerifySides(engine_, request));
    report_.verify = std::move(outcome.report);
    ARROW_RETURN_NOT_OK(KeepHeld(outcome.held));
    const bool moved = FollowsSource() && options_.limit < 0;
    if (report_.verify->ok || !moved || pass >= kMostReconciles) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const int64_t removed, Remove(outcome.extra, *target));
    if (removed == 0 && outcome.repair.empty()) return Status::OK();
    if (!outcome.repair.empty()) ARROW_RETURN_NOT_OK(Reconcile(outcome.repair));
  }
}

Status Copier::KeepHeld(const WrittenHashes& held) {
  if (held.empty()) return Status::OK();
  for (const auto& [key, word] : held) held_[key] = word;
  return run_.journal->PutParts(kHeldPart, PartsOf(held_));
}

Result<int64_t> Copier::Remove(const std::set<uint64_t>& keys, Source& target) {
  if (keys.empty() || intent_.shared() || !target_.sink->undo()) return 0;
  const DigestScope scope = WordScope(ChangeOf(target_.can, schema_));
  ARROW_ASSIGN_OR_RAISE(const int64_t removed, RemoveVanished(engine_, *run_.journal, target, *target_.sink->undo(), scope, keys));
  if (removed > 0) engine_.events.Message(fmt::format("{} records left the source during the run; they are taken out of the target", FormatCount(removed)));
  report_.reconciled += removed;
  return removed;
}

Status Copier::Reconcile(const std::set<uint64_t>& keys) {
  engine_.events.Message(fmt::format("{} records changed at the source during the run; copying them again", FormatCount(static_cast<int64_t>(keys.size()))));
  report_.reconciled += static_cast<int64_t>(keys.size());
  ARROW_RETURN_NOT_OK(BeginAgain(*run_.journal, *source_.source, keys, "reconcile"));
  ARROW_RETURN_NOT_OK(TransferPhase());
  return FinishPhase();
}

}  // namespace vecferry
