#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <google/protobuf/struct.pb.h>

#include "base/text.h"
#include "connector/fit.h"
#include "connectors/weaviate/names.h"
#include "connectors/weaviate/objects.h"
#include "connectors/weaviate/property_writer.h"
#include "weaviate_pb/weaviate.pb.h"

namespace vecferry::weaviate {
namespace {

/// A multi-vector as the server takes it: the dimensions in two bytes, then the rows.
Status PutMulti(const VectorColumn& column, int64_t row, pb::Vectors* out) {
  const int32_t begin = column.offsets[row], end = column.offsets[row + 1];
  if (begin == end) return BadRecord("empty-multivector", fmt::format("the vector '{}' has no rows", Printable(column.spec.name, 100)));
  const auto dims = static_cast<uint16_t>(column.spec.dims);
  const char* const data = reinterpret_cast<const char*>(column.data) + begin * column.width;
  std::string& bytes = *out->mutable_vector_bytes();
  bytes.assign(reinterpret_cast<const char*>(&dims), sizeof(dims));
  bytes.append(data, static_cast<size_t>(end - begin) * static_cast<size_t>(column.width));
  out->set_type(pb::Vectors::VECTOR_TYPE_MULTI_FP32);
  return Status::OK();
}

}  // namespace

Result<ObjectId> ObjectIdOf(const Layout& layout, const Shape& shape, std::optional<std::string_view> tenant, std::string_view id) {
  // Numbers are ids of other stores: here they are mapped as any text is.
  ARROW_ASSIGN_OR_RAISE(MappedId mapped, MapId(layout, IdKind::string, shape.multi_tenant ? std::nullopt : tenant, id));
  return ObjectId{std::move(mapped.uuid), mapped.mapped};
}

Result<std::string> ClassTenantOf(const Shape& shape, std::optional<std::string_view> tenant) {
  if (!shape.multi_tenant) return std::string();
  if (!shape.only_tenant.empty()) return shape.only_tenant;
  return EncodeTenant(tenant);
}

struct ObjectEncoder::Impl {
  Impl(const Shape& of, const Layout& by, const Capabilities& can) : shape(of), layout(by), payload(by), fit(can) {
    for (const VectorSpec& spec : of.schema.vectors) names.push_back(VectorName(spec.name).value_or(spec.name));
  }

  const Shape& shape;
  const Layout& layout;
  PayloadEncoder payload;
  RowFit fit;
  std::vector<std::string> names;   ///< of the vectors, as the server has them
  std::string rest;

  Status Vectors(const RecordView& view, int64_t row, pb::BatchObject* out) {
    for (size_t i = 0; i < view.vectors().size(); ++i) {
      const VectorColumn& column = view.vectors()[i];
      if (column.IsNull(row)) continue;
      if (column.spec.name.empty() && column.spec.kind == VectorKind::dense) {
        out->set_vector_bytes(std::string(column.Dense(row)));
        continue;
      }
      pb::Vectors& vector = *out->add_vectors();
      vector.set_name(names[i]);
      if (column.spec.kind == VectorKind::multi) {
        ARROW_RETURN_NOT_OK(PutMulti(column, row, &vector));
      } else {
        vector.set_vector_bytes(std::string(column.Dense(row)));
        vector.set_type(pb::Vectors::VECTOR_TYPE_SINGLE_FP32);
      }
    }
    return Status::OK();
  }

  /// The record's payload, without its tenant where that is one of the class.
  Status Payload(const RecordView& view, int64_t row, JsonVisitor& out) {
    ARROW_ASSIGN_OR_RAISE(const ObjectId id, ObjectIdOf(layout, shape, view.tenant(row), view.id(row)));
    const bool keep = id.mapped || layout.id_field_always;
    return payload.Encode(view, row, keep ? std::optional(view.id(row)) : std::nullopt, out);
  }

  Status Encode(const RecordView& view, int64_t row, const PropertyTable& table, pb::BatchObject* out, bool* unknown) {
    ARROW_ASSIGN_OR_RAISE(const ObjectId id, ObjectIdOf(layout, shape, view.tenant(row), view.id(row)));
    out->set_uuid(id.uuid);
    ARROW_RETURN_NOT_OK(Vectors(view, row, out));
    auto* properties = out->mutable_properties()->mutable_non_ref_properties();
    PropertyWriter writer(table);
    writer.Begin(properties);
    ARROW_RETURN_NOT_OK(Payload(view, row, writer));
    *unknown = *unknown || writer.met_unknown() || (!writer.rest().empty() && !table.has_rest());
    if (writer.rest().empty()) return Status::OK();
    rest.clear();
    RestWriter keep(writer.rest(), &rest);
    ARROW_RETURN_NOT_OK(Payload(view, row, keep));
    (*properties->mutable_fields())[std::string(kRestProperty)].set_string_value(rest);
    return Status::OK();
  }
};

ObjectEncoder::ObjectEncoder(const Shape& shape, const Layout& layout, const Capabilities& can) : impl_(std::make_unique<Impl>(shape, layout, can)) {}
ObjectEncoder::~ObjectEncoder() = default;

std::optional<RowReject> ObjectEncoder::Encode(const RecordView& view, int64_t row, const std::string& name, const PropertyTable& table, pb::BatchObject* out, bool* unknown) {
  if (auto reject = impl_->fit.Check(view, row)) return reject;
  out->set_collection(name);
  const Status status = impl_->Encode(view, row, table, out, unknown);
  if (status.ok()) return std::nullopt;
  const std::string code = FactsOf(status).code;
  return RowReject{row, code.empty() ? "unsupported-value" : code, status.message()};
}

Status ObjectEncoder::Scout(const RecordView& view, int64_t row, TypeScout* scout) { return impl_->Payload(view, row, *scout); }

}  // namespace vecferry::weaviate
