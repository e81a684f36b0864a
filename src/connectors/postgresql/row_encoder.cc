#include "connectors/postgresql/row_encoder.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/text.h"
#include "base/uuid.h"
#include "connector/row_judge.h"
#include "connectors/postgresql/codec.h"
#include "connectors/postgresql/field_splitter.h"
#include "connectors/postgresql/jsonb_writer.h"
#include "connectors/postgresql/wire.h"
#include "record/finite.h"

namespace vecferry::postgresql {
namespace {

using Role = TargetColumn::Role;

/// How a value is sent: what is cast in SQL goes as text.
Type SentAs(const TargetColumn& column) {
  if (!column.cast()) return column.type;
  Type type;
  type.kind = Kind::text;
  type.name = "text";
  return type;
}

std::vector<FieldSplitter::Column> FieldColumns(const TargetTable& table) {
  std::vector<FieldSplitter::Column> columns;
  for (const TargetColumn& column : table.columns) {
    if (column.role == Role::field) columns.push_back({column.field, SentAs(column), column.timestamp});
  }
  return columns;
}

FieldSplitter::Rest RestOf(const TargetTable& table) {
  const TargetColumn* const metadata = table.Find(Role::metadata);
  if (!metadata) return FieldSplitter::Rest::none;
  return metadata->type.kind == Kind::json ? FieldSplitter::Rest::json : FieldSplitter::Rest::jsonb;
}

std::string MetadataName(const TargetTable& table) {
  const TargetColumn* const metadata = table.Find(Role::metadata);
  return metadata ? metadata->name : "";
}

}  // namespace

std::optional<std::string> SpellId(const TargetColumn& column, std::string_view id) {
  std::string field, back;
  if (column.cast() || column.type.array) return std::nullopt;
  if (id.find('\0') != std::string_view::npos) return std::nullopt;
  if (column.type.kind == Kind::text) return std::string(id);
  if (!AppendTextField(column.type, id, &field).ok() || field.size() < 4) return std::nullopt;
  if (!DecodeText(column.type, std::string_view(field).substr(4), &back).ok() || back != id) return std::nullopt;
  return back;
}

struct RowEncoder::Impl {
  Impl(const TargetTable& target, const RecordSchema& record_schema)
      : table(target), schema(record_schema), splitter(FieldColumns(target), RestOf(target), MetadataName(target)), metadata_name(MetadataName(target)), for_rest(RestOf(target)) {
    for (size_t i = 0, field = 0; i < table.columns.size(); ++i) {
      const TargetColumn& column = table.columns[i];
      fields.push_back(column.role == Role::field ? field++ : SIZE_MAX);
      may_leave.push_back(column.has_default && (column.role == Role::field || column.role == Role::document));
    }
    any_field = std::find_if(fields.begin(), fields.end(), [](size_t field) { return field != SIZE_MAX; }) != fields.end();
  }

  Result<const std::vector<EncodedRows>*> Encode(const RecordView& batch, std::vector<RowReject>* rejects) {
    used = 0;
    for (int64_t row = 0; row < batch.rows(); ++row) {
      const Status status = EncodeRow(batch, row);
      if (status.ok()) continue;
      const ErrorFacts facts = FactsOf(status);
      if (facts.category != Category::bad_content) return status;
      rejects->push_back({row, facts.code.empty() ? "refused-by-store" : facts.code, Printable(status.message(), 500)});
    }
    parts.resize(used);
    return &parts;
  }

  Status EncodeRow(const RecordView& batch, int64_t row) {
    ARROW_RETURN_NOT_OK(Split(batch, row));
    if (has_rest && for_rest == FieldSplitter::Rest::none) {
      return BadRecord("no-column", "the metadata has a field that no column of the table takes, and no column takes JSON");
    }
    left.assign(table.columns.size(), false);
    for (size_t i = 0; i < table.columns.size(); ++i) {
      if (may_leave[i]) left[i] = !HasValue(batch, row, i);
    }
    EncodedRows& part = PartOf(left);
    const size_t before = part.bytes.size();
    AppendRowBegin(static_cast<int16_t>(part.columns.size()), &part.bytes);
    for (const size_t i : part.columns) {
      const Status status = AppendColumn(batch, row, i, &part.bytes);
      if (status.ok()) continue;
      part.bytes.resize(before);
      if (part.rows == 0 && &part == &parts[used - 1]) --used;
      return status;
    }
    ++part.rows;
    return Status::OK();
  }

  /// The metadata taken apart into `rest` and the splitter's fields.
  Status Split(const RecordView& batch, int64_t row) {
    const std::string_view metadata = batch.metadata(row).value_or("{}");
    // A key of the metadata column's own name is written otherwise than it stands.
    const bool plain = !any_field && metadata.find(metadata_name) == std::string_view::npos;
    if (plain && (for_rest == FieldSplitter::Rest::json || (for_rest == FieldSplitter::Rest::jsonb && IsJsonbText(metadata)))) {
      rest_view = metadata;
      has_rest = metadata.size() > 2;
      return Status::OK();
    }
    rest.clear();
    splitter.Begin(&rest);
    ARROW_RETURN_NOT_OK(json.Visit(metadata, splitter));
    rest_view = rest;
    has_rest = splitter.has_rest();
    return Status::OK();
  }

  bool HasValue(const RecordView& batch, int64_t row, size_t i) const {
    const TargetColumn& column = table.columns[i];
    if (column.role == Role::document) return batch.document(row).has_value();
    return fields[i] == SIZE_MAX || !splitter.fields()[fields[i]].empty();
  }

  EncodedRows& PartOf(const std::vector<bool>& without) {
    for (size_t i = 0; i < used; ++i) {
      if (lefts[i] == without) return parts[i];
    }
    if (parts.size() == used) parts.emplace_back();
    lefts.resize(used);
    lefts.push_back(without);
    EncodedRows& part = parts[used++];
    part.columns.clear();
    part.bytes.clear();
    part.rows = 0;
    for (size_t i = 0; i < without.size(); ++i) {
      if (!without[i]) part.columns.push_back(i);
    }
    return part;
  }

  Status Missing(const TargetColumn& column, std::string* out) const {
    if (column.not_null) return BadRecord("missing-value", fmt::format("the record has no value for the column '{}', which takes no NULL", Printable(column.name, 100)));
    AppendNull(out);
    return Status::OK();
  }

  Status AppendColumn(const RecordView& batch, int64_t row, size_t i, std::string* out) const {
    const TargetColumn& column = table.columns[i];
    switch (column.role) {
      case Role::id: return AppendId(column, batch.id(row), out);
      case Role::tenant: return AppendTenant(column, batch, row, out);
      case Role::document: {
        const auto text = batch.document(row);
        if (!text) return Missing(column, out);
        ARROW_RETURN_NOT_OK(CheckText(*text));
        return AppendTextField(SentAs(column), *text, out);
      }
      case Role::metadata: return AppendMetadata(column, out);
      case Role::vector: return AppendVector(column, batch.vectors()[column.vector], row, out);
      case Role::field: {
        const std::string& field = splitter.fields()[fields[i]];
        if (field.empty()) return Missing(column, out);
        *out += field;
        return Status::OK();
      }
      case Role::group: return AppendTextField(column.type, column.constant, out);
    }
    return Status::OK();
  }

  Status AppendId(const TargetColumn& column, std::string_view id, std::string* out) const {
    if (column.type.kind == Kind::text) {
      ARROW_RETURN_NOT_OK(CheckText(id));
      return AppendTextField(column.type, id, out);
    }
    const auto spelled = SpellId(column, id);
    if (!spelled) {
      return BadRecord("id-type", fmt::format("the id '{}' is none that the column '{}' of type {} gives back as it is", Printable(id, 100), Printable(column.name, 100), column.type.name));
    }
    return AppendTextField(column.type, *spelled, out);
  }

  Status AppendTenant(const TargetColumn& column, const RecordView& batch, int64_t row, std::string* out) const {
    const auto tenant = batch.schema().has_tenant ? batch.tenant(row) : std::nullopt;
    if (tenant && tenant->empty()) return BadRecord("empty-tenant", "a tenant without a name stands for none in the table");
    ARROW_RETURN_NOT_OK(CheckText(tenant.value_or("")));
    return AppendTextField(SentAs(column), tenant.value_or(""), out);
  }

  Status AppendMetadata(const TargetColumn& column, std::string* out) const {
    if (column.type.kind == Kind::jsonb) {
      AppendBig(static_cast<int32_t>(rest_view.size() + 1), out);
      out->push_back('\x01');
      *out += rest_view;
      return Status::OK();
    }
    AppendField(rest_view, out);
    return Status::OK();
  }

  Status AppendVector(const TargetColumn& column, const VectorColumn& vector, int64_t row, std::string* out) const {
    if (vector.IsNull(row)) return Missing(column, out);
    ARROW_RETURN_NOT_OK(CheckFinite(vector, row));
    if (vector.spec.kind == VectorKind::sparse) {
      const int32_t begin = vector.offsets[row], end = vector.offsets[row + 1];
      const int32_t dims = column.type.typmod > 0 ? column.type.typmod : 1000000000;
      return AppendSparsevecField(vector.indices + begin, vector.values + begin, static_cast<size_t>(end - begin), dims, out);
    }
    switch (column.type.kind) {
      case Kind::halfvec: AppendHalfvecField(vector.Dense(row), out); break;
      case Kind::bit: AppendBitField(vector.Dense(row), vector.spec.dims, out); break;
      default: AppendVectorField(vector.Dense(row), out);
    }
    return Status::OK();
  }

  const TargetTable table;
  const RecordSchema schema;
  JsonReader json;
  FieldSplitter splitter;
  const std::string metadata_name;
  const FieldSplitter::Rest for_rest;
  bool any_field = false, has_rest = false;
  std::vector<size_t> fields;        ///< of each column, its place among the splitter's
  std::vector<bool> may_leave, left;
  std::string rest;
  std::string_view rest_view;
  std::vector<EncodedRows> parts;
  std::vector<std::vector<bool>> lefts;
  size_t used = 0;
};

RowEncoder::RowEncoder(const TargetTable& table, const RecordSchema& schema) : impl_(new Impl(table, schema)) {}
RowEncoder::~RowEncoder() = default;

Result<const std::vector<EncodedRows>*> RowEncoder::Encode(const RecordView& batch, std::vector<RowReject>* rejects) { return impl_->Encode(batch, rejects); }

RowJudge JudgeBy(const TargetTable& table, const RecordSchema& schema) {
  return [encoder = std::make_shared<RowEncoder>(table, schema)](const RecordView& batch) -> Result<std::vector<RowReject>> {
    std::vector<RowReject> rejects;
    ARROW_RETURN_NOT_OK(encoder->Encode(batch, &rejects).status());
    return rejects;
  };
}

RowJudge JudgeSparse(const RecordSchema& schema, int64_t dims) {
  const bool any = std::any_of(schema.vectors.begin(), schema.vectors.end(), [](const VectorSpec& spec) { return spec.kind == VectorKind::sparse; });
  if (!any) return {};
  return JudgeEach([dims, bytes = std::string()](const RecordView& batch, int64_t row) mutable -> std::optional<RowReject> {
    for (const VectorColumn& vector : batch.vectors()) {
      if (vector.spec.kind != VectorKind::sparse || vector.IsNull(row)) continue;
      const int32_t begin = vector.offsets[row], end = vector.offsets[row + 1];
      bytes.clear();
      const Status status = AppendSparsevecField(vector.indices + begin, vector.values + begin, static_cast<size_t>(end - begin), static_cast<int32_t>(dims), &bytes);
      if (!status.ok()) return RowReject{row, FactsOf(status).code, status.message()};
    }
    return std::nullopt;
  });
}

}  // namespace vecferry::postgresql
