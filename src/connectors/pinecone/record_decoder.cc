#include <cstring>

#include <fmt/format.h>

#include "base/text.h"
#include "connector/payload_record.h"
#include "connectors/pinecone/names.h"
#include "connectors/pinecone/records.h"
#include "record/number_list.h"

namespace vecferry::pinecone {
namespace {

using Numbers = NumberList<NumberText::json>;

Status Bad(const VectorSpec& spec, std::string_view why) { return BadRecord("bad-vector", fmt::format("{}: {}", Printable(spec.column(), 200), why)); }

bool IsEmptyList(std::string_view raw) {
  Numbers list(raw);
  return raw.empty() || (list.Take('[') && list.Take(']'));
}

}  // namespace

std::string RecordForm::TenantIn(std::string_view space) const { return TenantOf(space.substr(std::min(staging.size(), space.size()))); }

struct RecordDecoder::Impl {
  explicit Impl(const RecordForm& of) : form(of), columns(Columns::Of(of.schema).ValueOr(Columns{})), payload(of.layout), metadata(of.metadata) {}

  const RecordForm& form;
  const Columns columns;
  PayloadDecoder payload;
  MetadataReader metadata;
  std::vector<uint32_t> indices;
  std::vector<float> values;

  Status Dense(std::string_view raw, BatchBuilder& builder) {
    if (columns.dense < 0) return IsEmptyList(raw) ? Status::OK() : BadRecord("unexpected-vector", "the record has a dense vector, and the index is of sparse ones");
    const auto column = static_cast<size_t>(columns.dense);
    const VectorSpec& spec = form.schema.vectors[column];
    if (IsEmptyList(raw)) return Status::OK();  // null
    Numbers list(raw);
    if (list.Elements<float>(spec.dims, builder.VectorSpace(column), [](float number) { return number; }) && list.AtEnd()) return Status::OK();
    Numbers any(raw);
    values.clear();
    if (!any.All(&values) || !any.AtEnd()) return Bad(spec, "it is no list of numbers");
    return BadRecord("wrong-dimensions", fmt::format("{} has {} numbers and not {}", Printable(spec.column(), 200), values.size(), spec.dims));
  }

  Status Sparse(std::string_view raw, BatchBuilder& builder, VectorFacts* facts) {
    if (raw.empty()) return Status::OK();
    if (!Numbers(raw).Sparse(&indices, &values)) return BadRecord("bad-vector", "the sparse vector is not a list of indices and one of as many values");
    if (indices.empty()) return Status::OK();  // null
    facts->has_sparse = true;
    if (columns.sparse >= 0) return builder.Sparse(static_cast<size_t>(columns.sparse), indices.data(), values.data(), indices.size()), Status::OK();
    return BadRecord("unexpected-vector", "the record has a sparse vector, and those that were looked at had none: name the column with ?sparse=NAME");
  }

  Status Payload(const VectorText& vector, std::string_view space, BatchBuilder& builder, VectorFacts* facts) {
    payload.Begin();
    ARROW_RETURN_NOT_OK(metadata.Read(vector.metadata.empty() ? "{}" : vector.metadata, payload));
    ARROW_ASSIGN_OR_RAISE(DecodedPayload decoded, payload.End(vector.id));
    facts->record_id = UnmapId(form.layout, vector.id, decoded);
    facts->has_document = decoded.document.has_value();
    facts->has_tenant = decoded.tenant.has_value();
    const RecordSchema& schema = form.schema;
    ARROW_RETURN_NOT_OK(KeepAsMetadata(form.layout, schema.has_document, schema.has_tenant && !form.namespaces, &decoded));
    if (form.namespaces && schema.has_tenant && space.size() > form.staging.size()) decoded.tenant = form.TenantIn(space);
    builder.Id(facts->record_id);
    if (decoded.tenant) builder.Tenant(facts->tenant = *decoded.tenant);
    if (decoded.document) builder.Document(*decoded.document);
    builder.Metadata(decoded.metadata);
    return Status::OK();
  }
};

RecordDecoder::RecordDecoder(const RecordForm& form) : impl_(std::make_unique<Impl>(form)) {}
RecordDecoder::~RecordDecoder() = default;

Fault RecordDecoder::Append(const VectorText& vector, std::string_view space, BatchBuilder& builder, VectorFacts* facts) {
  *facts = VectorFacts{};
  facts->record_id = vector.id;
  Status status = impl_->Payload(vector, space, builder, facts);
  if (status.ok()) status = impl_->Dense(vector.values, builder);
  if (status.ok()) status = impl_->Sparse(vector.sparse, builder, facts);
  if (status.ok()) return builder.EndRow(), Fault{};
  builder.DropRow();
  const std::string code = FactsOf(status).code;
  return {code.empty() ? "unsupported-value" : code, status.message()};
}

}  // namespace vecferry::pinecone
