#include <cmath>
#include <cstring>
#include <map>
#include <thread>

#include "conformance/harness.h"

namespace vecferry::conformance {
namespace {

/// Stores that search by themselves. One that needs something for it that is not here has no searcher, and its tests are skipped.
class SearchSuite : public Harness {
 public:
  using Harness::Harness;
  static bool Concerns(const Capabilities& can) { return can.search; }

 protected:
  struct Vector {
    std::string tenant, id;
    std::vector<float> values;
  };

  /// Opens a dataset of plain records and reads its vectors, f32.
  bool Open(int count) {
    source_ = OpenSource(Filled(count));
    const DatasetInfo info = Must(source_->Describe());
    searcher_ = source_->searcher();
    spec_ = info.schema.vectors.at(0);
    if (!searcher_ || spec_.element != Element::f32 || spec_.metric == Metric::unknown) return false;
    for (const Split& split : Must(source_->Splits(1))) {
      auto reader = Must(source_->Read(split, "", ReadOptions{}));
      while (auto batch = Must(reader->Next())) Keep(batch->records);
    }
    for (int tries = 0; tries < 300 && !Must(searcher_->Ready()); ++tries) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return true;
  }

  SearchQuery Near(const Vector& vector, int k) const {
    SearchQuery query;
    query.vector = spec_.name;
    query.values = vector.values;
    query.values[0] += 0.01f;
    query.k = k;
    query.exact = true;
    return query;
  }

  double Distance(const std::vector<float>& a, const std::vector<float>& b) const {
    double dot = 0, aa = 0, bb = 0, l1 = 0, l2 = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      const double x = a[i], y = b[i];
      dot += x * y, aa += x * x, bb += y * y, l1 += std::fabs(x - y), l2 += (x - y) * (x - y);
    }
    if (spec_.metric == Metric::dot) return -dot;
    if (spec_.metric == Metric::l1) return l1;
    return spec_.metric == Metric::l2 ? l2 : 1 - dot / std::sqrt(aa * bb);
  }

  /// Distances of what was found and of all records, nearest first.
  void ExpectNearest(const SearchQuery& query, const std::vector<SearchHit>& hits) const {
    std::vector<double> all, found;
    for (const Vector& vector : vectors_) all.push_back(Distance(query.values, vector.values));
    for (const SearchHit& hit : hits) {
      const auto at = std::find_if(vectors_.begin(), vectors_.end(), [&](const Vector& vector) { return vector.id == hit.id && vector.tenant == hit.tenant; });
      ASSERT_NE(at, vectors_.end()) << "no record has the id " << hit.id;
      found.push_back(Distance(query.values, at->values));
    }
    std::sort(all.begin(), all.end());
    ASSERT_EQ(found.size(), std::min(all.size(), static_cast<size_t>(query.k)));
    for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], all[i], 1e-3 * std::max(1.0, std::fabs(all[i]))) << i;
  }

  void Keep(const RecordView& view) {
    const VectorColumn& column = view.vectors().at(0);
    for (int64_t row = 0; row < view.rows(); ++row) {
      if (column.IsNull(row)) continue;
      Vector vector{std::string(view.tenant(row).value_or("")), std::string(view.id(row)), std::vector<float>(static_cast<size_t>(spec_.dims))};
      std::memcpy(vector.values.data(), column.Dense(row).data(), vector.values.size() * sizeof(float));
      vectors_.push_back(std::move(vector));
    }
  }

  std::unique_ptr<Source> source_;
  Searcher* searcher_ = nullptr;
  VectorSpec spec_;
  std::vector<Vector> vectors_;
};

STORE_TEST(SearchSuite, FindsTheNearestUnderTheirOwnIds) {
  if (!Open(60)) GTEST_SKIP() << "nothing here to search with";
  for (size_t i = 0; i < vectors_.size(); i += 7) {
    const SearchQuery query = Near(vectors_[i], 10);
    const auto hits = Must(searcher_->Search(query));
    if (searcher_->CanBeExact()) ExpectNearest(query, hits);
    EXPECT_LE(hits.size(), 10u);
  }
  EXPECT_EQ(Must(searcher_->Search(Near(vectors_[0], 1))).size(), 1u);
}

STORE_TEST(SearchSuite, ScoresGoFromTheNearestOn) {
  if (!Open(60)) GTEST_SKIP() << "nothing here to search with";
  const auto hits = Must(searcher_->Search(Near(vectors_[3], 20)));
  ASSERT_GE(hits.size(), 2u);
  for (size_t i = 1; i < hits.size(); ++i) {
    const double before = hits[i - 1].score, after = hits[i].score, slack = 1e-5 * std::max(1.0, std::fabs(before));
    if (searcher_->HigherIsNearer(spec_.name)) EXPECT_LE(after, before + slack);
    else EXPECT_GE(after, before - slack);
  }
}

STORE_TEST(SearchSuite, SeveralThreadsMayAsk) {
  if (!Open(60)) GTEST_SKIP() << "nothing here to search with";
  std::vector<std::thread> threads;
  std::vector<size_t> found(4);
  for (size_t t = 0; t < found.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5; ++i) {
        if (const auto hits = searcher_->Search(Near(vectors_[t], 3)); hits.ok()) found[t] += hits->size();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(found, std::vector<size_t>(4, 15));
}

STORE_TEST(SearchSuite, AnUnknownVectorIsUnsupported) {
  if (!Open(10)) GTEST_SKIP() << "nothing here to search with";
  SearchQuery query = Near(vectors_[0], 3);
  query.vector = "no such vector";
  EXPECT_TRUE(IsCategory(searcher_->Search(query).status(), Category::unsupported));
}

}  // namespace
}  // namespace vecferry::conformance
