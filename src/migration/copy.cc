#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "base/text.h"
#include "connector/fit.h"
#include "migration/again.h"
#include "migration/deferral.h"
#include "migration/drift.h"
#include "migration/planner.h"
#include "migration/prepass.h"
#include "migration/report_json.h"
#include "migration/session.h"
#include "migration/transfer_options.h"
#include "migration/transforms.h"
#include "migration/verifier.h"
#include "pipeline/batch_writer.h"

#ifndef VECFERRY_VERSION
#define VECFERRY_VERSION "0.1.0"
#endif

namespace vecferry {
namespace {

constexpr int64_t kDefaultMemory = 32 << 20;
constexpr int kMostReconciles = 3;

class Copier {
 public:
  Copier(const Engine& engine, const Location& source, const Location& target, const CopyOptions& options)
      : engine_(engine), source_location_(source), target_location_(target), options_(options) {
    if (options_.jobs <= 0) options_.jobs = std::max(1, std::min(4, static_cast<int>(std::thread::hardware_concurrency())));
    if (options_.memory_bytes <= 0) options_.memory_bytes = kDefaultMemory;
  }

  Result<CopyReport> Run() {
    began_ = engine_.clock.Now();
    ARROW_ASSIGN_OR_RAISE(source_, OpenSourceSide(engine_, source_location_, {.missing_vector = options_.missing_vector, .peek = true}));
    if (options_.dry_run) return DryRun();
    ARROW_RETURN_NOT_OK(FindIdentities());
    ARROW_ASSIGN_OR_RAISE(const bool finished, OpenRun());
    if (finished) return std::move(report_);
    const Status status = Phases();
    return status.ok() ? Conclude() : GiveUp(status);
  }

 private:
  // ---- before the run ----

  Result<CopyReport> DryRun() {
    ARROW_ASSIGN_OR_RAISE(target_, OpenTargetSide(engine_, target_location_, source_.info.layout));
    ARROW_RETURN_NOT_OK(AtSource(TransformNow(engine_, &source_, options_.transforms)));
    ARROW_ASSIGN_OR_RAISE(report_.plan, PlanCopy(engine_, source_, target_, options_));
    if (options_.plan) ARROW_RETURN_NOT_OK(CheckDrift(*options_.plan, report_.plan));
    report_.state = "dry-run";
    report_.exit_code = ExitCodeOf(report_.plan.Check());
    report_.total = report_.plan.source.count;
    report_.seconds = Seconds(began_);
    report_.peak_memory = PeakMemoryBytes();
    return std::move(report_);
  }

  Status FindIdentities() {
    ARROW_ASSIGN_OR_RAISE(target_, OpenTargetSide(engine_, target_location_, source_.info.layout));
    pair_ = PairOf(source_.info.identity, target_.info.identity);
    fingerprint_ = Fingerprint(source_, target_, options_);
    return Status::OK();
  }

  /// Finds or begins the run. True where it had finished already: the report is filled in.
  Result<bool> OpenRun() {
    ARROW_ASSIGN_OR_RAISE(const auto found, FindRun(pair_, options_.checkpoint));
    if (found) {
      ARROW_ASSIGN_OR_RAISE(const bool reuse, OpenFound(*found));
      if (reuse) return report_.state == "already-finished";
    }
    ARROW_RETURN_NOT_OK(BeginRun());
    return false;
  }

  /// True where the run goes on or had finished; false where a new one is to be begun.
  Result<bool> OpenFound(const RunFolder& folder) {
    run_.folder = folder;
    ARROW_ASSIGN_OR_RAISE(run_.lock, RunStore::Lock(folder));
    auto journal = Journal::Open(folder.journal());
    if (!journal.ok()) {
      if (!options_.restart && !options_.adopt) return journal.status();
      if (options_.restart) ARROW_RETURN_NOT_OK(DropUnfinished());
      ARROW_RETURN_NOT_OK(RunStore::WritePair(folder, ""));
      return SetAside(folder);
    }
    run_.journal = std::move(*journal);
    ARROW_ASSIGN_OR_RAISE(header_, run_.journal->header());
    run_.id = header_.id;
    const bool finished = header_.state == "finished";
    ARROW_ASSIGN_OR_RAISE(const auto planned, run_.journal->PhaseResult("plan"));
    if (!planned) return Forget();
    if (options_.restart) return Restart(folder, finished);
    if (header_.state == "rolled-back") return SetAside(folder);
    if (finished && !options_.retry_rejects) {
      if (target_.info.exists) {
        ARROW_RETURN_NOT_OK(CheckTransforms(header_.fingerprint, fingerprint_));
        return ShowFinished();
      }
      engine_.events.Message(fmt::format("the target of the finished run {} is gone; copying anew", header_.id));
      return SetAside(folder);
    }
    ARROW_RETURN_NOT_OK(CheckFingerprint(header_.fingerprint, fingerprint_));
    run_.resumed = true;
    return true;
  }

  /// A run that never had a plan has written nothing: it is as if it had not been.
  Result<bool> Forget() {
    const RunFolder folder = run_.folder;
    run_ = RunSession{};
    std::error_code ec;
    fs::remove_all(folder.dir, ec);
    for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(folder.journal().string() + suffix, ec);
    return false;
  }

  /// An unfinished run is taken back before a new one begins, so that nothing of it stays.
  Result<bool> Restart(const RunFolder& folder, bool finished) {
    if (!finished && header_.state != "rolled-back") {
      engine_.events.Message(fmt::format("taking back the unfinished run {}", header_.id));
      run_.journal.reset();
      run_.lock.reset();
      target_.sink.reset();
      ARROW_RETURN_NOT_OK(Rollback(engine_, folder, true).status());
      ARROW_ASSIGN_OR_RAISE(target_, OpenTargetSide(engine_, target_location_, source_.info.layout));
    }
    return SetAside(folder);
  }

  /// What a run left whose journal cannot be read: a dataset that is not there for anybody else.
  Status DropUnfinished() {
    if (target_.info.exists || !target_.sink->undo()) return Status::OK();
    const Status status = AtTarget(target_.sink->undo()->DropDataset());
    target_.sink.reset();
    ARROW_RETURN_NOT_OK(status);
    ARROW_ASSIGN_OR_RAISE(target_, OpenTargetSide(engine_, target_location_, source_.info.layout));
    return Status::OK();
  }

  Result<bool> SetAside(const RunFolder& folder) {
    run_ = RunSession{};
    if (options_.checkpoint.empty()) return false;
    std::error_code ec;
    fs::rename(folder.journal(), folder.journal().string() + ".old", ec);
    for (const char* suffix : {"-wal", "-shm"}) fs::remove(folder.journal().string() + suffix, ec);
    return false;
  }

  Result<bool> ShowFinished() {
    report_.run_id = header_.id;
    report_.state = "already-finished";
    report_.exit_code = header_.exit_code;
    report_.journal = run_.folder.journal();
    report_.total = header_.total;
    report_.plan.source_uri = header_.source;
    report_.plan.target_uri = header_.target;
    ARROW_RETURN_NOT_OK(FillFromSummary(header_.summary, &report_));
    report_.next.push_back(fmt::format("{} --restart", options_.command));
    return true;
  }

  Status BeginRun() {
    if (options_.retry_rejects) return MakeError(Category::not_found, "there is no run whose rejects could be tried again", "run the copy without --retry-rejects");
    if (options_.checkpoint.empty()) {
      ARROW_ASSIGN_OR_RAISE(const RunStore store, RunStore::Default());
      ARROW_ASSIGN_OR_RAISE(auto created, store.Create());
      std::tie(run_.folder, run_.id) = std::move(created);
    } else {
      const fs::path file = CanonicalPath(ExpandHome(options_.checkpoint));
      run_.folder = {file.string() + ".run", file};
      run_.id = file.filename().string();
    }
    ARROW_ASSIGN_OR_RAISE(run_.lock, RunStore::Lock(run_.folder));
    ARROW_RETURN_NOT_OK(RunStore::WritePair(run_.folder, pair_));
    header_ = RunHeader{};
    header_.id = run_.id;
    header_.command = options_.command;
    header_.source = source_.location.Display();
    header_.target = target_.location.Display();
    header_.pair = pair_;
    header_.fingerprint = fingerprint_;
    header_.version = VECFERRY_VERSION;
    header_.state = "running";
    ARROW_ASSIGN_OR_RAISE(run_.journal, Journal::Create(run_.folder.journal(), header_));
    return Status::OK();
  }

  // ---- the phases ----

  Status Phases() {
    report_.run_id = run_.id;
    report_.journal = run_.folder.journal();
    intents_ = std::make_unique<JournalIntents>(*run_.journal);
    ARROW_RETURN_NOT_OK(run_.journal->SetState("running"));
    ARROW_RETURN_NOT_OK(Timed("snapshot", &report_.snapshot_seconds, [this] { return OpenSnapshot(); }));
    ARROW_RETURN_NOT_OK(AtSource(TransformForRun(engine_, *run_.journal, run_.id, options_, &source_)));
    ARROW_RETURN_NOT_OK(PlanPhase());
    if (options_.retry_rejects) ARROW_RETURN_NOT_OK(PrepareRetry());
    ARROW_RETURN_NOT_OK(PreparePhase());
    ARROW_RETURN_NOT_OK(PrepassPhase());
    ARROW_RETURN_NOT_OK(AtTarget(DeferIndex()));
    ARROW_RETURN_NOT_OK(Timed("transfer", &report_.transfer_seconds, [this] { return TransferPhase(); }));
    ARROW_RETURN_NOT_OK(Timed("finish", &report_.finish_seconds, [this] { return FinishPhase(); }));
    ARROW_RETURN_NOT_OK(Timed("verify", &report_.verify_seconds, [this] { return VerifyPhase(); }));
    return options_.steps.after_verify ? options_.steps.after_verify(report_) : Status::OK();
  }

  Status Timed(const std::string& name, double* seconds, const std::function<Status()>& body) {
    const auto began = engine_.clock.Now();
    Event event{Event::Kind::phase_started, name, {}, {}};
    event.progress.phase = name;
    engine_.events.Send(event);
    ARROW_RETURN_NOT_OK(run_.journal->BeginPhase(name));
    ARROW_RETURN_NOT_OK(body());
    ARROW_RETURN_NOT_OK(run_.journal->EndPhase(name));
    *seconds = Seconds(began);
    event.kind = Event::Kind::phase_finished;
    event.progress.seconds = *seconds;
    engine_.events.Send(event);
    return Status::OK();
  }

  double Seconds(Clock::Steady::time_point since) const { return std::chrono::duration<double>(engine_.clock.Now() - since).count(); }

  /// The source anew, now with a folder for its snapshot: what is read from here on is the same after a crash.
  Status OpenSnapshot() {
    source_.source.reset();
    ARROW_ASSIGN_OR_RAISE(source_, OpenSourceSide(engine_, source_location_, {.work_dir = run_.folder.dir, .missing_vector = options_.missing_vector}));
    return Status::OK();
  }

  Status PlanPhase() {
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
    ARROW_ASSIGN_OR_RAISE(report_.plan, PlanCopy(engine_, source_, target_, options_));
    ARROW_RETURN_NOT_OK(AtTarget(report_.plan.Check()));
    if (options_.plan) ARROW_RETURN_NOT_OK(CheckDrift(*options_.plan, report_.plan));
    for (const auto& issue : report_.plan.issues) {
      if (issue.count != 0) engine_.events.Send({Event::Kind::message, issue.message, {}, {{"code", issue.code}, {"count", std::to_string(issue.count)}}});
    }
    report_.total = options_.limit >= 0 && report_.plan.source.count >= 0 ? std::min(options_.limit, report_.plan.source.count) : report_.plan.source.count;
    TargetIntent intent;
    intent.existed = target_.info.exists;
    intent.count = target_.info.count;
    intent.on_exists = options_.on_exists;
    intent.layout = target_.layout->name;
    intent.schema = report_.plan.source.schema.ToJson();
    intent.source_uri = source_location_.Display();
    intent.target_uri = target_location_.Display();
    ARROW_RETURN_NOT_OK(run_.journal->RecordIntent(kTargetIntent, intent.ToJson()));
    ARROW_RETURN_NOT_OK(run_.journal->PutSplits(report_.plan.splits));
    ARROW_RETURN_NOT_OK(run_.journal->SetPlan(report_.plan.ToJson(), report_.total));
    return run_.journal->EndPhase("plan");
  }

  Status PreparePhase() {
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

  Status AtTarget(const Status& status) const { return At(status, Side::sink, target_location_.scheme, target_location_.Display()); }
  Status AtSource(const Status& status) const { return At(status, Side::source, source_location_.scheme, source_location_.Display()); }

  Status PrepassPhase() {
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

  // ---- the target's index ----

  bool Replaces() const { return intent_.existed && intent_.on_exists == OnExists::replace; }

  Status DeferIndex() {
    IndexDeferral* const index = target_.sink->indexing();
    if (!index) return Status::OK();
    keeper_ = std::make_unique<IndexKeeper>(engine_, *run_.journal, *index,
                                            DeferralTarget{target_.info.identity, target_location_.Display(), target_.layout->name, run_.id, !Replaces()});
    // An earlier process of this run may have put off what this one is told not to.
    if (options_.index != IndexMode::after) return keeper_->PutBack(false);
    ARROW_ASSIGN_OR_RAISE(const auto splits, run_.journal->splits());
    return keeper_->Defer(std::any_of(splits.begin(), splits.end(), [](const auto& split) { return !split.done; }));
  }

  Status BuildIndex() {
    if (!keeper_) return Status::OK();
    ARROW_RETURN_NOT_OK(keeper_->PutBack(false));
    return options_.index == IndexMode::none ? Status::OK() : keeper_->AwaitBuilt();
  }

  /// However the run ends, nothing is left put off if that can be helped.
  void PutBackIndex() {
    if (!keeper_) return;
    const Status status = keeper_->PutBack(true);
    if (status.ok()) return;
    engine_.events.Warning(fmt::format("the index settings of {} could not be put back: {}; the same command again does it, and so does `vecferry clean`",
                                       target_location_.Display(), status.message()));
  }

  TransferOptions TransferOptionsNow() const {
    TransferOptions t = TransferOptionsOf(options_, target_, schema_, intent_);
    t.total = report_.total;
    t.duplicates = duplicates_;
    t.first_again_split = again_.first_split;
    t.only_keys = again_.keys;
    return t;
  }

  Status TransferPhase() {
    ARROW_ASSIGN_OR_RAISE(again_, LoadAgain(*run_.journal));
    Transfer transfer(*source_.source, *target_.sink, *run_.journal, engine_.events, engine_.cancel, TransferOptionsNow(), engine_.clock);
    auto result = transfer.Run();
    if (!result.ok()) {
      const Side side = FactsOf(result.status()).side;
      return side == Side::source ? AtSource(result.status()) : AtTarget(result.status());
    }
    report_.transfer = std::move(*result);
    // Where records are left out, how many there were to be is known at the end.
    if (report_.total < 0 || options_.transforms.selects()) report_.total = report_.transfer.written + report_.transfer.skipped + report_.transfer.rejected;
    return Status::OK();
  }

  Status FinishPhase() {
    if (options_.steps.before_finish) ARROW_RETURN_NOT_OK(options_.steps.before_finish());
    // What replaces a dataset that is in use is whole before it takes its place.
    if (Replaces()) ARROW_RETURN_NOT_OK(AtTarget(BuildIndex()));
    ARROW_RETURN_NOT_OK(AtTarget(target_.sink->Finish()));
    if (!Replaces()) ARROW_RETURN_NOT_OK(AtTarget(BuildIndex()));
    return run_.journal->RecordIntent("finished", report_.transfer.digest.Fingerprint());
  }

  // ---- passes over the source again: rejects, and what changed meanwhile ----

  Status PrepareRetry() {
    ARROW_ASSIGN_OR_RAISE(const std::set<uint64_t> keys, RejectedKeys(*run_.journal));
    if (keys.empty()) return Status::OK();
    ARROW_RETURN_NOT_OK(BeginAgain(*run_.journal, *source_.source, keys, "retry"));
    return run_.journal->ClearRejects();
  }

  // ---- verification ----

  /// Whether what was read may be of several states of the source: it was in use, or its one state was lost with a session or with the process
  /// that a run goes on from.
  bool SourceMoved() const {
    if (source_.info.consistency == Consistency::snapshot) return run_.resumed || source_.source->Moved();
    return source_.info.consistency == Consistency::live;
  }

  /// Whether the target is to become what the source is by now. A file is whole once it is finished: it holds what was read, and is compared with that.
  bool FollowsSource() const { return SourceMoved() && target_.can.replay == Replay::idempotent_upsert; }

  /// A file cannot follow: who has it is told what it holds.
  void WarnOfStates() {
    if (source_.info.consistency != Consistency::snapshot || !SourceMoved() || target_.can.replay == Replay::idempotent_upsert) return;
    engine_.events.Warning("the source's snapshot was lost during the run: where the source changed meanwhile, the target holds records of before and of after; --restart copies one state");
  }

  Result<VerifyRequest> RequestFor(Source& target) {
    VerifyRequest request;
    ARROW_ASSIGN_OR_RAISE(request.rejected, RejectedKeys(*run_.journal));
    if (options_.limit >= 0) {
      ARROW_ASSIGN_OR_RAISE(written_, LoadWritten(*run_.journal));
      request.written = &written_;
      request.limit = options_.limit;
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
    request.source_total = report_.total;
    request.jobs = options_.jobs;
    // A source that moved is read again; where passes were repeated, the journal's sum counts some records twice.
    const bool sum_holds = !FollowsSource() && report_.reconciled == 0;
    if (sum_holds) request.source_digest = &report_.transfer.digest;
    if (sum_holds && report_.transfer.stored) request.stored_digest = &*report_.transfer.stored;
    return request;
  }

  Status VerifyPhase() {
    WarnOfStates();
    if (options_.verify.level == VerifyLevel::none) return Status::OK();
    for (int pass = 0;; ++pass) {
      ARROW_ASSIGN_OR_RAISE(auto target, target_.sink->OpenReadBack());
      ARROW_ASSIGN_OR_RAISE(const VerifyRequest request, RequestFor(*target));
      ARROW_ASSIGN_OR_RAISE(VerifyOutcome outcome, VerifySides(engine_, request));
      report_.verify = std::move(outcome.report);
      const bool moved = FollowsSource() && options_.limit < 0;
      if (report_.verify->ok || !moved || pass >= kMostReconciles) return Status::OK();
      ARROW_ASSIGN_OR_RAISE(const int64_t removed, Remove(outcome.extra, *target));
      if (removed == 0 && outcome.repair.empty()) return Status::OK();
      if (!outcome.repair.empty()) ARROW_RETURN_NOT_OK(Reconcile(outcome.repair));
    }
  }

  /// Records that the source has no more leave the target too, where all that is in it is this run's.
  Result<int64_t> Remove(const std::set<uint64_t>& keys, Source& target) {
    if (keys.empty() || intent_.shared() || !target_.sink->undo()) return 0;
    const DigestScope scope = WordScope(ChangeOf(target_.can, schema_));
    ARROW_ASSIGN_OR_RAISE(const int64_t removed, RemoveVanished(engine_, *run_.journal, target, *target_.sink->undo(), scope, keys));
    if (removed > 0) engine_.events.Message(fmt::format("{} records left the source during the run; they are taken out of the target", FormatCount(removed)));
    report_.reconciled += removed;
    return removed;
  }

  /// The source changed while it was read: the records concerned are copied once more.
  Status Reconcile(const std::set<uint64_t>& keys) {
    engine_.events.Message(fmt::format("{} records changed at the source during the run; copying them again", FormatCount(static_cast<int64_t>(keys.size()))));
    report_.reconciled += static_cast<int64_t>(keys.size());
    ARROW_RETURN_NOT_OK(BeginAgain(*run_.journal, *source_.source, keys, "reconcile"));
    ARROW_RETURN_NOT_OK(TransferPhase());
    return FinishPhase();
  }

  // ---- the end ----

  int ExitCode() const {
    if ((report_.verify && !report_.verify->ok) || report_.mismatches > 0) return exit_code::kDifference;
    return report_.transfer.rejected > 0 ? exit_code::kRejects : exit_code::kOk;
  }

  Status WriteRejectsFile() {
    const fs::path file = options_.rejects_file.empty() ? run_.folder.dir / "rejects.jsonl" : fs::path(ExpandHome(options_.rejects_file));
    ARROW_ASSIGN_OR_RAISE(const int64_t count, WriteRejects(*run_.journal, file));
    report_.transfer.rejected = count;
    if (count > 0) report_.rejects_file = file;
    return Status::OK();
  }

  void Advise() {
    const std::string pair = fmt::format("'{}' '{}'", source_location_.Display(), target_location_.Display());
    report_.next.push_back("vecferry verify " + pair);
    report_.next.push_back(fmt::format("vecferry rollback {} --yes", run_.id));
    if (report_.transfer.rejected > 0) report_.next.push_back(options_.command + " --retry-rejects");
    report_.switch_over = FilledIn(target_.layout->switch_over, target_location_);
    report_.switch_back = FilledIn(target_.layout->switch_back, source_location_);
  }

  Result<CopyReport> Conclude() {
    ARROW_ASSIGN_OR_RAISE(report_.mismatches, run_.journal->mismatch_count());
    ARROW_RETURN_NOT_OK(WriteRejectsFile());
    report_.state = "finished";
    report_.exit_code = ExitCode();
    report_.seconds = Seconds(began_);
    report_.peak_memory = PeakMemoryBytes();
    Advise();
    ARROW_RETURN_NOT_OK(run_.journal->SetState("finished", report_.exit_code, report_.ToJson()));
    engine_.events.Send({Event::Kind::finished, "finished", {}, {{"run", run_.id}, {"exit_code", std::to_string(report_.exit_code)}}});
    source_.source.reset();
    ForgetSource();
    if (report_.exit_code == exit_code::kDifference && options_.rollback_on_failure) return RollBack();
    return std::move(report_);
  }

  /// What the source kept for a resume: its copies are named source.*
  void ForgetSource() const {
    std::error_code ec;
    std::vector<fs::path> kept;
    for (const auto& entry : fs::directory_iterator(run_.folder.dir, ec)) {
      if (entry.path().filename().string().starts_with("source.")) kept.push_back(entry.path());
    }
    for (const fs::path& path : kept) fs::remove_all(path, ec);
  }

  Result<CopyReport> RollBack() {
    keeper_.reset();
    target_.sink.reset();
    const RunFolder folder = run_.folder;
    run_ = RunSession{};
    engine_.events.Warning("the verification found differences: rolling back");
    ARROW_RETURN_NOT_OK(Rollback(engine_, folder, true).status());
    report_.state = "rolled-back";
    return std::move(report_);
  }

  Result<CopyReport> GiveUp(const Status& status) {
    PutBackIndex();
    (void)target_.sink->Abort();
    const bool interrupted = IsCategory(status, Category::cancelled);
    const int code = ExitCodeOf(status);
    if (!run_.journal->PhaseResult("plan").ValueOr(std::nullopt)) {
      (void)Forget();
      return status;
    }
    (void)WriteRejectsFile();
    const Status noted = run_.journal->SetState(interrupted ? "interrupted" : "failed", code);
    if (!noted.ok()) engine_.events.Warning("the end of the run could not be journalled: " + noted.message());
    engine_.events.Send({Event::Kind::finished, interrupted ? "interrupted" : "failed", {}, {{"run", run_.id}, {"exit_code", std::to_string(code)}}});
    if (!interrupted) return status;
    return MakeError(Category::cancelled, "interrupted: everything acknowledged so far is journalled", fmt::format("resume with: {}", options_.command));
  }

  const Engine& engine_;
  const Location source_location_, target_location_;
  CopyOptions options_;
  Clock::Steady::time_point began_;
  OpenedSource source_;
  OpenedTarget target_;
  std::string pair_, fingerprint_;
  RunSession run_;
  RunHeader header_;
  std::unique_ptr<JournalIntents> intents_;
  std::unique_ptr<IndexKeeper> keeper_;    ///< of a target whose index can be put off
  TargetIntent intent_;
  RecordSchema schema_;
  Duplicates duplicates_;
  AgainPass again_;
  WrittenHashes written_;                  ///< of a run with --limit, for its verification
  CopyReport report_;
};

}  // namespace

Result<CopyReport> Copy(const Engine& engine, const Location& source, const Location& target, const CopyOptions& options) {
  return Copier(engine, source, target, options).Run();
}

}  // namespace vecferry
