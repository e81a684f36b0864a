#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "migration/activity_log.h"
#include "migration/again.h"
#include "migration/deferral.h"
#include "migration/delta.h"
#include "migration/keyed_source.h"
#include "migration/session.h"
#include "migration/verifier.h"

namespace vecferry {

/// One copy from its first look at both sides to its report. Used once, by one thread. What a process does is in the order of the
/// declarations; copy_begin.cc has what comes before the run, copy_prepare.cc its preparation, copy_proof.cc its verification, copy_delta.cc what
/// a sync and a repair do besides, copy.cc the rest.
class Copier {
 public:
  Copier(const Engine& engine, const Location& source, const Location& target, const CopyOptions& options);
  Result<CopyReport> Run();

 private:
  // ---- before the run ----
  Result<CopyReport> DryRun();
  Status FindIdentities();
  /// Finds or begins the run. True where it had finished already: the report is filled in.
  Result<bool> OpenRun();
  Result<bool> FindAndOpen();
  /// True where the run goes on or had finished; false where a new one is to be begun.
  Result<bool> OpenFound(const RunFolder& folder);
  /// A run that never had a plan has written nothing: it is as if it had not been.
  Result<bool> Forget();
  /// An unfinished run is taken back before a new one begins, so that nothing of it stays.
  Result<bool> Restart(const RunFolder& folder, bool finished);
  /// What a run left whose journal cannot be read: a dataset that is not there for anybody else.
  Status DropUnfinished();
  Result<bool> SetAside(const RunFolder& folder);
  Result<bool> ShowFinished();
  Status BeginRun();

  // ---- a sync, or a repair ----
  /// Whether both sides are compared first, and only what differs is written.
  bool Compares() const { return options_.delta.mode != DeltaMode::none; }
  /// The same, into a target that is changed in place.
  bool Merges() const { return Compares() && !rewrites_; }
  /// What was asked for, now that the target is known: into one that holds nothing it is a copy.
  Status ChooseDelta();
  /// OpenFound of a sync or a repair.
  Result<bool> GoOnFrom(const RunFolder& folder, bool finished);
  Status TransformDelta();
  bool SharedTarget() const;
  Status CheckKnown() const;
  Result<VerifyOutcome> CompareSides();
  Status CheckDelta(const Delta& delta, int64_t target_count) const;
  void TellDelta(const DeltaReport& report);
  Status ComparePhase();
  Status KeepDelta(const Delta& delta, const Digest& source_digest);
  bool AsksByKey(const Delta& delta) const;
  Status LoadDelta();
  Status DeletePhase();
  Status Delete(const std::vector<RemovedRecord>& page);
  Result<VerifyRequest> MergedRequest(Source& target, const KnownRun& now);
  Status VerifyMerged();
  Result<CopyReport> DryDelta();
  Result<CopyReport> InSync();

  // ---- the phases ----
  Status Phases();
  Status Timed(const std::string& name, double* seconds, const std::function<Status()>& body);
  double Seconds(Clock::Steady::time_point since) const { return std::chrono::duration<double>(engine_.clock.Now() - since).count(); }
  /// The source anew, now with a folder for its snapshot: what is read from here on is the same after a crash.
  Status OpenSnapshot();
  Status PlanPhase();
  Status PreparePhase();
  Status AtTarget(const Status& status) const { return At(status, Side::sink, target_location_.scheme, target_location_.Display()); }
  Status AtSource(const Status& status) const { return At(status, Side::source, source_location_.scheme, source_location_.Display()); }
  Status PrepassPhase();

  // ---- the target's index ----
  bool Replaces() const { return intent_.existed && intent_.on_exists == OnExists::replace; }
  Status DeferIndex();
  Status BuildIndex();
  /// However the run ends, nothing is left put off if that can be helped.
  void PutBackIndex();
  TransferOptions TransferOptionsNow() const;
  Status TransferPhase();
  Status FinishPhase();

  // ---- passes over the source again: rejects, and what changed meanwhile ----
  Status PrepareRetry();

  // ---- verification ----
  /// Whether what was read may be of several states of the source: it was in use, or its one state was lost with a session or with the process
  /// that a run goes on from.
  bool SourceMoved() const;
  /// Whether the target is to become what the source is by now. A file is whole once it is finished: it holds what was read, and is compared with that.
  bool FollowsSource() const;
  /// A file cannot follow: who has it is told what it holds.
  void WarnOfStates();
  Result<VerifyRequest> RequestFor(Source& target);
  Status VerifyPhase();
  /// Of records that the target keeps otherwise than was foretold, the journal is told how.
  Status KeepHeld(const WrittenHashes& held);
  /// Records that the source has no more leave the target too, where all that is in it is this run's.
  Result<int64_t> Remove(const std::set<uint64_t>& keys, Source& target);
  /// The source changed while it was read: the records concerned are copied once more.
  Status Reconcile(const std::set<uint64_t>& keys);

  // ---- the end ----
  int ExitCode() const;
  Status WriteRejectsFile();
  void Advise();
  Result<CopyReport> Conclude();
  /// What the source kept for a resume: its copies are named source.*
  void ForgetSource() const;
  Result<CopyReport> RollBack();
  Result<CopyReport> GiveUp(const Status& status);

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
  std::unique_ptr<ActivityLog> activity_;
  std::unique_ptr<IndexKeeper> keeper_;    ///< of a target whose index can be put off
  TargetIntent intent_;
  RecordSchema schema_;
  Duplicates duplicates_;
  AgainPass again_;
  WrittenHashes written_;                  ///< of a run with --limit, for its verification
  WrittenHashes held_;
  bool syncs_ = false;                     ///< --sync was asked for, be it a first copy
  bool set_aside_ = false;                 ///< the journal of --checkpoint was
  KnownRun known_;                         ///< what earlier runs wrote, of a sync or a repair
  bool rewrites_ = false;                  ///< its target cannot be changed in place
  bool adopted_ = false;
  int64_t limit_ = -1;                     ///< of the copy that is repaired
  std::set<uint64_t> to_write_;            ///< key words, where the source is read whole
  std::set<uint64_t> kept_;                ///< key words of conflicts that are left
  bool scans_ = false;                     ///< it is
  std::vector<Split> by_key_;              ///< else the splits, until they are planned
  KeyedSource* keyed_ = nullptr;           ///< the source, of a run that merges
  std::optional<Digest> compared_;         ///< of the source, when both sides were compared
  CopyReport report_;
};

}  // namespace vecferry
