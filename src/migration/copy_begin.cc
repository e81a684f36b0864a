#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "migration/copier.h"
#include "migration/drift.h"
#include "migration/planner.h"
#include "migration/report_json.h"
#include "migration/transforms.h"

#ifndef VECFERRY_VERSION
#define VECFERRY_VERSION "0.1.0"
#endif

namespace vecferry {

Result<CopyReport> Copier::DryRun() {
  ARROW_RETURN_NOT_OK(FindIdentities());
  if (Compares()) return DryDelta();
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

Status Copier::FindIdentities() {
  ARROW_ASSIGN_OR_RAISE(target_, OpenTargetSide(engine_, target_location_, source_.info.layout));
  if (Compares()) ARROW_RETURN_NOT_OK(ChooseDelta());
  pair_ = PairOf(source_.info.identity, target_.info.identity);
  fingerprint_ = Fingerprint(source_, target_, options_);
  return Status::OK();
}

Result<bool> Copier::OpenRun() {
  ARROW_ASSIGN_OR_RAISE(const bool reuse, FindAndOpen());
  if (reuse) return report_.state == "already-finished";
  ARROW_RETURN_NOT_OK(BeginRun());
  return false;
}

Result<bool> Copier::FindAndOpen() {
  ARROW_ASSIGN_OR_RAISE(const auto found, FindRun(pair_, options_.checkpoint));
  return found ? OpenFound(*found) : Result<bool>(false);
}

Result<bool> Copier::OpenFound(const RunFolder& folder) {
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
  if (!planned) {
    std::error_code ec;
    set_aside_ = Compares() && !options_.checkpoint.empty() && fs::exists(folder.journal().string() + ".old", ec);
    ARROW_RETURN_NOT_OK(Forget().status());
    return Compares() ? FindAndOpen() : Result<bool>(false);
  }
  if (Compares()) return GoOnFrom(folder, finished);
  if (syncs_ && finished) return SetAside(folder);  // what it copied is gone
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

Result<bool> Copier::Forget() {
  const RunFolder folder = run_.folder;
  run_ = RunSession{};
  std::error_code ec;
  fs::remove_all(folder.dir, ec);
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(folder.journal().string() + suffix, ec);
  if (std::exchange(set_aside_, false)) fs::rename(folder.journal().string() + ".old", folder.journal(), ec);
  return false;
}

Result<bool> Copier::Restart(const RunFolder& folder, bool finished) {
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

Status Copier::DropUnfinished() {
  if (target_.info.exists || !target_.sink->undo()) return Status::OK();
  const Status status = AtTarget(target_.sink->undo()->DropDataset());
  target_.sink.reset();
  ARROW_RETURN_NOT_OK(status);
  ARROW_ASSIGN_OR_RAISE(target_, OpenTargetSide(engine_, target_location_, source_.info.layout));
  return Status::OK();
}

Result<bool> Copier::SetAside(const RunFolder& folder) {
  run_ = RunSession{};
  if (options_.checkpoint.empty()) return false;
  set_aside_ = true;
  std::error_code ec;
  fs::rename(folder.journal(), folder.journal().string() + ".old", ec);
  for (const char* suffix : {"-wal", "-shm"}) fs::remove(folder.journal().string() + suffix, ec);
  return false;
}

Result<bool> Copier::ShowFinished() {
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

Status Copier::BeginRun() {
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

}  // namespace vecferry
