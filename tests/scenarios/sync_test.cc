// copy --sync and verify --repair: what is written, what is left, what can be taken back.
#include <fstream>

#include "counted_store.h"
#include "migration_fixture.h"

namespace vecferry {
namespace {

using testing::HasSubstr;

class SyncTest : public MigrationTest {
 protected:
  void SetUp() override {
    MigrationTest::SetUp();
    registry_.Add(std::make_unique<CountedConnector>(*registry_.Find("memory"), &reads_, &writes_));
    registry_.Add(std::make_unique<CountedConnector>(*registry_.Find("qdrant-local"), &reads_, &writes_));
  }

  Location Counted(const std::string& dataset) { return At("counted-memory:" + name_ + "#" + dataset); }
  static RecordView Records(int first, int count, int version = 0) { return Batch(Schema(IdKind::string), first, count, "k", version); }

  CopyOptions Sync() const {
    CopyOptions options = Options();
    options.delta.mode = DeltaMode::sync;
    options.delta.max_delete_share = 1;
    return options;
  }
  CopyOptions Repair() const {
    CopyOptions options = Sync();
    options.delta.mode = DeltaMode::repair;
    return options;
  }
  CopyOptions Deleting(CopyOptions options) const {
    options.delta.remove = true;
    return options;
  }

  CopyReport Must(const Location& source, const Location& target, const CopyOptions& options) {
    auto report = Copy(engine_, source, target, options);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *report : CopyReport{};
  }

  /// Takes records out as somebody else would.
  void Remove(const Location& location, int first, int count) {
    OpenContext context;
    context.cancel = &cancel_;
    context.layout = *registry_.FindLayout("default");
    auto sink = (*registry_.Find(location.scheme))->OpenSink(location, context);
    ASSERT_TRUE(sink.ok()) << sink.status();
    const RecordView some = Records(first, count);
    SinkSpec spec;
    spec.schema = some.schema();
    spec.layout = context.layout;
    spec.on_exists = OnExists::upsert;
    spec.existed = true;
    NoIntents intents;
    spec.intents = &intents;
    ASSERT_TRUE((*sink)->Describe().ok());
    ASSERT_TRUE((*sink)->Prepare(spec).ok());
    std::vector<std::string_view> ids;
    for (int64_t row = 0; row < some.rows(); ++row) ids.push_back(some.id(row));
    const Status status = (*sink)->undo()->DeleteIds({}, ids);
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_TRUE((*sink)->Finish().ok());
  }

  /// The digest that a dataset of these records has.
  std::string DigestOfRecords(const std::vector<RecordView>& parts) {
    Digest digest;
    RecordHasher hasher;
    for (const auto& part : parts) {
      for (int64_t row = 0; row < part.rows(); ++row) digest.Add(*hasher.Hash(part, row));
    }
    return digest.Fingerprint();
  }

  size_t Runs() const { return RunStore::Default()->List()->size(); }
  RollbackReport MustRollBack(const std::string& run) {
    auto report = Rollback(engine_, *RunStore::Default()->Find(run), true);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *report : RollbackReport{};
  }

  /// A source of 1,000 records, copied; then 10 are new in it, 20 changed and 30 gone.
  void CopyAndChange(const Location& a, const Location& b) {
    Put(a, Records(0, 1000));
    EXPECT_EQ(Must(a, b, Sync()).exit_code, 0);
    Put(a, Records(1000, 10));
    Put(a, Records(100, 20, 1));
    Remove(a, 500, 30);
  }

  ReadCounts reads_;
  WriteCounts writes_;
};

TEST_F(SyncTest, TheFirstTimeIsACopyAndLaterWhatChangedIsWrittenAndNothingElse) {
  for (const bool on_disk : {false, true}) {
    const Location a = Memory(on_disk ? "a2" : "a"), b = on_disk ? At("counted-qdrant-local:" + (dir_ / "qdrant").string() + "#b") : Counted("b");
    CopyAndChange(a, b);
    writes_.Clear();
    const CopyReport report = Must(a, b, Sync());
    EXPECT_EQ(report.exit_code, 0) << report.ToJson();
    ASSERT_TRUE(report.delta);
    EXPECT_EQ(report.delta->added, 10);
    EXPECT_EQ(report.delta->changed, 20);
    EXPECT_EQ(report.delta->deleted, 0);
    EXPECT_EQ(report.delta->unchanged, 950);
    EXPECT_EQ(writes_.rows, 30);
    EXPECT_EQ(writes_.deleted, 0);
    EXPECT_EQ(DigestOf(b), DigestOfRecords({Records(0, 100), Records(100, 20, 1), Records(120, 890)}));
  }
}

TEST_F(SyncTest, ASecondSyncAtOnceWritesNothingAndLeavesNoRun) {
  const Location a = Memory("a"), b = Counted("b");
  CopyAndChange(a, b);
  EXPECT_EQ(Must(a, b, Deleting(Sync())).exit_code, 0);
  const size_t runs = Runs();
  writes_.Clear();
  reads_.Clear();
  const CopyReport again = Must(a, b, Deleting(Sync()));
  EXPECT_EQ(again.state, "in-sync");
  EXPECT_EQ(again.exit_code, 0) << again.ToJson();
  EXPECT_EQ(again.delta->unchanged, 980);
  EXPECT_EQ(writes_.rows, 0);
  EXPECT_EQ(writes_.deleted, 0);
  EXPECT_EQ(writes_.prepared, 0);
  EXPECT_EQ(reads_.rows, 980) << "the target, once";
  EXPECT_EQ(Runs(), runs);
}

TEST_F(SyncTest, OfASourceThatFindsRecordsByKeyOnlyThoseThatDifferAreReadAgain) {
  const Location a = Counted("a"), b = Memory("b");
  Put(a, Records(0, 1000));
  EXPECT_EQ(Must(a, b, Sync()).exit_code, 0);
  Put(a, Records(7, 2, 1));
  reads_.Clear();
  EXPECT_EQ(Must(a, b, Sync()).transfer.written, 2);
  // Once for its digest, ids alone for what differs, and a few by key.
  EXPECT_LE(reads_.rows, 1000 + 20) << reads_.keys;
}

TEST_F(SyncTest, WhatCannotBeReadIsNotTakenForGone) {
  const fs::path file = dir_ / "a.jsonl";
  const Location a = At("jsonl:" + file.string()), b = Memory("b");
  const auto write = [&](const std::string& second, bool third) {
    std::ofstream out(file);
    out << R"({"vecferry":1,"schema":{"id_kind":"string","tenant":false,"document":false,"vectors":[{"name":"","kind":"dense","element":"f32","dims":2,"metric":"l2"}]}})" << '\n'
        << R"({"id":"one","metadata":{},"vectors":{"vector":[1,2]}})" << '\n' << second << '\n';
    if (third) out << R"({"id":"three","metadata":{},"vectors":{"vector":[3,4]}})" << '\n';
  };
  write(R"({"id":"two","metadata":{},"vectors":{"vector":[2,3]}})", true);
  EXPECT_EQ(Must(a, b, Sync()).exit_code, 0);
  write(R"({"id":"two","metadata":{},"vectors":{"vector":[2,3,4]}})", false);
  CopyReport report = Must(a, b, Deleting(Sync()));
  ASSERT_TRUE(report.delta);
  EXPECT_EQ(report.delta->deleted, 1) << "three alone: two is there, and cannot be read";
  write("no JSON", false);
  report = Must(a, b, Deleting(Sync()));
  ASSERT_TRUE(report.delta);
  EXPECT_EQ(report.delta->deleted, 0) << "nothing says which it is";
  EXPECT_EQ(report.delta->unreadable, 1);
}

TEST_F(SyncTest, WhatTheSourceLostIsDeletedOnlyWhereThatIsAskedForAndAllowed) {
  const Location a = Memory("a"), b = Counted("b");
  CopyAndChange(a, b);
  writes_.Clear();
  CopyOptions options = Deleting(Sync());
  options.delta.max_delete_share = 0.02;
  auto refused = Copy(engine_, a, b, options);
  EXPECT_TRUE(IsCategory(refused.status(), Category::refused)) << refused.status();
  EXPECT_THAT(refused.status().message(), HasSubstr("--max-delete"));
  options.delta.max_delete = 29;
  refused = Copy(engine_, a, b, options);
  EXPECT_TRUE(IsCategory(refused.status(), Category::refused)) << refused.status();
  EXPECT_EQ(writes_.rows + writes_.deleted, 0) << "counted before the first write";
  EXPECT_EQ(Runs(), 1u);
  options.delta.max_delete = 30;
  const CopyReport report = Must(a, b, options);
  EXPECT_EQ(report.exit_code, 0) << report.ToJson();
  EXPECT_EQ(report.delta->gone, 30);
  EXPECT_EQ(report.delta->deleted, 30);
  EXPECT_EQ(DigestOf(b), DigestOf(a));
}

TEST_F(SyncTest, WhatSomebodyChangedInTheTargetIsKeptAndReportedUnlessItIsToBeOverwritten) {
  const Location a = Memory("a"), b = Memory("b");
  CopyAndChange(a, b);
  Put(b, Records(3, 1, 9));     // the target alone changed
  Put(b, Records(105, 1, 9));   // both did
  Put(b, Records(510, 1, 9));   // changed there, gone here
  const CopyReport kept = Must(a, b, Deleting(Sync()));
  EXPECT_EQ(kept.exit_code, exit_code::kDifference) << kept.ToJson();
  EXPECT_EQ(kept.delta->conflicts, 3);
  EXPECT_EQ(kept.delta->kept, 3);
  EXPECT_EQ(kept.delta->deleted, 29);
  EXPECT_EQ(DigestOf(b), DigestOfRecords({Records(0, 3), Records(3, 1, 9), Records(4, 96), Records(100, 5, 1), Records(105, 1, 9), Records(106, 14, 1), Records(120, 380),
                                          Records(510, 1, 9), Records(530, 480)}));
  const CopyReport again = Must(a, b, Deleting(Sync()));
  EXPECT_EQ(again.state, "in-sync");
  EXPECT_EQ(again.exit_code, exit_code::kDifference);
  CopyOptions options = Deleting(Sync());
  options.delta.overwrite_changed = true;
  const CopyReport overwritten = Must(a, b, options);
  EXPECT_EQ(overwritten.exit_code, 0) << overwritten.ToJson();
  EXPECT_EQ(overwritten.transfer.written, 2);
  EXPECT_EQ(overwritten.delta->deleted, 1);
  EXPECT_EQ(DigestOf(b), DigestOf(a));
}

TEST_F(SyncTest, RollbackBringsBackWhatASyncOverwroteAndDeleted) {
  for (const bool on_disk : {false, true}) {
    const Location a = Memory(on_disk ? "a2" : "a"), b = on_disk ? Qdrant("b") : Memory("b");
    CopyAndChange(a, b);
    const std::string before = DigestOf(b);
    const CopyReport report = Must(a, b, Deleting(Sync()));
    EXPECT_EQ(DigestOf(b), DigestOf(a));
    const RollbackReport rollback = MustRollBack(report.run_id);
    EXPECT_EQ(rollback.conflicts, 0) << rollback.ToJson();
    EXPECT_EQ(rollback.restored, 50);
    EXPECT_EQ(rollback.deleted, 10);
    EXPECT_EQ(DigestOf(b), before);
    // The run before it is the one that is known again.
    const CopyReport again = Must(a, b, Deleting(Sync()));
    EXPECT_EQ(again.delta->changed, 20) << again.ToJson();
    EXPECT_EQ(again.delta->conflicts, 0);
    Put(b, Records(505, 1, 4));
    const RollbackReport second = MustRollBack(again.run_id);
    EXPECT_EQ(second.conflicts, 1) << "a record that was deleted and is somebody else's now";
  }
}

TEST_F(SyncTest, ManySyncsInARowKnowWhatTheyWrote) {
  const Location a = Memory("a"), b = Memory("b");
  Put(a, Records(0, 100));
  EXPECT_EQ(Must(a, b, Sync()).exit_code, 0);
  for (int round = 1; round <= 4; ++round) {
    Put(a, Records(10 * round, 5, round));
    const CopyReport report = Must(a, b, Sync());
    EXPECT_EQ(report.exit_code, 0) << report.ToJson();
    EXPECT_EQ(report.delta->changed, 5);
    EXPECT_EQ(report.delta->conflicts, 0);
  }
  Put(b, Records(0, 1, 9));
  Put(b, Records(20, 1, 9));
  EXPECT_EQ(Must(a, b, Sync()).delta->conflicts, 2);
  const auto verify = Verify(engine_, a, b, VerifyOptions{});
  EXPECT_EQ(verify->counts.at(DifferenceClass::changed_at_target), 2);
}

/// Sources that find records by key, and those that are read whole.
class SyncKillTest : public SyncTest, public testing::WithParamInterface<bool> {
 protected:
  void Fill(const Location& a, const std::vector<RecordView>& parts) {
    const Location made = Memory("made" + std::to_string(++made_));
    for (const auto& part : parts) Put(GetParam() ? a : made, part);
    if (GetParam()) return;
    fs::remove(a.path);
    ASSERT_EQ(Must(made, a, Options()).exit_code, 0);
  }
  int made_ = 0;
};

TEST_P(SyncKillTest, AnInterruptedSyncGoesOnAfterEveryFailpoint) {
  for (const std::string name : {"journal.parts.after:1", "journal.plan.after:1", "transfer.write.before:2", "transfer.write.after:1", "journal.before-image.after:1",
                                 "journal.ack.before:1", "delta.delete.before:1", "delta.delete.after:1", "journal.phase-end.after:4"}) {
    const Location a = GetParam() ? Memory("a" + name) : Jsonl(name + ".jsonl"), b = Memory("b" + name);
    Fill(a, {Records(0, 300)});
    ASSERT_EQ(Must(a, b, Sync()).exit_code, 0);
    const std::string before = DigestOf(b);
    if (GetParam()) Remove(a, 250, 20);
    Fill(a, {Records(0, 250), Records(270, 40), Records(100, 20, 1)});
    CopyOptions options = Deleting(Sync());
    options.batch_rows = 10;
    failpoint::Arm(name + ":error");
    const auto failed = Copy(engine_, a, b, options);
    failpoint::Arm("");
    const CopyReport report = Must(a, b, options);
    EXPECT_EQ(report.exit_code, 0) << name << report.ToJson();
    EXPECT_EQ(DigestOf(b), DigestOf(a)) << name << (failed.ok() ? "" : failed.status().ToString());
    if (failed.ok() || report.state != "finished") continue;
    EXPECT_EQ(MustRollBack(report.run_id).conflicts, 0) << name;
    EXPECT_EQ(DigestOf(b), before) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Sources, SyncKillTest, testing::Bool(), [](const auto& info) { return info.param ? "ByKey" : "Whole"; });

TEST_F(SyncTest, AnInterruptedFirstSyncGoesOnAsTheCopyThatItIs) {
  const Location a = Memory("a"), b = Memory("b");
  Put(a, Records(0, 300));
  failpoint::Arm("transfer.write.after:3:error");
  EXPECT_FALSE(Copy(engine_, a, b, Sync()).ok());
  failpoint::Arm("");
  const CopyReport report = Must(a, b, Sync());
  EXPECT_FALSE(report.delta);
  EXPECT_EQ(report.transfer.written, 300);
  EXPECT_EQ(Runs(), 1u);
}

TEST_F(SyncTest, AnInterruptedSyncIsNoOtherCommandsToGoOnWith) {
  const Location a = Memory("a"), b = Memory("b");
  CopyAndChange(a, b);
  failpoint::Arm("transfer.write.before:1:error");
  EXPECT_FALSE(Copy(engine_, a, b, Sync()).ok());
  failpoint::Arm("");
  for (const auto& options : {Options(), Deleting(Sync()), Repair()}) {
    const auto other = Copy(engine_, a, b, options);
    EXPECT_TRUE(IsCategory(other.status(), Category::refused)) << other.status();
  }
  CopyOptions restart = Deleting(Sync());
  restart.restart = true;
  EXPECT_EQ(Must(a, b, restart).exit_code, 0);
  EXPECT_EQ(DigestOf(b), DigestOf(a));
}

TEST_F(SyncTest, ATargetThatNoRunIsKnownOfIsTouchedOnlyWhereItsOwnerSaysWhatItIs) {
  const Location a = Memory("a"), b = Memory("b");
  Put(a, Records(0, 100));
  Put(b, Records(50, 100, 1));
  const auto refused = Copy(engine_, a, b, Sync());
  EXPECT_TRUE(IsCategory(refused.status(), Category::refused)) << refused.status();
  EXPECT_EQ(Runs(), 0u);
  CopyOptions beside = Deleting(Sync());
  beside.on_exists = OnExists::upsert;
  const CopyReport shared = Must(a, b, beside);
  EXPECT_EQ(shared.exit_code, 0) << shared.ToJson();
  EXPECT_EQ(shared.delta->added, 50);
  EXPECT_EQ(shared.delta->changed, 50);
  EXPECT_EQ(shared.delta->unrelated, 50);
  EXPECT_EQ(shared.delta->deleted, 0) << "what others brought is not the sync's to take";
  Remove(a, 0, 10);
  const CopyReport later = Must(a, b, beside);
  EXPECT_EQ(later.delta->deleted, 10);
  EXPECT_EQ(later.delta->unrelated, 50);
  EXPECT_EQ(later.exit_code, 0) << later.ToJson();

  const Location c = Memory("c");
  Put(c, Records(5, 100));
  CopyOptions own = Deleting(Sync());
  own.adopt = true;
  const CopyReport adopted = Must(a, c, own);
  EXPECT_EQ(adopted.exit_code, 0) << adopted.ToJson();
  EXPECT_EQ(adopted.delta->deleted, 10);
  EXPECT_EQ(DigestOf(c), DigestOf(a));
}

TEST_F(SyncTest, ADryRunTellsAndLeavesNothing) {
  const Location a = Memory("a"), b = Counted("b");
  CopyAndChange(a, b);
  writes_.Clear();
  CopyOptions options = Deleting(Sync());
  options.dry_run = true;
  const CopyReport report = Must(a, b, options);
  EXPECT_EQ(report.state, "dry-run");
  EXPECT_EQ(report.exit_code, 0) << report.ToJson();
  EXPECT_EQ(report.delta->to_write, 30);
  EXPECT_EQ(report.delta->to_delete, 30);
  EXPECT_FALSE(report.delta->listed.empty());
  EXPECT_EQ(writes_.rows + writes_.deleted + writes_.prepared, 0);
  EXPECT_EQ(Runs(), 1u);
  options.delta.max_delete = 3;
  EXPECT_EQ(Must(a, b, options).exit_code, exit_code::kRefused);
}

TEST_F(SyncTest, FiltersAndMapsAreThoseOfTheFirstRun) {
  const Location a = Memory("a"), b = Counted("b");
  Put(a, Records(0, 200));
  CopyOptions options = Sync();
  options.transforms.filters = {"n < 100"};
  options.transforms.maps = {"set:at=${run.started_at}"};
  EXPECT_EQ(Must(a, b, options).transfer.written, 100);
  Put(a, Records(50, 100, 1));
  writes_.Clear();
  const CopyReport report = Must(a, b, options);
  EXPECT_EQ(report.exit_code, 0) << report.ToJson();
  EXPECT_EQ(report.delta->changed, 50);
  EXPECT_EQ(writes_.rows, 50);
  EXPECT_EQ(Must(a, b, options).state, "in-sync");
  options.transforms.filters = {"n < 90"};
  const auto refused = Copy(engine_, a, b, options);
  EXPECT_TRUE(IsCategory(refused.status(), Category::refused)) << refused.status();
  options.restart = true;
  const CopyReport narrower = Must(a, b, Deleting(options));
  EXPECT_EQ(narrower.exit_code, 0) << narrower.ToJson();
  EXPECT_EQ(narrower.delta->deleted, 10);
}

TEST_F(SyncTest, OfTenantsEachHasItsOwnRecords) {
  RecordSchema schema = Schema(IdKind::string);
  schema.has_tenant = true;
  const auto batch = [&](const std::string& tenant, int first, int count, int version) {
    BatchBuilder builder(schema);
    for (int i = first; i < first + count; ++i) {
      const float vector[4] = {1, 2, static_cast<float>(version), 3};
      builder.Id("k" + std::to_string(i));
      builder.Tenant(tenant);
      builder.Document("d");
      builder.Metadata("{}");
      builder.Vector(0, {reinterpret_cast<const char*>(vector), sizeof vector});
      builder.EndRow();
    }
    return *builder.Finish();
  };
  const Location a = Memory("a"), b = Memory("b");
  Put(a, batch("x", 0, 50, 0));
  Put(a, batch("y", 0, 50, 0));
  ASSERT_EQ(Must(a, b, Sync()).transfer.written, 100);
  Put(a, batch("y", 3, 2, 1));
  Put(a, batch("z", 3, 2, 1));
  const CopyReport report = Must(a, b, Sync());
  EXPECT_EQ(report.exit_code, 0) << report.ToJson();
  EXPECT_EQ(report.delta->changed, 2);
  EXPECT_EQ(report.delta->added, 2);
  EXPECT_EQ(DigestOf(b), DigestOf(a));
  const RollbackReport rollback = MustRollBack(report.run_id);
  EXPECT_EQ(rollback.restored, 2);
  EXPECT_EQ(rollback.deleted, 2);
}

TEST_F(SyncTest, AFileThatCannotBeChangedInPlaceIsWrittenWhole) {
  const Location a = Memory("a"), b = At("vdf:" + (dir_ / "b").string());
  Put(a, Records(0, 100));
  EXPECT_EQ(Must(a, b, Sync()).exit_code, 0);
  EXPECT_EQ(Must(a, b, Sync()).state, "in-sync");
  Put(a, Records(3, 1, 1));
  const CopyReport report = Must(a, b, Sync());
  EXPECT_EQ(report.exit_code, 0) << report.ToJson();
  EXPECT_TRUE(report.delta->rewritten);
  EXPECT_EQ(report.transfer.written, 100);
  EXPECT_EQ(Must(a, b, Sync()).state, "in-sync");
  Remove(a, 0, 5);
  Put(a, Records(4, 1));
  Put(a, Records(0, 1, 2));
  const auto refused = Copy(engine_, a, b, Sync());
  EXPECT_TRUE(IsCategory(refused.status(), Category::refused)) << refused.status();
  EXPECT_EQ(Must(a, b, Deleting(Sync())).exit_code, 0);
  EXPECT_EQ(Must(a, b, Deleting(Sync())).state, "in-sync");
}

TEST_F(SyncTest, ATargetThatNormalisesIsInLineWhenItHoldsWhatItMakesOfTheVectors) {
  // "single" has arithmetic of its own: how it keeps a record is known from the verification of the run that wrote it.
  for (const std::string how : {"exact", "single"}) {
    const Location a = Memory("a" + how), b = At("memory:" + name_ + "?normalises=" + how + "#b" + how);
    CopyAndChange(a, b);
    const CopyReport report = Must(a, b, Deleting(Sync()));
    EXPECT_EQ(report.exit_code, 0) << report.ToJson();
    EXPECT_EQ(report.delta->changed, 20);
    EXPECT_EQ(report.delta->deleted, 30);
    EXPECT_EQ(report.delta->conflicts, 0);
    EXPECT_EQ(Must(a, b, Deleting(Sync())).state, "in-sync");
    EXPECT_EQ(MustRollBack(report.run_id).conflicts, 0);
    EXPECT_EQ(Must(a, b, Deleting(Sync())).delta->conflicts, 0);
  }
}

TEST_F(SyncTest, ACheckpointOfOnesOwnIsGoneOnFrom) {
  const Location a = Memory("a"), b = Counted("b");
  Put(a, Records(0, 100));
  CopyOptions options = Sync();
  options.checkpoint = (dir_ / "journal").string();
  EXPECT_EQ(Must(a, b, options).exit_code, 0);
  Put(a, Records(3, 1, 1));
  const CopyReport report = Must(a, b, options);
  EXPECT_EQ(report.delta->changed, 1) << report.ToJson();
  Put(b, Records(5, 1, 1));
  EXPECT_EQ(Must(a, b, options).delta->conflicts, 1);
}

// ---- repair ----

TEST_F(SyncTest, ARepairRewritesOnlyWhatDiffers) {
  const Location a = Memory("a"), b = Counted("b");
  Put(a, Records(0, 1000));
  EXPECT_EQ(Must(a, b, Options()).exit_code, 0);
  Remove(b, 10, 5);            // lost
  Put(a, Records(20, 5, 1));   // changed at the source
  Put(a, Records(1000, 2));    // new there
  Put(b, Records(30, 3, 9));   // changed at the target
  Put(b, Records(2000, 4));    // extra
  writes_.Clear();
  const CopyReport report = Must(a, b, Repair());
  EXPECT_EQ(report.exit_code, exit_code::kDifference) << report.ToJson();
  EXPECT_EQ(report.delta->lost, 7);
  EXPECT_EQ(report.delta->changed, 5);
  EXPECT_EQ(report.delta->conflicts, 3);
  EXPECT_EQ(report.delta->extra, 4);
  EXPECT_EQ(writes_.rows, 12);
  EXPECT_EQ(writes_.deleted, 0);
  EXPECT_EQ(report.verify->counts.at(DifferenceClass::changed_at_target), 3);
  EXPECT_EQ(report.verify->counts.at(DifferenceClass::extra), 4);
  CopyOptions all = Deleting(Repair());
  all.delta.overwrite_changed = true;
  const CopyReport rest = Must(a, b, all);
  EXPECT_EQ(rest.exit_code, 0) << rest.ToJson();
  EXPECT_EQ(rest.transfer.written, 3);
  EXPECT_EQ(rest.delta->deleted, 4);
  EXPECT_EQ(DigestOf(b), DigestOf(a));
  EXPECT_EQ(Must(a, b, all).state, "in-sync");
  EXPECT_EQ(MustRollBack(rest.run_id).restored, 7);
}

TEST_F(SyncTest, ARepairNeedsNoRunAndWithoutOneWhatDiffersIsCorrupt) {
  const Location a = Memory("a"), b = Memory("b");
  Put(a, Records(0, 100));
  Put(b, Records(0, 90));
  Put(b, Records(5, 2, 1));
  const CopyReport report = Must(a, b, Repair());
  EXPECT_EQ(report.exit_code, 0) << report.ToJson();
  EXPECT_EQ(report.delta->lost, 10);
  EXPECT_EQ(report.delta->corrupt, 2);
  EXPECT_EQ(DigestOf(b), DigestOf(a));
  const auto missing = Copy(engine_, a, Memory("none"), Repair());
  EXPECT_TRUE(IsCategory(missing.status(), Category::not_found)) << missing.status();
}

TEST_F(SyncTest, ARepairOfWhatWasFilteredComparesWithTheSame) {
  const Location a = Memory("a"), b = Counted("b");
  Put(a, Records(0, 200));
  CopyOptions options = Options();
  options.transforms.filters = {"n < 100"};
  EXPECT_EQ(Must(a, b, options).transfer.written, 100);
  Remove(b, 3, 2);
  writes_.Clear();
  const CopyReport report = Must(a, b, Repair());
  EXPECT_EQ(report.exit_code, 0) << report.ToJson();
  EXPECT_EQ(writes_.rows, 2);
}

TEST_F(SyncTest, ARepairOfSoManyRecordsMendsThoseThatWereCopied) {
  const Location a = Memory("a"), b = Counted("b");
  Put(a, Records(0, 200));
  CopyOptions options = Options();
  options.limit = 50;
  EXPECT_EQ(Must(a, b, options).transfer.written, 50);
  Remove(b, 3, 2);
  writes_.Clear();
  const CopyReport report = Must(a, b, Repair());
  EXPECT_EQ(report.exit_code, 0) << report.ToJson();
  EXPECT_EQ(writes_.rows, 2);
}

}  // namespace
}  // namespace vecferry
