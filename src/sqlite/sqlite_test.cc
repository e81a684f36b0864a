#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/failpoint.h"
#include "sqlite/db.h"
#include "sqlite/snapshot.h"
#include "sqlite/vec0.h"

namespace vecferry::sqlite {
namespace {

using ::testing::HasSubstr;

class SnapshotTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::temp_directory_path() / ("vf_sqlite_" + std::to_string(::getpid()));
    fs::create_directories(dir_ / "source");
    file_ = dir_ / "source" / "a.db";
    auto opened = Db::Open(file_, {.mode = OpenOptions::Mode::create});
    ASSERT_TRUE(opened.ok());
    db_ = std::move(*opened);
    Run("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE t(x); INSERT INTO t VALUES (1), (2)");
  }
  void TearDown() override {
    failpoint::Arm("");
    db_ = Db();
    fs::remove_all(dir_);
  }
  void Run(const std::string& sql) {
    const Status status = db_.Exec(sql);
    ASSERT_TRUE(status.ok()) << status;
  }
  static int64_t Rows(const fs::path& file) {
    auto db = Db::Open(file);
    return db.ok() ? db->QueryInt("SELECT count(*) FROM t", -1).ValueOr(-2) : -3;
  }
  static Result<int64_t> RowsThrough(const fs::path& file, Snapshot::Options options = {}) {
    ARROW_ASSIGN_OR_RAISE(const auto snapshot, Snapshot::Open(file, std::move(options)));
    ARROW_ASSIGN_OR_RAISE(Db db, snapshot->Connect());
    return db.QueryInt("SELECT count(*) FROM t", -1);
  }
  fs::path dir_, file_;
  Db db_;
};

TEST_F(SnapshotTest, ReadsWhatIsInTheWalOnly) { EXPECT_EQ(RowsThrough(file_).ValueOr(-9), 2); }

TEST_F(SnapshotTest, ImmutableIsRefusedWhereTheWalHoldsChanges) {
  const auto refused = RowsThrough(file_, {.how = Snapshot::How::immutable});
  EXPECT_TRUE(IsCategory(refused.status(), Category::refused)) << refused.status();
  Run("PRAGMA wal_checkpoint(TRUNCATE)");
  EXPECT_EQ(RowsThrough(file_, {.how = Snapshot::How::immutable}).ValueOr(-9), 2);
}

TEST_F(SnapshotTest, FilesThatAreNoDatabase) {
  EXPECT_TRUE(IsCategory(RowsThrough(dir_ / "none").status(), Category::not_found));
  EXPECT_FALSE(fs::exists(dir_ / "none"));
  std::ofstream(dir_ / "empty").flush();
  EXPECT_TRUE(IsCategory(RowsThrough(dir_ / "empty").status(), Category::corrupt));
  EXPECT_EQ(fs::file_size(dir_ / "empty"), 0U);
  std::ofstream(dir_ / "text") << std::string(5000, 'x');
  EXPECT_THAT(RowsThrough(dir_ / "text").status().message(), HasSubstr("is not a SQLite database"));
  EXPECT_TRUE(IsCategory(RowsThrough(dir_).status(), Category::usage));
}

TEST_F(SnapshotTest, ALockedDatabaseNamesItsHolder) {
  Run("PRAGMA journal_mode=DELETE");
  db_ = Db();
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto db = Db::Open(file_, {.mode = OpenOptions::Mode::read_write});
    const bool locked = db.ok() && db->Exec("BEGIN EXCLUSIVE").ok();
    (void)!::write(ready[1], locked ? "y" : "n", 1);
    ::pause();
    ::_exit(0);
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  const auto status = RowsThrough(file_, {.busy_timeout_ms = 50}).status();
  EXPECT_TRUE(IsCategory(status, Category::locked)) << status;
  EXPECT_THAT(status.message(), HasSubstr("process " + std::to_string(child)));
  const Status copy = Snapshot::Copy(file_, dir_ / "copy.db", nullptr, {}, 50);
  EXPECT_TRUE(IsCategory(copy, Category::locked)) << copy;
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(RowsThrough(file_).ValueOr(-9), 2);
}

TEST_F(SnapshotTest, ACopyIsWholePrivateAndAlone) {
  int64_t last = 0;
  ASSERT_TRUE(Snapshot::Copy(file_, dir_ / "copy.db", nullptr, [&](int64_t done, int64_t total) { last = total - done; }).ok());
  EXPECT_EQ(last, 0);
  EXPECT_EQ(Rows(dir_ / "copy.db"), 2);
  struct stat st{};
  ASSERT_EQ(::stat((dir_ / "copy.db").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600U);
  EXPECT_FALSE(fs::exists(dir_ / "copy.db-wal"));
  EXPECT_FALSE(fs::exists(dir_ / "copy.db.part"));
  EXPECT_EQ(RowsThrough(dir_ / "copy.db", {.how = Snapshot::How::immutable}).ValueOr(-9), 2);
}

TEST_F(SnapshotTest, ACopyIsOneStateWhileAnotherWritesAllTheTime) {
  Run("CREATE TABLE pad(id INTEGER PRIMARY KEY, round, filler)");
  Run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<4000) INSERT INTO pad SELECT i, 0, zeroblob(2000) FROM n");
  std::atomic<bool> stop{false};
  std::atomic<int> rounds{0};
  std::thread writer([&] {
    while (!stop) (void)db_.Exec("UPDATE pad SET round=" + std::to_string(++rounds));
  });
  for (int i = 0; i < 5; ++i) {
    const Status status = Snapshot::Copy(file_, dir_ / "copy.db");
    EXPECT_TRUE(status.ok()) << status;
    auto copy = Db::Open(dir_ / "copy.db");
    EXPECT_EQ(copy->QueryInt("SELECT count(DISTINCT round) FROM pad").ValueOr(-1), 1);
    EXPECT_EQ(copy->QueryText("PRAGMA integrity_check").ValueOr(""), "ok");
  }
  stop = true;
  writer.join();
  EXPECT_GT(rounds, 1);
}

TEST_F(SnapshotTest, ACopyThatFailsLeavesWhatWasThere) {
  ASSERT_TRUE(Snapshot::Copy(file_, dir_ / "copy.db").ok());
  Run("INSERT INTO t VALUES (3)");
  failpoint::Arm("snapshot.rename.before:1:error");
  EXPECT_FALSE(Snapshot::Copy(file_, dir_ / "copy.db").ok());
  failpoint::Arm("");
  EXPECT_EQ(Rows(dir_ / "copy.db"), 2);
  EXPECT_FALSE(fs::exists(dir_ / "copy.db.part"));
  CancelToken cancel;
  cancel.Request();
  EXPECT_TRUE(IsCategory(Snapshot::Copy(file_, dir_ / "copy.db", &cancel), Category::cancelled));
  EXPECT_FALSE(fs::exists(dir_ / "copy.db.part"));
  EXPECT_EQ(Rows(dir_ / "copy.db"), 2);
}

TEST_F(SnapshotTest, ABackupOfADamagedDatabaseIsNotKept) {
  Run("CREATE TABLE big(x); CREATE INDEX i ON big(x)");
  Run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<20000) INSERT INTO big SELECT i FROM n");
  Run("PRAGMA wal_checkpoint(TRUNCATE)");
  db_ = Db();
  ASSERT_TRUE(BackupDatabase(file_, dir_ / "good.db").ok());
  EXPECT_EQ(Rows(dir_ / "good.db"), 2);
  std::fstream bytes(file_, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekp(20 * 4096 + 8);
  bytes << std::string(2000, '\x77');
  bytes.close();
  const Status status = BackupDatabase(file_, dir_ / "bad.db");
  EXPECT_TRUE(IsCategory(status, Category::corrupt)) << status;
  EXPECT_FALSE(fs::exists(dir_ / "bad.db"));
  EXPECT_FALSE(fs::exists(dir_ / "bad.db.part"));
}

/// The source's folder seen through a read-only mount, as on a medium or another user's home.
class ReadOnlyFolder : public SnapshotTest {
 protected:
  void SetUp() override {
    SnapshotTest::SetUp();
    mount_ = dir_ / "mount";
    fs::create_directories(mount_);
  }
  /// False where this process may not mount.
  bool Mount() {
    if (::mount((dir_ / "source").c_str(), mount_.c_str(), nullptr, MS_BIND, nullptr) != 0) return false;
    mounted_ = true;
    return ::mount(nullptr, mount_.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) == 0;
  }
  void TearDown() override {
    if (mounted_) ::umount2(mount_.c_str(), MNT_DETACH);
    SnapshotTest::TearDown();
  }
  /// The files as a crash leaves them: a -wal with changes and no -shm.
  void LeaveWal() {
    fs::copy_file(file_, dir_ / "kept");
    fs::copy_file(file_.string() + "-wal", dir_ / "kept-wal");
    db_ = Db();
    fs::rename(dir_ / "kept", file_);
    fs::rename(dir_ / "kept-wal", file_.string() + "-wal");
    ASSERT_GT(fs::file_size(file_.string() + "-wal"), 0U);
    ASSERT_FALSE(fs::exists(file_.string() + "-shm"));
  }
  fs::path mount_;
  bool mounted_ = false;
};

TEST_F(ReadOnlyFolder, WithoutAWalIsReadAsItIs) {
  db_ = Db();
  if (!Mount()) GTEST_SKIP() << "may not mount";
  EXPECT_FALSE(fs::exists(mount_ / "a.db-wal"));
  EXPECT_EQ(RowsThrough(mount_ / "a.db").ValueOr(-9), 2);
}

TEST_F(ReadOnlyFolder, WithAWalIsReadFromACopyWithIt) {
  LeaveWal();
  if (!Mount()) GTEST_SKIP() << "may not mount";
  const auto snapshot = Snapshot::Open(mount_ / "a.db", {.how = Snapshot::How::live});
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  auto db = (*snapshot)->Connect();
  ASSERT_TRUE(db.ok()) << db.status();
  EXPECT_EQ(db->QueryInt("SELECT count(*) FROM t").ValueOr(-9), 2);
  EXPECT_NE((*snapshot)->file().parent_path(), mount_);
  EXPECT_EQ((*snapshot)->source(), mount_ / "a.db");
  ASSERT_TRUE(Snapshot::Copy(mount_ / "a.db", dir_ / "copy.db").ok());
  EXPECT_EQ(Rows(dir_ / "copy.db"), 2);
}

TEST(Vec0Parser, UnderstandsWhatTheExtensionAccepts) {
  const auto table = ParseVec0("t", R"sql(CREATE VIRTUAL TABLE "a ""using vec0(x float[1])"" b" -- a comment
    USING "vec0"( Id TEXT Primary Key, /* another, with a comma */ Emb FLOAT [ 4 ] Distance_Metric = COSINE,
    b bit[16], i i8[3] distance_metric=l1, +note text, +x double, g text, r double, n int, f boolean, p integer partition key, chunk_size = 64))sql");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->key, "Id");
  EXPECT_TRUE(table->text_key);
  EXPECT_EQ(table->chunk_size, 64);
  const auto vectors = table->Of(Vec0Kind::vector);
  ASSERT_EQ(vectors.size(), 3U);
  EXPECT_EQ(vectors[0]->name, "Emb");
  EXPECT_EQ(vectors[0]->metric, "cosine");
  EXPECT_EQ(vectors[0]->width(), 16);
  EXPECT_EQ(vectors[1]->metric, "hamming");
  EXPECT_EQ(vectors[1]->width(), 2);
  EXPECT_EQ(vectors[2]->metric, "l1");
  EXPECT_EQ(table->Of(Vec0Kind::metadata).size(), 4U);
  EXPECT_EQ(table->Of(Vec0Kind::auxiliary)[1]->index, 1);
  EXPECT_EQ(table->Of(Vec0Kind::partition)[0]->type, Vec0Type::integer);
  EXPECT_EQ(table->Shadow("vector_chunks", 2), "t_vector_chunks02");
  const auto indexed = ParseVec0("t", "create virtual table t using vec0(e float[8] indexed by diskann(neighbor_quantizer=binary, n_neighbors=8) distance_metric=cosine)");
  ASSERT_TRUE(indexed.ok()) << indexed.status();
  EXPECT_EQ(indexed->columns[0].indexed, Vec0Index::diskann);
  EXPECT_EQ(indexed->columns[0].metric, "cosine");
}

TEST(Vec0Parser, RefusesWhatItDoesNotKnow) {
  for (const char* columns : {"", "e float[0]", "e float[99999999999]", "e float[4", "e float32x[4]", "e bit[12]", "e float[4], x varchar",
                              "e float[4], chunk_size=7", "e float[4], chunk_size=99999999", "e float[4] distance_metric=dot", "e float[4] indexed by hnsw", "e", "e float[4], +n"}) {
    const auto table = ParseVec0("t", std::string("CREATE VIRTUAL TABLE t USING vec0(") + columns + ")");
    EXPECT_TRUE(IsCategory(table.status(), Category::unsupported)) << columns << " " << table.status();
  }
  EXPECT_FALSE(IsVec0Sql("CREATE VIRTUAL TABLE t USING fts5(x)"));
  EXPECT_FALSE(IsVec0Sql("CREATE TABLE using_vec0(x)"));
}

}  // namespace
}  // namespace vecferry::sqlite
