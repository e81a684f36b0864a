#include <algorithm>

#include <fmt/format.h>

#include "migration/copier.h"
#include "migration/drift.h"
#include "migration/planner.h"
#include "migration/prepass.h"

namespace vecferry {

Status Copier::OpenSnapshot() {
  source_.source.reset();
  ARROW_ASSIGN_OR_RAISE(source_, OpenSourceSide(engine_, source_location_, {.work_dir = run_.folder.dir, .missing_vector = options_.missing_vector}));
  return Status::OK();
}

Status Copier::PlanPhase() {
  ARROW_ASSIGN_OR_RAISE(const auto done, run_.journal->PhaseResult("plan"));
  if (done) {
    ARROW_ASSIGN_OR_RAISE(header_, run_.journal->header());
    report_.total = header_.total;
    report_.plan.source = source_.info;
    report_.plan.source_uri = header_.source;
    report_.plan.target_uri = header_.target;
    report_.plan.layout = target_.layout->name;
    return Status::OK();
  }
  ARROW_RETURN_NOT_OK(run_.journal->BeginPhase("plan"));
  if (keyed_ && !scans_) keyed_->Only(by_key_);
  ARROW_ASSIGN_OR_RAISE(report_.plan, PlanCopy(engine_, source_, target_, options_));
  if (keyed_) keyed_->Only(std::nullopt);
  ARROW_RETURN_NOT_OK(AtTarget(report_.plan.Check()));
  if (options_.plan) ARROW_RETURN_NOT_OK(CheckDrift(*options_.plan, report_.plan));
  for (const auto& issue : report_.plan.issues) {
    if (issue.count != 0) engine_.events.Send({Event::Kind::message, issue.message, {}, {{"code", issue.code}, {"count", std::to_string(issue.count)}}});
  }
  report_.total = options_.limit >= 0 && report_.plan.source.count >= 0 ? std::min(options_.limit, report_.plan.source.count) : report_.plan.source.count;
  if (Merges()) report_.total = report_.delta->to_write;
  TargetIntent intent;
  intent.existed = target_.info.exists;
  intent.count = target_.info.count;
  intent.on_exists = options_.on_exists;
  intent.whole = Merges() && (known_.found ? !known_.shared_target : adopted_);
  intent.layout = target_.layout->name;
  intent.schema = report_.plan.source.schema.ToJson();
  intent.source_uri = source_location_.Display();
  intent.target_uri = target_location_.Display();
  ARROW_RETURN_NOT_OK(run_.journal->RecordIntent(kTargetIntent, intent.ToJson()));
  ARROW_RETURN_NOT_OK(run_.journal->PutSplits(report_.plan.splits));
  ARROW_RETURN_NOT_OK(run_.journal->SetPlan(report_.plan.ToJson(), report_.total));
  return run_.journal->EndPhase("plan");
}

Status Copier::PreparePhase() {
  ARROW_ASSIGN_OR_RAISE(const auto intent, run_.journal->FindIntent(kTargetIntent));
  if (!intent) return MakeError(Category::corrupt, "the journal does not say how the target was found", "start anew with --restart");
  ARROW_ASSIGN_OR_RAISE(intent_, TargetIntent::FromJson(*intent));
  SinkSpec spec;
  ARROW_ASSIGN_OR_RAISE(spec.schema, RecordSchema::FromJson(intent_.schema));
  spec.layout = target_.layout;
  spec.on_exists = options_.adopt ? OnExists::append : intent_.on_exists;
  spec.settings = source_.info.settings;
  spec.run_id = run_.id;
  spec.model = options_.model;
  spec.expected_records = report_.total;
  spec.existed = intent_.existed;
  spec.resumed = run_.resumed;
  spec.adopt = options_.adopt;
  spec.index = options_.index != IndexMode::none;
  spec.intents = intents_.get();
  ARROW_RETURN_NOT_OK(AtTarget(target_.sink->Prepare(spec)));
  schema_ = spec.schema;
  if (!target_.can.appends || run_.resumed) {
    ARROW_ASSIGN_OR_RAISE(const std::string state, run_.journal->sink_state());
    if (target_.can.replay == Replay::truncate_and_replay) return AtTarget(target_.sink->Resume(state));
  }
  return Status::OK();
}

Status Copier::PrepassPhase() {
  const bool unique = source_.can.unique_ids, injective = target_.sink->InjectiveKeys(schema_);
  if (unique && injective) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto done, run_.journal->PhaseResult("ids"));
  if (!done) {
    engine_.events.Message("looking for ids that would become one in the target");
    ARROW_RETURN_NOT_OK(run_.journal->BeginPhase("ids"));
    ARROW_ASSIGN_OR_RAISE(const auto splits, run_.journal->splits());
    auto duplicates = FindDuplicates(engine_, *source_.source, splits, *target_.sink, unique, run_.folder.dir);
    ARROW_RETURN_NOT_OK(AtSource(duplicates.status()));
    const Duplicates& found = *duplicates;
    std::vector<std::pair<int, int64_t>> rows(found.rows.begin(), found.rows.end());
    for (const uint64_t key : found.keys) rows.emplace_back(-1, static_cast<int64_t>(key));
    ARROW_RETURN_NOT_OK(run_.journal->PutDuplicates(rows));
    ARROW_RETURN_NOT_OK(run_.journal->EndPhase("ids"));
  }
  ARROW_ASSIGN_OR_RAISE(const auto rows, run_.journal->duplicates());
  duplicates_.by_key = unique;
  for (const auto& [split, row] : rows) {
    if (split < 0) duplicates_.keys.insert(static_cast<uint64_t>(row));
    else duplicates_.rows.emplace(split, row);
  }
  return Status::OK();
}

Status Copier::DeferIndex() {
  IndexDeferral* const index = target_.sink->indexing();
  if (!index) return Status::OK();
  keeper_ = std::make_unique<IndexKeeper>(engine_, *run_.journal, *index,
                                          DeferralTarget{target_.info.identity, target_location_.Display(), target_.layout->name, run_.id, !Replaces()});
  // An earlier process of this run may have put off what this one is told not to.
  if (options_.index != IndexMode::after) return keeper_->PutBack(false);
  ARROW_ASSIGN_OR_RAISE(const auto splits, run_.journal->splits());
  return keeper_->Defer(std::any_of(splits.begin(), splits.end(), [](const auto& split) { return !split.done; }));
}

Status Copier::BuildIndex() {
  if (!keeper_) return Status::OK();
  ARROW_RETURN_NOT_OK(keeper_->PutBack(false));
  return options_.index == IndexMode::none ? Status::OK() : keeper_->AwaitBuilt();
}

void Copier::PutBackIndex() {
  if (!keeper_) return;
  const Status status = keeper_->PutBack(true);
  if (status.ok()) return;
  engine_.events.Warning(fmt::format("the index settings of {} could not be put back: {}; the same command again does it, and so does `vecferry clean`",
                                     target_location_.Display(), status.message()));
}

}  // namespace vecferry
