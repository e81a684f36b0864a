#include "journal/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/failpoint.h"
#include "journal/runs.h"

namespace vecferry {
namespace {

class JournalTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::path(testing::TempDir()) / ("journal_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(dir_);
  }
  void TearDown() override {
    failpoint::Arm("");
    fs::remove_all(dir_);
  }
  fs::path file() const { return dir_ / "journal.sqlite"; }
  std::unique_ptr<Journal> Make() {
    RunHeader header;
    header.id = "r1";
    header.pair = "a|b";
    header.fingerprint = "{}";
    auto journal = Journal::Create(file(), header);
    EXPECT_TRUE(journal.ok()) << journal.status();
    SplitProgress split;
    split.payload = "0..9";
    EXPECT_TRUE((*journal)->PutSplits({split, split}).ok());
    return std::move(*journal);
  }
  fs::path dir_;
};

Ack AckOf(int split, std::string cursor, int64_t rows) {
  Ack ack;
  ack.split = split;
  ack.cursor = std::move(cursor);
  ack.rows = rows;
  ack.written = rows - 1;
  ack.digest = "D" + ack.cursor;
  ack.hashes = std::string(16, 'h');
  ack.last_id = "id" + ack.cursor;
  ack.rejects = {{split, rows, "bad", "", "bad-metadata", "why", "{}"}};
  return ack;
}

TEST_F(JournalTest, KeepsWhatWasAcknowledgedAcrossProcesses) {
  {
    auto journal = Make();
    ASSERT_TRUE(journal->CommitAcks({AckOf(0, std::string("\0x", 2), 5), AckOf(1, "b", 7)}, "state").ok());
    ASSERT_TRUE(journal->CommitAcks({AckOf(0, "c", 3)}, std::nullopt).ok());
  }
  auto journal = *Journal::Open(file());
  const auto splits = *journal->splits();
  EXPECT_EQ(splits[0].cursor, "c");
  EXPECT_EQ(splits[0].rows, 8);
  EXPECT_EQ(splits[0].written, 6);
  EXPECT_EQ(splits[0].last_id, "idc");
  EXPECT_EQ(splits[1].cursor, "b");
  EXPECT_EQ(*journal->sink_state(), "state");
  EXPECT_EQ(*journal->reject_count(), 3);
  std::string digests;
  ASSERT_TRUE(journal->EachSplitDigest([&](int, std::string_view part) { return digests += part, Status::OK(); }).ok());
  EXPECT_EQ(digests, std::string("D\0xDbDc", 7));
  Ack total = AckOf(0, "d", 1);
  total.digest_is_total = true;
  ASSERT_TRUE(journal->CommitAcks({total}, std::nullopt).ok());
  digests.clear();
  ASSERT_TRUE(journal->EachSplitDigest([&](int, std::string_view part) { return digests += part, Status::OK(); }).ok());
  EXPECT_EQ(digests, "DbDd");
}

TEST_F(JournalTest, KeepsTheDigestAsStoredAndTakesAJournalWithoutIt) {
  {
    auto journal = Make();
    Ack ack = AckOf(0, "a", 5);
    ack.stored_digest = "S1";
    ASSERT_TRUE(journal->CommitAcks({ack}, std::nullopt).ok());
    ack.stored_digest = "S2";
    ASSERT_TRUE(journal->CommitAcks({ack}, std::nullopt).ok());
    std::string parts;
    ASSERT_TRUE(journal->EachStoredDigest([&](int, std::string_view part) { return parts += part, Status::OK(); }).ok());
    EXPECT_EQ(parts, "S1S2");
    ack.stored_digest = "T";
    ack.digest_is_total = true;
    ASSERT_TRUE(journal->CommitAcks({ack}, std::nullopt).ok());
    parts.clear();
    ASSERT_TRUE(journal->EachStoredDigest([&](int, std::string_view part) { return parts += part, Status::OK(); }).ok());
    EXPECT_EQ(parts, "T");
  }
  {
    auto db = *sqlite::Db::Open(file(), {sqlite::OpenOptions::Mode::read_write});
    ASSERT_TRUE(db.Exec("DROP TABLE stored_digest; PRAGMA user_version=1").ok());
  }
  const auto none = [](int, std::string_view) { return Status::UnknownError("there is none"); };
  EXPECT_TRUE((*Journal::Inspect(file()))->EachStoredDigest(none).ok());
  auto journal = Journal::Open(file());
  ASSERT_TRUE(journal.ok()) << journal.status();
  EXPECT_TRUE((*journal)->EachStoredDigest(none).ok());
  Ack ack = AckOf(1, "b", 5);
  ack.stored_digest = "S";
  EXPECT_TRUE((*journal)->CommitAcks({ack}, std::nullopt).ok());
}

TEST_F(JournalTest, AnAckThatFailsBeforeItsCommitLeavesNothing) {
  auto journal = Make();
  failpoint::Arm("journal.ack.before:1:error");
  EXPECT_FALSE(journal->CommitAcks({AckOf(0, "a", 5)}, "s").ok());
  failpoint::Arm("");
  EXPECT_EQ((*journal->splits())[0].cursor, "");
  EXPECT_EQ(*journal->reject_count(), 0);
  ASSERT_TRUE(journal->CommitAcks({AckOf(0, "a", 5)}, "s").ok());
  EXPECT_EQ((*journal->splits())[0].rows, 5);
}

TEST_F(JournalTest, TheFirstBeforeImageOfAKeyWins) {
  auto journal = Make();
  ASSERT_TRUE(journal->PutBeforeImages({{"", "1", "old"}, {"", "2", std::nullopt}}).ok());
  ASSERT_TRUE(journal->PutBeforeImages({{"", "1", "ours"}, {"t", "1", "other"}}).ok());
  const auto images = *journal->BeforeImagesBelow(INT64_MAX, 10);
  ASSERT_EQ(images.size(), 3u);
  EXPECT_EQ(images[2].second.image, "old");
  EXPECT_EQ(images[1].second.image, std::nullopt);
  ASSERT_TRUE(journal->MarkRestored({images[2].first}).ok());
  EXPECT_EQ(journal->BeforeImagesBelow(INT64_MAX, 10)->size(), 2u);
}

TEST_F(JournalTest, PhasesAndIntentsAreFound) {
  auto journal = Make();
  ASSERT_TRUE(journal->BeginPhase("plan").ok());
  EXPECT_FALSE(journal->PhaseResult("plan")->has_value());
  ASSERT_TRUE(journal->EndPhase("plan", "r").ok());
  EXPECT_EQ(*journal->PhaseResult("plan"), "r");
  EXPECT_FALSE(journal->FindIntent("create")->has_value());
  ASSERT_TRUE(journal->RecordIntent("create", "1").ok());
  ASSERT_TRUE(journal->RecordIntent("create", "2").ok());
  EXPECT_EQ(*journal->FindIntent("create"), "2");
}

TEST_F(JournalTest, RefusesFilesThatAreNoJournalAndSaysTheWayOn) {
  EXPECT_TRUE(IsCategory(Journal::Open(file()).status(), Category::not_found));
  fs::create_directories(dir_);
  std::ofstream(file()) << "no database at all, by no means, and long enough to have a header of one hundred bytes ........";
  const Status damaged = Journal::Open(file()).status();
  EXPECT_TRUE(IsCategory(damaged, Category::corrupt)) << damaged;
  EXPECT_THAT(FactsOf(damaged).next_step, testing::HasSubstr("--restart"));
}

TEST_F(JournalTest, RefusesAnotherVersionAndADamagedPage) {
  Make().reset();
  {
    auto db = *sqlite::Db::Open(file(), {sqlite::OpenOptions::Mode::read_write});
    ASSERT_TRUE(db.Exec("PRAGMA user_version=99").ok());
  }
  EXPECT_TRUE(IsCategory(Journal::Open(file()).status(), Category::refused));
  {
    auto db = *sqlite::Db::Open(file(), {sqlite::OpenOptions::Mode::read_write});
    ASSERT_TRUE(db.Exec("PRAGMA user_version=1; PRAGMA wal_checkpoint(TRUNCATE)").ok());
  }
  std::fstream bytes(file(), std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekp(4096 + 1);
  bytes << std::string(3000, '\xee');
  bytes.close();
  EXPECT_TRUE(IsCategory(Journal::Open(file()).status(), Category::corrupt)) << Journal::Open(file()).status();
}

TEST_F(JournalTest, FilesArePrivate) {
  Make();
  EXPECT_EQ(fs::status(file()).permissions() & fs::perms(0777), fs::perms(0600));
  EXPECT_EQ(fs::status(dir_).permissions() & fs::perms(0777), fs::perms(0700));
}

TEST_F(JournalTest, RunsAreFoundByPairAndPrefixAndHeldByOne) {
  RunStore store(dir_);
  auto [folder, id] = *store.Create();
  RunHeader header;
  header.id = id;
  header.pair = "a|b";
  (*Journal::Create(folder.journal(), header))->SetState("finished", 0).ok();
  EXPECT_EQ((*store.FindPair("a|b"))->dir, folder.dir);
  EXPECT_FALSE(store.FindPair("a|c")->has_value());
  EXPECT_EQ(store.Find(id.substr(0, 12))->dir, folder.dir);
  EXPECT_TRUE(IsCategory(store.Find("nope").status(), Category::not_found));
  {
    auto lock = RunStore::Lock(folder);
    ASSERT_TRUE(lock.ok());
    EXPECT_TRUE(RunStore::IsHeld(folder));
    EXPECT_TRUE(IsCategory(RunStore::Lock(folder).status(), Category::locked));
  }
  EXPECT_FALSE(RunStore::IsHeld(folder));
}

TEST_F(JournalTest, TheNewestRunIsFirstAlsoAmongThoseOfOneSecond) {
  RunStore store(dir_);
  std::vector<std::string> newest_first;
  for (int i = 0; i < 8; ++i) {
    const auto [folder, id] = *store.Create();
    RunHeader header;
    header.id = id;
    ASSERT_TRUE(Journal::Create(folder.journal(), header).ok());
    newest_first.insert(newest_first.begin(), id);
  }
  std::vector<std::string> listed;
  const auto runs = store.List().ValueOrDie();
  for (const auto& [folder, header] : runs) listed.push_back(header.id);
  EXPECT_EQ(listed, newest_first);
}

}  // namespace
}  // namespace vecferry
