// --on-exists, runs that are repeated, and plans: what the capabilities say, on every kind of store.
#include <gmock/gmock.h>

#include "conformance/engine_harness.h"

namespace vecferry::conformance {
namespace {

class PolicySuite : public EngineSinkSuite {
 public:
  using EngineSinkSuite::EngineSinkSuite;

 protected:
  /// A target with the records 0 to 9 of version 0.
  Location Target() {
    const Location location = Fresh("target");
    WriteAll(location, {Records(0, 10)});
    return location;
  }
  /// A source with the records 5 to 14 of another version.
  Location Source(int first = 5, int count = 10, int version = 1) {
    const Location location = Memory("source");
    Put(location, Versions(first, count, version));
    return location;
  }
  CopyOptions With(OnExists policy) {
    CopyOptions options = Options();
    options.on_exists = policy;
    return options;
  }
  void ExpectRecords(const Location& location, const std::vector<RecordView>& parts) {
    Content wanted;
    for (const RecordView& part : parts) Add(part, &wanted);
    EXPECT_EQ(ContentOf(location).digest.Fingerprint(), wanted.digest.Fingerprint());
  }
};

STORE_TEST(PolicySuite, FailRefusesATargetThatHoldsRecords) {
  const Location target = Target();
  ExpectRefused(Source(), target, With(OnExists::fail));
  ExpectRecords(target, {Records(0, 10)});
}

STORE_TEST(PolicySuite, AppendAddsWhatIsNewAndRejectsWhatDiffers) {
  const Location target = Target(), source = Source();
  if (!can_.appends || !can_.lookup) {
    ExpectRefused(source, target, With(OnExists::append));
    ExpectRecords(target, {Records(0, 10)});
    return Shown(Fidelity::refused);
  }
  const CopyReport report = MustCopy(source, target, With(OnExists::append));
  EXPECT_EQ(report.exit_code, exit_code::kRejects) << report.ToJson();
  EXPECT_EQ(report.transfer.written, 5);
  EXPECT_EQ(report.transfer.rejected, 5);
  ExpectRecords(target, {Records(0, 10), Versions(10, 5, 1)});
}

STORE_TEST(PolicySuite, AppendSkipsWhatIsThereAlready) {
  const Location target = Target(), source = Source(5, 10, 0);
  if (!can_.appends || !can_.lookup) return ExpectRefused(source, target, With(OnExists::append));
  const CopyReport report = MustCopy(source, target, With(OnExists::append));
  EXPECT_EQ(report.exit_code, exit_code::kOk) << report.ToJson();
  EXPECT_EQ(report.transfer.skipped, 5);
  ExpectRecords(target, {Records(0, 15)});
}

STORE_TEST(PolicySuite, UpsertOverwrites) {
  const Location target = Target(), source = Source();
  if (!can_.appends) {
    ExpectRefused(source, target, With(OnExists::upsert));
    ExpectRecords(target, {Records(0, 10)});
    return Shown(Fidelity::refused);
  }
  const CopyReport report = MustCopy(source, target, With(OnExists::upsert));
  EXPECT_EQ(report.exit_code, exit_code::kOk) << report.ToJson();
  EXPECT_EQ(report.transfer.written, 10);
  ExpectRecords(target, {Records(0, 5), Versions(5, 10, 1)});
}

STORE_TEST(PolicySuite, UpsertAgainChangesNothing) {
  const Location target = Fresh("target"), source = Source();
  CopyOptions options = With(can_.appends ? OnExists::upsert : OnExists::replace);
  if (!can_.appends && can_.replace == ReplaceMode::none) options.on_exists = OnExists::fail;
  EXPECT_EQ(MustCopy(source, target, options).exit_code, exit_code::kOk);
  options.restart = true;
  if (options.on_exists == OnExists::fail) return ExpectRefused(source, target, options);
  const CopyReport report = MustCopy(source, target, options);
  EXPECT_EQ(report.exit_code, exit_code::kOk) << report.ToJson();
  ExpectRecords(target, {Versions(5, 10, 1)});
}

STORE_TEST(PolicySuite, ReplaceTakesThePlace) {
  const Location target = Target(), source = Source();
  CopyOptions options = With(OnExists::replace);
  const auto own = Must(OpenSink(target)->Describe()).replace;
  switch (own.value_or(can_.replace)) {
    case ReplaceMode::none:
      ExpectRefused(source, target, options);
      ExpectRecords(target, {Records(0, 10)});
      return Shown(Fidelity::refused);
    case ReplaceMode::window:
      options.yes = false;
      ExpectRefused(source, target, options);
      ExpectRecords(target, {Records(0, 10)});
      options.yes = true;
      break;
    case ReplaceMode::atomic: options.yes = false; break;
  }
  const CopyReport report = MustCopy(source, target, options);
  EXPECT_EQ(report.exit_code, exit_code::kOk) << report.ToJson();
  ExpectRecords(target, {Versions(5, 10, 1)});
}

STORE_TEST(PolicySuite, AFailedReplaceKeepsWhatWasThere) {
  const Location target = Target(), source = Source(0, 50, 1);
  if (can_.replace == ReplaceMode::none) return ExpectRefused(source, target, With(OnExists::replace));
  failpoint::Arm("transfer.write.before:3:error");
  EXPECT_FALSE(Copy(engine_, source, target, With(OnExists::replace)).ok());
  failpoint::Arm("");
  ExpectRecords(target, {Records(0, 10)});
  const CopyReport report = MustCopy(source, target, With(OnExists::replace));
  EXPECT_EQ(report.exit_code, exit_code::kOk) << report.ToJson();
  ExpectRecords(target, {Versions(0, 50, 1)});
}

STORE_TEST(PolicySuite, AnEmptyTargetThatFitsIsFilled) {
  const Location target = Fresh("target"), source = Source();
  Put(target, Must(Records(0, 1).Slice(0, 0)));
  if (!Exists(target)) GTEST_FAIL() << "an empty dataset is a dataset";
  if (!can_.appends) {
    // A file that exists is not written into; it may be taken for empty and written anew.
    const auto report = Copy(engine_, source, target, With(OnExists::fail));
    if (!report.ok()) {
      EXPECT_TRUE(IsCategory(report.status(), Category::refused)) << report.status();
      return ExpectRecords(target, {Must(Records(0, 1).Slice(0, 0))});
    }
    return ExpectRecords(target, {Versions(5, 10, 1)});
  }
  const CopyReport report = MustCopy(source, target, With(OnExists::fail));
  EXPECT_EQ(report.exit_code, exit_code::kOk) << report.ToJson();
  ExpectRecords(target, {Versions(5, 10, 1)});
}

STORE_TEST(PolicySuite, OtherVectorsAreRefusedByATargetThatHoldsSome) {
  const Location target = Target(), source = Memory("wide");
  RecordSchema wide = Schema();
  wide.vectors[0].dims *= 2;
  Put(source, PlainRecords(*fixture_, wide, 20, 3));
  ExpectRefused(source, target, With(OnExists::upsert));
  ExpectRecords(target, {Records(0, 10)});
}

STORE_TEST(PolicySuite, TheSameDatasetOnBothSidesIsRefused) {
  if (!can_.source) return;
  const Location target = Target();
  ExpectRefused(target, target, With(OnExists::upsert));
  ExpectRecords(target, {Records(0, 10)});
}

STORE_TEST(PolicySuite, ADryRunWritesNothing) {
  CopyOptions options = Options();
  options.dry_run = true;
  const Location target = Fresh("target");
  const CopyReport report = MustCopy(Source(), target, options);
  EXPECT_EQ(report.state, "dry-run");
  EXPECT_EQ(report.exit_code, exit_code::kOk) << report.ToJson();
  EXPECT_FALSE(Exists(target));
}

STORE_TEST(PolicySuite, AFinishedRunCopiesNothingAgain) {
  const Location target = Fresh("target"), source = Source();
  const CopyReport first = MustCopy(source, target, Options());
  EXPECT_EQ(first.exit_code, exit_code::kOk) << first.ToJson();
  failpoint::Arm("transfer.write.before:1:error");
  const CopyReport again = MustCopy(source, target, Options());
  failpoint::Arm("");
  EXPECT_EQ(again.state, "already-finished");
  EXPECT_EQ(again.run_id, first.run_id);
  EXPECT_EQ(again.exit_code, exit_code::kOk);
  EXPECT_EQ(again.transfer.written, 10);
  ExpectRecords(target, {Versions(5, 10, 1)});
}

STORE_TEST(PolicySuite, AnotherCopyIsNoResume) {
  const Location target = Fresh("target"), source = Source(0, 50, 0);
  failpoint::Arm("transfer.write.before:3:error");
  EXPECT_FALSE(Copy(engine_, source, target, Options()).ok());
  failpoint::Arm("");
  CopyOptions other = Options();
  other.limit = 20;
  EXPECT_TRUE(IsCategory(Copy(engine_, source, target, other).status(), Category::refused));
  const CopyReport report = MustCopy(source, target, Options());
  EXPECT_EQ(report.exit_code, exit_code::kOk) << report.ToJson();
  ExpectRecords(target, {Records(0, 50)});
}

STORE_TEST(PolicySuite, VerificationFindsWhatDiffers) {
  const Location target = Target(), source = Source(0, 10, 0);
  EXPECT_TRUE(Must(Verify(engine_, source, target, {})).ok);
  Put(source, Versions(3, 1, 1));
  Put(source, Versions(10, 1, 0));
  const VerifyReport report = Must(Verify(engine_, source, target, {}));
  EXPECT_FALSE(report.ok);
  EXPECT_EQ(report.counts.at(DifferenceClass::lost), 1) << report.ToJson();
  EXPECT_EQ(report.counts.at(DifferenceClass::corrupt), 1) << report.ToJson();
}

// ---- rollback ----

class RollbackSuite : public PolicySuite {
 public:
  using PolicySuite::PolicySuite;
  static bool Concerns(const Capabilities& can) { return can.sink; }

 protected:
  /// Whether the store can take records back; where not, that it says so.
  bool CanUndo(const std::string& run) {
    if (can_.undo) return true;
    const auto refused = Rollback(engine_, Must(Must(RunStore::Default()).Find(run)), true);
    EXPECT_TRUE(IsCategory(refused.status(), Category::unsupported)) << refused.status();
    Shown(Fidelity::refused);
    return false;
  }
};

STORE_TEST(RollbackSuite, WhatTheRunMadeIsGone) {
  const Location target = Fresh("target");
  const CopyReport report = MustCopy(Source(), target, Options());
  if (!CanUndo(report.run_id)) return;
  EXPECT_TRUE(MustRollBack(report.run_id).dropped);
  EXPECT_FALSE(Exists(target));
  EXPECT_FALSE(MustRollBack(report.run_id).dropped) << "it was taken back before";
  const CopyReport again = MustCopy(Memory("source"), target, Options());
  EXPECT_EQ(again.state, "finished");
  ExpectRecords(target, {Versions(5, 10, 1)});
}

STORE_TEST(RollbackSuite, WhatAnUpsertOverwroteComesBack) {
  if (!can_.appends) return ExpectRefused(Source(), Target(), With(OnExists::upsert));
  const Location target = Target();
  const CopyReport report = MustCopy(Source(), target, With(OnExists::upsert));
  if (!CanUndo(report.run_id)) return;
  const RollbackReport rollback = MustRollBack(report.run_id);
  EXPECT_EQ(rollback.restored, 5);
  EXPECT_EQ(rollback.deleted, 5);
  EXPECT_EQ(rollback.conflicts, 0) << rollback.ToJson();
  ExpectRecords(target, {Records(0, 10)});
}

STORE_TEST(RollbackSuite, WhatAnAppendAddedIsGone) {
  if (!can_.appends || !can_.lookup) return ExpectRefused(Source(), Target(), With(OnExists::append));
  const Location target = Target();
  const CopyReport report = MustCopy(Source(), target, With(OnExists::append));
  if (!CanUndo(report.run_id)) return;
  EXPECT_EQ(MustRollBack(report.run_id).deleted, 5);
  ExpectRecords(target, {Records(0, 10)});
}

STORE_TEST(RollbackSuite, WhatSomebodyChangedSinceIsLeftAlone) {
  if (!can_.appends) return ExpectRefused(Source(), Target(), With(OnExists::upsert));
  const Location target = Target();
  const CopyReport report = MustCopy(Source(), target, With(OnExists::upsert));
  Put(target, Versions(6, 1, 2));
  if (!CanUndo(report.run_id)) return;
  const RollbackReport rollback = MustRollBack(report.run_id);
  EXPECT_EQ(rollback.conflicts, 1) << rollback.ToJson();
  ExpectRecords(target, {Records(0, 6), Versions(6, 1, 2), Records(7, 3)});
}

STORE_TEST(RollbackSuite, ARunThatFailedLeavesNothing) {
  const Location target = Fresh("target"), source = Source(0, 50, 0);
  failpoint::Arm("transfer.write.after:3:error");
  EXPECT_FALSE(Copy(engine_, source, target, Options()).ok());
  failpoint::Arm("");
  if (!CanUndo("last")) return;
  (void)MustRollBack("last");
  EXPECT_FALSE(Exists(target));
}

STORE_TEST(RollbackSuite, AnUpsertThatFailedIsTakenBack) {
  if (!can_.appends) return ExpectRefused(Source(), Target(), With(OnExists::upsert));
  const Location target = Target(), source = Source(0, 50, 1);
  failpoint::Arm("transfer.write.after:3:error");
  EXPECT_FALSE(Copy(engine_, source, target, With(OnExists::upsert)).ok());
  failpoint::Arm("");
  if (!CanUndo("last")) return;
  EXPECT_EQ(MustRollBack("last").conflicts, 0);
  ExpectRecords(target, {Records(0, 10)});
}

}  // namespace
}  // namespace vecferry::conformance
