// The engine's verbs over the stores of this process and of a folder.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "migration_fixture.h"

namespace vecferry {
namespace {

using testing::HasSubstr;

TEST_F(MigrationTest, CopiesVerifiesAndShowsAFinishedRunAgain) {
  Put(Memory("a"), Batch(Schema(IdKind::string), 0, 1000, "k"));
  for (const Location& target : {Memory("b"), Qdrant("b"), Jsonl("b.jsonl")}) {
    const auto report = Copy(engine_, Memory("a"), target, Options());
    ASSERT_TRUE(report.ok()) << target.scheme << report.status();
    EXPECT_EQ(report->exit_code, 0) << report->ToJson();
    EXPECT_EQ(report->transfer.written, 1000);
    ASSERT_TRUE(report->verify);
    EXPECT_TRUE(report->verify->ok);
    EXPECT_EQ(DigestOf(target), DigestOf(Memory("a"))) << target.scheme;
    const auto again = Copy(engine_, Memory("a"), target, Options());
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->state, "already-finished");
    EXPECT_EQ(again->transfer.written, 1000);
  }
}

TEST_F(MigrationTest, ADryRunWritesNothing) {
  Put(Memory("a"), Batch(Schema(IdKind::string), 0, 100, "k"));
  CopyOptions options = Options();
  options.dry_run = true;
  const auto report = Copy(engine_, Memory("a"), Qdrant("b"), options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->state, "dry-run");
  EXPECT_EQ(report->exit_code, 0);
  EXPECT_FALSE(fs::exists(dir_ / "qdrant"));
  EXPECT_FALSE(fs::exists(dir_ / "state"));
}

TEST_F(MigrationTest, RefusesATargetThatHoldsRecordsAndForgetsTheAttempt) {
  Put(Memory("a"), Batch(Schema(IdKind::string), 0, 10, "k"));
  Put(Memory("b"), Batch(Schema(IdKind::string), 5, 10, "k", 1));
  const auto refused = Copy(engine_, Memory("a"), Memory("b"), Options());
  EXPECT_TRUE(IsCategory(refused.status(), Category::refused)) << refused.status();
  EXPECT_THAT(refused.status().message(), HasSubstr("--on-exists"));
  CopyOptions options = Options();
  options.on_exists = OnExists::append;
  const auto appended = Copy(engine_, Memory("a"), Memory("b"), options);
  ASSERT_TRUE(appended.ok()) << appended.status();
  EXPECT_EQ(appended->transfer.written, 5);
  EXPECT_EQ(appended->transfer.rejected, 5);
}

TEST_F(MigrationTest, AppendSkipsEqualRecordsAndRollbackLeavesWhatWasThere) {
  for (const bool on_disk : {false, true}) {
    const Location a = Memory("a"), b = on_disk ? Qdrant("b") : Memory("b");
    Put(a, Batch(Schema(IdKind::string), 0, 300, "k"));
    Put(b, Batch(Schema(IdKind::string), 200, 200, "k"));
    const std::string before = DigestOf(b);
    CopyOptions options = Options();
    options.on_exists = OnExists::append;
    const auto report = Copy(engine_, a, b, options);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->exit_code, 0) << report->ToJson();
    EXPECT_EQ(report->transfer.written, 200);
    EXPECT_EQ(report->transfer.skipped, 100);
    const auto rollback = Rollback(engine_, *RunStore::Default()->Find(report->run_id), true);
    ASSERT_TRUE(rollback.ok()) << rollback.status();
    EXPECT_EQ(rollback->deleted, 200);
    EXPECT_EQ(rollback->conflicts, 0);
    EXPECT_EQ(DigestOf(b), before);
  }
}

TEST_F(MigrationTest, UpsertOverwritesAndRollbackRestoresButForWhatSomebodyChanged) {
  for (const bool on_disk : {false, true}) {
    const Location a = Memory("a"), b = on_disk ? Qdrant("b") : Memory("b");
    Put(a, Batch(Schema(IdKind::string), 0, 300, "k", 7));
    Put(b, Batch(Schema(IdKind::string), 200, 200, "k", 1));
    const std::string before = DigestOf(b);
    CopyOptions options = Options();
    options.on_exists = OnExists::upsert;
    const auto report = Copy(engine_, a, b, options);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->transfer.written, 300);
    EXPECT_EQ(report->exit_code, 0) << report->ToJson();
    Put(b, Batch(Schema(IdKind::string), 250, 1, "k", 99));
    const auto rollback = Rollback(engine_, *RunStore::Default()->Find(report->run_id), true);
    ASSERT_TRUE(rollback.ok()) << rollback.status();
    EXPECT_EQ(rollback->conflicts, 1);
    EXPECT_EQ(rollback->restored, 99);
    EXPECT_EQ(rollback->deleted, 200);
    EXPECT_NE(DigestOf(b), before);
    Put(b, Batch(Schema(IdKind::string), 250, 1, "k", 1));
    EXPECT_EQ(DigestOf(b), before);
  }
}

TEST_F(MigrationTest, RollbackOfAFreshTargetDropsItUnlessSomebodyWroteThere) {
  const Location a = Memory("a");
  Put(a, Batch(Schema(IdKind::string), 0, 200, "k"));
  const auto untouched = Copy(engine_, a, Qdrant("x"), Options());
  ASSERT_TRUE(untouched.ok()) << untouched.status();
  auto rollback = Rollback(engine_, *RunStore::Default()->Find(untouched->run_id), true);
  ASSERT_TRUE(rollback.ok()) << rollback.status();
  EXPECT_TRUE(rollback->dropped);
  EXPECT_FALSE(fs::exists(dir_ / "qdrant" / "collection" / "x"));

  const auto touched = Copy(engine_, a, Qdrant("y"), Options());
  ASSERT_TRUE(touched.ok()) << touched.status();
  Put(Qdrant("y"), Batch(Schema(IdKind::string), 100, 1, "k", 5));
  rollback = Rollback(engine_, *RunStore::Default()->Find(touched->run_id), true);
  ASSERT_TRUE(rollback.ok()) << rollback.status();
  EXPECT_FALSE(rollback->dropped);
  EXPECT_EQ(rollback->deleted, 199);
  EXPECT_EQ(rollback->conflicts, 1);
}

TEST_F(MigrationTest, VerifyNamesWhatIsLostExtraAndDifferent) {
  const Location a = Memory("a"), b = Memory("b");
  Put(a, Batch(Schema(IdKind::string), 0, 100, "k"));
  Put(b, Batch(Schema(IdKind::string), 1, 100, "k"));
  Put(b, Batch(Schema(IdKind::string), 50, 1, "k", 3));
  const auto report = Verify(engine_, a, b, VerifyOptions{});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->ok);
  EXPECT_EQ(report->counts.at(DifferenceClass::lost), 1);
  EXPECT_EQ(report->counts.at(DifferenceClass::extra), 1);
  EXPECT_EQ(report->counts.at(DifferenceClass::corrupt), 1);
  std::set<std::string> fields;
  for (const auto& d : report->differences) fields.insert(d.id + "." + d.field);
  EXPECT_EQ(fields, (std::set<std::string>{"k0.record", "k100.record", "k50.metadata.v", "k50.vector"}));
  VerifyOptions ignore;
  ignore.ignore = {"vector", "metadata.v"};
  EXPECT_FALSE(Verify(engine_, a, b, ignore)->counts.contains(DifferenceClass::corrupt));
}

TEST_F(MigrationTest, ADifferenceOfTheTargetAfterTheCopyIsClassedByTheJournal) {
  const Location a = Memory("a"), b = Qdrant("b");
  Put(a, Batch(Schema(IdKind::string), 0, 100, "k"));
  ASSERT_TRUE(Copy(engine_, a, b, Options()).ok());
  Put(b, Batch(Schema(IdKind::string), 7, 1, "k", 1));
  Put(a, Batch(Schema(IdKind::string), 9, 1, "k", 1));
  const auto report = Verify(engine_, a, b, VerifyOptions{});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->ok);
  EXPECT_EQ(report->counts.at(DifferenceClass::changed_at_target), 1);
  EXPECT_EQ(report->counts.at(DifferenceClass::changed_at_source), 1);
}

TEST_F(MigrationTest, ChangedArgumentsAreRefusedAndNamed) {
  const Location a = Memory("a"), b = Qdrant("b");
  Put(a, Batch(Schema(IdKind::string), 0, 200, "k"));
  failpoint::Arm("transfer.write.after:3:error");
  EXPECT_FALSE(Copy(engine_, a, b, Options()).ok());
  failpoint::Arm("");
  CopyOptions options = Options();
  options.limit = 10;
  const auto refused = Copy(engine_, a, b, options);
  EXPECT_TRUE(IsCategory(refused.status(), Category::refused)) << refused.status();
  EXPECT_THAT(refused.status().message(), HasSubstr("--limit was -1 and is 10"));
  const auto resumed = Copy(engine_, a, b, Options());
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(resumed->transfer.written, 200);
  EXPECT_LT(resumed->transfer.session_records, 200);
  EXPECT_EQ(DigestOf(a), DigestOf(b));
}

TEST_F(MigrationTest, ASecondRunOnTheSameJournalIsToldWhoHoldsIt) {
  VF_NEEDS_FORK();
  const Location a = Memory("a"), b = Qdrant("b");
  Put(a, Batch(Schema(IdKind::string), 0, 200, "k"));
  const pid_t child = fork();
  if (child == 0) {
    failpoint::Arm("transfer.write.after:2:pause");
    (void)Copy(engine_, a, b, Options());
    ::_exit(0);
  }
  const RunStore runs = *RunStore::Default();
  const auto held = [&] { return !runs.List()->empty() && RunStore::IsHeld(runs.List()->front().first) && !runs.List()->front().second.plan.empty(); };
  for (int i = 0; i < 2000 && !held(); ++i) ::usleep(5000);
  const auto second = Copy(engine_, a, b, Options());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(IsCategory(second.status(), Category::locked)) << second.status();
  EXPECT_EQ(ExitCodeOf(second.status()), exit_code::kLocked);
  EXPECT_THAT(second.status().message(), HasSubstr("process " + std::to_string(child)));
  const auto resumed = Copy(engine_, a, b, Options());
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(DigestOf(a), DigestOf(b));
}

TEST_F(MigrationTest, AFullDiskUnderTheJournalEndsTheRunAndItIsResumed) {
  const Location a = Memory("a"), b = Memory("b");
  Put(a, Batch(Schema(IdKind::string), 0, 400, "k"));
  for (const char* where : {"journal.ack.before:1:no_space", "journal.ack.after:1:no_space", "journal.intent.before:1:no_space", "journal.phase-end.before:2:no_space"}) {
    failpoint::Arm(where);
    const auto full = Copy(engine_, a, b, Options());
    failpoint::Arm("");
    EXPECT_TRUE(IsCategory(full.status(), Category::no_space)) << where << full.status();
    EXPECT_THAT(full.status().message(), HasSubstr("the journal")) << where;
    const auto resumed = Copy(engine_, a, b, Options());
    ASSERT_TRUE(resumed.ok()) << where << resumed.status();
    EXPECT_EQ(resumed->transfer.written, 400);
    EXPECT_EQ(resumed->exit_code, 0) << where;
    EXPECT_EQ(DigestOf(a), DigestOf(b));
    ASSERT_TRUE(Rollback(engine_, *RunStore::Default()->Find(resumed->run_id), true).ok());
  }
}

TEST_F(MigrationTest, LimitTakesSoMany) {
  Put(Memory("a"), Batch(Schema(IdKind::string), 0, 200, "k"));
  CopyOptions options = Options();
  options.limit = 70;
  const auto report = Copy(engine_, Memory("a"), Memory("b"), options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->transfer.written, 70);
  EXPECT_EQ(report->exit_code, 0) << report->ToJson();
}

TEST_F(MigrationTest, TooManyRejectsEndTheRunWithALimit) {
  // Ids without a place under the layout's rule.
  Put(Memory("a"), Batch(Schema(IdKind::string), 0, 100, "not a hash "));
  CopyOptions options = Options();
  options.max_rejects = 10;
  Location target = At("qdrant-local:" + (dir_ / "q").string() + "?layout=mcp-memory#b");
  const auto limited = Copy(engine_, Memory("a"), target, options);
  EXPECT_TRUE(IsCategory(limited.status(), Category::limit)) << limited.status();
  options.max_rejects = -1;
  const auto all = Copy(engine_, Memory("a"), target, options);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->transfer.rejected, 100);
  EXPECT_EQ(all->exit_code, 3);
  EXPECT_TRUE(fs::exists(all->rejects_file));
}

}  // namespace
}  // namespace vecferry
