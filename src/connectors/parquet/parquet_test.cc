#include "connectors/parquet/parquet.h"

#include <gtest/gtest.h>

#include "connectors/parquet/footer.h"
#include "record/digest.h"

namespace vecferry::parquet_store {
namespace {

class Parquet : public testing::Test {
 protected:
  Parquet() : dir_(fs::path(VECFERRY_BINARY_DIR) / "parquet_test") {
    fs::remove_all(dir_);
    fs::create_directories(dir_);
    schema_.has_tenant = true;
    schema_.vectors = {{"", VectorKind::dense, Element::f32, 2, Metric::cosine, ""}, {"s", VectorKind::sparse, Element::f32, 0, Metric::dot, ""}};
  }
  RecordView Rows(int first, int count) const {
    BatchBuilder builder(schema_);
    for (int i = first; i < first + count; ++i) {
      builder.Id("id-" + std::to_string(i));
      if (i % 3 != 0) builder.Tenant(i % 3 == 1 ? "a/b" : "");
      builder.Metadata(R"({"n":)" + std::to_string(i) + R"(,"k":)" + std::to_string(i % 2) + "}");
      const float values[2] = {static_cast<float>(i), 0.5f};
      builder.Vector(0, {reinterpret_cast<const char*>(values), sizeof(values)});
      const uint32_t index = static_cast<uint32_t>(i);
      builder.Sparse(1, &index, values, i % 2);
      builder.EndRow();
    }
    return builder.Finish().ValueOrDie();
  }
  SinkSpec Spec() const {
    SinkSpec spec;
    spec.schema = schema_;
    spec.run_id = "r1";
    return spec;
  }
  static Digest DigestOf(const std::vector<RecordView>& views) {
    Digest digest;
    RecordHasher hasher;
    for (const auto& view : views) {
      for (int64_t row = 0; row < view.rows(); ++row) digest.Add(hasher.Hash(view, row).ValueOrDie());
    }
    return digest;
  }
  static std::vector<RecordView> ReadAll(const fs::path& path, const ReadOptions& options = {}) {
    auto source = OpenSource(files::Place(path), {}).ValueOrDie();
    std::vector<RecordView> views;
    for (const Split& split : source->Splits(3).ValueOrDie()) {
      auto reader = source->Read(split, "", options).ValueOrDie();
      while (auto batch = reader->Next().ValueOrDie()) views.push_back(batch->records);
    }
    return views;
  }
  fs::path dir_;
  RecordSchema schema_;
};

TEST_F(Parquet, PartitionsComeBackWithTheirTenants) {
  WriteOptions options;
  options.partition_by = "tenant";
  auto sink = OpenFolderSink(files::Place(dir_ / "set"), options).ValueOrDie();
  ASSERT_TRUE(sink->Prepare(Spec()).ok());
  ASSERT_TRUE(sink->Write(Rows(0, 50)).ok());
  ASSERT_TRUE(sink->Flush().ok());
  ASSERT_TRUE(sink->Write(Rows(50, 50)).ok());
  ASSERT_TRUE(sink->Finish().ok());
  EXPECT_TRUE(DigestOf(ReadAll(dir_ / "set")) == DigestOf({Rows(0, 100)})) << "no tenant, an empty one and one with a slash stay apart";
}

TEST_F(Parquet, MorePartitionsThanFilesAreOpenAndAResumeFromEachState) {
  WriteOptions options;
  options.partition_by = "n";
  std::vector<std::string> states;
  {
    auto sink = OpenFolderSink(files::Place(dir_ / "set"), options).ValueOrDie();
    ASSERT_TRUE(sink->Prepare(Spec()).ok());
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(sink->Write(Rows(i * 40, 40)).ok());
      states.push_back(sink->Flush().ValueOrDie());
    }
    ASSERT_TRUE(sink->Write(Rows(0, 100)).ok());  // lost with the process
  }
  SinkSpec spec = Spec();
  spec.resumed = true;
  auto sink = OpenFolderSink(files::Place(dir_ / "set"), options).ValueOrDie();
  ASSERT_TRUE(sink->Prepare(spec).ok());
  ASSERT_TRUE(sink->Resume(states[2]).ok());
  ASSERT_TRUE(sink->Resume(states[1]).ok());  // what lies beyond is cut
  ASSERT_TRUE(sink->Write(Rows(80, 20)).ok());
  ASSERT_TRUE(sink->Finish().ok());
  EXPECT_TRUE(DigestOf(ReadAll(dir_ / "set")) == DigestOf({Rows(0, 100)}));
  EXPECT_EQ(files::Place(dir_ / "set").Files()->size(), 100u);
  EXPECT_FALSE(fs::exists(dir_ / "set.r1.vecferry-part-meta"));
}

TEST_F(Parquet, AFileThatIsLargeEnoughIsEndedAndTheNextBegun) {
  WriteOptions options;
  options.file_size = 100;
  std::string state;
  {
    auto sink = OpenFolderSink(files::Place(dir_ / "set"), options).ValueOrDie();
    ASSERT_TRUE(sink->Prepare(Spec()).ok());
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(sink->Write(Rows(i * 10, 10)).ok());
      state = sink->Flush().ValueOrDie();
    }
    ASSERT_TRUE(sink->Write(Rows(500, 10)).ok());
    ASSERT_TRUE(sink->Flush().ok());
  }
  SinkSpec spec = Spec();
  spec.resumed = true;
  auto sink = OpenFolderSink(files::Place(dir_ / "set"), options).ValueOrDie();
  ASSERT_TRUE(sink->Prepare(spec).ok());
  ASSERT_TRUE(sink->Resume(state).ok());
  ASSERT_TRUE(sink->Write(Rows(30, 10)).ok());
  ASSERT_TRUE(sink->Finish().ok());
  EXPECT_TRUE(DigestOf(ReadAll(dir_ / "set")) == DigestOf({Rows(0, 40)}));
  EXPECT_EQ(files::Place(dir_ / "set").Files()->size(), 4u);
}

TEST_F(Parquet, StatesThatAreNoneAreRefused) {
  auto folder = OpenFolderSink(files::Place(dir_ / "set"), {}).ValueOrDie();
  ASSERT_TRUE(folder->Prepare(Spec()).ok());
  for (const char* bad : {"x", "{}", "[1]", R"([{"p":"a.parquet","s":9,"i":1,"m":0,"e":false,"x":false}])"}) EXPECT_FALSE(folder->Resume(bad).ok()) << bad;
  auto file = OpenFileSink(files::Place(dir_ / "a.parquet"), {}).ValueOrDie();
  ASSERT_TRUE(file->Prepare(Spec()).ok());
  for (const char* bad : {"x", "1 2", "1 2 x", "999999 1 0"}) EXPECT_FALSE(file->Resume(bad).ok()) << bad;
}

TEST_F(Parquet, ALargeRowGroupIsReadInPieces) {
  auto sink = OpenFileSink(files::Place(dir_ / "a.parquet"), {}).ValueOrDie();
  ASSERT_TRUE(sink->Prepare(Spec()).ok());
  ASSERT_TRUE(sink->Write(Rows(0, 5000)).ok());
  ASSERT_TRUE(sink->Finish().ok());
  const auto views = ReadAll(dir_ / "a.parquet", {.batch_rows = 700, .batch_bytes = 1 << 20});
  EXPECT_GE(views.size(), 8u);
  EXPECT_TRUE(DigestOf(views) == DigestOf({Rows(0, 5000)}));
}

TEST_F(Parquet, FolderNames) {
  EXPECT_EQ(FolderOf("k", "a/b=c"), "k=a%2Fb%3Dc");
  EXPECT_EQ(FolderOf("k", std::nullopt), FolderOf("k", ""));
  EXPECT_EQ(ParseFolder("k=a%2Fb%3Dc")->second, "a/b=c");
  EXPECT_EQ(ParseFolder("k=__HIVE_DEFAULT_PARTITION__")->second, std::nullopt);
  EXPECT_FALSE(ParseFolder("plain"));
  EXPECT_FALSE(ParseFolder("=x"));
  EXPECT_LT(FolderOf("k", std::string(1000, 'x')).size(), 255u);
}

TEST_F(Parquet, SettingsAndLayoutComeBack) {
  SinkSpec spec = Spec();
  spec.settings = {{"qdrant.create_collection", R"({"x":1})"}};
  auto sink = OpenFileSink(files::Place(dir_ / "a.parquet"), {}).ValueOrDie();
  ASSERT_TRUE(sink->Prepare(spec).ok());
  ASSERT_TRUE(sink->Finish().ok());
  const DatasetInfo info = OpenSource(files::Place(dir_ / "a.parquet"), {}).ValueOrDie()->Describe().ValueOrDie();
  EXPECT_EQ(info.settings, spec.settings);
  EXPECT_EQ(info.count, 0);
  EXPECT_TRUE(info.schema == schema_);
  for (const char* bad : {"[]", "{\"a\":1}", "{"}) EXPECT_TRUE(IsCategory(ParseTexts(bad).status(), Category::corrupt)) << bad;
}

}  // namespace
}  // namespace vecferry::parquet_store
