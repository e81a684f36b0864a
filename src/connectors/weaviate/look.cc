#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/weaviate/dataset.h"
#include "connectors/weaviate/errors.h"
#include "connectors/weaviate/names.h"
#include "weaviate_pb/weaviate.pb.h"

namespace vecferry::weaviate {
namespace {

/// Objects that are looked at from the start of a class or tenant; and where those lack a vector of the class, from each of some ids further on.
/// Few calls: a look is begun anew where one of them fails.
constexpr uint32_t kFirst = 300, kFurther = 40;
constexpr int kPlaces = 8;
constexpr size_t kMostTenants = 8;

/// What objects have.
class Sampler {
 public:
  Sampler(const Dataset& dataset, Look* look) : dataset_(dataset), look_(look) {
    for (const auto& [name, n] : dataset.client->target().dims) {
      if (const auto vector = VectorName(name)) dims_[name.empty() ? "" : *vector] = n;
    }
    wide_.multi_tenant = look->shape.multi_tenant;
    wide_.only_tenant = look->shape.only_tenant;
    wide_.schema.has_document = wide_.schema.has_tenant = true;
  }

  Status Page(const std::string& tenant, const std::string& after, uint32_t limit) {
    pb::SearchRequest request;
    SetWanted(look_->schema, wide_, *dataset_.layout, false, &request);
    request.set_tenant(tenant);
    request.set_after(after);
    request.set_limit(limit);
    pb::SearchReply reply;
    ARROW_RETURN_NOT_OK(dataset_.client->Ask("Search", request, &reply, HttpAct::read, "looking at some objects", look_->schema.name, tenant));
    for (const auto& object : reply.results()) See(object, tenant);
    return Status::OK();
  }

  /// Whether every vector of the class has been seen.
  bool complete() const {
    return std::all_of(look_->schema.vectors.begin(), look_->schema.vectors.end(), [&](const auto& vector) { return dims_.contains(vector.name); });
  }
  const std::map<std::string, int32_t>& dims() const { return dims_; }
  bool document = false, tenant = false, mapped = false, any = false;

 private:
  void See(const pb::SearchResult& object, const std::string& of_class) {
    any = true;
    const auto& metadata = object.metadata();
    if (!metadata.vector_bytes().empty()) dims_.try_emplace("", static_cast<int32_t>(metadata.vector_bytes().size() / 4));
    for (const auto& vector : metadata.vectors()) {
      const std::string& bytes = vector.vector_bytes();
      if (bytes.empty()) continue;
      uint16_t of_rows = 0;
      if (bytes.size() >= 2) std::memcpy(&of_rows, bytes.data(), 2);
      dims_.try_emplace(vector.name(), vector.type() == pb::Vectors::VECTOR_TYPE_MULTI_FP32 ? of_rows : static_cast<int32_t>(bytes.size() / 4));
    }
    pb::SearchResult plain = object;
    plain.mutable_metadata()->clear_vector_bytes();
    plain.mutable_metadata()->clear_vectors();
    RecordSchema schema = wide_.schema;
    BatchBuilder builder(schema);
    ObjectDecoder decoder(wide_, *dataset_.layout, false);
    ObjectFacts facts;
    const auto reject = decoder.Append(plain, of_class, nullptr, builder, &facts);
    if (!reject.ok() || *reject) return;
    document |= facts.has_document;
    tenant |= facts.has_tenant;
    mapped |= facts.mapped;
  }

  const Dataset& dataset_;
  Look* look_;
  Shape wide_;
  std::map<std::string, int32_t> dims_;
};

Status SampleTenant(const std::string& tenant, Sampler* sampler) {
  ARROW_RETURN_NOT_OK(sampler->Page(tenant, "", kFirst));
  for (int i = 1; i < kPlaces && sampler->any && !sampler->complete(); ++i) {
    ARROW_RETURN_NOT_OK(sampler->Page(tenant, fmt::format("{:02x}000000-0000-0000-0000-000000000000", i * 256 / kPlaces), kFurther));
  }
  return Status::OK();
}

/// Tenants that are awake; where none is, one that is woken for it: nothing would be known otherwise.
Status SampleTenants(const Dataset& dataset, const Look& look, Sampler* sampler) {
  size_t looked = 0;
  for (const Tenant& tenant : look.tenants) {
    if (!tenant.active()) continue;
    ARROW_RETURN_NOT_OK(SampleTenant(tenant.name, sampler));
    if (sampler->any && (sampler->complete() || ++looked >= kMostTenants)) return Status::OK();
  }
  for (const Tenant& tenant : look.tenants) {
    if (sampler->complete() && sampler->any) break;
    if (!tenant.asleep()) continue;
    ARROW_ASSIGN_OR_RAISE(const bool awake, dataset.tenants->Need(tenant.name, true));
    const Status status = awake ? SampleTenant(tenant.name, sampler) : Status::OK();
    dataset.tenants->LetGo(tenant.name);
    ARROW_RETURN_NOT_OK(status);
  }
  return Status::OK();
}

void ChooseColumns(const Sampler& sampler, const std::optional<RecordSchema>& known, Look* look) {
  RecordSchema& schema = look->shape.schema;
  for (const VectorConfig& config : look->schema.vectors) {
    VectorSpec spec;
    spec.name = DecodeName(config.name);
    spec.kind = config.multi ? VectorKind::multi : VectorKind::dense;
    spec.metric = config.metric;
    const auto at = sampler.dims().find(config.name);
    const VectorSpec* told = known ? known->FindVector(spec.name) : nullptr;
    if (at != sampler.dims().end()) spec.dims = at->second;
    else if (told) spec.dims = told->dims;
    if (spec.dims > 0) {
      schema.vectors.push_back(std::move(spec));
    } else if (!config.name.empty() || config.vectorizer != "none" || sampler.any) {
      const std::string name = config.name.empty() ? "the unnamed vector" : fmt::format("the vector '{}'", Printable(config.name, 100));
      if (!config.name.empty()) look->notes.push_back({"unused-vector", fmt::format("no object that was looked at has {}: it is left out; ?dims= says that there are some", name), -1, false});
    }
  }
  const bool apart = look->shape.multi_tenant && look->shape.only_tenant.empty();
  schema.id_kind = known ? known->id_kind : sampler.mapped ? IdKind::string : IdKind::uuid;
  schema.has_document = known ? known->has_document : sampler.document;
  schema.has_tenant = apart || (known ? known->has_tenant : sampler.tenant);
  for (const auto& [property, type] : look->schema.properties) {
    if (property != kRestProperty && property != kIdProperty) schema.field_types[KeyOfProperty(property)] = type.Name();
  }
}

}  // namespace

Result<Look> LookAt(const Dataset& dataset, const std::optional<RecordSchema>& known) {
  Look look;
  ARROW_ASSIGN_OR_RAISE(auto found, dataset.client->FindClass(dataset.class_name));
  if (!found) return MakeError(Category::not_found, fmt::format("there is no class '{}'", Printable(dataset.name, 300)), "see which there are with `vecferry inspect`");
  look.schema = std::move(*found);
  look.shape.multi_tenant = look.schema.multi_tenant;
  look.shape.only_tenant = dataset.client->target().tenant;
  if (!look.shape.only_tenant.empty() && !look.schema.multi_tenant) {
    return MakeError(Category::usage, fmt::format("the class '{}' keeps no tenants apart, and ?tenant= names one", look.schema.name), "leave ?tenant= out");
  }
  if (look.schema.multi_tenant) {
    ARROW_ASSIGN_OR_RAISE(look.tenants, dataset.client->Tenants(look.schema.name));
    if (const auto& only = look.shape.only_tenant; !only.empty()) {
      std::erase_if(look.tenants, [&](const Tenant& tenant) { return tenant.name != only; });
    }
  }
  Sampler sampler(dataset, &look);
  ARROW_RETURN_NOT_OK(look.schema.multi_tenant ? SampleTenants(dataset, look, &sampler) : SampleTenant("", &sampler));
  ChooseColumns(sampler, known, &look);
  return look;
}

}  // namespace vecferry::weaviate
