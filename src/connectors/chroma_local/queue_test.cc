#include "connectors/chroma_local/queue.h"

#include <gtest/gtest.h>

#include "connectors/chroma_local/metadata.h"
#include "connectors/chroma_local/test_support.h"
#include "connectors/chroma_local/vector_map.h"

namespace vecferry::chroma_local {
namespace {

class Queue : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = test::MakeDatabase(folder_.path / "chroma.sqlite3");
    ASSERT_TRUE(made.ok()) << made.status();
    db_ = std::move(*made);
    collection_.id = "11111111-2222";
    collection_.vector_segment = "v";
    collection_.metadata_segment = "m";
    collection_.dimension = 2;
  }
  void Put(int64_t operation, const std::string& id, float value, const char* metadata = nullptr, const std::string& topic = "persistent://default/default/11111111-2222") {
    auto row = db_.Prepare("INSERT INTO embeddings_queue (operation, topic, id, vector, encoding, metadata) VALUES (?,?,?,?,'FLOAT32',?)");
    ASSERT_TRUE(row.ok());
    const float vector[2] = {value, value};
    row->Bind(1, operation).BindText(2, topic).BindText(3, id);
    if (value != 0) row->BindBlob(4, {reinterpret_cast<const char*>(vector), sizeof vector});
    if (metadata) row->BindText(5, metadata);
    ASSERT_TRUE(row->Run().ok());
  }
  void Exec(const std::string& sql) { ASSERT_TRUE(db_.Exec(sql).ok()) << sql; }

  std::shared_ptr<const VectorMap> Vectors() {
    auto files = FileVectors::Load(folder_.path / "v", false, 2, nullptr);
    EXPECT_TRUE(files.ok()) << files.status();
    auto map = VectorMap::Load(db_, collection_, *files, nullptr);
    EXPECT_TRUE(map.ok()) << map.status();
    return *map;
  }
  /// "file 0", "queue 3", "nowhere".
  std::string PlaceOf(const VectorMap& map, std::string_view id) {
    const Place place = map.Find(id);
    if (place.in == Place::In::nowhere) return "nowhere";
    return (place.in == Place::In::file ? "file " : "queue ") + std::to_string(place.at);
  }

  test::TempFolder folder_;
  sqlite::Db db_;
  Collection collection_;
};

TEST_F(Queue, IsPlayedOverTheFilesInOrder) {
  test::WriteSegment(folder_.path / "v", {{1, {1, 2}}, {2, {3, 4}}, {3, {5, 6}}}, {{"a", 1}, {"b", 2}, {"c", 3}});
  Exec("INSERT INTO max_seq_id VALUES ('v', 2)");
  Put(kUpsert, "a", 9);                                       // 1: the files have it
  Put(kDelete, "b", 0);                                       // 2
  Put(kUpdate, "a", 7);                                       // 3
  Put(kAdd, "c", 8);                                          // 4: is there already
  Put(kAdd, "new", 8);                                        // 5
  Put(kUpdate, "nobody", 8);                                  // 6
  Put(kDelete, "c", 0);                                       // 7
  Put(kAdd, "late", 8);                                       // 8
  Put(kDelete, "late", 0);                                    // 9
  Put(kUpdate, "late", 8);                                    // 10
  Put(kUpdate, "new", 0);                                     // 11: of metadata alone
  Put(kUpsert, "b", 3, nullptr, "persistent://default/default/9"); // 12: of another collection
  const auto map = Vectors();
  EXPECT_EQ(PlaceOf(*map, "a"), "queue 3");
  EXPECT_EQ(PlaceOf(*map, "b"), "file 1");
  EXPECT_EQ(PlaceOf(*map, "c"), "nowhere");
  EXPECT_EQ(PlaceOf(*map, "new"), "queue 5");
  EXPECT_EQ(PlaceOf(*map, "nobody"), "nowhere");
  EXPECT_EQ(PlaceOf(*map, "late"), "nowhere");
  EXPECT_EQ(map->queued(), 9);
}

TEST_F(Queue, AnOperationThatIsNotKnownIsRefused) {
  Put(4, "a", 1);
  EXPECT_TRUE(IsCategory(VectorMap::Load(db_, collection_, *FileVectors::Load({}, false, 2, nullptr), nullptr).status(), Category::corrupt));
}

TEST_F(Queue, WatermarksOfEveryGeneration) {
  EXPECT_EQ(*Watermark(db_, "v"), 0);
  Exec("INSERT INTO max_seq_id VALUES ('v', x'0000000000000104'), ('m', 77), ('n', NULL), ('o', x'01'), ('p', 'text')");
  EXPECT_EQ(*Watermark(db_, "v"), 260);
  EXPECT_EQ(*Watermark(db_, "m"), 77);
  EXPECT_EQ(*Watermark(db_, "n"), 0);
  EXPECT_TRUE(IsCategory(Watermark(db_, "o").status(), Category::corrupt));
  EXPECT_TRUE(IsCategory(Watermark(db_, "p").status(), Category::corrupt));
}

TEST_F(Queue, WhatTheTablesDoNotSayYet) {
  Exec("INSERT INTO max_seq_id VALUES ('m', 1); INSERT INTO embeddings VALUES (1,'m','a',1), (2,'m','b',1), (3,'other','c',1)");
  Put(kUpsert, "a", 1);  // 1: played
  Put(kUpdate, "a", 0, R"({"k":1})");
  Put(kDelete, "b", 0);
  Put(kAdd, "c", 1);
  Put(kAdd, "a", 1);     // 5: is there already
  Put(kUpdate, "nobody", 1);
  Put(kAdd, "b", 1);     // 7
  Put(kAdd, "gone", 1);
  Put(kDelete, "gone", 0);
  const auto pending = Pending::Load(db_, collection_, nullptr);
  ASSERT_TRUE(pending.ok()) << pending.status();
  EXPECT_EQ(pending->added, (std::vector<std::pair<int64_t, std::string>>{{4, "c"}, {7, "b"}}));
  EXPECT_EQ(pending->dropped, 1);
  EXPECT_EQ(pending->changes.at("a").rows, std::vector<int64_t>{2});
  EXPECT_FALSE(pending->changes.at("gone").adds || pending->changes.at("nobody").adds);
}

TEST_F(Queue, MetadataOfTablesAndQueue) {
  Exec("INSERT INTO embedding_metadata VALUES (1,'chroma:document','text',NULL,NULL,NULL), (1,'chroma:uri','u',NULL,NULL,NULL), (1,'i',NULL,9007199254740993,NULL,NULL), "
       "(1,'f',NULL,NULL,2.0,NULL), (1,'b',NULL,NULL,NULL,0), (1,'s','x\"y',NULL,NULL,NULL), (1,'none',NULL,NULL,NULL,NULL), (1,'inf',NULL,NULL,9e999,NULL), (1,'n',NULL,1,NULL,NULL)");
  Exec("INSERT INTO embedding_metadata_array VALUES (1,'tags','b',NULL,NULL,NULL), (1,'tags','a',NULL,NULL,NULL), (1,'reals',NULL,NULL,1.0,NULL), (1,'n',NULL,2,NULL,NULL)");
  Put(kUpdate, "a", 0, R"({"chroma:document":"o\u00e4","s":null,"i":1,"new":[1,2],"chroma:uri":null})");
  Put(kUpdate, "a", 0, "[1]");
  Tables tables;
  tables.metadata_bools = tables.arrays = true;
  MetadataReader reader;
  ASSERT_TRUE(reader.Open(db_, tables).ok());
  ASSERT_TRUE(reader.Load(1, nullptr).ok());
  EXPECT_EQ(reader.record().document, "text");
  EXPECT_EQ(reader.record().uri, "u");
  std::string canonical;
  JsonReader json;
  ASSERT_TRUE(json.AppendCanonical(reader.record().metadata, &canonical).ok());
  EXPECT_EQ(canonical, R"({"b":false,"f":2.0,"i":9007199254740993,"inf":{"$vf":"f64","v":"Infinity"},"n":[2],"reals":[1.0],"s":"x\"y","tags":["b","a"]})");
  Pending::Change change{.rows = {1}};
  ASSERT_TRUE(reader.Load(1, &change).ok());
  EXPECT_EQ(reader.record().document, "o\u00e4");
  EXPECT_FALSE(reader.record().uri);
  EXPECT_EQ(reader.record().metadata, R"({"b":false,"f":2.0,"i":1,"inf":{"$vf":"f64","v":"Infinity"},"n":[2],"new":[1,2],"reals":[1.0],"tags":["b","a"]})");
  change.rows = {2};
  EXPECT_EQ(FactsOf(reader.Load(1, &change)).code, "damaged");
}

TEST(QueuedVector, EncodingsAndSizes) {
  float out[2];
  bool rounded = false;
  const auto decode = [&](std::string_view bytes, std::string_view encoding) { return DecodeQueuedVector(bytes, encoding, 2, reinterpret_cast<uint8_t*>(out), &rounded); };
  const int32_t numbers[2] = {16777217, -3};
  const std::string_view ints(reinterpret_cast<const char*>(numbers), 8);
  ASSERT_TRUE(decode(ints, "INT32").ok());
  EXPECT_EQ(out[0], 16777216.0F);
  EXPECT_EQ(out[1], -3.0F);
  EXPECT_TRUE(rounded);
  EXPECT_EQ(FactsOf(decode(ints.substr(1), "FLOAT32")).code, "dimension");
  EXPECT_EQ(FactsOf(decode("", "FLOAT32")).code, "dimension");
  EXPECT_EQ(FactsOf(decode(ints, "FLOAT64")).code, "damaged");
}

}  // namespace
}  // namespace vecferry::chroma_local
