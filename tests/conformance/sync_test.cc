// copy --sync and verify --repair: of every kind of store what is written is what differs, and it can be taken back.
#include <gmock/gmock.h>

#include "conformance/engine_harness.h"

namespace vecferry::conformance {
namespace {

class SyncSuite : public EngineSinkSuite {
 public:
  using EngineSinkSuite::EngineSinkSuite;

 protected:
  CopyOptions Sync(bool remove = false) {
    CopyOptions options = Options();
    options.delta.mode = DeltaMode::sync;
    options.delta.remove = remove;
    options.delta.max_delete_share = 1;
    return options;
  }
  CopyOptions Repair() {
    CopyOptions options = Sync();
    options.delta.mode = DeltaMode::repair;
    return options;
  }
  /// A source with these records and no others.
  void Become(const Location& source, const std::vector<RecordView>& parts) {
    auto sink = OpenSinkOf(source);
    if (Must(sink->Describe()).exists) {
      ASSERT_TRUE(sink->undo()->DropDataset().ok());
    }
    for (const RecordView& part : parts) Put(source, part);
  }
  std::unique_ptr<Sink> OpenSinkOf(const Location& location) {
    OpenContext context;
    context.cancel = &cancel_;
    context.layout = context_.layout;
    return Must(Must(EngineStores().Find(location.scheme))->OpenSink(location, context));
  }
  std::string Wanted(const std::vector<RecordView>& parts) {
    Content wanted;
    for (const RecordView& part : parts) Add(part, &wanted);
    return wanted.digest.Fingerprint();
  }
  void ExpectRecords(const Location& location, const std::vector<RecordView>& parts) { EXPECT_EQ(ContentOf(location).digest.Fingerprint(), Wanted(parts)); }

  /// A target with the records 0 to 29, by a first sync; by now the source has 2 new ones, 3 changed and 4 gone.
  Location Synced(const Location& source) {
    const Location target = Fresh("target");
    Become(source, {Records(0, 30)});
    EXPECT_EQ(MustCopy(source, target, Sync()).exit_code, exit_code::kOk);
    Become(source, {Records(0, 5), Versions(5, 3, 1), Records(8, 2), Records(14, 18)});
    return target;
  }
  /// How such a store is synced: in place, by being written whole, or not at all.
  bool InPlace() const { return can_.appends; }
  /// One that is written whole may be of a kind that cannot take the place of what is there.
  bool RefusesToBeRewritten(const Location& source, const Location& target) {
    if (InPlace() || Must(OpenSink(target)->Describe()).replace.value_or(can_.replace) != ReplaceMode::none) return false;
    const auto refused = Copy(engine_, source, target, Sync(true));
    EXPECT_TRUE(IsCategory(refused.status(), Category::refused)) << refused.status();
    Shown(Fidelity::refused);
    return true;
  }
};

STORE_TEST(SyncSuite, MovesOnlyWhatChanged) {
  if (!can_.source) return;
  const Location source = Memory("source"), target = Synced(source);
  if (RefusesToBeRewritten(source, target)) return;
  if (!InPlace()) {
    // What the source lacks would vanish with the old file.
    const auto refused = Copy(engine_, source, target, Sync());
    EXPECT_TRUE(IsCategory(refused.status(), Category::refused)) << refused.status();
    return ExpectRecords(target, {Records(0, 30)});
  }
  const CopyReport report = MustCopy(source, target, Sync());
  EXPECT_EQ(report.exit_code, exit_code::kOk) << report.ToJson();
  EXPECT_EQ(report.transfer.written, 5);
  EXPECT_EQ(report.delta->added, 2);
  EXPECT_EQ(report.delta->changed, 3);
  EXPECT_EQ(report.delta->deleted, 0);
  ExpectRecords(target, {Records(0, 5), Versions(5, 3, 1), Records(8, 24)});
}

STORE_TEST(SyncSuite, AgainAtOnceWritesNothing) {
  if (!can_.source) return;
  const Location source = Memory("source"), target = Fresh("target");
  Become(source, {Records(0, 30)});
  EXPECT_EQ(MustCopy(source, target, Sync()).exit_code, exit_code::kOk);
  failpoint::Arm("transfer.write.before:1:error");
  const CopyReport again = MustCopy(source, target, Sync(can_.undo));
  failpoint::Arm("");
  EXPECT_EQ(again.state, "in-sync") << again.ToJson();
  EXPECT_EQ(again.exit_code, exit_code::kOk) << again.ToJson();
  EXPECT_EQ(again.delta->unchanged, 30);
}

STORE_TEST(SyncSuite, DeletesOnlyWithDelete) {
  if (!can_.source || !can_.undo) return;
  const Location source = Memory("source"), target = Synced(source);
  if (RefusesToBeRewritten(source, target)) return;
  CopyOptions options = Sync(true);
  options.delta.max_delete = 3;
  const auto refused = Copy(engine_, source, target, options);
  EXPECT_TRUE(IsCategory(refused.status(), Category::refused)) << refused.status();
  ExpectRecords(target, {Records(0, 30)});
  const CopyReport report = MustCopy(source, target, Sync(true));
  EXPECT_EQ(report.exit_code, exit_code::kOk) << report.ToJson();
  EXPECT_EQ(report.delta->to_delete, 4);
  EXPECT_EQ(report.delta->rewritten, !InPlace());
  ExpectRecords(target, {Records(0, 5), Versions(5, 3, 1), Records(8, 2), Records(14, 18)});
}

STORE_TEST(SyncSuite, KeepsWhatSomebodyChanged) {
  if (!can_.source || !InPlace()) return;
  const Location source = Memory("source"), target = Synced(source);
  Put(target, Versions(20, 1, 2));
  const CopyReport kept = MustCopy(source, target, Sync());
  EXPECT_EQ(kept.exit_code, exit_code::kDifference) << kept.ToJson();
  EXPECT_EQ(kept.delta->kept, 1);
  ExpectRecords(target, {Records(0, 5), Versions(5, 3, 1), Records(8, 12), Versions(20, 1, 2), Records(21, 11)});
  CopyOptions options = Sync();
  options.delta.overwrite_changed = true;
  EXPECT_EQ(MustCopy(source, target, options).transfer.written, 1);
  ExpectRecords(target, {Records(0, 5), Versions(5, 3, 1), Records(8, 24)});
}

STORE_TEST(SyncSuite, IsTakenBack) {
  if (!can_.source || !InPlace() || !can_.undo) return;
  const Location source = Memory("source"), target = Synced(source);
  const CopyReport report = MustCopy(source, target, Sync(true));
  const RollbackReport rollback = MustRollBack(report.run_id);
  EXPECT_EQ(rollback.conflicts, 0) << rollback.ToJson();
  EXPECT_EQ(rollback.restored, 7);
  EXPECT_EQ(rollback.deleted, 2);
  ExpectRecords(target, {Records(0, 30)});
}

STORE_TEST(SyncSuite, GoesOnWhereItWasCutShort) {
  if (!can_.source || !InPlace() || !can_.undo) return;
  for (const char* point : {"transfer.write.before:1:error", "transfer.write.after:1:error", "delta.delete.before:1:error", "delta.delete.after:1:error"}) {
    const Location source = Memory("source"), target = Synced(source);
    failpoint::Arm(point);
    EXPECT_FALSE(Copy(engine_, source, target, Sync(true)).ok()) << point;
    failpoint::Arm("");
    const CopyReport report = MustCopy(source, target, Sync(true));
    EXPECT_EQ(report.exit_code, exit_code::kOk) << point << report.ToJson();
    ExpectRecords(target, {Records(0, 5), Versions(5, 3, 1), Records(8, 2), Records(14, 18)});
    EXPECT_EQ(MustRollBack(report.run_id).conflicts, 0) << point;
    ExpectRecords(target, {Records(0, 30)});
  }
}

STORE_TEST(SyncSuite, RepairRewritesOnlyWhatDiffers) {
  if (!can_.source || !InPlace() || !can_.undo) return;
  const Location source = Memory("source"), target = Fresh("target");
  Become(source, {Records(0, 30)});
  EXPECT_EQ(MustCopy(source, target, Options()).exit_code, exit_code::kOk);
  Put(target, Versions(3, 1, 2));
  Put(target, Records(40, 1));
  Become(source, {Records(0, 7), Versions(7, 2, 1), Records(9, 22)});
  const CopyReport report = MustCopy(source, target, Repair());
  EXPECT_EQ(report.exit_code, exit_code::kDifference) << report.ToJson();
  EXPECT_EQ(report.transfer.written, 3) << report.ToJson();
  EXPECT_EQ(report.delta->kept, 1);
  ExpectRecords(target, {Records(0, 3), Versions(3, 1, 2), Records(4, 3), Versions(7, 2, 1), Records(9, 22), Records(40, 1)});
  CopyOptions options = Repair();
  options.delta.remove = options.delta.overwrite_changed = true;
  const CopyReport whole = MustCopy(source, target, options);
  EXPECT_EQ(whole.exit_code, exit_code::kOk) << whole.ToJson();
  ExpectRecords(target, {Records(0, 7), Versions(7, 2, 1), Records(9, 22)});
  EXPECT_EQ(MustRollBack(whole.run_id).conflicts, 0);
  ExpectRecords(target, {Records(0, 3), Versions(3, 1, 2), Records(4, 3), Versions(7, 2, 1), Records(9, 22), Records(40, 1)});
}

}  // namespace
}  // namespace vecferry::conformance
