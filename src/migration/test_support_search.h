#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "migration/engine.h"
#include "migration/search_verify.h"

/// Datasets and searches that a test makes up.
namespace vecferry::test {

struct Row {
  std::string id;
  std::vector<float> values;   ///< empty: it has no vector
  std::string tenant;
};

/// Rows of one f32 column, in as many splits as are asked for.
class RowSource final : public Source {
 public:
  RowSource(VectorSpec spec, std::vector<Row> rows, bool tenants = false) : rows_(std::move(rows)) {
    schema_.vectors = {std::move(spec)};
    schema_.has_tenant = tenants;
  }
  Result<DatasetInfo> Describe() override {
    DatasetInfo info;
    info.schema = schema_;
    info.count = static_cast<int64_t>(rows_.size());
    info.count_exact = true;
    return info;
  }
  Result<std::vector<Split>> Splits(int wanted) override {
    std::vector<Split> splits;
    for (int i = 0; i < wanted; ++i) splits.push_back({std::to_string(i) + " " + std::to_string(wanted), "", -1, -1});
    return splits;
  }
  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor&, const ReadOptions&) override;
  Searcher* searcher() override { return searcher_.get(); }
  void Give(std::unique_ptr<Searcher> searcher) { searcher_ = std::move(searcher); }
  const std::vector<Row>& rows() const { return rows_; }
  const RecordSchema& schema() const { return schema_; }

 private:
  RecordSchema schema_;
  std::vector<Row> rows_;
  std::unique_ptr<Searcher> searcher_;
};

class RowReader final : public SplitReader {
 public:
  RowReader(const RowSource& source, size_t part, size_t parts) : source_(source), at_(part), step_(parts) {}
  Result<std::optional<SourceBatch>> Next() override {
    if (at_ >= source_.rows().size()) return std::optional<SourceBatch>();
    BatchBuilder builder(source_.schema());
    for (int n = 0; n < 100 && at_ < source_.rows().size(); ++n, at_ += step_) {
      const Row& row = source_.rows()[at_];
      builder.Id(row.id);
      if (source_.schema().has_tenant) builder.Tenant(row.tenant);
      if (!row.values.empty()) builder.Vector(0, {reinterpret_cast<const char*>(row.values.data()), row.values.size() * sizeof(float)});
      builder.EndRow();
    }
    SourceBatch batch;
    ARROW_ASSIGN_OR_RAISE(batch.records, builder.Finish());
    return batch;
  }

 private:
  const RowSource& source_;
  size_t at_, step_;
};

inline Result<std::unique_ptr<SplitReader>> RowSource::Read(const Split& split, const Cursor&, const ReadOptions&) {
  const size_t blank = split.payload.find(' ');
  return std::make_unique<RowReader>(*this, std::stoul(split.payload), std::stoul(split.payload.substr(blank + 1)));
}

/// The distance as plainly as it can be written.
inline double Plainly(Metric metric, const std::vector<float>& a, const std::vector<float>& b) {
  double dot = 0, l1 = 0, l2 = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a[i], y = b[i];
    dot += x * y, aa += x * x, bb += y * y;
    l1 += std::fabs(x - y), l2 += (x - y) * (x - y);
  }
  if (metric == Metric::dot) return -dot;
  if (metric == Metric::l1) return l1;
  if (metric == Metric::l2) return l2;
  return aa == 0 || bb == 0 ? 1 : 1 - dot / std::sqrt(aa * bb);
}

/// A store's search over rows, as a store might have it: by any metric, with similarities or distances, skipping rows as an index may.
class RowSearcher final : public Searcher {
 public:
  struct How {
    Metric metric = Metric::l2;
    bool exact = true;
    size_t skips = 0;          ///< of an inexact search every so manieth row is not found
    bool reversed = false;     ///< the farthest first
    bool similarity = false;
    int not_ready = 0;         ///< answers until it is
  };
  RowSearcher(const RowSource& source, How how) : source_(source), how_(how) {}
  Result<std::vector<SearchHit>> Search(const SearchQuery& query) override {
    std::vector<SearchHit> hits;
    for (size_t i = 0; i < source_.rows().size(); ++i) {
      const Row& row = source_.rows()[i];
      const bool skipped = how_.skips > 0 && !(query.exact && how_.exact) && i % how_.skips == 0;
      if (skipped || row.values.empty() || (!query.tenant.empty() && query.tenant != row.tenant)) continue;
      const double distance = Plainly(how_.metric, query.values, row.values);
      hits.push_back({row.tenant, row.id, how_.similarity ? 1 - distance : distance});
    }
    const bool higher = how_.similarity != how_.reversed;
    std::stable_sort(hits.begin(), hits.end(), [&](const auto& a, const auto& b) { return higher ? a.score > b.score : a.score < b.score; });
    if (hits.size() > static_cast<size_t>(query.k)) hits.resize(static_cast<size_t>(query.k));
    return hits;
  }
  bool HigherIsNearer(std::string_view) const override { return how_.similarity; }
  bool CanBeExact() const override { return how_.exact; }
  Result<bool> Ready() override { return how_.not_ready-- <= 0; }

 private:
  const RowSource& source_;
  How how_;
};

/// Vectors that are the same on every machine.
inline std::vector<float> Vector(uint64_t seed, size_t dims, double length = 0) {
  std::vector<float> values(dims);
  double squares = 0;
  for (auto& v : values) {
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    v = static_cast<float>(static_cast<double>(seed >> 40) / (1 << 24) - 0.5);
    squares += static_cast<double>(v) * v;
  }
  for (auto& v : values) {
    if (length > 0) v = static_cast<float>(v * length / std::sqrt(squares));
  }
  return values;
}

inline std::vector<Row> Rows(size_t n, size_t dims, double length = 0) {
  std::vector<Row> rows;
  for (size_t i = 0; i < n; ++i) rows.push_back({"r" + std::to_string(i), Vector(i + 1, dims, length), ""});
  return rows;
}

/// An engine with nothing around it.
struct Bare {
  Registry registry;
  Events events;
  CancelToken cancel;
  Engine engine{registry, events, cancel};
};

}  // namespace vecferry::test
