#include <csignal>
#include <fstream>

#include <sys/wait.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "connectors/qdrant_local/dataset.h"
#include "connectors/qdrant_local/meta.h"
#include "connectors/qdrant_local/point_pickle.h"
#include "connectors/qdrant_local/test_support.h"

namespace vecferry::qdrant_local {
namespace {

sqlite::Db Table(const fs::path& root, const std::string& collection) {
  return sqlite::Db::Open(root / "collection" / collection / kStorageFile, {.mode = sqlite::OpenOptions::Mode::read_write}).ValueOrDie();
}
std::string KeyOf(const PointId& id) {
  std::string key;
  AppendKey(id, &key);
  return key;
}
/// base64 of a pickled text, whatever its spelling.
std::string KeyOfText(std::string_view text) { return KeyOf({PointId::Kind::other_text, 0, std::string(text)}); }
std::string Point(std::string_view id, float x, float y, float z) {
  std::string blob;
  const float values[] = {x, y, z};
  BeginPoint(&blob);
  AppendText(id, &blob);
  BeforeVector(&blob);
  AppendFloats(values, 3, &blob);
  BeforePayload(&blob);
  blob += 'N';
  EndPoint(&blob);
  return blob;
}
void Insert(sqlite::Db& db, std::string_view key, std::string_view blob) {
  auto insert = db.Prepare("INSERT INTO points VALUES(?, ?)").ValueOrDie();
  ASSERT_TRUE(insert.BindText(1, key).BindBlob(2, blob).Run().ok());
}

TEST_F(StoreTest, EveryKindOfVectorComesBack) {
  RecordSchema schema;
  schema.id_kind = IdKind::mixed;
  schema.vectors = {{.name = "", .dims = 2, .metric = Metric::cosine},
                    {.name = "half", .element = Element::f16, .dims = 2, .metric = Metric::l2},
                    {.name = "small", .element = Element::u8, .dims = 3, .metric = Metric::l1},
                    {.name = "rows", .kind = VectorKind::multi, .dims = 2, .metric = Metric::dot},
                    {.name = "bag", .kind = VectorKind::sparse, .metric = Metric::dot}};
  BatchBuilder builder(schema);
  const float pair[] = {0.1f, -0.0f}, rows[] = {1, 2, 3, 4};
  const uint16_t half[] = {0x3c00, 0x7bff};
  const uint32_t indices[] = {1, 4294967295u};
  for (const char* id : {"0", "18446744073709551615", "5c56c793-69f3-4fbf-87e6-c4bf54c28c26"}) {
    builder.Id(id);
    builder.Metadata(R"({"a":[1,1.0,null,true,{"b":"\u0000é"}],"big":{"$vf":"bigint","v":"-99999999999999999999"},"u":18446744073709551615,"nan":{"$vf":"f64","v":"NaN"},"":{}})");
    builder.Vector(0, {reinterpret_cast<const char*>(pair), 8});
    builder.Vector(1, {reinterpret_cast<const char*>(half), 4});
    builder.Vector(2, std::string_view("\x00\x7f\xff", 3));
    builder.Multi(3, {reinterpret_cast<const char*>(rows), 16}, 2);
    builder.Sparse(4, indices, pair, 2);
    builder.EndRow();
  }
  builder.Id("7");  // no vector at all
  builder.Metadata("{}");
  builder.EndRow();
  const RecordView batch = builder.Finish().ValueOrDie();
  VF_ASSERT_OK(Fill("c", Spec(schema), {batch}));

  auto source = Source_("c");
  const auto info = source->Describe().ValueOrDie();
  EXPECT_EQ(info.schema, schema);
  EXPECT_EQ(info.count, 4);
  const auto all = ReadAll(*source);
  EXPECT_TRUE(all.rejects.empty());
  EXPECT_EQ(all.rounded, 0);
  ASSERT_EQ(all.records.size(), 4u);
  for (int64_t row = 0; row < batch.rows(); ++row) {
    const auto at = all.records.find(std::string(batch.id(row)));
    ASSERT_NE(at, all.records.end()) << batch.id(row);
    EXPECT_EQ(at->second, Shown(batch, row));
  }
}

TEST_F(StoreTest, MappedIdsAndSpecialsAndUpserts) {
  RecordSchema schema = Plain();
  schema.id_kind = IdKind::string;
  VF_ASSERT_OK(Fill("c", Spec(schema), {Records(schema, 1, 20, "old")}));
  EXPECT_EQ(Source_("c")->Describe()->schema.id_kind, IdKind::string);
  EXPECT_EQ(Source_("c")->Describe()->schema.has_document, true);
  VF_ASSERT_OK(Fill("c", Spec(schema, OnExists::upsert), {Records(schema, 11, 20, "new")}));
  const auto all = ReadAll("c");
  EXPECT_EQ(all.yielded, 30);
  EXPECT_EQ(all.records.at("10").substr(0, 19), "text 10 {\"old\":10} ");
  EXPECT_EQ(all.records.at("11").substr(0, 19), "text 11 {\"new\":11} ");

  BatchBuilder builder(schema);
  for (const char* json : {R"({"ok":1})", R"({"when":{"$vf":"date","v":"2024-01-01"}})"}) {
    builder.Id("x" + std::to_string(builder.rows()));
    builder.Metadata(json);
    builder.EndRow();
  }
  auto sink = Sink_("c");
  VF_ASSERT_OK(sink->Prepare(Spec(schema, OnExists::upsert)));
  const auto outcome = sink->Write(builder.Finish().ValueOrDie()).ValueOrDie();
  ASSERT_EQ(outcome.rejects.size(), 1u);
  EXPECT_EQ(outcome.rejects[0].row, 1);
  EXPECT_EQ(outcome.rejects[0].code, "unsupported-value");
  EXPECT_NE(outcome.rejects[0].message.find("when"), std::string::npos);
  EXPECT_EQ(sink->lookup()->Count().ValueOrDie(), 31);
}

TEST_F(StoreTest, SplitsAndCursorsHoldEachRecordOnce) {
  const auto schema = Plain();
  VF_ASSERT_OK(Fill("c", Spec(schema), {Records(schema, 1, 1000)}));
  auto source = Source_("c");
  EXPECT_EQ(source->Splits(4)->size(), 4u);
  for (const bool reopen : {false, true}) {
    const auto all = ReadAll(*source, 4, 7, reopen);
    EXPECT_EQ(all.yielded, 1000);
    EXPECT_EQ(all.records.size(), 1000u);
  }
  auto reader = source->Read(source->Splits(1)->front(), "", {.batch_bytes = 1}).ValueOrDie();
  EXPECT_EQ((*reader->Next())->records.rows(), 1);
  EXPECT_FALSE(source->Read({.payload = "nonsense"}, "", {}).ok());
  EXPECT_FALSE(source->Read(source->Splits(1)->front(), "nonsense", {}).ok());
}

TEST_F(StoreTest, KeysTellWhichRecordsWouldBecomeOnePoint) {
  auto schema = Plain();
  schema.has_tenant = true;
  auto sink = Sink_("c");
  VF_ASSERT_OK(sink->Prepare(Spec(schema)));
  EXPECT_EQ(*sink->KeyOf("a", "5"), *sink->KeyOf("b", "5"));
  EXPECT_NE(*sink->KeyOf("a", "x"), *sink->KeyOf("b", "x"));
  EXPECT_FALSE(sink->InjectiveKeys(schema));
  EXPECT_TRUE(sink->InjectiveKeys(Plain()));
  layout_.id_rule = Layout::IdRule::hash_prefix;
  EXPECT_FALSE(sink->InjectiveKeys(Plain()));
  EXPECT_EQ(FactsOf(sink->KeyOf("", "no hash").status()).category, Category::bad_content);
}

TEST_F(StoreTest, ACollectionIsListedOnlyWhenItIsWhole) {
  const auto schema = Plain();
  auto sink = Sink_("c");
  VF_ASSERT_OK(sink->Prepare(Spec(schema)));
  VF_ASSERT_OK(sink->Write(Records(schema, 1, 5)));
  EXPECT_FALSE(Meta::Read(root_)->Config("c").has_value());
  VF_ASSERT_OK(sink->Finish());
  VF_ASSERT_OK(sink->Finish());
  EXPECT_EQ(*Meta::Read(root_)->Config("c"), R"({"vectors":{"size":3,"distance":"Dot"}})");
  EXPECT_EQ(*ReadFile(root_ / ".lock"), "tmp lock file");
  EXPECT_FALSE(fs::exists(root_ / "collection/c/storage.sqlite-journal"));
  EXPECT_EQ(*Table(root_, "c").QueryText("PRAGMA journal_mode"), "delete");
  auto read_back = sink->OpenReadBack();
  VF_ASSERT_OK(read_back);
  EXPECT_EQ((*read_back)->Describe()->count, 5);
}

TEST_F(StoreTest, WhatIsNotOursIsNotTouched) {
  const auto schema = Plain();
  FileIntents intents(scratch_ / "intents");
  auto spec = Spec(schema);
  spec.intents = &intents;
  auto sink = Sink_("c");
  VF_ASSERT_OK(sink->Prepare(spec));
  VF_ASSERT_OK(sink->Write(Records(schema, 1, 5)));
  VF_ASSERT_OK(sink->Abort());
  // Another run finds a folder with points that nobody lists; the same run goes on.
  EXPECT_EQ(FactsOf(Sink_("c")->Prepare(Spec(schema))).category, Category::refused);
  VF_ASSERT_OK(sink->Prepare(spec));
  VF_ASSERT_OK(sink->Finish());
  EXPECT_EQ(ReadAll("c").yielded, 5);
  // One that holds points is only added to where that was asked for.
  EXPECT_EQ(FactsOf(Sink_("c")->Prepare(Spec(schema))).category, Category::refused);
  // A collection of other vectors is refused, and both are named.
  sink.reset();
  const Status status = Sink_("c")->Prepare(Spec(Plain(4), OnExists::append));
  EXPECT_EQ(FactsOf(status).category, Category::refused);
  EXPECT_NE(status.message().find("3 x f32"), std::string::npos);
  EXPECT_NE(status.message().find("4 x f32"), std::string::npos);
  for (const char* name : {"..", ".", "a/b", "a:b", "../c", ".vecferry-x"}) {
    EXPECT_EQ(FactsOf(Sink_(name)->Prepare(Spec(schema))).category, Category::refused) << name;
  }
}

TEST_F(StoreTest, TheLatestRowOfAPointIsThePoint) {
  const auto schema = Plain();
  VF_ASSERT_OK(Fill("c", Spec(schema), {Records(schema, 1, 3)}));
  const std::string lower = "5c56c793-69f3-4fbf-87e6-c4bf54c28c26", upper = "5C56C793-69F3-4FBF-87E6-C4BF54C28C26";
  {
    auto db = Table(root_, "c");
    Insert(db, KeyOfText(upper), Point(upper, 1, 1, 1));
    Insert(db, KeyOfText(lower), Point(lower, 2, 2, 2));
    Insert(db, KeyOfText("{" + lower + "}"), Point(upper, 3, 3, 3));
    Insert(db, "gAVLAi4=", Point("x", 0, 0, 0));  // key 2 in protocol 5, holding another point
  }
  auto source = Source_("c");
  EXPECT_EQ(source->Describe()->count, 4);  // 1, 3, the UUID, and the reject; row 2 gave way to it
  const auto all = ReadAll(*source);
  EXPECT_EQ(all.yielded, 3);
  ASSERT_EQ(all.rejects.size(), 1u);
  EXPECT_EQ(all.rejects[0].code, "key-mismatch");
  EXPECT_NE(all.records.at(lower).find("00004040"), std::string::npos) << all.records.at(lower);  // 3.0f
  source.reset();

  // Written again, a point is one row; deleted, none.
  auto sink = Sink_("c");
  VF_ASSERT_OK(sink->Prepare(Spec(schema, OnExists::upsert)));
  const auto images = sink->undo()->Capture({""}, {lower}).ValueOrDie();
  ASSERT_TRUE(images[0].has_value());
  BatchBuilder builder(schema);
  builder.Id(lower);
  builder.EndRow();
  VF_ASSERT_OK(sink->Write(builder.Finish().ValueOrDie()));
  EXPECT_EQ(*Table(root_, "c").QueryInt("SELECT count(*) FROM points"), 5);
  VF_ASSERT_OK(sink->undo()->Restore({""}, {lower}, {*images[0]}));
  VF_ASSERT_OK(sink->undo()->Restore({""}, {lower}, {*images[0]}));
  EXPECT_EQ(*Table(root_, "c").QueryInt("SELECT count(*) FROM points"), 7);
  EXPECT_EQ(*sink->undo()->Capture({""}, {lower})->front(), *images[0]);
  const auto got = sink->lookup()->Get({"", ""}, {lower, "1"}).ValueOrDie();
  ASSERT_EQ(got.rows(), 2);
  EXPECT_EQ(reinterpret_cast<const float*>(got.vectors()[0].Dense(0).data())[0], 3.0f);
  VF_ASSERT_OK(sink->undo()->DeleteIds({"", ""}, {lower, "1"}));
  EXPECT_EQ(*Table(root_, "c").QueryInt("SELECT count(*) FROM points"), 3);
  EXPECT_FALSE(sink->undo()->Capture({""}, {lower})->front().has_value());
  EXPECT_EQ(FactsOf(sink->undo()->Restore({""}, {lower}, {"damaged"})).category, Category::corrupt);
  VF_ASSERT_OK(sink->undo()->DropDataset());
  VF_ASSERT_OK(sink->undo()->DropDataset());
  EXPECT_FALSE(fs::exists(root_ / "collection/c"));
  EXPECT_FALSE(Meta::Read(root_)->Config("c").has_value());
}

TEST_F(StoreTest, OddRowsAreRejectsAndTheRestIsRead) {
  const auto schema = Plain();
  VF_ASSERT_OK(Fill("c", Spec(schema), {Records(schema, 1, 2)}));
  const auto points = [&](uint64_t id) { return KeyOf(PointId::Of(id)); };
  {
    auto db = Table(root_, "c");
    const std::string uuid = "00000000-0000-0000-0000-00000000000";
    const auto key = [&](char c) { return KeyOfText(uuid + c); };
    const std::string good = Point(uuid + "1", 1, 2, 3);
    Insert(db, key('1'), good.substr(0, good.size() - 1));
    Insert(db, key('2'), Point(uuid + "3", 1, 2, 3));
    Insert(db, "not base64", Point(uuid + "4", 1, 2, 3));
    std::string two = Point(uuid + "5", 1, 2, 3);
    two.replace(two.find("G"), 9, "");
    Insert(db, key('5'), two);
    std::string extra = Point(uuid + "6", 1, 2, 3);
    extra.replace(extra.find("__pydantic_extra__") + 18, 1, "\x88");
    Insert(db, key('6'), extra);
    std::string set = Point(uuid + "7", 1, 2, 3);
    set.replace(set.rfind("vector"), 6, "vectox");
    Insert(db, key('7'), set);
    std::string state = Point(uuid + "8", 1, 2, 3);
    state.replace(state.find("__pydantic_extra__"), 18, "__pydantic_extrb__");
    Insert(db, key('8'), state);
    ASSERT_TRUE(db.Exec("INSERT INTO points VALUES(NULL, NULL)").ok());
    ASSERT_TRUE(db.Exec("INSERT INTO points VALUES('gARLYy4=', 'text')").ok());
    Insert(db, points(77), "\x80\x04N.");
  }
  auto source = Source_("c");
  const auto all = ReadAll(*source);
  EXPECT_EQ(all.yielded, 2);
  std::map<std::string, int> codes;
  for (const auto& reject : all.rejects) ++codes[reject.code];
  EXPECT_EQ(codes, (std::map<std::string, int>{{"corrupt-point", 7}, {"key-mismatch", 1}, {"corrupt-key", 1}, {"wrong-dimensions", 1}}));
  EXPECT_EQ(source->Describe()->count, all.yielded + static_cast<int64_t>(all.rejects.size()));
}

TEST_F(StoreTest, SettingsTravelBetweenStoresOfThisKind) {
  const char* kConfig = R"({"vectors":{"t":{"size":3,"distance":"Dot","on_disk":true,"hnsw_config":{"m":16,"ef_construct":null},"memory":null}},)"
                        R"("sparse_vectors":{"s":{"modifier":"idf"}},"metadata":{"k":[null,1]},"shard_number":null})";
  RecordSchema schema = SchemaOfConfig(kConfig).ValueOrDie();
  auto spec = Spec(schema);
  spec.settings[kConfigSetting] = WithoutNulls(kConfig);
  VF_ASSERT_OK(Fill("c", spec, {}));
  EXPECT_EQ(*Meta::Read(root_)->Config("c"),
            R"({"vectors":{"t":{"size":3,"distance":"Dot","on_disk":true,"hnsw_config":{"m":16}}},"sparse_vectors":{"s":{"modifier":"idf"}},"metadata":{"k":[null,1]}})");
  EXPECT_EQ(Source_("c")->Describe()->settings.at(kConfigSetting), *Meta::Read(root_)->Config("c"));
}

TEST_F(StoreTest, TheApplicationsOwnPointIsWrittenAndLeftOut) {
  layout_.bookkeeping = Layout::Bookkeeping{"1", {"embedding_model", "vector_size"}};
  auto schema = Plain();
  schema.id_kind = IdKind::string;
  VF_ASSERT_OK(Fill("c", Spec(schema), {Records(schema, 1, 4)}));
  EXPECT_EQ(*Table(root_, "c").QueryInt("SELECT count(*) FROM points"), 5);
  auto source = Source_("c");
  EXPECT_EQ(source->Describe()->count, 4);
  EXPECT_EQ(ReadAll(*source).yielded, 4);
  layout_.bookkeeping.reset();
  const auto all = ReadAll("c");
  EXPECT_EQ(all.yielded, 5);
  EXPECT_NE(all.records.at("1").find("\"embedding_model\":\"unknown\",\"vector_size\":3,\"dimensions\":3,"), std::string::npos) << all.records.at("1");
}

TEST_F(StoreTest, ALockedStoreIsSaidToBe) {
  const auto schema = Plain();
  VF_ASSERT_OK(Fill("c", Spec(schema), {Records(schema, 1, 2)}));
  {
    const auto held = FileLock::Acquire(root_ / ".lock", {.mode = FileLock::Mode::exclusive});
    ASSERT_TRUE(held.ok());
    EXPECT_EQ(FactsOf(connector_->OpenSource(At("c"), context_).status()).category, Category::locked);
    EXPECT_EQ(FactsOf(Sink_("c")->Prepare(Spec(schema, OnExists::upsert))).category, Category::locked);
  }
  auto source = Source_("c");
  {
    // Readers share; a writer of another program must wait.
    EXPECT_TRUE(FileLock::Acquire(root_ / ".lock", {.mode = FileLock::Mode::shared}).ok());
    EXPECT_FALSE(FileLock::Acquire(root_ / ".lock", {.mode = FileLock::Mode::exclusive}).ok());
  }
  // One run may read a collection and write another of the same store.
  auto sink = Sink_("d");
  VF_ASSERT_OK(sink->Prepare(Spec(schema)));
  EXPECT_FALSE(FileLock::Acquire(root_ / ".lock", {.mode = FileLock::Mode::shared}).ok());
}

TEST_F(StoreTest, NoNameEscapesAndNothingIsCreatedByLooking) {
  EXPECT_EQ(FactsOf(connector_->OpenSource(At("c"), context_).status()).category, Category::not_found);
  EXPECT_EQ(Sink_("c")->Describe()->exists, false);
  EXPECT_FALSE(fs::exists(root_));
  const auto schema = Plain();
  VF_ASSERT_OK(Fill("memories", Spec(schema), {Records(schema, 1, 2)}));
  const Status status = connector_->OpenSource(At("memorys"), context_).status();
  EXPECT_EQ(FactsOf(status).category, Category::not_found);
  EXPECT_NE(status.message().find("memories"), std::string::npos);
  fs::create_directories(scratch_ / "outside");
  fs::create_directory_symlink(scratch_ / "outside", root_ / "collection/link");
  Meta meta = Meta::Read(root_).ValueOrDie();
  for (const char* name : {"..", "../outside", "link", "."}) ASSERT_TRUE(meta.Put(name, R"({"vectors":{}})").ok());
  ASSERT_TRUE(meta.Write(root_).ok());
  for (const char* name : {"..", "../outside", "link", "."}) {
    EXPECT_EQ(FactsOf(connector_->OpenSource(At(name), context_).status()).category, Category::refused) << name;
  }
  fs::create_directories(root_ / "collection/a/b");  // a legacy name
  std::ofstream(root_ / "collection/a/b/storage.dbm.dat") << "x";
  ASSERT_TRUE(meta.Put("a/b", R"({"vectors":{}})").ok());
  ASSERT_TRUE(meta.Write(root_).ok());
  EXPECT_EQ(FactsOf(connector_->OpenSource(At("a/b"), context_).status()).category, Category::unsupported);
}

/// Every way to be killed: the run is started in a child that dies at a failpoint, and started again.
class CrashTest : public StoreTest {
 protected:
  /// The same run, as each process of it does.
  Status Run(bool resumed, OnExists on_exists) {
    FileIntents intents(scratch_ / "intents");
    auto spec = Spec(schema_, on_exists);
    spec.intents = &intents;
    spec.resumed = resumed;
    std::vector<RecordView> batches;
    for (int64_t first = 1; first <= 40; first += 10) batches.push_back(Records(schema_, first, 10, "new"));
    return Fill("c", spec, batches);
  }
  /// Whether the child was killed rather than ran to its end.
  bool KilledAt(const std::string& point, OnExists on_exists) {
    const pid_t child = ::fork();
    if (child == 0) {
      failpoint::Arm(point);
      ::_exit(Run(false, on_exists).ok() ? 0 : 1);
    }
    int state = 0;
    ::waitpid(child, &state, 0);
    EXPECT_TRUE(WIFSIGNALED(state) || WEXITSTATUS(state) == 0) << point;
    return WIFSIGNALED(state);
  }
  void Sweep(OnExists on_exists, bool old_there, const std::vector<std::string>& names) {
    for (const auto& name : names) {
      int killed = 0;
      for (int hit = 1;; ++hit) {
        fs::remove_all(root_), fs::remove_all(scratch_ / "intents");
        if (old_there) VF_ASSERT_OK(Fill("c", Spec(Plain(2, Metric::l2)), {Records(Plain(2, Metric::l2), 100, 5, "old")}));
        if (!KilledAt(name + ":" + std::to_string(hit), on_exists)) break;
        ++killed;
        VF_ASSERT_OK(Run(true, on_exists));
        const auto all = ReadAll("c");
        EXPECT_EQ(all.yielded, 40) << name << ":" << hit;
        EXPECT_EQ(all.records.count("40"), 1u);
        size_t folders = 0;
        for (const auto& entry : fs::directory_iterator(root_ / "collection")) folders += entry.is_directory();
        EXPECT_EQ(folders, 1u) << name << ":" << hit;
      }
      EXPECT_GT(killed, 0) << name << " is never hit";
    }
  }
  RecordSchema schema_ = Plain();
};

TEST_F(CrashTest, ANewCollection) {
  Sweep(OnExists::fail, false,
        {"qdrant-local.create.before", "qdrant-local.create.after", "qdrant-local.commit.before", "qdrant-local.commit.after",
         "qdrant-local.list.before", "qdrant-local.list.after", "file.rename.before", "file.rename.after"});
}

TEST_F(CrashTest, AReplacement) {
  Sweep(OnExists::replace, true,
        {"qdrant-local.create.before", "qdrant-local.create.after", "qdrant-local.commit.before", "qdrant-local.commit.after",
         "qdrant-local.rename.before", "qdrant-local.rename.after", "qdrant-local.list.before", "qdrant-local.list.after",
         "qdrant-local.remove.before", "qdrant-local.remove.after"});
}

TEST_F(CrashTest, AFullDiskIsNoSpaceAndGoesOn) {
  auto sink = Sink_("c");
  VF_ASSERT_OK(sink->Prepare(Spec(schema_)));
  failpoint::Arm("qdrant-local.commit.before:1:no_space");
  EXPECT_EQ(FactsOf(sink->Write(Records(schema_, 1, 5)).status()).category, Category::no_space);
  failpoint::Arm("");
  EXPECT_EQ(sink->lookup()->Count().ValueOrDie(), 0);
  VF_ASSERT_OK(sink->Write(Records(schema_, 1, 5)));
  EXPECT_EQ(sink->lookup()->Count().ValueOrDie(), 5);
}

TEST(LocalMeta, KeepsWhatItDoesNotKnow) {
  const std::string text =
      R"({"collections":{"b":{"vectors":{"size":2,"distance":"Dot"},"future":[1.5,null]},"a":{"vectors":{}}},"aliases":{"x":"b","y":"a"},"text_indexes":{"b":{"f":{}}},"more":1})";
  Meta meta = Meta::Parse(text).ValueOrDie();
  EXPECT_EQ(meta.Text(), text);
  EXPECT_EQ(meta.Resolve("x"), "b");
  EXPECT_EQ(meta.Resolve("b"), "b");
  EXPECT_EQ(meta.Collections(), (std::vector<std::string>{"b", "a"}));
  meta.Remove("b");
  EXPECT_EQ(meta.Text(), R"({"collections":{"a":{"vectors":{}}},"aliases":{"y":"a"},"text_indexes":{},"more":1})");
  for (const char* bad : {"", "[]", "{}", "{\"collections\":[]}", "{\"collections\":{\"a\":1}}", "{\"collections\":{},\"aliases\":1}", "\xff"}) {
    EXPECT_EQ(FactsOf(Meta::Parse(bad).status()).category, Category::corrupt) << bad;
  }
}

TEST(LocalMeta, VectorsOfEveryShape) {
  EXPECT_EQ(SchemaOfConfig(R"({"vectors":{"size":{"size":4,"distance":"Cosine"}}})")->vectors[0].name, "size");
  EXPECT_EQ(SchemaOfConfig(R"({"vectors":{}})")->vectors.size(), 0u);
  EXPECT_EQ(SchemaOfConfig(R"({"vectors":null,"sparse_vectors":{"s":null}})")->vectors[0].kind, VectorKind::sparse);
  EXPECT_EQ(SchemaOfConfig(R"({"vectors":{"size":2,"distance":"Dot","multivector_config":{"comparator":"max_sim"}}})")->vectors[0].kind, VectorKind::multi);
  EXPECT_EQ(FactsOf(SchemaOfConfig(R"({"vectors":{"size":2,"distance":"Hamming"}})").status()).category, Category::unsupported);
  EXPECT_EQ(FactsOf(SchemaOfConfig(R"({"vectors":{"size":2,"distance":"Dot","datatype":"int4"}})").status()).category, Category::unsupported);
  for (const char* bad : {R"({"vectors":{"size":0,"distance":"Dot"}})", R"({"vectors":{"a":7}})", R"({"vectors":{"a":{"size":-1,"distance":"Dot"}}})"}) {
    EXPECT_EQ(FactsOf(SchemaOfConfig(bad).status()).category, Category::corrupt) << bad;
  }
}

}  // namespace
}  // namespace vecferry::qdrant_local
