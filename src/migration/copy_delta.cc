// A copy into a target that earlier runs filled: both sides are compared, and what differs is written, taken out or left, by policy.
#include <algorithm>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "connector/fit.h"
#include "migration/copier.h"
#include "migration/keyed_source.h"
#include "migration/planner.h"
#include "migration/transforms.h"

namespace vecferry {
namespace {

constexpr size_t kDeletedAtOnce = 500;
/// Beyond so many records a pass over the source is taken, not questions by key.
constexpr int64_t kMostByKey = 400'000;
constexpr int kMostReconciles = 3;

/// Kinds of Journal::PutParts that only a run itself reads.
constexpr std::string_view kWritePart = "write", kKeptPart = "kept", kDigestPart = "compared", kReportPart = "delta";

Status Usage(const std::string& what, const std::string& next) { return MakeError(Category::usage, what, next); }

std::vector<uint64_t> KeysOf(const std::vector<FoundRecord>& records) {
  std::vector<uint64_t> keys;
  keys.reserve(records.size());
  for (const auto& record : records) keys.push_back(record.key);
  return keys;
}

}  // namespace

Status Copier::ChooseDelta() {
  DeltaOptions& delta = options_.delta;
  if (delta.mode == DeltaMode::sync && (options_.on_exists == OnExists::append || options_.on_exists == OnExists::replace)) {
    return Usage(fmt::format("--sync and --on-exists {} say different things", Name(options_.on_exists)), "leave one of them out");
  }
  if (delta.mode == DeltaMode::sync && options_.limit >= 0) return Usage("--sync takes no --limit: which records it took would change with the source", "use --filter or --sample");
  if (options_.plan || options_.retry_rejects) return Usage("--sync makes its own plan, and tries rejected records again by itself", "leave out --plan and --retry-rejects");
  if (delta.mode == DeltaMode::repair && !target_.info.exists) {
    return AtTarget(MakeError(Category::not_found, fmt::format("{} does not exist: there is nothing to repair", target_location_.Display()), "copy into it first"));
  }
  // The first time it is a copy.
  if (delta.mode == DeltaMode::sync && (!target_.info.exists || target_.info.count == 0)) delta.mode = DeltaMode::none;
  if (Compares() && delta.remove && !target_.can.undo) {
    return AtTarget(MakeError(Category::unsupported, fmt::format("{} cannot take records out", target_location_.scheme), "leave out --delete"));
  }
  return Status::OK();
}

Result<bool> Copier::GoOnFrom(const RunFolder& folder, bool finished) {
  if (header_.state == "rolled-back") return SetAside(folder);
  if (finished) {
    ARROW_ASSIGN_OR_RAISE(known_, KnownFrom(*run_.journal));
    if (options_.delta.mode == DeltaMode::sync && !options_.restart) ARROW_RETURN_NOT_OK(CheckTransforms(header_.fingerprint, fingerprint_));
    return SetAside(folder);
  }
  if (options_.restart) {
    ARROW_RETURN_NOT_OK(Restart(folder, false).status());
    options_.restart = false;
    ARROW_RETURN_NOT_OK(FindIdentities());
    return FindAndOpen();
  }
  if (options_.delta.mode == DeltaMode::sync && !IsDelta(header_.fingerprint)) {
    options_.delta.mode = DeltaMode::none;  // a first copy that was interrupted goes on as what it is
    fingerprint_ = Fingerprint(source_, target_, options_);
  }
  ARROW_RETURN_NOT_OK(CheckFingerprint(header_.fingerprint, fingerprint_));
  run_.resumed = true;
  return true;
}

Status Copier::TransformDelta() {
  std::optional<std::string> journalled;
  if (run_.journal) {
    ARROW_ASSIGN_OR_RAISE(journalled, run_.journal->FindIntent(kTransformIntent));
  }
  ResolvedTransforms transforms;
  const TransformSpec& asked = options_.transforms;
  const bool repair = options_.delta.mode == DeltaMode::repair;
  if (journalled) {
    ARROW_ASSIGN_OR_RAISE(transforms, ResolvedTransforms::FromJson(*journalled));
  } else {
    // What earlier runs made of the records is what they are compared as: the facts that were fixed then hold on.
    const bool as_before = known_.transforms && (asked == known_.transforms->spec || (repair && asked.empty()));
    if (as_before) transforms = *known_.transforms;
    else if (!asked.empty()) {
      ARROW_ASSIGN_OR_RAISE(transforms, ResolveTransforms(engine_, &source_, asked, FactsOfRun(engine_, source_, run_.id)));
    }
    if (options_.limit >= 0) transforms.limit = options_.limit;
    if (transforms.limit >= 0 && !known_.found) {
      return MakeError(Category::refused, "which records --limit took is known to the run that copied them, and there is none of this pair", "repair without --limit");
    }
    if (run_.journal && (!transforms.spec.empty() || transforms.limit >= 0)) ARROW_RETURN_NOT_OK(run_.journal->RecordIntent(kTransformIntent, transforms.ToJson()));
  }
  limit_ = std::exchange(options_.limit, -1);
  if (transforms.limit >= 0) limit_ = transforms.limit;
  return ApplyTransforms(&source_, std::move(transforms));
}

Result<VerifyOutcome> Copier::CompareSides() {
  const bool sync = options_.delta.mode == DeltaMode::sync;
  ARROW_ASSIGN_OR_RAISE(auto target, OpenSourceSide(engine_, target_location_, {.layout = source_.info.layout, .missing_vector = "keep", .side = Side::sink}));
  VerifyRequest request;
  request.source = source_.source.get();
  request.target = target.source.get();
  request.layout = target_.layout;
  request.options = options_.verify;
  if (sync) {
    request.options.level = VerifyLevel::content;
    request.options.sample_size = 0;
  }
  request.vector_change = ChangeOf(target_.can, source_.info.schema);
  request.least_cosine = target_.can.least_cosine;
  request.unique_ids = source_.can.unique_ids && target.can.unique_ids;
  request.predictable = CanPredict(source_.info.schema);
  // Without --delete what the source lacks is nobody's concern.
  request.shared_target = sync && !options_.delta.remove ? true : SharedTarget();
  request.written = known_.found ? &known_.written : nullptr;
  if (!sync) request.rejected = known_.rejected;
  request.source_total = source_.info.count;
  request.limit = limit_;
  request.jobs = options_.jobs;
  request.gather = true;
  ARROW_ASSIGN_OR_RAISE(VerifyOutcome outcome, VerifySides(engine_, request));
  if (options_.delta.remove && known_.found && target.source->lookup()) {
    ARROW_RETURN_NOT_OK(AtTarget(FindTouched(*target.source->lookup(), known_, request.vector_change, target.info.schema.has_tenant, &outcome.records)));
  }
  return outcome;
}

/// Whether others' records may stand in the target, by what is known of how it came to be.
bool Copier::SharedTarget() const {
  if (known_.found) return known_.shared_target;
  return options_.delta.mode == DeltaMode::sync && !options_.adopt;
}

Status Copier::CheckKnown() const {
  if (known_.found || options_.delta.mode == DeltaMode::repair || options_.adopt || options_.on_exists == OnExists::upsert) return Status::OK();
  return AtTarget(MakeError(Category::refused, fmt::format("the target holds {} records already, and no run is known that copied them there from this source", FormatCount(target_.info.count)),
                            "--on-exists upsert brings those of the same id in line and leaves the others alone; --adopt says that all of them came from this source"));
}

/// What stands in the way of doing it.
Status Copier::CheckDelta(const Delta& delta, int64_t target_count) const {
  ARROW_RETURN_NOT_OK(AtTarget(CheckMaxDelete(options_.delta, delta.report.to_delete, target_count)));
  if (target_.can.appends || !delta.changes()) return Status::OK();
  // Written whole, it holds what the source holds and nothing else.
  const int64_t vanish = delta.report.gone + delta.report.extra + delta.report.unrelated;
  if (vanish > delta.report.to_delete) {
    return AtTarget(MakeError(Category::refused, fmt::format("{} is written whole, and {} records that the source does not have would go with the old one", target_location_.scheme, FormatCount(vanish)),
                              delta.report.unrelated > 0 ? "copy with --on-exists replace" : "say --delete"));
  }
  if (delta.report.kept > 0) {
    return AtTarget(MakeError(Category::refused, fmt::format("{} is written whole, and {} records that were changed in it would be overwritten", target_location_.scheme, FormatCount(delta.report.kept)),
                              "say --overwrite-changed"));
  }
  return Status::OK();
}

void Copier::TellDelta(const DeltaReport& report) {
  engine_.events.Message(fmt::format("compared: {}; {} to write, {} to delete", Told(report), FormatCount(report.to_write), FormatCount(report.to_delete)));
  if (report.kept > 0) {
    engine_.events.Warning(fmt::format("{} records were changed in the target since they were copied: they are kept; --overwrite-changed overwrites them", FormatCount(report.kept)));
  }
  if (options_.delta.remove && report.unreadable > 0) {
    engine_.events.Warning(fmt::format("{} records of the source cannot be read, and their ids are not known: nothing is deleted, since what is missing may be among them", FormatCount(report.unreadable)));
  }
}

Status Copier::ComparePhase() {
  ARROW_ASSIGN_OR_RAISE(const auto compared, run_.journal->PhaseResult("compare"));
  if (compared) return LoadDelta();
  ARROW_RETURN_NOT_OK(CheckKnown());
  return Timed("compare", &report_.compare_seconds, [this]() -> Status {
    ARROW_ASSIGN_OR_RAISE(VerifyOutcome outcome, CompareSides());
    report_.verify = outcome.report;
    const Digest source_digest = std::move(outcome.source_digest);
    Delta delta = Decide(options_.delta, known_, std::move(outcome));
    TellDelta(delta.report);
    ARROW_RETURN_NOT_OK(CheckDelta(delta, report_.verify->target_count));
    delta.report.rewritten = !target_.can.appends;
    report_.delta = delta.report;
    if (!delta.changes() && report_.verify->source_rejects == 0) {
      report_.state = "in-sync";
      return Status::OK();
    }
    return KeepDelta(delta, source_digest);
  });
}

/// Everything that a process that resumes the run needs to know of the comparison.
Status Copier::KeepDelta(const Delta& delta, const Digest& source_digest) {
  const bool sync = options_.delta.mode == DeltaMode::sync;
  ARROW_RETURN_NOT_OK(run_.journal->PutParts(kBasePart, delta.report.rewritten ? std::vector<std::string>() : PartsOf(known_.written)));
  ARROW_RETURN_NOT_OK(run_.journal->PutParts(kRejectedPart, sync ? std::vector<std::string>() : PartsOf(std::vector<uint64_t>(known_.rejected.begin(), known_.rejected.end()))));
  ARROW_RETURN_NOT_OK(run_.journal->PutParts(kRemovedPart, delta.report.rewritten ? std::vector<std::string>() : PartsOf(delta.remove)));
  ARROW_RETURN_NOT_OK(run_.journal->PutParts(kKeptPart, PartsOf(delta.kept)));
  ARROW_RETURN_NOT_OK(run_.journal->PutParts(kDigestPart, {source_digest.Serialize()}));
  if (AsksByKey(delta)) {
    std::vector<std::string_view> tenants, ids;
    for (const auto& record : delta.write) {
      if (source_.info.schema.has_tenant) tenants.push_back(record.tenant);
      ids.push_back(record.id);
    }
    by_key_ = KeyedSplits(tenants, ids);
  } else {
    std::vector<std::string> parts = PartsOf(KeysOf(delta.write));
    if (report_.verify->source_rejects > 0) parts.emplace_back();  // a pass over the source, for its rejects
    ARROW_RETURN_NOT_OK(run_.journal->PutParts(kWritePart, parts));
  }
  ARROW_RETURN_NOT_OK(run_.journal->PutParts(kReportPart, {DeltaToJson(delta.report)}));
  return LoadDelta();
}

/// Whether asking the source for the records reads less than reading all of it.
bool Copier::AsksByKey(const Delta& delta) const {
  const auto n = static_cast<int64_t>(delta.write.size());
  if (delta.report.rewritten || n == 0 || n > kMostByKey || report_.verify->source_rejects > 0) return false;
  if (!source_.source->lookup() || source_.transformed || !source_.can.unique_ids || !target_.sink->InjectiveKeys(source_.info.schema)) return false;
  return n <= std::max<int64_t>(1, report_.verify->source_count / 8);
}

Status Copier::LoadDelta() {
  DeltaReport report;
  ARROW_RETURN_NOT_OK(run_.journal->EachPart(kReportPart, [&](std::string_view part) -> Status {
    ARROW_ASSIGN_OR_RAISE(report, DeltaFromJson(part));
    return Status::OK();
  }));
  report_.delta = report;
  rewrites_ = report.rewritten;
  // A few records are no reason to build an index anew.
  if (options_.index == IndexMode::after && !rewrites_) options_.index = IndexMode::during;
  options_.on_exists = rewrites_ ? OnExists::replace : OnExists::upsert;
  adopted_ = std::exchange(options_.adopt, false);
  if (rewrites_) {
    options_.limit = limit_;
    return Status::OK();
  }
  ARROW_RETURN_NOT_OK(EachWord(*run_.journal, kKeptPart, [&](uint64_t word) { kept_.insert(word); }));
  ARROW_RETURN_NOT_OK(run_.journal->EachPart(kWritePart, [&](std::string_view) { return scans_ = true, Status::OK(); }));
  ARROW_RETURN_NOT_OK(EachWord(*run_.journal, kWritePart, [&](uint64_t word) { to_write_.insert(word); }));
  ARROW_RETURN_NOT_OK(run_.journal->EachPart(kDigestPart, [&](std::string_view part) -> Status {
    ARROW_ASSIGN_OR_RAISE(compared_, Digest::Parse(part));
    return Status::OK();
  }));
  auto keyed = std::make_unique<KeyedSource>(std::move(source_.source));
  keyed_ = keyed.get();
  source_.source = std::move(keyed);
  return Status::OK();
}

// ---- what the source no longer has ----

Status Copier::DeletePhase() {
  if (!Merges()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto removed, LoadRemoved(*run_.journal));
  if (removed.empty()) return Status::OK();
  return Timed("delete", &report_.delete_seconds, [&]() -> Status {
    for (size_t at = 0; at < removed.size(); at += kDeletedAtOnce) {
      ARROW_RETURN_NOT_OK(engine_.cancel.Check());
      const size_t end = std::min(removed.size(), at + kDeletedAtOnce);
      ARROW_RETURN_NOT_OK(AtTarget(Delete({removed.begin() + static_cast<ptrdiff_t>(at), removed.begin() + static_cast<ptrdiff_t>(end)})));
      report_.delta->deleted += static_cast<int64_t>(end - at);
    }
    return Status::OK();
  });
}

Status Copier::Delete(const std::vector<RemovedRecord>& page) {
  std::vector<std::string_view> tenants, ids;
  for (const auto& record : page) {
    if (schema_.has_tenant) tenants.push_back(record.tenant);
    ids.push_back(record.id);
  }
  ARROW_ASSIGN_OR_RAISE(auto images, target_.sink->undo()->Capture(tenants, ids));
  std::vector<BeforeImage> before;
  for (size_t i = 0; i < page.size(); ++i) {
    // One that is gone already was deleted by a process of this run that did not live to say so: its image is kept.
    if (images[i]) before.push_back({schema_.has_tenant ? page[i].tenant : "", page[i].id, std::move(images[i])});
  }
  ARROW_RETURN_NOT_OK(run_.journal->PutBeforeImages(before));
  VF_FAILPOINT("delta.delete.before");
  ARROW_RETURN_NOT_OK(target_.sink->undo()->DeleteIds(tenants, ids));
  VF_FAILPOINT("delta.delete.after");
  return Status::OK();
}

// ---- verification ----

Result<VerifyRequest> Copier::MergedRequest(Source& target, const KnownRun& now) {
  ARROW_ASSIGN_OR_RAISE(VerifyRequest request, RequestFor(target));
  request.fresh = false;
  request.written = &now.written;
  request.rejected = now.rejected;
  request.limit = limit_;
  request.gather = true;
  request.source_total = source_.info.count;
  request.shared_target = options_.delta.mode == DeltaMode::sync && !options_.delta.remove ? true : intent_.shared();
  // The comparison read the source; what it said holds unless the source is in use, or holds records that are rejected.
  const bool holds = compared_ && !FollowsSource() && report_.reconciled == 0 && now.rejected.empty() && limit_ < 0;
  request.source_digest = request.stored_digest = holds ? &*compared_ : nullptr;
  return request;
}

Status Copier::VerifyMerged() {
  report_.verify.reset();
  if (options_.verify.level == VerifyLevel::none) return Status::OK();
  for (int pass = 0;; ++pass) {
    ARROW_ASSIGN_OR_RAISE(auto target, target_.sink->OpenReadBack());
    ARROW_ASSIGN_OR_RAISE(const KnownRun now, KnownFrom(*run_.journal));
    ARROW_ASSIGN_OR_RAISE(const VerifyRequest request, MergedRequest(*target, now));
    ARROW_ASSIGN_OR_RAISE(VerifyOutcome outcome, VerifySides(engine_, request));
    report_.verify = std::move(outcome.report);
    ARROW_RETURN_NOT_OK(KeepHeld(outcome.held));
    if (!FollowsSource() || limit_ >= 0 || pass >= kMostReconciles) return Status::OK();
    std::set<uint64_t> again;
    for (const auto& record : outcome.records) {
      if (record.in_source && record.kind != DifferenceClass::changed_at_target && !kept_.contains(record.key)) again.insert(record.key);
    }
    if (again.empty()) return Status::OK();
    ARROW_RETURN_NOT_OK(Reconcile(again));
  }
}

// ---- a look without a run ----

Result<CopyReport> Copier::DryDelta() {
  ARROW_ASSIGN_OR_RAISE(known_, FindKnown(pair_, options_.checkpoint));
  ARROW_RETURN_NOT_OK(CheckKnown());
  ARROW_RETURN_NOT_OK(AtSource(TransformDelta()));
  ARROW_ASSIGN_OR_RAISE(VerifyOutcome outcome, CompareSides());
  report_.verify = outcome.report;
  Delta delta = Decide(options_.delta, known_, std::move(outcome));
  TellDelta(delta.report);
  const Status allowed = CheckDelta(delta, report_.verify->target_count);
  delta.report.rewritten = !target_.can.appends && delta.changes();
  options_.on_exists = delta.report.rewritten ? OnExists::replace : OnExists::upsert;
  ARROW_ASSIGN_OR_RAISE(report_.plan, PlanCopy(engine_, source_, target_, options_));
  if (!allowed.ok()) report_.plan.issues.insert(report_.plan.issues.begin(), {"delete", allowed.message(), -1, false, true});
  report_.delta = std::move(delta.report);
  report_.state = "dry-run";
  report_.total = report_.delta->to_write;
  const bool amiss = options_.delta.mode == DeltaMode::repair && !report_.verify->ok;
  report_.exit_code = delta.changes() && !report_.plan.Check().ok() ? ExitCodeOf(report_.plan.Check()) : amiss ? exit_code::kDifference : exit_code::kOk;
  report_.seconds = Seconds(began_);
  report_.peak_memory = PeakMemoryBytes();
  return std::move(report_);
}

/// Nothing had to be written: no run is left behind.
Result<CopyReport> Copier::InSync() {
  source_.source.reset();
  (void)target_.sink->Abort();
  ARROW_RETURN_NOT_OK(Forget().status());
  report_.run_id = known_.id;
  report_.journal.clear();
  report_.plan.source_uri = source_location_.Display();
  report_.plan.target_uri = target_location_.Display();
  report_.transfer.complete = true;
  report_.exit_code = ExitCode();
  report_.seconds = Seconds(began_);
  report_.peak_memory = PeakMemoryBytes();
  return std::move(report_);
}

}  // namespace vecferry
