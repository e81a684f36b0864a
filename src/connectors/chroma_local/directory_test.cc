#include "connectors/chroma_local/directory.h"

#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "connectors/chroma_local/source.h"
#include "connectors/chroma_local/test_support.h"

namespace vecferry::chroma_local {
namespace {

/// A folder that is read in batches of one record while this test writes to it.
class WhileItIsWritten : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = test::MakeDatabase(folder_.path / kDatabaseFile);
    ASSERT_TRUE(made.ok()) << made.status();
    db_ = std::move(*made);
    ASSERT_TRUE(test::AddCollection(db_).ok());
    Flush({{1, {1, 2}}, {2, {3, 4}}});
  }
  void Flush(const std::vector<test::Element>& elements) { test::WriteSegment(folder_.path / "aaaa", elements, {{"a", 1}, {"b", 2}}); }
  std::unique_ptr<Source> Open(sqlite::Snapshot::How how, const fs::path& work_dir = {}) {
    OpenContext context;
    context.layout = &layout_;
    context.work_dir = work_dir;
    OpenWishes wishes;
    wishes.folder = folder_.path;
    wishes.collection = "docs";
    wishes.how = how;
    auto directory = Directory::Open(wishes, context);
    EXPECT_TRUE(directory.ok()) << directory.status();
    return directory.ok() ? MakeSource(*directory) : nullptr;
  }
  static std::unique_ptr<SplitReader> Read(Source& source) {
    auto reader = source.Read({.payload = "rows -9223372036854775808 9223372036854775807"}, "", {.batch_rows = 1});
    EXPECT_TRUE(reader.ok()) << reader.status();
    return std::move(*reader);
  }
  /// "a 1 2"
  static std::string Next(SplitReader& reader) {
    auto batch = reader.Next();
    if (!batch.ok()) return std::string(CategoryName(FactsOf(batch.status()).category));
    if (!*batch || (*batch)->records.rows() != 1) return "end";
    const RecordView& records = (*batch)->records;
    if (records.vectors()[0].IsNull(0)) return std::string(records.id(0)) + " null";
    float values[2];
    std::memcpy(values, records.vectors()[0].Dense(0).data(), sizeof values);
    return std::string(records.id(0)) + " " + std::to_string(static_cast<int>(values[0])) + " " + std::to_string(static_cast<int>(values[1]));
  }

  test::TempFolder folder_;
  sqlite::Db db_;
  Layout layout_;
};

TEST_F(WhileItIsWritten, ALiveReaderSeesFilesThatWereFlushed) {
  const auto source = Open(sqlite::Snapshot::How::live);
  const auto reader = Read(*source);
  EXPECT_EQ(Next(*reader), "a 1 2");
  Flush({{2, {7, 8}}, {1, {1, 2}}, {3, {0, 0}}});
  EXPECT_EQ(Next(*reader), "b 7 8");
  EXPECT_EQ(Next(*reader), "end");
}

TEST_F(WhileItIsWritten, ALiveReaderSeesWhatIsQueued) {
  const auto source = Open(sqlite::Snapshot::How::live);
  const auto reader = Read(*source);
  EXPECT_EQ(Next(*reader), "a 1 2");
  ASSERT_TRUE(db_.Exec("INSERT INTO embeddings_queue (seq_id, operation, topic, id, vector, encoding) VALUES (3, 2, 'persistent://x/y/1111', 'b', x'0000803F00000040', 'FLOAT32')").ok());
  EXPECT_EQ(Next(*reader), "b 1 2");
}

TEST_F(WhileItIsWritten, ALiveReaderIsToldOfACollectionThatIsGone) {
  const auto source = Open(sqlite::Snapshot::How::live);
  const auto reader = Read(*source);
  EXPECT_EQ(Next(*reader), "a 1 2");
  ASSERT_TRUE(db_.Exec("DELETE FROM collections").ok());
  EXPECT_EQ(Next(*reader), CategoryName(Category::not_found));
}

TEST_F(WhileItIsWritten, ACopyIsOfOneMomentAlsoForALaterProcess) {
  const test::TempFolder run;
  const auto source = Open(sqlite::Snapshot::How::copy, run.path);
  const auto reader = Read(*source);
  EXPECT_EQ(Next(*reader), "a 1 2");
  Flush({{2, {7, 8}}, {1, {5, 6}}});
  ASSERT_TRUE(db_.Exec("DELETE FROM collections; DELETE FROM embeddings").ok());
  EXPECT_EQ(Next(*reader), "b 3 4");
  const auto later = Open(sqlite::Snapshot::How::copy, run.path);
  ASSERT_TRUE(later);
  EXPECT_EQ(Next(*Read(*later)), "a 1 2");
  EXPECT_EQ(later->Describe()->consistency, Consistency::frozen);
}

TEST_F(WhileItIsWritten, FilesThatWereTruncatedAreAnErrorAndNoCrash) {
  const auto source = Open(sqlite::Snapshot::How::live);
  const auto reader = Read(*source);
  EXPECT_EQ(Next(*reader), "a 1 2");
  fs::resize_file(folder_.path / "aaaa" / kLevel0File, 10);
  // It may be being written: only what stands still is believed.
  EXPECT_EQ(Next(*reader), CategoryName(Category::locked));
  std::this_thread::sleep_for(std::chrono::milliseconds(250));
  EXPECT_EQ(Next(*reader), CategoryName(Category::corrupt));
}

}  // namespace
}  // namespace vecferry::chroma_local
