#include <cmath>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/weaviate/dataset.h"
#include "connectors/weaviate/errors.h"
#include "connectors/weaviate/names.h"
#include "weaviate_pb/weaviate.pb.h"

namespace vecferry::weaviate {
namespace {

/// nearVector over gRPC. Scores are distances; of a cosine distance the certainty is 1 - distance / 2.
class NearVector final : public Searcher {
 public:
  NearVector(Dataset dataset, ClassSchema schema, Shape shape) : dataset_(std::move(dataset)), class_(std::move(schema)), shape_(std::move(shape)) {}

  Result<std::vector<SearchHit>> Search(const SearchQuery& query) override {
    const VectorSpec* spec = shape_.schema.FindVector(query.vector);
    if (!spec || spec->kind != VectorKind::dense) return MakeError(Category::unsupported, fmt::format("the column '{}' is not searched here", Printable(query.vector, 100)));
    ARROW_ASSIGN_OR_RAISE(const auto tenants, TenantsOf(query));
    std::vector<SearchHit> hits;
    for (const std::string& tenant : tenants) ARROW_RETURN_NOT_OK(SearchTenant(query, *spec, tenant, &hits));
    // Of several tenants the nearest of all.
    std::stable_sort(hits.begin(), hits.end(), [](const auto& a, const auto& b) { return a.score < b.score; });
    if (hits.size() > static_cast<size_t>(std::max(0, query.k))) hits.resize(static_cast<size_t>(std::max(0, query.k)));
    return hits;
  }
  bool HigherIsNearer(std::string_view) const override { return false; }
  Result<bool> Ready() override {
    ARROW_ASSIGN_OR_RAISE(const ShardState state, dataset_.client->Shards(class_.name));
    return state.queued == 0;
  }

 private:
  Result<std::vector<std::string>> TenantsOf(const SearchQuery& query) const {
    if (!shape_.multi_tenant) return std::vector<std::string>{""};
    if (!shape_.only_tenant.empty() || !query.tenant.empty()) {
      ARROW_ASSIGN_OR_RAISE(std::string one, ClassTenantOf(shape_, query.tenant.empty() ? std::nullopt : std::optional<std::string_view>(query.tenant)));
      return std::vector<std::string>{std::move(one)};
    }
    std::vector<std::string> names;
    ARROW_ASSIGN_OR_RAISE(const auto tenants, dataset_.client->Tenants(class_.name));
    for (const auto& tenant : tenants) names.push_back(tenant.name);
    return names;
  }

  Status SearchTenant(const SearchQuery& query, const VectorSpec& spec, const std::string& tenant, std::vector<SearchHit>* hits) {
    if (!tenant.empty()) ARROW_RETURN_NOT_OK(dataset_.tenants->Need(tenant, true).status());
    pb::SearchRequest request;
    SetWanted(class_, shape_, *dataset_.layout, true, &request);
    request.set_tenant(tenant);
    request.set_limit(static_cast<uint32_t>(std::clamp(query.k, 1, 10'000)));
    request.mutable_metadata()->set_distance(true);
    pb::NearVector& near = *request.mutable_near_vector();
    pb::Vectors& vector = *near.add_vectors();
    vector.set_vector_bytes(std::string(reinterpret_cast<const char*>(query.values.data()), query.values.size() * sizeof(float)));
    vector.set_type(pb::Vectors::VECTOR_TYPE_SINGLE_FP32);
    if (!spec.name.empty()) {
      const std::string name = VectorName(spec.name).value_or(spec.name);
      vector.set_name(name);
      near.mutable_targets()->add_target_vectors(name);
    }
    if (!query.tenant.empty() && !shape_.multi_tenant) SetTenantFilter(query.tenant, request.mutable_filters());
    pb::SearchReply reply;
    const Status status = dataset_.client->Ask("Search", request, &reply, HttpAct::read, "searching", class_.name, tenant);
    if (!tenant.empty()) dataset_.tenants->LetGo(tenant);
    ARROW_RETURN_NOT_OK(status);
    Shape keys = shape_;
    keys.schema.vectors.clear();
    BatchBuilder builder(keys.schema);
    ObjectDecoder decoder(keys, *dataset_.layout, false);
    for (const auto& object : reply.results()) {
      ObjectFacts facts;
      ARROW_RETURN_NOT_OK(decoder.Append(object, tenant, nullptr, builder, &facts).status());
      hits->push_back({facts.tenant, facts.record_id.empty() ? facts.uuid : facts.record_id, static_cast<double>(object.metadata().distance())});
    }
    return Status::OK();
  }

  void SetTenantFilter(const std::string& tenant, pb::Filters* filters) const {
    const PropertyTable table(class_);
    const Property* property = table.Find(dataset_.layout->tenant_field);
    if (!property) return;
    filters->set_operator_(pb::Filters::OPERATOR_EQUAL);
    filters->mutable_target()->set_property(property->name);
    filters->set_value_text(tenant);
  }

  const Dataset dataset_;
  const ClassSchema class_;
  const Shape shape_;
};

}  // namespace

std::unique_ptr<Searcher> MakeSearcher(Dataset dataset, ClassSchema schema, Shape shape) {
  return std::make_unique<NearVector>(std::move(dataset), std::move(schema), std::move(shape));
}

}  // namespace vecferry::weaviate
