#include <cstring>
#include <fstream>

#include <gtest/gtest.h>

#include "connectors/faiss/build.h"
#include "connectors/faiss/capabilities.h"
#include "connectors/faiss/faiss.h"
#include "connectors/faiss/index_search.h"
#include "connectors/faiss/index_vectors.h"

namespace vecferry::faiss_files {
namespace {

template <class T>
T Must(Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  return std::move(result).ValueOrDie();
}

class FaissTest : public testing::Test {
 protected:
  FaissTest() : dir_(fs::path(VECFERRY_BINARY_DIR) / "faiss_test" / testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(dir_);
    fs::create_directories(dir_);
  }
  Result<Shape> WalkOf(const std::string& bytes) {
    std::ofstream(dir_ / "x.index", std::ios::binary) << bytes;
    ARROW_ASSIGN_OR_RAISE(const auto file, files::File::Open(dir_ / "x.index", files::File::Mode::read));
    return Walk(file);
  }
  Category Refused(const std::string& bytes) {
    const auto shape = WalkOf(bytes);
    return shape.ok() ? Category::internal : FactsOf(shape.status()).category;
  }
  fs::path dir_;
};

template <class T>
std::string Raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(T)};
}

std::string Flat(int64_t rows, int32_t dims) {
  std::string out = IndexHead("IxF2", dims, rows, kL2) + Raw(static_cast<uint64_t>(rows * dims));
  for (int64_t i = 0; i < rows * dims; ++i) out += Raw(static_cast<float>(i));
  return out;
}

std::string Ids(int64_t rows) {
  std::string out = Raw(static_cast<uint64_t>(rows));
  for (int64_t i = 0; i < rows; ++i) out += Raw(100 - i);
  return out;
}

TEST_F(FaissTest, FlatAndIdMap) {
  const Shape flat = Must(WalkOf(Flat(6, 2)));
  EXPECT_EQ(flat.words, "Flat");
  EXPECT_EQ(flat.count, 6);
  EXPECT_EQ(flat.rows_at, 45);
  EXPECT_FALSE(flat.ids_at || flat.lossy);
  const Shape map = Must(WalkOf(IndexHead("IxM2", 2, 6, kL2) + Flat(6, 2) + Ids(6)));
  EXPECT_EQ(map.words, "IDMap2,Flat");
  EXPECT_EQ(map.rows_at, 37 + 45);
  EXPECT_EQ(map.ids_at, 37 + 45 + 48 + 8);
}

TEST_F(FaissTest, EveryPrefixIsRefused) {
  const std::string whole = IndexHead("IxMp", 2, 6, kL2) + Flat(6, 2) + Ids(6);
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_EQ(Refused(whole.substr(0, n)), Category::corrupt) << n;
  EXPECT_EQ(Refused(whole + "x"), Category::corrupt);
}

TEST_F(FaissTest, HostileNumbers) {
  const std::string flat = Flat(6, 2);
  const auto with = [&](size_t at, const std::string& bytes) { return Refused(std::string(flat).replace(at, bytes.size(), bytes)); };
  EXPECT_EQ(with(4, Raw(int32_t{-1})), Category::corrupt);
  EXPECT_EQ(with(4, Raw(int32_t{0})), Category::corrupt);
  EXPECT_EQ(with(4, Raw(INT32_MAX)), Category::corrupt);
  EXPECT_EQ(with(4, Raw(int32_t{3})), Category::corrupt);
  EXPECT_EQ(with(8, Raw(int64_t{-6})), Category::corrupt);
  EXPECT_EQ(with(8, Raw(INT64_MAX)), Category::corrupt);
  EXPECT_EQ(with(37, Raw(UINT64_MAX)), Category::corrupt);
  EXPECT_EQ(with(37, Raw(uint64_t{1} << 62)), Category::corrupt);
  EXPECT_EQ(with(0, "IxXX"), Category::unsupported);
  EXPECT_EQ(with(0, "null"), Category::unsupported);
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += IndexHead("IxM2", 2, 6, kL2);
  EXPECT_EQ(Refused(deep + flat), Category::corrupt);
}

TEST_F(FaissTest, AScalarQuantizerOfALaterTypeIsRefusedBeforeTheLibrary) {
  const auto quantizer = [](int32_t type, uint64_t size, uint64_t trained) {
    std::string out = IndexHead("IxSQ", 2, 1, kL2) + Raw(type) + Raw(int32_t{0}) + Raw(0.0f) + Raw(uint64_t{2}) + Raw(size) + Raw(trained);
    out.append(trained * 4, '\0');
    return out + Raw(size) + std::string(size, '\1');
  };
  EXPECT_EQ(Must(WalkOf(quantizer(4, 4, 0))).words, "SQfp16");
  EXPECT_EQ(Refused(quantizer(7, 4, 0)), Category::unsupported);
  EXPECT_EQ(Refused(quantizer(-1, 4, 0)), Category::unsupported);
  EXPECT_EQ(Refused(quantizer(0, 2, 0)), Category::corrupt) << "8 bits without their ranges";
  EXPECT_EQ(Refused(quantizer(0, 1 << 20, 4)), Category::corrupt);
}

/// As FAISS has it in memory before it is trained; it adds no vectors to such a one.
TEST_F(FaissTest, CodesOfAnUntrainedQuantizerAreRefusedBeforeTheLibrary) {
  std::string index = IndexHead("IxSQ", 2, 1, kL2) + Raw(int32_t{4}) + Raw(int32_t{0}) + Raw(0.0f) + Raw(uint64_t{2}) + Raw(uint64_t{4}) + Raw(uint64_t{0}) + Raw(uint64_t{4}) + "1234";
  constexpr size_t kTrained = 32;
  EXPECT_TRUE(Must(WalkOf(index)).trained);
  index[kTrained] = 0;
  EXPECT_EQ(Refused(index), Category::corrupt);
}

TEST_F(FaissTest, ATransformWhoseBiasIsMissingIsRefusedBeforeTheLibrary) {
  const auto transformed = [](uint8_t biased, uint64_t bias) {
    std::string out = IndexHead("IxPT", 2, 6, kL2) + Raw(int32_t{1}) + "LTra" + Raw(biased) + Raw(uint64_t{4});
    for (const float x : {1.0f, 0.0f, 0.0f, 1.0f}) out += Raw(x);
    out += Raw(bias) + std::string(bias * 4, '\0');
    return out + Raw(int32_t{2}) + Raw(int32_t{2}) + Raw(uint8_t{1}) + Flat(6, 2);
  };
  EXPECT_EQ(Must(WalkOf(transformed(0, 0))).words, "PreTransform,Flat");
  EXPECT_EQ(Must(WalkOf(transformed(1, 2))).words, "PreTransform,Flat");
  EXPECT_EQ(Refused(transformed(1, 0)), Category::corrupt);
  EXPECT_EQ(Refused(transformed(16, 2)), Category::corrupt);
  EXPECT_EQ(Refused(transformed(0, 1)), Category::corrupt);
}

TEST_F(FaissTest, OptionsOfTheSink) {
  EXPECT_TRUE(ParseKind({{"index", "hnsw"}, {"m", "16"}}).ok());
  EXPECT_FALSE(ParseKind({{"index", "hnsw"}, {"m", "0"}}).ok());
  EXPECT_FALSE(ParseKind({{"index", "hnsw"}, {"m", "1"}}).ok()) << "its levels would never end";
  EXPECT_FALSE(ParseKind({{"nbits", "40"}}).ok());
  EXPECT_TRUE(ParseKind({{"index", "pq"}, {"nbits", "9"}}).ok());
  EXPECT_FALSE(ParseKind({{"index", "ivf-pq"}, {"nbits", "9"}}).ok());
  EXPECT_FALSE(ParseKind({{"tolerance", "2"}}).ok());
  EXPECT_FALSE(ParseKind({{"tolerance", "x"}}).ok());
  IndexKind kind;
  kind.name = "ivf-pq";
  kind.tolerance = 0.8;
  const Capabilities can = SinkCapabilities(kind, sidecar::Format::langchain);
  EXPECT_EQ(can.vector_change, VectorChange::reduced_precision);
  EXPECT_EQ(can.least_cosine, 0.8);
  EXPECT_FALSE(can.tenant || can.metrics.contains(Metric::l1) || can.json.contains(JsonFeature::datetime));
}

TEST_F(FaissTest, KindsThatCannotBeOfSuchDimensions) {
  IndexKind kind;
  kind.name = "pq";
  kind.m = 5;
  EXPECT_TRUE(CheckDims(kind, 15).ok());
  EXPECT_TRUE(IsCategory(CheckDims(kind, 16), Category::refused));
  kind.nbits = 12;
  EXPECT_TRUE(IsCategory(CheckDims(kind, 15), Category::refused)) << "what is written is read again";
  kind.m = 4;
  EXPECT_TRUE(CheckDims(kind, 16).ok());
  kind.name = "flat";
  EXPECT_TRUE(CheckDims(kind, 15).ok());
}

/// What libfaiss builds is walked and gives the vectors back, in the order in which they were written.
TEST_F(FaissTest, WhatIsBuiltIsRead) {
  constexpr int64_t kRows = 500;
  constexpr int32_t kDims = 8;
  std::string floats;
  for (int64_t i = 0; i < kRows * kDims; ++i) floats += Raw(static_cast<float>((i * 7919) % 1000) / 1000.0f);
  std::ofstream(dir_ / "rows", std::ios::binary) << floats;
  std::string ids;
  for (int64_t i = 0; i < kRows; ++i) ids += Raw(kRows - i);
  std::ofstream(dir_ / "ids", std::ios::binary) << ids;
  const auto rows = Must(files::File::Open(dir_ / "rows", files::File::Mode::read));
  const auto id_file = Must(files::File::Open(dir_ / "ids", files::File::Mode::read));
  for (const char* name : {"hnsw", "ivf", "fp16", "sq8", "sq4", "pq", "ivf-sq8", "ivf-pq", "ivf-fp16"}) {
    for (const bool with_ids : {false, true}) {
      SCOPED_TRACE(name);
      IndexKind kind;
      kind.name = name;
      if (std::string(name).ends_with("pq")) kind.m = 4, kind.nbits = 6;
      const Status built = BuildIndex(kind, {&rows, 0, kRows, kDims, kL2, with_ids ? &id_file : nullptr}, dir_ / "built");
      ASSERT_TRUE(built.ok()) << built.ToString();
      auto file = std::make_shared<const files::File>(Must(files::File::Open(dir_ / "built", files::File::Mode::read)));
      const Shape shape = Must(Walk(*file));
      EXPECT_EQ(shape.lossy, kind.quantised());
      const auto vectors = Must(OpenVectors(file, shape, Element::f32));
      ASSERT_EQ(vectors->count(), kRows);
      EXPECT_EQ(vectors->has_ids(), with_ids);
      std::vector<float> out(kRows * kDims);
      bool rounded[kRows];
      ASSERT_TRUE(vectors->Read(0, kRows, reinterpret_cast<uint8_t*>(out.data()), rounded).ok());
      double worst = 0;
      for (size_t i = 0; i < out.size(); ++i) {
        float wanted;
        std::memcpy(&wanted, floats.data() + 4 * i, 4);
        worst = std::max(worst, std::abs(static_cast<double>(wanted) - static_cast<double>(out[i])));
      }
      EXPECT_LE(worst, kind.quantised() ? 0.5 : 0.0);
      std::vector<int64_t> got(kRows);
      if (with_ids) { ASSERT_TRUE(vectors->Ids(0, kRows, got.data()).ok()); }
      if (with_ids) { EXPECT_EQ(got[3], kRows - 3); }
    }
  }
}

/// A built index, of which a test spoils something and then searches.
class FaissSearchTest : public FaissTest {
 protected:
  static constexpr int64_t kRows = 300;
  std::string Built(const char* name) {
    std::string floats;
    for (int64_t i = 0; i < kRows * 4; ++i) floats += Raw(static_cast<float>((i * 7919) % 1000) / 1000.0f);
    std::ofstream(dir_ / "rows", std::ios::binary) << floats;
    const auto rows = Must(files::File::Open(dir_ / "rows", files::File::Mode::read));
    IndexKind kind;
    kind.name = name;
    const Status built = BuildIndex(kind, {&rows, 0, kRows, 4, kL2, nullptr}, dir_ / "built");
    EXPECT_TRUE(built.ok()) << built.ToString();
    std::ifstream in(dir_ / "built", std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::shared_ptr<sidecar::RowSearch> Opened(const std::string& bytes) {
    const Shape shape = Must(WalkOf(bytes));
    return OpenSearch(dir_ / "x.index", shape);
  }
  /// What a search for five says; 5 hits are internal, that is: no failure.
  Category Searched(const std::string& bytes) {
    const auto search = Opened(bytes);
    if (!search) return Category::unsupported;
    const auto hits = search->Search({0.1f, 0.2f, 0.3f, 0.4f}, 5, false);
    if (!hits.ok()) return FactsOf(hits.status()).category;
    EXPECT_EQ(hits->size(), 5U);
    return Category::internal;
  }
};

TEST_F(FaissSearchTest, AGraphThatLeadsOutOfItselfIsNotSearched) {
  const std::string graph = Built("hnsw");
  const auto count_at = [&](size_t at) {
    uint64_t n;
    std::memcpy(&n, graph.data() + at, 8);
    return static_cast<size_t>(n);
  };
  const size_t head = 37, slots = head + 8 + 8 * count_at(head), levels = slots + 8 + 4 * count_at(slots), offsets = levels + 8 + 4 * count_at(levels);
  const size_t links = offsets + 8 + 8 * count_at(offsets), numbers = links + 8 + 4 * count_at(links);
  ASSERT_EQ(count_at(levels), static_cast<size_t>(kRows));
  const auto with = [&](size_t at, const std::string& bytes) { return Searched(std::string(graph).replace(at, bytes.size(), bytes)); };
  EXPECT_EQ(Searched(graph), Category::internal);
  EXPECT_EQ(with(slots + 8, Raw(int32_t{1})), Category::corrupt) << "the first level does not begin at nothing";
  EXPECT_EQ(with(levels + 8, Raw(int32_t{100})), Category::corrupt) << "a level that has no slots";
  EXPECT_EQ(with(levels + 8, Raw(int32_t{0})), Category::corrupt);
  EXPECT_EQ(with(offsets + 8, Raw(uint64_t{1} << 40)), Category::corrupt);
  EXPECT_EQ(with(offsets + 16, Raw(UINT64_MAX)), Category::corrupt);
  EXPECT_EQ(with(links + 8, Raw(static_cast<int32_t>(kRows))), Category::corrupt) << "a link beyond the last vector";
  EXPECT_EQ(with(links + 8, Raw(int32_t{-2})), Category::corrupt);
  EXPECT_EQ(with(numbers, Raw(int32_t{-1})), Category::corrupt) << "no entry";
  EXPECT_EQ(with(numbers, Raw(static_cast<int32_t>(kRows))), Category::corrupt);
  EXPECT_EQ(with(numbers + 4, Raw(int32_t{50})), Category::corrupt) << "more levels than the entry has";
  EXPECT_EQ(with(numbers + 12, Raw(INT32_MAX)), Category::internal) << "what is asked for in memory is bounded";
  EXPECT_EQ(with(numbers + 16, Raw(int32_t{-5})), Category::internal);
}

/// Where two metrics meet, or one that an index of its kind has no search for, libfaiss would end the process.
TEST_F(FaissSearchTest, WhatFaissHasNoSearchForIsNotGivenToIt) {
  constexpr size_t kMetric = 33;
  for (const char* name : {"ivf", "sq8", "pq", "ivf-sq8"}) {
    std::string index = Built(name);
    EXPECT_EQ(Searched(index), Category::internal) << name;
    index.replace(kMetric, 4, Raw(int32_t{kL1}) + Raw(0.0f));
    EXPECT_EQ(Opened(index), nullptr) << name;
  }
  std::string graph = Built("hnsw");
  graph.replace(kMetric, 4, Raw(int32_t{kInnerProduct}));
  EXPECT_EQ(Searched(graph), Category::unsupported) << "the graph is of inner products, its vectors of squared distances";
  const auto normalised = [](float norm, uint8_t trained) {
    return IndexHead("IxPT", 4, 6, kL2) + Raw(int32_t{1}) + "VNrm" + Raw(norm) + Raw(int32_t{4}) + Raw(int32_t{4}) + Raw(trained) + Flat(6, 4);
  };
  std::string chain = normalised(2, 1);
  EXPECT_EQ(Searched(chain), Category::internal);
  EXPECT_EQ(Searched(normalised(1, 1)), Category::unsupported);
  EXPECT_EQ(Searched(normalised(2, 0)), Category::corrupt);
  chain.replace(kMetric, 4, Raw(int32_t{kInnerProduct}));
  EXPECT_EQ(Searched(chain), Category::unsupported);
}

TEST_F(FaissTest, TooFewVectorsToTrainOn) {
  std::ofstream(dir_ / "rows", std::ios::binary) << std::string(10 * 8 * 4, '\0');
  const auto rows = Must(files::File::Open(dir_ / "rows", files::File::Mode::read));
  IndexKind kind;
  kind.name = "pq";
  EXPECT_TRUE(IsCategory(BuildIndex(kind, {&rows, 0, 10, 8, kL2, nullptr}, dir_ / "built"), Category::refused));
  kind.m = 3;
  EXPECT_TRUE(IsCategory(BuildIndex(kind, {&rows, 0, 10, 8, kL2, nullptr}, dir_ / "built"), Category::refused));
  kind.name = "ivf";
  kind.nlist = 11;
  EXPECT_TRUE(IsCategory(BuildIndex(kind, {&rows, 0, 10, 8, kL2, nullptr}, dir_ / "built"), Category::refused));
}

}  // namespace
}  // namespace vecferry::faiss_files
