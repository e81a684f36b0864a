#include "connectors/sqlite_vec/sqlite_vec.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/text.h"
#include "sqlite/db.h"

namespace vecferry {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

struct Record {
  std::string metadata;
  std::optional<std::string> document;
  std::vector<std::string> vectors;
  bool operator==(const Record&) const = default;
};
struct Everything {
  std::map<std::string, Record> records;
  std::vector<Reject> rejects;
  int64_t rows = 0;
};

fs::path Fixtures() {
  const fs::path dir = fs::path(VECFERRY_BINARY_DIR) / "fixtures" / "sqlite_vec";
  fs::create_directories(dir);
  return dir;
}

/// The vendor-made samples of a version; "" where its environment cannot be made here.
fs::path Samples(const std::string& version) {
  const fs::path db = Fixtures() / (version + ".db");
  if (!fs::exists(db.string() + ".json")) {
    const std::string command = "python3 " VECFERRY_SOURCE_DIR "/tools/fixtures/sqlite_vec_samples.py --version " + version + " '" +
                                db.string() + "' > '" + db.string() + ".log' 2>&1";
    if (std::system(command.c_str()) != 0) return {};
  }
  return db;
}

Result<std::unique_ptr<Source>> Open(const fs::path& file, const std::string& table, std::map<std::string, std::string> options = {},
                                     const fs::path& work_dir = {}) {
  static const auto connector = MakeSqliteVecConnector();
  Location location{.scheme = "sqlite-vec", .path = file.string(), .options = std::move(options), .dataset = table};
  OpenContext context;
  context.work_dir = work_dir;
  return connector->OpenSource(location, context);
}

/// Reads every split, each batch by a reader of its own where `resume` is set: every batch is a place to resume at.
Status ReadAll(Source& source, int splits, ReadOptions options, bool resume, Everything* all) {
  ARROW_ASSIGN_OR_RAISE(const auto parts, source.Splits(splits));
  for (const Split& split : parts) {
    ARROW_ASSIGN_OR_RAISE(auto reader, source.Read(split, "", options));
    for (int batches = 0;; ++batches) {
      if (batches == 100000) return MakeError(Category::internal, "a split that does not come to an end");
      ARROW_ASSIGN_OR_RAISE(const auto batch, reader->Next());
      if (!batch) break;
      const RecordView& view = batch->records;
      for (int64_t row = 0; row < view.rows(); ++row) {
        Record record;
        record.metadata = std::string(view.metadata(row).value_or(""));
        if (const auto document = view.document(row)) record.document = std::string(*document);
        for (const VectorColumn& column : view.vectors()) record.vectors.emplace_back(column.Dense(row));
        EXPECT_TRUE(all->records.emplace(std::string(view.id(row)), std::move(record)).second) << view.id(row) << " came twice";
        ++all->rows;
      }
      all->rejects.insert(all->rejects.end(), batch->rejects.begin(), batch->rejects.end());
      if (resume) {
        ARROW_ASSIGN_OR_RAISE(reader, source.Read(split, batch->next, options));
      }
    }
  }
  return Status::OK();
}

Everything MustRead(const fs::path& file, const std::string& table, int splits = 3, ReadOptions options = {}, bool resume = false,
                    std::map<std::string, std::string> named = {}) {
  Everything all;
  auto source = Open(file, table, std::move(named));
  EXPECT_TRUE(source.ok()) << source.status();
  if (!source.ok()) return all;
  const Status status = ReadAll(**source, splits, options, resume, &all);
  EXPECT_TRUE(status.ok()) << status;
  return all;
}

std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

/// The extension's value in the form that metadata has.
json AsMetadata(const json& value, const std::string& type) {
  if (value.is_object() && value.contains("blob")) return {{"$vf", "bytes"}, {"v", Base64(FromHex(value["blob"]))}};
  if (type.starts_with("bool") && value.is_number()) return value != 0;
  return value;
}

/// What the extension itself reads from a table, as records.
std::map<std::string, Record> Expected(const json& table) {
  std::map<std::string, Record> records;
  const json& columns = table["columns"];
  for (const json& row : table["rows"]) {
    Record record;
    json metadata = json::object();
    std::string id = std::to_string(row[0].get<int64_t>());
    for (size_t i = 0; i < columns.size(); ++i) {
      const std::string kind = columns[i]["kind"];
      const json& value = row[i + 1];
      if (kind == "key") id = value.is_string() ? value.get<std::string>() : std::to_string(value.get<int64_t>());
      else if (kind == "vector") record.vectors.push_back(FromHex(value.begin().value()));
      else metadata[columns[i]["name"].get<std::string>()] = AsMetadata(value, columns[i]["type"]);
    }
    record.metadata = metadata.dump();
    records[id] = record;
  }
  return records;
}

class Vendor : public ::testing::TestWithParam<std::string> {};

TEST_P(Vendor, EveryTableReadsAsTheExtensionReadsIt) {
  const fs::path file = Samples(GetParam());
  if (file.empty()) GTEST_SKIP() << "no environment with sqlite-vec " << GetParam();
  std::ifstream in(file.string() + ".json");
  const json told = json::parse(in);
  int64_t records = 0;
  ASSERT_GE(told["tables"].size(), 20U);
  for (const auto& [name, table] : told["tables"].items()) {
    SCOPED_TRACE(name);
    const auto expected = Expected(table);
    for (const bool small : {false, true}) {
      const Everything all = MustRead(file, name, small ? 4 : 1, ReadOptions{.batch_rows = small ? 3 : 1000}, small);
      for (const Reject& reject : all.rejects) ADD_FAILURE() << reject.id << " " << reject.code << " " << reject.message;
      ASSERT_EQ(all.records.size(), expected.size());
      for (const auto& [id, record] : expected) {
        const auto found = all.records.find(id);
        ASSERT_NE(found, all.records.end()) << "id " << id;
        EXPECT_EQ(found->second.vectors, record.vectors) << "id " << id;
        EXPECT_EQ(json::parse(found->second.metadata), json::parse(record.metadata)) << "id " << id;
        ++records;
      }
    }
    const auto info = (*Open(file, name))->Describe();
    ASSERT_TRUE(info.ok()) << info.status();
    EXPECT_EQ(info->count, static_cast<int64_t>(expected.size()));
    EXPECT_TRUE(info->count_exact);
    size_t vector = 0;
    for (const json& column : table["columns"]) {
      if (column["kind"] != "vector") continue;
      const VectorSpec& spec = info->schema.vectors.at(vector++);
      EXPECT_EQ(spec.dims, column["dims"].get<int>());
      EXPECT_EQ(std::string(Name(spec.metric)), column["metric"].get<std::string>());
      EXPECT_EQ(spec.name, info->schema.vectors.size() == 1 ? "" : column["name"].get<std::string>());
    }
  }
  EXPECT_GE(records, 300);
}

INSTANTIATE_TEST_SUITE_P(SqliteVec, Vendor, ::testing::Values("0.1.1", "0.1.3", "0.1.6", "0.1.9", "0.1.10a4"),
                         [](const auto& info) { std::string name = info.param; for (char& c : name) if (c == '.') c = '_'; return "v" + name; });

class SqliteVec : public ::testing::Test {
 protected:
  void SetUp() override {
    samples_ = Samples("0.1.9");
    ASSERT_FALSE(samples_.empty()) << "see " << (Fixtures() / "0.1.9.db.log");
    dir_ = fs::temp_directory_path() / ("vf_sqlite_vec_" + std::to_string(::getpid()));
    fs::create_directories(dir_);
    copy_ = dir_ / "copy.db";
    fs::copy_file(samples_, copy_, fs::copy_options::overwrite_existing);
  }
  void TearDown() override { fs::remove_all(dir_); }

  void Change(const std::string& sql) {
    auto db = sqlite::Db::Open(copy_, {.mode = sqlite::OpenOptions::Mode::read_write});
    ASSERT_TRUE(db.ok()) << db.status();
    const Status status = db->Exec(sql);
    ASSERT_TRUE(status.ok()) << status;
  }
  fs::path samples_, dir_, copy_;
};

TEST_F(SqliteVec, OptionsNameTheDocumentAndTheVector) {
  const Everything all = MustRead(copy_, "keyed_metadata", 2, {}, false, {{"document", "body"}, {"vector-name", "text"}});
  const Record& record = all.records.at("doc-2");
  EXPECT_EQ(record.document, "body body ");
  EXPECT_FALSE(json::parse(record.metadata).contains("body"));
  EXPECT_EQ((*(*Open(copy_, "keyed_metadata", {{"vector-name", "text"}}))->Describe()).schema.vectors[0].name, "text");
  const auto none = Open(copy_, "keyed_metadata", {{"document", "bodi"}});
  EXPECT_TRUE(IsCategory(none.status(), Category::usage));
  EXPECT_THAT(none.status().message(), HasSubstr("body"));
  EXPECT_TRUE(IsCategory(Open(copy_, "several", {{"vector-name", "x"}}).status(), Category::usage));
  EXPECT_TRUE(IsCategory(Open(copy_, "several", {{"snapshot", "maybe"}}).status(), Category::usage));
}

TEST_F(SqliteVec, WrongNamesAndFilesSayWhatIsWrong) {
  const auto near = Open(copy_, "everythin");
  EXPECT_TRUE(IsCategory(near.status(), Category::not_found));
  EXPECT_THAT(near.status().message(), HasSubstr("everything"));
  EXPECT_TRUE(IsCategory(Open(copy_, "ordinary").status(), Category::not_found));
  EXPECT_TRUE(IsCategory(Open(copy_, "").status(), Category::usage));
  EXPECT_TRUE(IsCategory(Open(dir_ / "none.db", "x").status(), Category::not_found));
  EXPECT_FALSE(fs::exists(dir_ / "none.db"));
  std::ofstream(dir_ / "text.db") << "this is no database, but it is long enough to be one";
  EXPECT_THAT(Open(dir_ / "text.db", "x").status().message(), HasSubstr("is not a SQLite database"));
  ASSERT_TRUE(sqlite::Db::Open(dir_ / "plain.db", {.mode = sqlite::OpenOptions::Mode::create})->Exec("CREATE TABLE t(x)").ok());
  EXPECT_THAT(Open(dir_ / "plain.db", "x").status().message(), HasSubstr("no vec0 table"));
}

TEST_F(SqliteVec, RowsThatDisagreeAreRejectsAndTheRestIsRead) {
  const Everything before = MustRead(copy_, "chunks");
  Change("DELETE FROM chunks_rowids WHERE rowid=2");                                          // an orphan slot
  Change("UPDATE chunks_rowids SET chunk_offset=(chunk_offset+1)%8 WHERE rowid=5");           // another's slot
  Change("INSERT INTO chunks_rowids(rowid, chunk_id, chunk_offset) VALUES (900, 1, 800), (901, 99, 0), (902, NULL, NULL)");
  const Everything all = MustRead(copy_, "chunks", 3, {.batch_rows = 2}, true);
  std::map<std::string, std::string> codes;
  for (const Reject& reject : all.rejects) EXPECT_TRUE(codes.emplace(reject.id, reject.code).second) << reject.id;
  EXPECT_EQ(codes["5"], "misplaced");
  EXPECT_EQ(codes["900"], "misplaced");
  EXPECT_EQ(codes["901"], "misplaced");
  EXPECT_EQ(codes["902"], "misplaced");
  EXPECT_EQ(codes["2"], "orphan-slot");
  EXPECT_EQ(all.records.size(), before.records.size() - 2);
  for (const auto& [id, record] : all.records) EXPECT_EQ(record, before.records.at(id));
}

TEST_F(SqliteVec, ATruncatedChunkRejectsItsOwnRecordsAlone) {
  const Everything before = MustRead(copy_, "chunks");
  Change("UPDATE chunks_vector_chunks00 SET vectors=substr(vectors, 1, 20) WHERE rowid=2");
  Change("UPDATE chunks_chunks SET validity=x'' WHERE chunk_id=3");
  Change("UPDATE chunks_vector_chunks00 SET vectors=17 WHERE rowid=4");
  const Everything all = MustRead(copy_, "chunks");
  EXPECT_EQ(all.records.size() + all.rejects.size(), before.records.size());
  EXPECT_GT(all.rejects.size(), 9U);
  EXPECT_LE(all.rejects.size(), 24U);
  for (const auto& [id, record] : all.records) EXPECT_EQ(record, before.records.at(id));
  for (const Reject& reject : all.rejects) {
    EXPECT_FALSE(reject.message.empty());
    EXPECT_EQ(json::parse(reject.record)["id"], reject.id);
  }
}

TEST_F(SqliteVec, TextThatIsNoUtf8IsARejectOfItsRow) {
  Change("UPDATE everything_auxiliary SET value00=CAST(x'ff41' AS TEXT) WHERE rowid=10");
  Change("UPDATE several_rowids SET id=CAST(x'6bff' AS TEXT) WHERE id='k5'");
  const Everything rows = MustRead(copy_, "everything");
  ASSERT_EQ(rows.rejects.size(), 1U);
  EXPECT_EQ(rows.rejects[0].id, "10");
  EXPECT_EQ(rows.rejects[0].code, "invalid-utf8");
  const Everything keys = MustRead(copy_, "several");
  ASSERT_EQ(keys.rejects.size(), 1U);
  EXPECT_EQ(keys.rejects[0].code, "invalid-utf8");
  EXPECT_TRUE(IsValidUtf8(keys.rejects[0].id));
}

TEST_F(SqliteVec, AViewInPlaceOfAShadowTableIsRefused) {
  Change("DROP TABLE chunks_rowids; CREATE VIEW chunks_rowids AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT x AS rowid, 1 AS chunk_id, 0 AS chunk_offset FROM n");
  EXPECT_TRUE(IsCategory(Open(copy_, "chunks").status(), Category::corrupt));
}

TEST_F(SqliteVec, AFrozenCopyIsReadAgainAsItWas) {
  const fs::path work = dir_ / "run";
  fs::create_directories(work);
  const auto first = Open(copy_, "chunks", {}, work);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ((*first)->Describe()->consistency, Consistency::frozen);
  Everything before, after;
  ASSERT_TRUE(ReadAll(**first, 2, {}, false, &before).ok());
  Change("DELETE FROM chunks_rowids; DELETE FROM chunks_chunks");
  const auto again = Open(copy_, "chunks", {}, work);
  ASSERT_TRUE(again.ok()) << again.status();
  ASSERT_TRUE(ReadAll(**again, 2, {}, false, &after).ok());
  EXPECT_FALSE(before.records.empty());
  EXPECT_EQ(before.records, after.records);
  EXPECT_EQ((*Open(copy_, "chunks"))->Describe()->identity, (*again)->Describe()->identity);
}

/// Bytes anywhere in the file. Each record is read as it was, or is a reject, or the open or read fails as corrupt, or
/// the flip lies in its own content. Nothing crashes and no other record changes.
TEST_F(SqliteVec, FlippedBitsNeverCrashAndNeverChangeOtherRecords) {
  std::ifstream in(samples_, std::ios::binary);
  const std::string image{std::istreambuf_iterator<char>(in), {}};
  const std::vector<std::string> tables = {"everything", "several", "chunks", "keyed_metadata", "wide"};
  std::map<std::string, Everything> before;
  for (const std::string& table : tables) before[table] = MustRead(samples_, table);
  std::mt19937_64 random(7);
  int failed = 0, changed_reads = 0, rejected = 0;
  const fs::path file = dir_ / "flipped.db";
  for (int round = 0; round < 300; ++round) {
    std::string bytes = image;
    const size_t at = random() % bytes.size();
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8)));
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
    for (const std::string& table : tables) {
      const auto source = Open(file, table, {{"snapshot", "immutable"}});
      Everything all;
      const Status status = source.ok() ? ReadAll(**source, 2, {}, false, &all) : source.status();
      if (!status.ok()) {
        ++failed;
        EXPECT_NE(FactsOf(status).category, Category::internal) << status << " at " << at;
        continue;
      }
      int differ = 0;
      for (const auto& [id, record] : all.records) {
        const auto found = before[table].records.find(id);
        differ += found == before[table].records.end() || !(found->second == record);
      }
      EXPECT_LE(differ, 8) << "one bit at " << at << " changed " << differ << " records of " << table;  // a partition's value is shared by its chunk
      changed_reads += differ;
      rejected += static_cast<int>(all.rejects.size());
    }
  }
  std::printf("[ flips    ] 300 flips x 5 tables: %d refused, %d records rejected, %d records with the flip in their content\n", failed, rejected, changed_reads);
  EXPECT_GT(failed + rejected + changed_reads, 0);
}

TEST_F(SqliteVec, ACutFileIsRefused) {
  fs::resize_file(copy_, fs::file_size(copy_) - 4096);
  const auto source = Open(copy_, "chunks");
  EXPECT_TRUE(IsCategory(source.status(), Category::corrupt)) << source.status();
  EXPECT_THAT(source.status().message(), HasSubstr("cut off"));
}

TEST_F(SqliteVec, ListAndRecognise) {
  const auto connector = MakeSqliteVecConnector();
  Location location{.scheme = "sqlite-vec", .path = copy_.string()};
  const auto list = connector->List(location, {});
  ASSERT_TRUE(list.ok()) << list.status();
  bool seen = false;
  for (const DatasetSummary& summary : *list) {
    if (summary.name != "several") continue;
    seen = true;
    EXPECT_EQ(summary.count, 42);
    EXPECT_EQ(summary.description, "8 x i8, l2; 16 x bit, hamming; 2 x f32, cosine");
  }
  EXPECT_TRUE(seen);
  EXPECT_TRUE(connector->Recognises(copy_));
  std::ofstream(dir_ / "x.txt") << "text";
  EXPECT_FALSE(connector->Recognises(dir_ / "x.txt"));
}

}  // namespace
}  // namespace vecferry
