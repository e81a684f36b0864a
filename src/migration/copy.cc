#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "migration/copier.h"
#include "migration/transfer_options.h"
#include "migration/transforms.h"

namespace vecferry {
namespace {

constexpr int64_t kDefaultMemory = 32 << 20;

}  // namespace

Copier::Copier(const Engine& engine, const Location& source, const Location& target, const CopyOptions& options)
    : engine_(engine), source_location_(source), target_location_(target), options_(options) {
  syncs_ = options_.delta.mode == DeltaMode::sync;
  if (options_.jobs <= 0) options_.jobs = std::max(1, std::min(4, static_cast<int>(std::thread::hardware_concurrency())));
  if (options_.memory_bytes <= 0) options_.memory_bytes = kDefaultMemory;
}

Result<CopyReport> Copier::Run() {
  began_ = engine_.clock.Now();
  ARROW_ASSIGN_OR_RAISE(source_, OpenSourceSide(engine_, source_location_, {.missing_vector = options_.missing_vector, .peek = true}));
  if (options_.dry_run) return DryRun();
  ARROW_RETURN_NOT_OK(FindIdentities());
  ARROW_ASSIGN_OR_RAISE(const bool finished, OpenRun());
  if (finished) return std::move(report_);
  const Status status = Phases();
  if (!status.ok()) return GiveUp(status);
  return report_.state == "in-sync" ? InSync() : Conclude();
}

Status Copier::Phases() {
  report_.run_id = run_.id;
  report_.journal = run_.folder.journal();
  intents_ = std::make_unique<JournalIntents>(*run_.journal);
  ARROW_RETURN_NOT_OK(run_.journal->SetState("running"));
  activity_ = std::make_unique<ActivityLog>(engine_, *run_.journal);
  ARROW_RETURN_NOT_OK(Timed("snapshot", &report_.snapshot_seconds, [this] { return OpenSnapshot(); }));
  if (Compares()) {
    ARROW_RETURN_NOT_OK(AtSource(TransformDelta()));
    ARROW_RETURN_NOT_OK(ComparePhase());
    if (report_.state == "in-sync") return Status::OK();
  } else {
    ARROW_RETURN_NOT_OK(AtSource(TransformForRun(engine_, *run_.journal, run_.id, options_, &source_)));
  }
  ARROW_RETURN_NOT_OK(PlanPhase());
  if (options_.retry_rejects) ARROW_RETURN_NOT_OK(PrepareRetry());
  ARROW_RETURN_NOT_OK(PreparePhase());
  ARROW_RETURN_NOT_OK(PrepassPhase());
  ARROW_RETURN_NOT_OK(AtTarget(DeferIndex()));
  ARROW_RETURN_NOT_OK(Timed("transfer", &report_.transfer_seconds, [this] { return TransferPhase(); }));
  ARROW_RETURN_NOT_OK(DeletePhase());
  ARROW_RETURN_NOT_OK(Timed("finish", &report_.finish_seconds, [this] { return FinishPhase(); }));
  ARROW_RETURN_NOT_OK(Timed("verify", &report_.verify_seconds, [this] { return Merges() ? VerifyMerged() : VerifyPhase(); }));
  return options_.steps.after_verify ? options_.steps.after_verify(report_) : Status::OK();
}

Status Copier::Timed(const std::string& name, double* seconds, const std::function<Status()>& body) {
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

TransferOptions Copier::TransferOptionsNow() const {
  TransferOptions t = TransferOptionsOf(options_, source_, target_, schema_, intent_);
  t.total = report_.total;
  t.duplicates = duplicates_;
  t.first_again_split = again_.first_split;
  t.only_keys = again_.keys;
  if (scans_ && again_.first_split == INT32_MAX) {
    t.first_again_split = 0;
    t.only_keys = to_write_;
  }
  return t;
}

Status Copier::TransferPhase() {
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

Status Copier::FinishPhase() {
  if (options_.steps.before_finish) ARROW_RETURN_NOT_OK(options_.steps.before_finish());
  // What replaces a dataset that is in use is whole before it takes its place.
  if (Replaces()) ARROW_RETURN_NOT_OK(AtTarget(BuildIndex()));
  ARROW_RETURN_NOT_OK(AtTarget(target_.sink->Finish()));
  if (!Replaces()) ARROW_RETURN_NOT_OK(AtTarget(BuildIndex()));
  return run_.journal->RecordIntent("finished", report_.transfer.digest.Fingerprint());
}

Status Copier::PrepareRetry() {
  ARROW_ASSIGN_OR_RAISE(const std::set<uint64_t> keys, RejectedKeys(*run_.journal));
  if (keys.empty()) return Status::OK();
  ARROW_RETURN_NOT_OK(BeginAgain(*run_.journal, *source_.source, keys, "retry"));
  return run_.journal->ClearRejects();
}

int Copier::ExitCode() const {
  const bool kept = report_.delta && report_.delta->kept > 0;
  if ((report_.verify && !report_.verify->ok) || report_.mismatches > 0 || kept) return exit_code::kDifference;
  return report_.transfer.rejected > 0 ? exit_code::kRejects : exit_code::kOk;
}

Status Copier::WriteRejectsFile() {
  const fs::path file = options_.rejects_file.empty() ? run_.folder.dir / "rejects.jsonl" : fs::path(ExpandHome(options_.rejects_file));
  ARROW_ASSIGN_OR_RAISE(const int64_t count, WriteRejects(*run_.journal, file));
  report_.transfer.rejected = count;
  if (count > 0) report_.rejects_file = file;
  return Status::OK();
}

void Copier::Advise() {
  const std::string pair = fmt::format("'{}' '{}'", source_location_.Display(), target_location_.Display());
  report_.next.push_back("vecferry verify " + pair);
  report_.next.push_back(fmt::format("vecferry rollback {} --yes", run_.id));
  if (report_.transfer.rejected > 0) report_.next.push_back(options_.command + " --retry-rejects");
  report_.switch_over = FilledIn(target_.layout->switch_over, target_location_);
  report_.switch_back = FilledIn(target_.layout->switch_back, source_location_);
}

Result<CopyReport> Copier::Conclude() {
  ARROW_ASSIGN_OR_RAISE(report_.mismatches, run_.journal->mismatch_count());
  ARROW_RETURN_NOT_OK(WriteRejectsFile());
  report_.state = "finished";
  report_.exit_code = ExitCode();
  report_.seconds = Seconds(began_);
  report_.peak_memory = PeakMemoryBytes();
  Advise();
  activity_->End("finished");
  activity_.reset();
  ARROW_RETURN_NOT_OK(run_.journal->SetState("finished", report_.exit_code, report_.ToJson()));
  engine_.events.Send({Event::Kind::finished, "finished", {}, {{"run", run_.id}, {"exit_code", std::to_string(report_.exit_code)}, {"journal", report_.journal.string()}}});
  source_.source.reset();
  ForgetSource();
  if (report_.exit_code == exit_code::kDifference && options_.rollback_on_failure) return RollBack();
  return std::move(report_);
}

void Copier::ForgetSource() const {
  std::error_code ec;
  std::vector<fs::path> kept;
  for (const auto& entry : fs::directory_iterator(run_.folder.dir, ec)) {
    if (entry.path().filename().string().starts_with("source.")) kept.push_back(entry.path());
  }
  for (const fs::path& path : kept) fs::remove_all(path, ec);
}

Result<CopyReport> Copier::RollBack() {
  keeper_.reset();
  target_.sink.reset();
  const RunFolder folder = run_.folder;
  run_ = RunSession{};
  engine_.events.Warning("the verification found differences: rolling back");
  ARROW_RETURN_NOT_OK(Rollback(engine_, folder, true).status());
  report_.state = "rolled-back";
  return std::move(report_);
}

Result<CopyReport> Copier::GiveUp(const Status& status) {
  PutBackIndex();
  (void)target_.sink->Abort();
  const bool interrupted = IsCategory(status, Category::cancelled);
  const int code = ExitCodeOf(status);
  if (activity_) activity_->End(interrupted ? "interrupted" : "failed", status);
  activity_.reset();
  if (!run_.journal->PhaseResult("plan").ValueOr(std::nullopt)) {
    (void)Forget();
    return status;
  }
  (void)WriteRejectsFile();
  const Status noted = run_.journal->SetState(interrupted ? "interrupted" : "failed", code);
  if (!noted.ok()) engine_.events.Warning("the end of the run could not be journalled: " + noted.message());
  engine_.events.Send({Event::Kind::finished, interrupted ? "interrupted" : "failed", {}, {{"run", run_.id}, {"exit_code", std::to_string(code)}, {"journal", report_.journal.string()}}});
  if (!interrupted) return status;
  return MakeError(Category::cancelled, "interrupted: everything acknowledged so far is journalled", fmt::format("resume with: {}", options_.command));
}

Result<CopyReport> Copy(const Engine& engine, const Location& source, const Location& target, const CopyOptions& options) {
  return Copier(engine, source, target, options).Run();
}

}  // namespace vecferry
