#include "connectors/mcp_memory/mcp_memory.h"

#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "connectors/mcp_memory/compact_json.h"
#include "connectors/mcp_memory/iso_time.h"
#include "connectors/mcp_memory/tags.h"
#include "sqlite/db.h"

namespace vecferry {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

struct Memory {
  std::string document, metadata;
  std::optional<std::string> vector;
  bool operator==(const Memory&) const = default;
};
struct Everything {
  std::map<std::string, Memory> memories;
  std::map<std::string, Reject> rejects;  ///< by id
};

fs::path Fixtures() {
  const fs::path dir = fs::path(VECFERRY_BINARY_DIR) / "fixtures" / "mcp_memory";
  fs::create_directories(dir);
  return dir;
}

/// A database with odd rows as tools/fixtures makes it with the service's own code, and beside it FILE.json.
fs::path Odd(const std::string& generation) {
  const fs::path db = Fixtures() / ("odd_" + generation + ".db");
  const std::string told = db.string() + ".json";
  if (!fs::exists(told)) {
    const std::string command = "python3 " VECFERRY_SOURCE_DIR "/tools/fixtures/mcp_memory_odd.py --generation " + generation + " '" + db.string() +
                                "' > '" + told + ".tmp' 2> '" + db.string() + ".log'";
    if (std::system(command.c_str()) != 0) return {};
    fs::rename(told + ".tmp", told);
  }
  return db;
}

Result<std::unique_ptr<Source>> Open(const fs::path& file, bool keep = false, const fs::path& work_dir = {}, const std::string& snapshot = "copy") {
  static const auto connector = MakeMcpMemoryConnector();
  OpenContext context;
  context.work_dir = work_dir;
  if (keep) context.settings["missing_vector"] = "keep";
  return connector->OpenSource({.scheme = "mcp-memory", .path = file.string(), .options = {{"snapshot", snapshot}}}, context);
}

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
        Memory memory{std::string(view.document(row).value_or("(none)")), std::string(view.metadata(row).value_or("(none)")), {}};
        if (!view.vectors()[0].IsNull(row)) memory.vector = std::string(view.vectors()[0].Dense(row));
        EXPECT_TRUE(all->memories.emplace(std::string(view.id(row)), std::move(memory)).second) << view.id(row) << " came twice";
      }
      for (const Reject& reject : batch->rejects) EXPECT_TRUE(all->rejects.emplace(reject.id, reject).second) << reject.id << " was rejected twice";
      if (resume) {
        ARROW_ASSIGN_OR_RAISE(reader, source.Read(split, batch->next, options));
      }
    }
  }
  return Status::OK();
}

Everything MustRead(const fs::path& file, bool keep = false, int splits = 1, ReadOptions options = {}, bool resume = false) {
  Everything all;
  auto source = Open(file, keep);
  EXPECT_TRUE(source.ok()) << source.status();
  if (!source.ok()) return all;
  const Status status = ReadAll(**source, splits, options, resume, &all);
  EXPECT_TRUE(status.ok()) << status;
  return all;
}

std::map<std::string, int64_t> NotesOf(const DatasetInfo& info) {
  std::map<std::string, int64_t> notes;
  for (const Note& note : info.notes) notes[note.code] += note.count;
  return notes;
}

/// What becomes of each kind of odd row: the code of its reject, or "" where it is carried.
const std::map<std::string, std::string>& Fates() {
  static const std::map<std::string, std::string> fates = {
      {"text timestamp that is no time", "bad-timestamp"}, {"infinite timestamp", "bad-timestamp"}, {"BLOB hash", "blob-hash"},
      {"BLOB content", "blob-content"}, {"BLOB content that is UTF-8", "blob-content"}, {"invalid UTF-8 content", "invalid-utf8"},
      {"content cut inside a character", "invalid-utf8"}, {"content with a lone surrogate", "invalid-utf8"},
      {"metadata that is an array", "bad-metadata"}, {"metadata that is a string", "bad-metadata"}, {"metadata that is null", "bad-metadata"},
      {"broken JSON", "bad-metadata"}, {"JSON with something after it", "bad-metadata"}, {"Python instead of JSON", "bad-metadata"},
      {"lone surrogate in metadata", "bad-metadata"}, {"lone surrogate in a key", "bad-metadata"}, {"duplicate keys", "bad-metadata"},
      {"duplicate keys, one escaped", "bad-metadata"}, {"duplicate keys inside", "bad-metadata"}, {"1e400", "bad-metadata"},
      {"deep metadata", "bad-metadata"}, {"very deep metadata", "bad-metadata"}, {"BLOB metadata", "bad-metadata"},
      {"invalid UTF-8 metadata", "bad-metadata"}, {"invalid UTF-8 tag", "invalid-utf8"}, {"BLOB tags", "bad-tags"},
      {"invalid UTF-8 memory_type", "invalid-utf8"}, {"no vector", "missing-vector"}, {"embedding pending", "missing-vector"}};
  return fates;
}

class OddRows : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    file_ = Odd(GetParam());
    if (file_.empty()) GTEST_SKIP() << "no environment for generation " << GetParam();
    std::ifstream in(file_.string() + ".json");
    told_ = json::parse(in);
  }
  fs::path file_;
  json told_;
};

TEST_P(OddRows, AreCarriedOrRejectedOneByOne) {
  const Everything all = MustRead(file_);
  EXPECT_EQ(static_cast<int64_t>(all.memories.size() + all.rejects.size()), told_["live"].get<int64_t>());
  int odd = 0;
  for (const json& row : told_["rows"]) {
    const std::string kind = row["kind"];
    SCOPED_TRACE(kind);
    if (row["deleted"]) {
      EXPECT_FALSE(all.memories.contains(row["hash"]));
      EXPECT_FALSE(all.rejects.contains(row["hash"]));
      continue;
    }
    ++odd;
    const auto fate = Fates().find(kind);
    if (fate == Fates().end()) {
      ASSERT_TRUE(all.memories.contains(row["hash"])) << (all.rejects.contains(row["hash"]) ? all.rejects.at(row["hash"]).message : "");
      const json metadata = json::parse(all.memories.at(row["hash"]).metadata);
      EXPECT_TRUE(!metadata.contains("tags") || (metadata["tags"].is_array() && !metadata["tags"].empty()));
      EXPECT_TRUE(!metadata.contains("metadata") || (metadata["metadata"].is_object() && !metadata["metadata"].empty()));
      EXPECT_TRUE(metadata.contains("created_at") && metadata.contains("updated_at"));
      continue;
    }
    std::string id = row["hash"].is_string() ? row["hash"].get<std::string>() : "";
    if (id.empty()) {  // a hash that is no text: found by its number
      for (const auto& [key, reject] : all.rejects) {
        if (reject.message.starts_with("row " + std::to_string(row["id"].get<int64_t>()) + ":")) id = key;
      }
    }
    ASSERT_TRUE(all.rejects.contains(id)) << "it was carried";
    EXPECT_EQ(all.rejects.at(id).code, fate->second);
    EXPECT_TRUE(json::accept(all.rejects.at(id).record)) << all.rejects.at(id).record.substr(0, 200);
    EXPECT_FALSE(all.rejects.at(id).message.empty());
  }
  EXPECT_GT(odd, 80);
}

TEST_P(OddRows, ValuesAreWhatTheRowsHold) {
  const Everything all = MustRead(file_);
  std::map<std::string, json> metadata;
  std::map<std::string, Memory> memories;
  for (const json& row : told_["rows"]) {
    if (!row["hash"].is_string() || !all.memories.contains(row["hash"])) continue;
    const Memory& memory = all.memories.at(row["hash"]);
    memories[row["kind"]] = memory;
    metadata[row["kind"]] = json::parse(memory.metadata);
  }
  const auto text = [&](const std::string& kind) { return memories.at(kind).metadata; };
  EXPECT_EQ(metadata["text timestamp that is ISO"]["created_at"], 1700000000.25);
  EXPECT_EQ(metadata["ISO only"]["updated_at"], 1700000000.25);
  EXPECT_EQ(metadata["ISO with an offset only"]["created_at"], 1700000000.25);
  EXPECT_TRUE(metadata["null timestamp"]["created_at"].is_null());
  EXPECT_EQ(metadata["times disagree by 3 days"]["created_at"], 1700000000.25);
  EXPECT_TRUE(metadata["integer timestamp"]["created_at"].is_number_float());
  EXPECT_EQ(metadata["time before 1970"]["created_at"], -86400.5);
  EXPECT_EQ(metadata["BLOB timestamp"]["created_at"], 1700000000.25);
  EXPECT_EQ(metadata["duplicate tags"]["tags"], json({"a", "b", "a", "a"}));
  EXPECT_FALSE(metadata["null tags"].contains("tags"));
  EXPECT_FALSE(metadata["only commas"].contains("tags"));
  EXPECT_EQ(metadata["tags with spaces and commas"]["tags"], json({"a", "b c", "d"}));
  EXPECT_FALSE(metadata["null memory_type"].contains("memory_type"));
  EXPECT_FALSE(metadata["empty memory_type"].contains("memory_type"));
  EXPECT_FALSE(metadata["null metadata"].contains("metadata"));
  EXPECT_THAT(text("2^53+1"), HasSubstr("\"n\":9007199254740993"));
  EXPECT_THAT(text("2^63 and 2^64-1"), HasSubstr("18446744073709551615"));
  EXPECT_EQ(metadata["2^70"]["metadata"]["n"], json({{"$vf", "bigint"}, {"v", "1180591620717411303424"}}));
  EXPECT_EQ(metadata["NaN"]["metadata"]["m"], json({{"$vf", "f64"}, {"v", "-Infinity"}}));
  EXPECT_EQ(metadata["key of ours"]["metadata"]["$vf"], "object");
  EXPECT_THAT(text("float and integer of one value"), HasSubstr("\"f\":1.0,\"i\":1,\"e\":1.0"));
  EXPECT_EQ(memories["content with NUL"].document, std::string("odd: NUL\0 after it\n", 19));
  EXPECT_EQ(memories["number as content"].document, "42");
  EXPECT_EQ(memories["1 MiB of content"].document.size(), 1U << 20);
  EXPECT_EQ(memories["empty content"].document, "");
  float number;
  std::memcpy(&number, memories["vector with NaN"].vector->data() + 192 * 4, 4);
  EXPECT_TRUE(std::isnan(number));
}

TEST_P(OddRows, EverySplitAndEveryResumeGivesTheSame) {
  const Everything whole = MustRead(file_);
  for (const int splits : {1, 4, 1000}) {
    const Everything parts = MustRead(file_, false, splits, {.batch_rows = 3}, true);
    EXPECT_EQ(parts.memories, whole.memories);
    EXPECT_EQ(parts.rejects.size(), whole.rejects.size());
  }
  const Everything bytes = MustRead(file_, false, 2, {.batch_rows = 1000, .batch_bytes = 5000}, true);
  EXPECT_EQ(bytes.memories, whole.memories);
}

TEST_P(OddRows, ThePlanCountsWhatIsNotCarried) {
  const auto info = (*Open(file_))->Describe();
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->count, told_["live"].get<int64_t>());
  EXPECT_TRUE(info->count_exact);
  EXPECT_EQ(info->layout, "mcp-memory");
  EXPECT_EQ(info->schema.vectors[0].metric, Metric::cosine);
  auto notes = NotesOf(*info);
  EXPECT_EQ(notes["missing-vectors"], GetParam() == "12" ? 2 : 1);
  EXPECT_GE(notes["orphan-vectors"], 2);
  EXPECT_EQ(notes["shared-hash-prefix"], 2);
  EXPECT_EQ(notes["time-disagrees"], 2);
  if (GetParam() == "12") {
    EXPECT_GE(notes["soft-deleted"], 2);
    EXPECT_GE(notes["not-carried"], 3);  // superseded_by, memory_graph, beliefs
  }
}

TEST_P(OddRows, AMissingVectorIsKeptWhenAsked) {
  const Everything all = MustRead(file_, true);
  for (const json& row : told_["rows"]) {
    if (row["kind"] != "no vector") continue;
    ASSERT_TRUE(all.memories.contains(row["hash"]));
    EXPECT_FALSE(all.memories.at(row["hash"]).vector.has_value());
  }
}

INSTANTIATE_TEST_SUITE_P(McpMemory, OddRows, ::testing::Values("8", "9", "9-tags", "12"),
                         [](const auto& info) { return info.param == "9-tags" ? std::string("v9_tags") : "v" + info.param; });

/// Databases with the service's tables, made with plain SQLite: what needs no vendor.
class McpMemory : public ::testing::Test {
 protected:
  static constexpr int kDims = 4;
  void SetUp() override {
    dir_ = fs::temp_directory_path() / ("vf_mcp_memory_" + std::to_string(::getpid()));
    fs::create_directories(dir_);
    file_ = dir_ / "memories.db";
    fs::remove(file_);
    auto opened = sqlite::Db::Open(file_, {.mode = sqlite::OpenOptions::Mode::create});
    ASSERT_TRUE(opened.ok());
    db_ = std::move(*opened);
    // A shadow layout by hand: the CREATE VIRTUAL TABLE row cannot be made without the module.
    Run("PRAGMA journal_mode=WAL");
    Run("CREATE TABLE memories(id INTEGER PRIMARY KEY AUTOINCREMENT, content_hash TEXT UNIQUE NOT NULL, content TEXT NOT NULL, tags TEXT, memory_type TEXT,"
        " metadata TEXT, created_at REAL, updated_at REAL, created_at_iso TEXT, updated_at_iso TEXT)");
    Run("CREATE TABLE memory_embeddings_migration_backup(rowid, content_embedding)");
  }
  void TearDown() override {
    db_ = sqlite::Db();
    fs::remove_all(dir_);
  }
  void Run(const std::string& sql) {
    const Status status = db_.Exec(sql);
    ASSERT_TRUE(status.ok()) << status << " " << sql;
  }
  void Add(int id, const std::string& content, bool vector = true) {
    Run(fmt_insert(id, content));
    if (vector) Run("INSERT INTO memory_embeddings_migration_backup VALUES (" + std::to_string(id) + ", zeroblob(16))");
  }
  static std::string fmt_insert(int id, const std::string& content) {
    char hash[65];
    std::snprintf(hash, sizeof hash, "%064d", id);
    return "INSERT INTO memories(id, content_hash, content, tags, metadata, created_at, updated_at) VALUES (" + std::to_string(id) + ", '" + hash + "', " +
           sqlite::QuoteText(content) + ", 'a,b', '{}', 1.5, 2.5)";
  }
  fs::path dir_, file_;
  sqlite::Db db_;
};

TEST_F(McpMemory, VectorsOfACutShortMigrationAreReadFromItsBackup) {
  Add(1, "one");
  Add(2, "two", false);
  const Everything all = MustRead(file_);
  EXPECT_EQ(all.memories.size(), 1U);
  EXPECT_EQ(all.memories.begin()->second.vector->size(), 16U);
  ASSERT_EQ(all.rejects.size(), 1U);
  EXPECT_EQ(all.rejects.begin()->second.code, "missing-vector");
  EXPECT_EQ(json::parse(all.rejects.begin()->second.record)["document"], "two");
}

TEST_F(McpMemory, AVectorOfAnotherDimensionIsARejectOfItsOwn) {
  Add(1, "one");
  Add(2, "two", false);
  Run("INSERT INTO memory_embeddings_migration_backup VALUES (2, zeroblob(12))");
  const Everything all = MustRead(file_);
  EXPECT_EQ(all.memories.size(), 1U);
  ASSERT_EQ(all.rejects.size(), 1U);
  EXPECT_EQ(all.rejects.begin()->second.code, "damaged-vector");
}

TEST_F(McpMemory, ALargeDocumentTravelsAlone) {
  for (int id = 1; id <= 20; ++id) Add(id, id == 7 ? std::string(10 << 20, 'x') : "short");
  const auto source = Open(file_);
  ASSERT_TRUE(source.ok());
  const auto reader = (*source)->Read({.payload = "1 100"}, "", {.batch_rows = 1000, .batch_bytes = 1 << 20});
  ASSERT_TRUE(reader.ok());
  std::vector<int64_t> rows;
  while (true) {
    const auto batch = (*reader)->Next();
    ASSERT_TRUE(batch.ok()) << batch.status();
    if (!*batch) break;
    rows.push_back((*batch)->records.rows());
  }
  EXPECT_EQ(rows, (std::vector<int64_t>{6, 1, 13}));
}

TEST_F(McpMemory, ACopyWhileTheServiceWritesIsOneState) {
  for (int id = 1; id <= 2000; ++id) Add(id, "first");
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int round = 0; !stop; ++round) {  // each transaction changes every content at once
      (void)db_.Exec("BEGIN IMMEDIATE; UPDATE memories SET content='round " + std::to_string(round) + "'; COMMIT");
    }
  });
  int64_t states = 0;
  for (int i = 0; i < 10; ++i) {
    const fs::path work = dir_ / ("run" + std::to_string(i));
    fs::create_directories(work);
    auto source = Open(file_, false, work);
    EXPECT_TRUE(source.ok()) << source.status();
    if (!source.ok()) continue;
    Everything all;
    EXPECT_TRUE(ReadAll(**source, 3, {.batch_rows = 100}, false, &all).ok());
    EXPECT_EQ(all.memories.size(), 2000U);
    for (const auto& [id, memory] : all.memories) EXPECT_EQ(memory.document, all.memories.begin()->second.document);
    ++states;
  }
  stop = true;
  writer.join();
  EXPECT_EQ(states, 10);
}

TEST_F(McpMemory, ALiveReadGivesEveryRowOnceWhileAnotherWrites) {
  for (int id = 1; id <= 3000; ++id) Add(id, "first");
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int round = 0; !stop; ++round) (void)db_.Exec("UPDATE memories SET content='round " + std::to_string(round) + "' WHERE id % 7 = " + std::to_string(round % 7));
  });
  auto source = Open(file_, false, {}, "live");
  Everything all;
  EXPECT_TRUE(source.ok() && ReadAll(**source, 2, {.batch_rows = 100}, false, &all).ok());
  stop = true;
  writer.join();
  EXPECT_EQ(all.memories.size(), 3000U);
  EXPECT_TRUE(all.rejects.empty());
}

TEST_F(McpMemory, ALockedDatabaseIsNamedAsLocked) {
  Add(1, "one");
  Run("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE; BEGIN EXCLUSIVE");
  const auto connector = MakeMcpMemoryConnector();
  EXPECT_FALSE(connector->Recognises(file_));
  const auto notes = connector->Diagnose({.scheme = "mcp-memory", .path = file_.string()}, {});
  bool told = false;
  for (const Note& note : notes) told = told || note.message.find("locked by another process") != std::string::npos;
  EXPECT_TRUE(told);
}

TEST_F(McpMemory, FilesThatAreNoneSayWhatIsWrong) {
  EXPECT_TRUE(IsCategory(Open(dir_ / "none.db").status(), Category::not_found));
  EXPECT_FALSE(fs::exists(dir_ / "none.db"));
  Run("DROP TABLE memory_embeddings_migration_backup");
  EXPECT_TRUE(IsCategory(Open(file_).status(), Category::refused));
  Run("DROP TABLE memories");
  EXPECT_TRUE(IsCategory(Open(file_).status(), Category::not_found));
}

TEST_F(McpMemory, TheServicesOwnFileIsFound) {
  Add(1, "one");
  ::setenv("MCP_MEMORY_SQLITE_PATH", file_.c_str(), 1);
  EXPECT_EQ(MustRead("").memories.size(), 1U);
  ::setenv("MCP_MEMORY_SQLITE_PATH", (dir_ / "none.db").c_str(), 1);
  EXPECT_TRUE(IsCategory(Open("").status(), Category::not_found));
  ::unsetenv("MCP_MEMORY_SQLITE_PATH");
}

TEST(Tags, TheTablesAreBelievedOnlyWhereTheyAgreeWithTheColumn) {
  const auto named = [](std::string_view column, std::vector<std::string> names) {
    std::string json;
    return mcp_memory::AppendNamedTags(column, std::move(names), &json) ? json : "no";
  };
  EXPECT_EQ(named("alpha,beta,gamma, spaced ", {" spaced ", "beta,gamma", "alpha"}), R"(["alpha","beta,gamma"," spaced "])");
  EXPECT_EQ(named("new1,new2", {"alpha"}), "no");
  EXPECT_EQ(named("a,b,a", {"a", "b"}), "no");
  EXPECT_EQ(named("a,b", {}), "no");
  std::string json;
  mcp_memory::AppendTags("\u00a0x\u2003,\u3000,y\x1f, z", &json);
  EXPECT_EQ(json, R"(["x","y","z"])");
}

TEST(PlainObject, IsWhatTheJsonReaderWouldMakeOfItOrIsLeftToIt) {
  const auto compact = [](std::string_view text) {
    std::string json = "before";
    const bool plain = mcp_memory::AppendPlainObject(text, &json);
    EXPECT_EQ(plain, json != "before") << text;
    if (plain) {  // the reader agrees that it is JSON, and about its values
      std::string mine, theirs;
      JsonReader reader;
      EXPECT_TRUE(reader.AppendCanonical(std::string_view(json).substr(6), &mine).ok()) << text;
      EXPECT_TRUE(reader.AppendCanonical(text, &theirs).ok()) << text;
      EXPECT_EQ(mine, theirs);
    }
    return plain ? json.substr(6) : "left";
  };
  EXPECT_EQ(compact(R"( {"a": 1, "b": [1.5, -2, null, true, false, []], "c": {"d e": "f, {g: h}"}, "n": {} } )"),
            R"({"a":1,"b":[1.5,-2,null,true,false,[]],"c":{"d e":"f, {g: h}"},"n":{}})");
  for (const char* text : {"", "{", "[]", "1", R"({"a":1,"a":2})", R"({"o":{"x":1,"x":1}})", R"({"$vf":1})", R"({"a":"\u00e9"})", "{\"a\":\"\u00e9\"}", R"({"a":1e5})",
                           R"({"a":-0})", R"({"a":-0.0})", R"({"a":01})", R"({"a":1.})", R"({"a":.5})", R"({"a":9007199254740993})", R"({"a":NaN})", R"({"a":1,})",
                           R"({"a":[1,]})", R"({"a" 1})", R"({"a":tru})", R"({"a":1} x)", R"({a:1})", "{\"a\":\"\n\"}", R"({"a":[[[[[[[[[]]]]]]]]]})"}) {
    EXPECT_EQ(compact(text), "left") << text;
  }
}

TEST(IsoTime, AsPythonReadsIt) {
  using mcp_memory::ParseIsoTime;
  EXPECT_EQ(ParseIsoTime("2023-11-14T22:13:20.250000Z"), 1700000000.25);
  EXPECT_EQ(ParseIsoTime("2023-11-14 22:13:20"), 1700000000.0);
  EXPECT_EQ(ParseIsoTime("2023-11-15T00:13:20+02:00"), 1700000000.0);
  EXPECT_EQ(ParseIsoTime("1969-12-30T23:59:59.5Z"), -86400.5);
  EXPECT_EQ(ParseIsoTime("2024-02-29"), 1709164800.0);
  for (const char* text : {"2023-02-29", "2023-13-01", "yesterday", "", "2023-11-14T22:13:20Zx", "2023-11-14T25:00:00", "20231114"}) {
    EXPECT_FALSE(ParseIsoTime(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace vecferry
