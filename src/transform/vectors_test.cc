#include "transform/vectors.h"

#include <cmath>
#include <random>

#include "transform/test_support.h"

namespace vecferry {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::HasSubstr;

TEST(Vectors, ReductionsAreRead) {
  EXPECT_EQ(ParseReduction("256")->dims, 256);
  EXPECT_EQ(ParseReduction("256:pca")->how, Reduction::How::pca);
  EXPECT_EQ(ParseReduction("vector:a=b=8:truncate")->column, "vector:a=b");
  for (const char* bad : {"", "0", "-1", "x", "8:svd", "8:", "sparse:a=8", "=8", "99999999999", "8:pca:x"}) EXPECT_TRUE(IsCategory(ParseReduction(bad).status(), Category::usage)) << bad;
}

TEST(Vectors, TruncateAndNormalise) {
  const auto view = TestBatch(TestSchema(), {{"a", "{}", "d", {}, std::vector<float>{3, 4, 5, 6}}, {"zero", "{}", "d", {}, std::vector<float>{0, 0, 1, 1}},
                                             {"none", "{}", "d", {}, std::nullopt}, {"inf", "{}", "d", {}, std::vector<float>{INFINITY, 0, 1, 1}},
                                             {"tiny", "{}", "d", {}, std::vector<float>{1e-20f, 0, 0, 0}}});
  TransformSpec spec;
  spec.reductions = {"2"};
  spec.normalise = true;
  const auto batch = Applied(spec, view);
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_EQ(batch->records.schema().vectors[0].dims, 2);
  EXPECT_THAT(IdsOf(batch->records), ElementsAre("a", "none", "tiny"));
  EXPECT_THAT(FloatsOf(batch->records, 0), ElementsAre(FloatEq(0.6f), FloatEq(0.8f)));
  EXPECT_TRUE(batch->records.vectors()[0].IsNull(1));
  EXPECT_THAT(FloatsOf(batch->records, 2), ElementsAre(1, 0));
  ASSERT_EQ(batch->rejects.size(), 2u);
  EXPECT_EQ(batch->rejects[0].code, "zero-vector");
  EXPECT_EQ(batch->rejects[1].code, "non-finite-vector");
  // What has length 1 already stays bit by bit.
  TransformSpec again;
  again.normalise = true;
  EXPECT_EQ(FloatsOf(Applied(again, batch->records)->records, 0), FloatsOf(batch->records, 0));
}

TEST(Vectors, WhatCannotBe) {
  RecordSchema schema = TestSchema();
  TransformSpec spec;
  spec.reductions = {"5"};
  EXPECT_TRUE(IsCategory(Applied(spec, TestBatch(schema, {})).status(), Category::usage));
  spec.reductions = {"vector:x=2"};
  EXPECT_THAT(Applied(spec, TestBatch(schema, {})).status().message(), HasSubstr("there is no vector:x"));
  schema.vectors[0].element = Element::u8;
  spec.reductions = {"2"};
  EXPECT_TRUE(Applied(spec, TestBatch(schema, {})).ok());
  spec.normalise = true;
  EXPECT_TRUE(IsCategory(Applied(spec, TestBatch(schema, {})).status(), Category::unsupported));
}

/// Vectors of 8 dimensions that vary along two directions alone, and by `noise` everywhere.
std::vector<std::vector<float>> Flat(int count, float noise) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> vectors;
  for (int i = 0; i < count; ++i) {
    const float a = 5 * normal(random), b = 2 * normal(random);
    std::vector<float> v(8);
    for (size_t k = 0; k < 8; ++k) v[k] = 10 + a * (k % 2 == 0 ? 0.5f : 0) + b * (k % 2 == 1 ? 0.5f : 0) + noise * normal(random);
    vectors.push_back(std::move(v));
  }
  return vectors;
}

TEST(Pca, FindsTheDirectionsOfGreatestVariance) {
  PcaFitter fitter(8), again(8);
  for (const auto& v : Flat(1000, 0.01f)) fitter.Add(v.data()), again.Add(v.data());
  const std::vector<float> bad(8, NAN);
  fitter.Add(bad.data());
  const auto projection = fitter.Fit(2);
  ASSERT_TRUE(projection.ok()) << projection.status();
  EXPECT_EQ(projection->fitted_on, 1000);
  EXPECT_GT(projection->explained, 0.999);
  for (size_t k = 0; k < 8; ++k) {
    EXPECT_NEAR(projection->mean[k], 10, 0.5);
    EXPECT_NEAR(projection->components[k], k % 2 == 0 ? 0.5 : 0, 0.01);
    EXPECT_NEAR(projection->components[8 + k], k % 2 == 1 ? 0.5 : 0, 0.01);
  }
  EXPECT_EQ(again.Fit(2)->components, projection->components);
  PcaFitter few(8);
  few.Add(Flat(1, 0)[0].data());
  EXPECT_TRUE(IsCategory(few.Fit(2).status(), Category::refused));
}

/// A source of two splits in memory, batches of three rows.
class ListSource final : public Source {
 public:
  ListSource(std::vector<RecordView> splits, bool counted) : splits_(std::move(splits)), counted_(counted) {}
  Result<DatasetInfo> Describe() override {
    DatasetInfo info;
    info.schema = splits_[0].schema();
    for (const auto& split : splits_) info.count += split.rows();
    info.count = counted_ ? info.count + 1 : -1;
    info.count_exact = counted_;
    return info;
  }
  Result<std::vector<Split>> Splits(int) override {
    std::vector<Split> splits;
    for (size_t i = 0; i < splits_.size(); ++i) splits.push_back({std::to_string(i), "", splits_[i].rows(), -1});
    return splits;
  }
  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override {
    keys_only = options.keys_only;
    return std::make_unique<Reader>(splits_[static_cast<size_t>(std::stoi(split.payload))], from.empty() ? 0 : std::stoll(from));
  }
  bool keys_only = false;

 private:
  class Reader final : public SplitReader {
   public:
    Reader(RecordView view, int64_t row) : view_(std::move(view)), row_(row) {}
    Result<std::optional<SourceBatch>> Next() override {
      if (row_ >= view_.rows()) return std::optional<SourceBatch>();
      SourceBatch batch;
      const int64_t count = std::min<int64_t>(3, view_.rows() - row_);
      ARROW_ASSIGN_OR_RAISE(batch.records, view_.Slice(row_, count));
      batch.rounded = {count - 1};
      row_ += count;
      batch.next = std::to_string(row_);
      return std::optional<SourceBatch>(std::move(batch));
    }

   private:
    RecordView view_;
    int64_t row_;
  };
  std::vector<RecordView> splits_;
  bool counted_;
};

RecordView Numbered(int first, int count) {
  std::vector<TestRow> rows;
  for (int i = first; i < first + count; ++i) rows.push_back({std::to_string(i), "{\"n\":" + std::to_string(i) + "}", "d", {}, std::vector<float>{float(i), 1, 2, float(i % 5)}});
  return TestBatch(TestSchema(), rows);
}

std::unique_ptr<TransformedSource> Over(TransformSpec spec, ListSource** inner = nullptr) {
  auto list = std::make_unique<ListSource>(std::vector<RecordView>{Numbered(0, 50), Numbered(50, 50)}, true);
  if (inner) *inner = list.get();
  auto resolved = std::make_shared<ResolvedTransforms>();
  resolved->spec = std::move(spec);
  auto source = TransformedSource::Make(std::move(list), resolved);
  EXPECT_TRUE(source.ok()) << source.status();
  return std::move(*source);
}

std::vector<SourceBatch> All(Source& source, const Split& split, const Cursor& from, int64_t batch_rows = 10) {
  ReadOptions options;
  options.batch_rows = batch_rows;
  auto reader = *source.Read(split, from, options);
  std::vector<SourceBatch> batches;
  while (true) {
    auto batch = reader->Next();
    EXPECT_TRUE(batch.ok()) << batch.status();
    if (!batch.ok() || !*batch) return batches;
    batches.push_back(std::move(**batch));
  }
}

TEST(Source, WhatIsLeftOfSeveralBatchesIsOne) {
  TransformSpec spec;
  spec.filters = {"n % 2 = 1"};
  const auto source = Over(spec);
  EXPECT_EQ(source->Describe()->count, -1);
  const auto splits = *source->Splits(2);
  const auto batches = All(*source, splits[0], "");
  std::vector<std::string> ids;
  for (const auto& batch : batches) {
    for (const auto& id : IdsOf(batch.records)) ids.push_back(id);
    // Rows that the source rounded are still told.
    for (const int64_t row : batch.rounded) EXPECT_TRUE(std::stoi(std::string(batch.records.id(row))) % 3 == 2 || batch.records.id(row) == "49");
  }
  EXPECT_EQ(ids.size(), 25u);
  EXPECT_LT(batches.size(), 8u);
  EXPECT_EQ(source->counts().read, 50);
  EXPECT_EQ(source->counts().dropped, 25);
}

TEST(Source, GoesOnFromEveryCursor) {
  TransformSpec spec;
  spec.filters = {"n % 7 < 2"};
  spec.maps = {"m=n"};
  const auto source = Over(spec);
  const auto split = (*source->Splits(1))[0];
  const auto whole = All(*source, split, "");
  std::vector<std::string> all, sofar;
  for (const auto& batch : whole) {
    for (const auto& id : IdsOf(batch.records)) all.push_back(id);
  }
  for (const auto& batch : whole) {
    for (const auto& id : IdsOf(batch.records)) sofar.push_back(id);
    auto resumed = sofar;
    for (const auto& rest : All(*source, split, batch.next)) {
      for (const auto& id : IdsOf(rest.records)) resumed.push_back(id);
    }
    EXPECT_EQ(resumed, all);
  }
}

TEST(Source, NothingLeftIsStillAnEnd) {
  TransformSpec spec;
  spec.filters = {"n < 0"};
  const auto source = Over(spec);
  const auto batches = All(*source, (*source->Splits(1))[0], "");
  ASSERT_FALSE(batches.empty());
  for (const auto& batch : batches) EXPECT_EQ(batch.records.rows(), 0);
  EXPECT_EQ(batches.back().next, "50");
}

TEST(Source, KeysAloneAreReadWhereTheyDecide) {
  ListSource* inner = nullptr;
  TransformSpec spec;
  spec.includes = {"1*"};
  ReadOptions keys;
  keys.keys_only = true;
  auto source = Over(spec, &inner);
  auto reader = *source->Read((*source->Splits(1))[0], "", keys);
  EXPECT_TRUE(inner->keys_only);
  EXPECT_THAT(IdsOf((*reader->Next())->records), testing::Each(testing::StartsWith("1")));
  spec.filters = {"n > 15"};
  source = Over(spec, &inner);
  reader = *source->Read((*source->Splits(1))[0], "", keys);
  EXPECT_FALSE(inner->keys_only);
  EXPECT_THAT(IdsOf((*reader->Next())->records), ElementsAre("16", "17", "18", "19"));
}

TEST(Source, PcaIsFittedToWhatIsLetThrough) {
  std::unique_ptr<Source> inner = std::make_unique<ListSource>(std::vector<RecordView>{Numbered(0, 50), Numbered(50, 50)}, true);
  ResolvedTransforms resolved;
  resolved.spec.reductions = {"1:pca"};
  resolved.spec.filters = {"n >= 20"};
  const CancelToken cancel;
  ASSERT_TRUE(FitProjections(&inner, &resolved, 1000, cancel).ok());
  ASSERT_TRUE(inner);
  const Projection& projection = resolved.projections.at("vector");
  EXPECT_EQ(projection.fitted_on, 80);
  EXPECT_NEAR(projection.mean[0], 59.5, 1e-4);
  EXPECT_NEAR(projection.components[0], 1, 0.01);
  auto source = TransformedSource::Make(std::move(inner), std::make_shared<ResolvedTransforms>(resolved));
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ((*source)->Describe()->schema.vectors[0].dims, 1);
}

}  // namespace
}  // namespace vecferry
