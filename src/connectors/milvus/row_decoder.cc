#include "connectors/milvus/row_decoder.h"

#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "base/iso_time.h"
#include "base/text.h"
#include "connector/payload_record.h"
#include "connectors/milvus/value_router.h"
#include "record/member_forwarder.h"

namespace vecferry::milvus {
namespace {

Fault FaultOf(const Status& status) {
  if (status.ok()) return {};
  const std::string code = FactsOf(status).code;
  return {code.empty() ? "unsupported-value" : code, status.message()};
}

Status Real(double value, JsonVisitor& out) {
  if (std::isfinite(value)) return out.Double(value);
  return out.Special("f64", std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
}

/// The keys of a dynamic field as the fields of an object that is begun already.
class Inner final : public MemberForwarder {
 public:
  /// `given` says of each slot whether the row has a value for it already.
  Inner(const Shape& shape, const std::vector<bool>& given, JsonVisitor& out) : shape_(shape), given_(given), out_(out) {}

 private:
  JsonVisitor& to() override { return out_; }
  Status TopKey(std::string_view utf8) override {
    const std::string_view key = Unrouted(shape_, utf8);
    for (size_t i = 0; i < shape_.slots.size(); ++i) {
      if (given_[i] && shape_.slots[i].field.name == key) return BadRecord("duplicate-key", "the row's $meta has a key that is a field of the collection too");
    }
    return out_.Key(key);
  }
  Status NoObject() const override { return BadRecord("corrupt-metadata", "the row's $meta is no object"); }
  const Shape& shape_;
  const std::vector<bool>& given_;
  JsonVisitor& out_;
};

constexpr JsonReader::Options kOurs{.big_integers = true, .python_floats = true, .plain = false};
constexpr JsonReader::Options kForeign{.big_integers = true, .python_floats = true, .plain = true};

}  // namespace

struct RowDecoder::Impl {
  Impl(const Shape& of, const Layout& by) : shape(of), layout(by), decoder(by) {}

  const Shape& shape;
  const Layout& layout;
  PayloadDecoder decoder;
  JsonReader reader;
  Rows answer;
  std::vector<const ColumnData*> columns;  ///< one for each slot, nullptr where it was not asked for
  const ColumnData* meta = nullptr;
  std::vector<bool> given;                 ///< slots that the row at hand has a value for
  std::vector<uint32_t> indices;
  std::vector<float> values;
  bool keys_only = false;

  Status Bind() {
    columns.assign(shape.slots.size(), nullptr);
    meta = keys_only ? nullptr : answer.dynamic();
    for (size_t i = 0; i < shape.slots.size(); ++i) {
      const Slot& slot = shape.slots[i];
      if (slot.role == Role::skipped || (keys_only && slot.role != Role::key && slot.role != Role::tenant)) continue;
      columns[i] = answer.Find(slot.field.name);
      if (!columns[i]) {
        if (answer.rows() == 0) continue;
        return MakeError(Category::corrupt, fmt::format("the server's answer lacks the field '{}'", Printable(slot.field.name, 200)));
      }
      ARROW_RETURN_NOT_OK(CheckKind(slot, *columns[i]));
    }
    return Status::OK();
  }

  /// A column of another kind than its field: somebody made the collection anew meanwhile.
  Status CheckKind(const Slot& slot, const ColumnData& column) const {
    bool any = false;
    for (int64_t row = 0; row < column.rows() && !any; ++row) any = !column.IsNull(row);
    if (!any) return Status::OK();
    const DataType type = slot.field.type;
    const bool dense = IsVector(type) && type != DataType::sparse_vector;
    bool fits = column.holds_texts();
    if (dense) fits = column.holds_vectors() && static_cast<int64_t>(column.width()) == WidthOf(slot);
    else if (type == DataType::real32 || type == DataType::real64) fits = column.holds_reals();
    else if (type == DataType::timestamptz) fits = column.holds_texts() || column.holds_integers();
    else if (type == DataType::boolean || (type >= DataType::int8 && type <= DataType::int64)) fits = column.holds_integers();
    if (slot.role == Role::key && fits) {
      for (int64_t row = 0; row < column.rows(); ++row) fits = fits && !column.IsNull(row);
    }
    if (fits) return Status::OK();
    return MakeError(Category::corrupt, fmt::format("the field '{}' of the server's answer is not {}", Printable(slot.field.name, 200), NameOf(type)));
  }

  static int64_t WidthOf(const Slot& slot) {
    const int64_t dim = slot.field.dim();
    switch (slot.field.type) {
      case DataType::float_vector: return dim * 4;
      case DataType::binary_vector: return dim / 8;
      case DataType::int8_vector: return dim;
      default: return dim * 2;
    }
  }

  /// Events of a field's value.
  Status Visit(const Field& field, const ColumnData& column, int64_t row, JsonVisitor& out) {
    switch (field.type) {
      case DataType::boolean: return out.Bool(column.Integer(row) != 0);
      case DataType::int8: case DataType::int16: case DataType::int32: case DataType::int64: return out.Int(column.Integer(row));
      case DataType::real32: case DataType::real64: return Real(column.Real(row), out);
      case DataType::json: return VisitJson(column.Bytes(row), out);
      case DataType::array: return VisitArray(column.Bytes(row), field.element, out);
      case DataType::timestamptz: return VisitTime(column, row, out);
      default: break;
    }
    const std::string_view text = column.Bytes(row);
    if (!IsValidUtf8(text)) return BadRecord("invalid-utf8", fmt::format("the field '{}' is not valid UTF-8", Printable(field.name, 200)));
    return out.String(text);
  }

  static Status VisitTime(const ColumnData& column, int64_t row, JsonVisitor& out) {
    const auto micros = column.holds_integers() ? std::optional(column.Integer(row)) : ParseIsoMicros(column.Bytes(row));
    const auto text = micros ? FormatIsoMicros(*micros) : std::nullopt;
    if (text) return out.Special("datetime", *text);
    if (column.holds_integers() || !IsValidUtf8(column.Bytes(row))) return BadRecord("unsupported-value", "a time is not one of the years 0 to 9999");
    return out.String(column.Bytes(row));
  }

  /// JSON of whoever wrote it: with our own objects for what JSON lacks, or, where those are none, as it stands. It is looked through first,
  /// for events that were given cannot be taken back.
  Status VisitJson(std::string_view text, JsonVisitor& out) {
    if (text.empty()) return out.Null();
    if (text.find("$vf") == text.npos) return reader.Visit(text, out, kForeign);
    std::string unused;
    JsonWriter writer(&unused);
    return reader.Visit(text, out, reader.Visit(text, writer, kOurs).ok() ? kOurs : kForeign);
  }

  Status Payload(int64_t row, DecodedPayload* payload) {
    decoder.Begin();
    given.assign(shape.slots.size(), false);
    ARROW_RETURN_NOT_OK(decoder.BeginObject());
    for (size_t i = 0; i < shape.slots.size(); ++i) {
      const Slot& slot = shape.slots[i];
      const ColumnData* column = columns[i];
      if (!column || column->IsNull(row) || slot.role == Role::key || slot.role == Role::vector) continue;
      if (slot.role == Role::tenant && column->Bytes(row).empty()) continue;
      const bool plain = slot.role == Role::scalar;
      given[i] = true;
      ARROW_RETURN_NOT_OK(decoder.Key(plain ? slot.field.name : slot.role == Role::document ? layout.document_field : layout.tenant_field));
      ARROW_RETURN_NOT_OK(Visit(slot.field, *column, row, decoder));
    }
    if (meta && !meta->IsNull(row) && meta->holds_texts() && !meta->Bytes(row).empty()) {
      Inner inner(shape, given, decoder);
      ARROW_RETURN_NOT_OK(VisitJson(meta->Bytes(row), inner));
    }
    ARROW_RETURN_NOT_OK(decoder.EndObject());
    // A key is the record's own id, however it was made: none is another's that is kept in the payload.
    ARROW_ASSIGN_OR_RAISE(*payload, decoder.End(""));
    return Status::OK();
  }

  Status Vectors(int64_t row, BatchBuilder& builder) {
    for (size_t i = 0; i < shape.slots.size(); ++i) {
      const Slot& slot = shape.slots[i];
      if (slot.role != Role::vector || !columns[i] || columns[i]->IsNull(row)) continue;
      if (shape.schema.vectors[slot.column].kind == VectorKind::dense) builder.Vector(slot.column, columns[i]->Bytes(row));
      else ARROW_RETURN_NOT_OK(Sparse(slot, columns[i]->Bytes(row), builder));
    }
    return Status::OK();
  }

  Status Sparse(const Slot& slot, std::string_view pairs, BatchBuilder& builder) {
    if (pairs.size() % 8 != 0) return BadRecord("corrupt-vector", "a sparse vector is not what its format allows");
    const size_t n = pairs.size() / 8;
    indices.resize(n);
    values.resize(n);
    for (size_t i = 0; i < n; ++i) {
      std::memcpy(&indices[i], pairs.data() + i * 8, 4);
      std::memcpy(&values[i], pairs.data() + i * 8 + 4, 4);
      if (i > 0 && indices[i] <= indices[i - 1]) return BadRecord("corrupt-vector", "the indices of a sparse vector are not in order");
    }
    return builder.Sparse(slot.column, indices.data(), values.data(), n), Status::OK();
  }

  Status Append(int64_t row, const Key& key, std::string_view partition, BatchBuilder& builder, RowFacts* facts) {
    *facts = RowFacts();
    facts->id = IdOf(shape, key);
    if (!IsValidUtf8(facts->id)) return BadRecord("invalid-utf8", "the key is not valid UTF-8");
    DecodedPayload payload;
    ARROW_RETURN_NOT_OK(Payload(row, &payload));
    facts->has_document = payload.document.has_value();
    if (shape.partition_tenants) facts->tenant = partition == kDefaultPartition ? "" : partition;
    else if (payload.tenant) facts->tenant = *payload.tenant;
    facts->has_tenant = shape.partition_tenants ? !facts->tenant.empty() : payload.tenant.has_value();
    ARROW_RETURN_NOT_OK(KeepAsMetadata(layout, shape.schema.has_document, shape.schema.has_tenant && !shape.partition_tenants, &payload));
    ARROW_RETURN_NOT_OK(Vectors(row, builder));
    builder.Id(facts->id);
    if (shape.schema.has_tenant && facts->has_tenant) builder.Tenant(facts->tenant);
    if (payload.document) builder.Document(*payload.document);
    builder.Metadata(payload.metadata);
    return builder.EndRow(), Status::OK();
  }
};

RowDecoder::RowDecoder(const Shape& shape, const Layout& layout) : impl_(std::make_unique<Impl>(shape, layout)) {}
RowDecoder::~RowDecoder() = default;

Status RowDecoder::Open(std::string_view answer, bool keys_only) {
  // An answer of no bytes would be taken for one of no rows, and so for the end of the collection.
  if (answer.empty()) return MakeError(Category::corrupt, "the server's answer is empty");
  impl_->keys_only = keys_only;
  ARROW_RETURN_NOT_OK(impl_->answer.Open(answer));
  return impl_->Bind();
}

int64_t RowDecoder::rows() const { return impl_->answer.rows(); }
const std::vector<ColumnData>& RowDecoder::columns() const { return impl_->answer.columns(); }

Key RowDecoder::KeyOfRow(int64_t row) const {
  const ColumnData& column = *impl_->columns[impl_->shape.key];
  return impl_->shape.integer_keys() ? Key::Of(column.Integer(row)) : Key::Of(column.Bytes(row));
}

Fault RowDecoder::Append(int64_t row, std::string_view partition, BatchBuilder& builder, RowFacts* facts) {
  const Status status = impl_->Append(row, KeyOfRow(row), partition, builder, facts);
  if (!status.ok()) builder.DropRow();
  return FaultOf(status);
}

}  // namespace vecferry::milvus
