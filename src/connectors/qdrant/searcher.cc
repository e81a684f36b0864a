#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/qdrant/dataset.h"
#include "net/wire.h"
#include "qdrant_pb/collections.pb.h"

namespace vecferry::qdrant {
namespace {

constexpr std::string_view kWhat = "searching points";

void AppendFloats(uint32_t field, const std::vector<float>& values, std::string* out) {
  AppendBytesField(field, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)}, out);
}

/// A ScoredPoint as the RetrievedPoint that it is besides: id, payload, shard key.
std::string AsRetrieved(std::string_view scored, double* score) {
  std::string point;
  WireReader reader(scored);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(1, WireType::length) || field.is(2, WireType::length)) AppendBytesField(field.number, field.bytes, &point);
    if (field.is(7, WireType::length)) AppendBytesField(5, field.bytes, &point);
    if (field.is(3, WireType::fixed32)) *score = std::bit_cast<float>(static_cast<uint32_t>(field.value));
  }
  return point;
}

/// Filter{must{field{key, match{keyword}}}}.
std::string TenantFilter(const std::string& key, const std::string& tenant) {
  std::string match, condition, field, must;
  AppendBytesField(1, tenant, &match);
  AppendBytesField(1, PathOf(key), &condition);
  AppendBytesField(2, match, &condition);
  AppendBytesField(1, condition, &field);
  AppendBytesField(2, field, &must);
  return must;
}

class PointSearcher final : public Searcher {
 public:
  PointSearcher(Dataset dataset, Shape shape) : dataset_(std::move(dataset)), shape_(std::move(shape)), keys_(shape_.schema) {
    keys_.vectors.clear();
    wanted_.vectors = false;
    wanted_.fields = KeyFields(shape_.schema, *dataset_.layout);
    wanted_.payload = !wanted_.fields.empty();
  }

  Result<std::vector<SearchHit>> Search(const SearchQuery& query) override {
    const VectorSpec* const spec = shape_.schema.FindVector(query.vector);
    if (!spec || spec->kind != VectorKind::dense) return MakeError(Category::unsupported, fmt::format("there is no dense vector '{}'", Printable(query.vector, 100)));
    const bool by_query = dataset_.client->AtLeast(1, 10);
    const char* const method = by_query ? "/qdrant.Points/Query" : "/qdrant.Points/Search";
    ARROW_ASSIGN_OR_RAISE(const std::string answer, dataset_.client->Call(method, by_query ? QueryRequest(query) : SearchRequest(query), Act::read, kWhat));
    return Hits(answer, query.k);
  }

  bool HigherIsNearer(std::string_view vector) const override {
    const VectorSpec* const spec = shape_.schema.FindVector(vector);
    return spec && (spec->metric == Metric::cosine || spec->metric == Metric::dot);
  }

  bool CanBeExact() const override { return true; }

  /// Green, or grey: optimisations that nothing sets off before the next write. Red is told by the source.
  Result<bool> Ready() override {
    ARROW_ASSIGN_OR_RAISE(const auto info, dataset_.client->Info(dataset_.collection));
    if (!info) return MakeError(Category::not_found, fmt::format("there is no collection '{}' any more", Printable(dataset_.name)));
    return info->status() != pb::CollectionInfo::yellow && info->update_queue().deferred_points() == 0;
  }

 private:
  /// One more, so that the application's own point does not take a neighbour's place.
  uint64_t Limit(int k) const { return static_cast<uint64_t>(k) + (dataset_.layout->bookkeeping ? 1 : 0); }

  Shard ShardOf(const SearchQuery& query) const { return shape_.custom_sharding && !query.tenant.empty() ? Shard(query.tenant) : std::nullopt; }

  void AppendFilter(uint32_t field, const SearchQuery& query, std::string* out) const {
    const std::string& key = dataset_.layout->tenant_field;
    if (query.tenant.empty() || shape_.custom_sharding || key.empty()) return;
    AppendBytesField(field, TenantFilter(key, query.tenant), out);
  }

  static std::string Params(const SearchQuery& query) {
    std::string params;
    if (query.exact) AppendUintField(2, 1, &params);
    return params;
  }

  std::string QueryRequest(const SearchQuery& query) const {
    std::string out, dense, input, nearest;
    AppendBytesField(1, dataset_.collection, &out);
    AppendFloats(1, query.values, &dense);
    AppendBytesField(2, dense, &input);
    AppendBytesField(1, input, &nearest);
    AppendBytesField(3, nearest, &out);
    if (!query.vector.empty()) AppendBytesField(4, query.vector, &out);
    AppendFilter(5, query, &out);
    AppendBytesField(6, Params(query), &out);
    AppendUintField(8, Limit(query.k), &out);
    AppendBytesField(10, VectorsSelector(wanted_), &out);
    AppendBytesField(11, PayloadSelector(wanted_), &out);
    AppendShard(13, ShardOf(query), &out);
    return out;
  }

  std::string SearchRequest(const SearchQuery& query) const {
    std::string out;
    AppendBytesField(1, dataset_.collection, &out);
    AppendFloats(2, query.values, &out);
    AppendFilter(3, query, &out);
    AppendUintField(4, Limit(query.k), &out);
    AppendBytesField(6, PayloadSelector(wanted_), &out);
    AppendBytesField(7, Params(query), &out);
    if (!query.vector.empty()) AppendBytesField(10, query.vector, &out);
    AppendBytesField(11, VectorsSelector(wanted_), &out);
    AppendShard(14, ShardOf(query), &out);
    return out;
  }

  /// A point that cannot be read as a record is none: the source tells of it.
  Result<std::vector<SearchHit>> Hits(std::string_view answer, int k) const {
    std::vector<SearchHit> hits;
    PointDecoder decoder(keys_, *dataset_.layout);
    BatchBuilder builder(keys_);
    WireReader reader(answer);
    WireField field;
    bool timed = false;
    while (reader.Next(&field)) {
      timed |= field.number == 2;
      if (!field.is(1, WireType::length)) continue;
      double score = 0;
      PointFacts facts;
      const std::string point = AsRetrieved(field.bytes, &score);
      const Fault fault = decoder.Append(point, builder, &facts, shape_.custom_sharding);
      if (fault || facts.bookkeeping || hits.size() >= static_cast<size_t>(k)) continue;
      hits.push_back({facts.tenant, facts.record_id, score});
    }
    // Every answer of a server says how long it took; one without it that is not empty is one of an older or another kind.
    if (!reader.ok() || (!timed && hits.empty() && !answer.empty())) return BadAnswer(kWhat, "the server's answer cannot be read");
    return hits;
  }

  const Dataset dataset_;
  const Shape shape_;
  RecordSchema keys_;    ///< of records without their vectors
  Wanted wanted_;
};

}  // namespace

std::vector<std::string> KeyFields(const RecordSchema& schema, const Layout& layout) {
  std::vector<std::string> fields;
  if (schema.id_kind == IdKind::string || layout.id_field_always) fields.push_back(layout.id_field);
  if (!layout.tenant_field.empty() && schema.has_tenant) fields.push_back(layout.tenant_field);
  if (layout.bookkeeping) fields.insert(fields.end(), layout.bookkeeping->must_have.begin(), layout.bookkeeping->must_have.end());
  return fields;
}

std::unique_ptr<Searcher> MakeSearcher(Dataset dataset, Shape shape) { return std::make_unique<PointSearcher>(std::move(dataset), std::move(shape)); }

}  // namespace vecferry::qdrant
