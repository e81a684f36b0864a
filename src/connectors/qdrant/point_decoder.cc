#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "base/uuid.h"
#include "connector/payload_record.h"
#include "connectors/qdrant/points.h"
#include "connectors/qdrant/value_reader.h"
#include "connectors/qdrant/wire_vector.h"
#include "record/elements.h"

namespace vecferry::qdrant {
namespace {

// Fields of RetrievedPoint.
constexpr uint32_t kId = 1, kPayload = 2, kVectors = 4, kShardKey = 5;

Status CorruptPoint(std::string_view what) { return BadRecord("corrupt-point", fmt::format("the point's {} is not what its format allows", what)); }

Fault FaultOf(const Status& status) {
  if (status.ok()) return {};
  const std::string code = FactsOf(status).code;
  return {code.empty() ? "unsupported-value" : code, status.message()};
}

Status CorruptAnswer() { return MakeError(Category::corrupt, "the server's answer is not what its format allows"); }

/// False where the message is no id.
bool ReadPointId(std::string_view message, PointId* id) {
  WireReader reader(message);
  WireField field, last;
  while (reader.Next(&field)) {
    if (field.number <= 2) last = field;
  }
  if (!reader.ok()) return false;
  id->is_uuid = last.is(2, WireType::length);
  id->number = 0;
  if (!id->is_uuid) return last.is(1, WireType::varint) && (id->number = last.value, true);
  const auto uuid = ParseUuid(last.bytes);
  if (uuid) id->uuid = FormatUuid(*uuid);
  return uuid.has_value();
}

bool ReadShardKey(std::string_view message, std::string* text) {
  WireReader reader(message);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(1, WireType::length)) *text = field.bytes;
    else if (field.is(2, WireType::varint)) *text = std::to_string(field.value);
  }
  return reader.ok() && IsValidUtf8(*text);
}

void Reset(PointFacts* facts) {
  facts->id.is_uuid = false;
  facts->id.number = 0;
  for (std::string* text : {&facts->id.uuid, &facts->record_id, &facts->tenant, &facts->shard_key}) text->clear();
  facts->bookkeeping = facts->rounded = facts->has_document = facts->has_tenant = false;
}

/// Field `points` of an answer, its `time`, and its `next` where that is not 0.
Result<Page> ParsePage(std::string_view bytes, uint32_t points, uint32_t time, uint32_t next) {
  Page page;
  WireReader reader(bytes);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(points, WireType::length)) page.points.push_back(field.bytes);
    page.timed |= field.is(time, WireType::fixed64);
    if (!field.is(next, WireType::length)) continue;
    if (!ReadPointId(field.bytes, &page.next.emplace())) return CorruptAnswer();
  }
  if (!reader.ok()) return CorruptAnswer();
  return page;
}

}  // namespace

Result<Page> ParseScrollResponse(std::string_view bytes) { return ParsePage(bytes, 2, 3, 1); }
Result<Page> ParseGetResponse(std::string_view bytes) { return ParsePage(bytes, 1, 2, 0); }

struct PointDecoder::Impl {
  Impl(const RecordSchema& of, const Layout& by) : schema(of), layout(by), decoder(by), found(of.vectors.size()) {}

  const RecordSchema& schema;
  const Layout& layout;
  PayloadDecoder decoder;
  ValueReader values;
  VectorReader reader;
  SparseSorter sorter;
  std::vector<std::optional<std::string_view>> found;  ///< for each column the vector's message
  std::string_view vectors;
  std::vector<float> sparse_values;
  std::string point_id;  ///< spelled

  /// Takes the message apart.
  Status Open(std::string_view point, PointFacts* facts) {
    values.Clear();
    vectors = {};
    std::string_view id, shard_key;
    WireReader wire(point);
    WireField field;
    while (wire.Next(&field)) {
      if (field.type != WireType::length) continue;
      if (field.number == kId) id = field.bytes;
      else if (field.number == kVectors) vectors = field.bytes;
      else if (field.number == kShardKey) shard_key = field.bytes;
    }
    if (!wire.ok()) return BadRecord("corrupt-point", "the point is not what its format allows");
    if (!ReadPointId(id, &facts->id)) return CorruptPoint("id");
    if (!ReadShardKey(shard_key, &facts->shard_key)) return CorruptPoint("shard key");
    point_id = facts->id.Spelled();
    WireReader again(point);  // the payload last: a fault in it is then of a point whose id is known
    while (again.Next(&field)) {
      if (field.is(kPayload, WireType::length)) ARROW_RETURN_NOT_OK(values.Add(field.bytes));
    }
    return Status::OK();
  }

  bool IsBookkeeping() const {
    if (!layout.bookkeeping || point_id != layout.bookkeeping->point_id) return false;
    const auto& keys = layout.bookkeeping->must_have;
    return std::all_of(keys.begin(), keys.end(), [&](const auto& key) { return values.Has(key); });
  }

  Status Payload(bool tenant_is_shard_key, PointFacts* facts, DecodedPayload* payload) {
    decoder.Begin();
    ARROW_RETURN_NOT_OK(values.Visit(decoder));
    ARROW_ASSIGN_OR_RAISE(*payload, decoder.End(point_id));
    facts->record_id = UnmapId(layout, point_id, *payload);
    facts->has_document = payload->document.has_value();
    facts->has_tenant = tenant_is_shard_key ? !facts->shard_key.empty() : payload->tenant.has_value();
    if (facts->has_tenant) facts->tenant = tenant_is_shard_key ? facts->shard_key : *payload->tenant;
    return KeepAsMetadata(layout, schema.has_document, schema.has_tenant && !tenant_is_shard_key, payload);
  }

  Status Find(std::string_view name, std::string_view message) {
    for (size_t i = 0; i < schema.vectors.size(); ++i) {
      if (schema.vectors[i].name == name) return found[i] = message, Status::OK();
    }
    return BadRecord("unknown-vector", name.empty() ? "the point has an unnamed vector and the collection has none"
                                                    : fmt::format("the collection has no vector {}", Printable(name, 100)));
  }

  Status AppendVectors(BatchBuilder& builder, PointFacts* facts) {
    std::fill(found.begin(), found.end(), std::nullopt);
    ARROW_RETURN_NOT_OK(EachVector(vectors, [&](std::string_view name, std::string_view message, bool) { return Find(name, message); }));
    for (size_t i = 0; i < found.size(); ++i) {
      if (found[i]) ARROW_RETURN_NOT_OK(AppendVector(i, *found[i], builder, facts));
    }
    return Status::OK();
  }

  Status AppendVector(size_t column, std::string_view message, BatchBuilder& builder, PointFacts* facts) {
    const VectorSpec& spec = schema.vectors[column];
    WireVector vector;
    ARROW_RETURN_NOT_OK(reader.Read(message, &vector));
    if (vector.kind != spec.kind) {
      return BadRecord("wrong-vector-kind", fmt::format("the vector '{}' is {} and the collection's are {}", Printable(spec.name, 100),
                                                        Name(vector.kind), Name(spec.kind)));
    }
    if (spec.kind == VectorKind::sparse) {
      ARROW_RETURN_NOT_OK(sorter.Sort(spec.name, &vector));
      return AppendSparse(column, vector, builder), Status::OK();
    }
    const size_t row = static_cast<size_t>(spec.dims) * sizeof(float);
    if (vector.floats.size() != vector.rows * row || (vector.rows == 0 && spec.kind == VectorKind::dense)) {
      return BadRecord("wrong-dimensions", fmt::format("the vector '{}' has {} elements, the collection's have {}", Printable(spec.name, 100),
                                                       vector.rows == 0 ? 0 : vector.floats.size() / 4 / vector.rows, spec.dims));
    }
    if (spec.kind == VectorKind::multi) builder.Multi(column, vector.floats, vector.rows);
    else if (!StoreFloats(vector.floats, spec.element, builder.VectorSpace(column))) facts->rounded = true;
    return Status::OK();
  }

  void AppendSparse(size_t column, const WireVector& vector, BatchBuilder& builder) {
    const float* const values = AsFloats(Element::f32, vector.floats, vector.indices.size(), sparse_values);
    builder.Sparse(column, vector.indices.data(), values, vector.indices.size());
  }

  Status Append(std::string_view point, BatchBuilder& builder, PointFacts* facts, bool tenant_is_shard_key) {
    ARROW_RETURN_NOT_OK(Open(point, facts));
    if ((facts->bookkeeping = IsBookkeeping())) return Status::OK();
    DecodedPayload payload;
    ARROW_RETURN_NOT_OK(Payload(tenant_is_shard_key, facts, &payload));
    ARROW_RETURN_NOT_OK(AppendVectors(builder, facts));
    builder.Id(facts->record_id);
    if (schema.has_tenant && facts->has_tenant) builder.Tenant(facts->tenant);
    if (payload.document) builder.Document(*payload.document);
    builder.Metadata(payload.metadata);
    builder.EndRow();
    return Status::OK();
  }
};

PointDecoder::PointDecoder(const RecordSchema& schema, const Layout& layout) : impl_(std::make_unique<Impl>(schema, layout)) {}
PointDecoder::~PointDecoder() = default;
PointDecoder::PointDecoder(PointDecoder&&) noexcept = default;

Result<PointId> PointDecoder::IdOf(std::string_view retrieved_point) {
  PointId id;
  std::string_view message;
  WireReader reader(retrieved_point);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(kId, WireType::length)) message = field.bytes;
  }
  if (!reader.ok() || !ReadPointId(message, &id)) return CorruptAnswer();
  return id;
}

Fault PointDecoder::Append(std::string_view retrieved_point, BatchBuilder& builder, PointFacts* facts, bool tenant_is_shard_key) {
  Reset(facts);
  const Status status = impl_->Append(retrieved_point, builder, facts, tenant_is_shard_key);
  if (!status.ok()) builder.DropRow();
  return FaultOf(status);
}

}  // namespace vecferry::qdrant
