#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/text.h"
#include "base/uuid.h"
#include "connector/payload_record.h"
#include "connectors/weaviate/errors.h"
#include "connectors/weaviate/names.h"
#include "connectors/weaviate/objects.h"
#include "weaviate_pb/weaviate.pb.h"

namespace vecferry::weaviate {
namespace {

void AddNested(const std::string& name, const PropertyType& type, pb::ObjectPropertiesRequest* out) {
  out->set_prop_name(name);
  for (const auto& [nested, nested_type] : type.nested) {
    if (nested_type.base == PropertyType::Base::object) AddNested(nested, nested_type, out->add_object_properties());
    else out->add_primitive_properties(nested);
  }
}

/// Blobs are left out of an answer unless they are asked for by name.
void AddAllProperties(const ClassSchema& schema, pb::PropertiesRequest* out) {
  if (!schema.HasBlobs()) return out->set_return_all_nonref_properties(true);
  for (const auto& [name, type] : schema.properties) {
    if (type.base == PropertyType::Base::reference) continue;
    if (type.base == PropertyType::Base::object) AddNested(name, type, out->add_object_properties());
    else out->add_non_ref_properties(name);
  }
}

}  // namespace

bool IsObjectId(std::string_view id) {
  const auto uuid = id.size() == 36 ? ParseUuid(id) : std::nullopt;
  return uuid && FormatUuid(*uuid) == id;
}

void SetWanted(const ClassSchema& schema, const Shape& shape, const Layout& layout, bool keys_only, pb::SearchRequest* request) {
  request->set_collection(schema.name);
  request->set_uses_123_api(true);
  request->set_uses_125_api(true);
  request->set_uses_127_api(true);
  pb::MetadataRequest& metadata = *request->mutable_metadata();
  metadata.set_uuid(true);
  pb::PropertiesRequest& properties = *request->mutable_properties();
  if (keys_only) {
    const PropertyTable table(schema);
    for (const std::string& field : {layout.id_field, shape.schema.has_tenant && !shape.multi_tenant ? layout.tenant_field : std::string()}) {
      const Property* property = field.empty() ? nullptr : table.Find(field);
      if (property && property->type.base != PropertyType::Base::object) properties.add_non_ref_properties(property->name);
    }
    if (table.has_rest()) properties.add_non_ref_properties(std::string(kRestProperty));
    return;
  }
  AddAllProperties(schema, &properties);
  for (const VectorConfig& vector : schema.vectors) {
    if (vector.name.empty()) metadata.set_vector(true);
    else metadata.add_vectors(vector.name);
  }
}

struct ObjectDecoder::Impl {
  Impl(const Shape& of, const Layout& by, bool nested_nulls) : shape(of), layout(by), decoder(by), reader(nested_nulls) {
    for (const VectorSpec& spec : of.schema.vectors) names.push_back(VectorName(spec.name).value_or(spec.name));
  }

  const Shape& shape;
  const Layout& layout;
  PayloadDecoder decoder;
  PropertyReader reader;
  std::vector<std::string> names;

  Status Payload(const pb::SearchResult& object, const std::string& tenant, const References* references, ObjectFacts* facts, DecodedPayload* payload) {
    decoder.Begin();
    ARROW_RETURN_NOT_OK(reader.Visit(object.properties().non_ref_props(), references, decoder));
    ARROW_ASSIGN_OR_RAISE(*payload, decoder.End(facts->uuid));
    facts->record_id = UnmapId(layout, facts->uuid, *payload);
    facts->mapped = facts->record_id != facts->uuid;
    facts->has_document = payload->document.has_value();
    const bool own = shape.multi_tenant && shape.only_tenant.empty();
    const auto of_class = own ? DecodeTenant(tenant) : std::nullopt;
    facts->has_tenant = own ? of_class.has_value() : payload->tenant.has_value();
    if (facts->has_tenant) facts->tenant = own ? *of_class : *payload->tenant;
    return KeepAsMetadata(layout, shape.schema.has_document, shape.schema.has_tenant && !own, payload);
  }

  Result<size_t> ColumnOf(const std::string& name) const {
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] == name && shape.schema.vectors[i].name.empty() == name.empty()) return i;
    }
    return BadRecord("unknown-vector", fmt::format("the vector '{}' was in none of the records that were looked at first: say its dimensions with ?dims={}:N",
                                                   Printable(name, 100), Printable(name, 100)));
  }

  Status Dense(const std::string& name, std::string_view bytes, BatchBuilder& builder) {
    ARROW_ASSIGN_OR_RAISE(const size_t column, ColumnOf(name));
    const VectorSpec& spec = shape.schema.vectors[column];
    if (spec.kind != VectorKind::dense || bytes.size() != static_cast<size_t>(spec.width())) {
      return BadRecord("wrong-dimensions", fmt::format("the vector '{}' has {} elements, the first records' have {}", Printable(name, 100), bytes.size() / 4, spec.dims));
    }
    builder.Vector(column, bytes);
    return Status::OK();
  }

  Status Multi(const std::string& name, std::string_view bytes, BatchBuilder& builder) {
    ARROW_ASSIGN_OR_RAISE(const size_t column, ColumnOf(name));
    const VectorSpec& spec = shape.schema.vectors[column];
    uint16_t dims = 0;
    if (bytes.size() >= 2) std::memcpy(&dims, bytes.data(), 2), bytes.remove_prefix(2);
    const auto width = static_cast<size_t>(spec.width());
    if (spec.kind != VectorKind::multi || dims != spec.dims || width == 0 || bytes.size() % width != 0) {
      return BadRecord("wrong-dimensions", fmt::format("the multi-vector '{}' has {} dimensions, the first records' have {}", Printable(name, 100), dims, spec.dims));
    }
    builder.Multi(column, bytes, bytes.size() / width);
    return Status::OK();
  }

  Status Vectors(const pb::MetadataResult& metadata, BatchBuilder& builder) {
    if (!metadata.vector_bytes().empty()) ARROW_RETURN_NOT_OK(Dense("", metadata.vector_bytes(), builder));
    for (const auto& vector : metadata.vectors()) {
      if (vector.vector_bytes().empty()) continue;
      if (vector.type() == pb::Vectors::VECTOR_TYPE_MULTI_FP32) ARROW_RETURN_NOT_OK(Multi(vector.name(), vector.vector_bytes(), builder));
      else ARROW_RETURN_NOT_OK(Dense(vector.name(), vector.vector_bytes(), builder));
    }
    return Status::OK();
  }

  Status Append(const pb::SearchResult& object, const std::string& tenant, const References* references, BatchBuilder& builder, ObjectFacts* facts) {
    DecodedPayload payload;
    ARROW_RETURN_NOT_OK(Payload(object, tenant, references, facts, &payload));
    if (!shape.schema.vectors.empty()) ARROW_RETURN_NOT_OK(Vectors(object.metadata(), builder));
    builder.Id(facts->record_id);
    if (shape.schema.has_tenant && facts->has_tenant) builder.Tenant(facts->tenant);
    if (payload.document) builder.Document(*payload.document);
    builder.Metadata(payload.metadata);
    builder.EndRow();
    return Status::OK();
  }
};

ObjectDecoder::ObjectDecoder(const Shape& shape, const Layout& layout, bool nested_nulls) : impl_(std::make_unique<Impl>(shape, layout, nested_nulls)) {}
ObjectDecoder::~ObjectDecoder() = default;

Result<std::optional<Reject>> ObjectDecoder::Append(const pb::SearchResult& object, const std::string& tenant, const References* references, BatchBuilder& builder,
                                                    ObjectFacts* facts) {
  *facts = ObjectFacts();
  if (!IsObjectId(object.metadata().id())) return BadGrpcAnswer("reading objects");
  facts->uuid = object.metadata().id();
  const Status status = impl_->Append(object, tenant, references, builder, facts);
  if (status.ok()) return std::nullopt;
  builder.DropRow();
  const ErrorFacts why = FactsOf(status);
  if (why.category != Category::bad_content) return status;
  return std::optional(Reject{Printable(facts->record_id.empty() ? facts->uuid : facts->record_id), Printable(facts->tenant), why.code.empty() ? "corrupt-object" : why.code,
                              Printable(status.message()), ""});
}

}  // namespace vecferry::weaviate
