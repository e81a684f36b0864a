#include "columnar/decoder.h"

#include <algorithm>

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <simdjson.h>

#include "base/text.h"
#include "columnar/values.h"
#include "columnar/vectors.h"
#include "record/member_forwarder.h"

namespace vecferry::columnar {
namespace {

/// A text column whose every value is UTF-8: all bytes at once, then that no value begins inside a character.
bool AllUtf8(const arrow::StringArray& column) {
  if (column.length() == 0) return true;
  const int64_t begin = column.value_offset(0), end = column.value_offset(column.length());
  if (begin == end) return true;
  const char* data = reinterpret_cast<const char*>(column.value_data()->data());
  if (!simdjson::validate_utf8(data + begin, static_cast<size_t>(end - begin))) return false;
  for (int64_t row = 0; row < column.length(); ++row) {
    const int64_t at = column.value_offset(row);
    if (at < end && (data[at] & 0xC0) == 0x80) return false;
  }
  return true;
}

bool HasNullElement(const arrow::Array& values, int64_t begin, int64_t end) {
  if (values.null_count() == 0) return false;
  for (int64_t i = begin; i < end; ++i) {
    if (values.IsNull(i)) return true;
  }
  return false;
}

/// What is wrong with a vector of the record's own type, "" if nothing: nulls inside, or a sparse one of two lengths.
std::string VectorFault(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return "";
  if (array.type_id() == arrow::Type::FIXED_SIZE_LIST) {
    const auto& list = static_cast<const arrow::FixedSizeListArray&>(array);
    return HasNullElement(*list.values(), list.value_offset(row), list.value_offset(row) + list.value_length()) ? "vector-null-element" : "";
  }
  if (array.type_id() == arrow::Type::LIST) {
    const auto& list = static_cast<const arrow::ListArray&>(array);
    const auto& rows = static_cast<const arrow::FixedSizeListArray&>(*list.values());
    for (int64_t i = list.value_offset(row); i < list.value_offset(row + 1); ++i) {
      if (rows.IsNull(i) || !VectorFault(rows, i).empty()) return "vector-null-element";
    }
    return "";
  }
  if (array.type_id() != arrow::Type::STRUCT) return "";
  const auto& both = static_cast<const arrow::StructArray&>(array);
  const auto& indices = static_cast<const arrow::ListArray&>(*both.field(0));
  const auto& values = static_cast<const arrow::ListArray&>(*both.field(1));
  if (indices.IsNull(row) || values.IsNull(row) || indices.value_length(row) != values.value_length(row)) return "sparse-lengths";
  // The record takes both lists to begin at the same element.
  if (indices.value_offset(row) != values.value_offset(row)) return "sparse-lengths";
  const int64_t begin = indices.value_offset(row), end = indices.value_offset(row + 1);
  return HasNullElement(*indices.values(), begin, end) || HasNullElement(*values.values(), begin, end) ? "vector-null-element" : "";
}

bool MayBeFaulty(const arrow::Array& array) {
  switch (array.type_id()) {
    case arrow::Type::FIXED_SIZE_LIST: return static_cast<const arrow::FixedSizeListArray&>(array).values()->null_count() > 0;
    case arrow::Type::LIST: case arrow::Type::STRUCT: return true;
    default: return false;
  }
}

}  // namespace

struct Decoder::Impl {
  Impl(Mapping given, Constants given_constants)
      : mapping(std::move(given)), constants(std::move(given_constants)), arrow_schema(mapping.schema.ToArrow()), builder(mapping.schema), columns(mapping.Columns()) {}

  /// Where a column of the file is in a batch; -1 for none.
  int At(int column) const {
    if (column < 0) return -1;
    return static_cast<int>(std::lower_bound(columns.begin(), columns.end(), column) - columns.begin());
  }
  std::shared_ptr<arrow::Array> Get(const arrow::RecordBatch& batch, int column) const {
    return column < 0 ? nullptr : Storage(batch.column(At(column)));
  }

  Status AddReject(int64_t row, const std::string& where, std::string id, const Status& why, SourceBatch* out) const {
    Reject reject;
    if (IsValidUtf8(id)) reject.id = std::move(id);
    reject.code = FactsOf(why).code;
    reject.message = fmt::format("{}, row {}: {}", where, row, why.message());
    out->rejects.push_back(std::move(reject));
    return Status::OK();
  }

  Result<std::shared_ptr<arrow::Array>> Constant(const std::optional<std::string>& text, int64_t rows) const {
    arrow::StringBuilder made;
    for (int64_t i = 0; i < rows; ++i) ARROW_RETURN_NOT_OK(text ? made.Append(*text) : made.AppendNull());
    return made.Finish();
  }

  // ---- The record's own columns: handed on as they are ----

  Status Exact(const arrow::RecordBatch& batch, int64_t first_row, const std::string& where, SourceBatch* out) {
    arrow::ArrayVector arrays = {Get(batch, mapping.id)};
    if (mapping.schema.has_tenant) {
      ARROW_ASSIGN_OR_RAISE(auto tenant, mapping.tenant < 0 ? Constant(constants.tenant, batch.num_rows()) : Result<std::shared_ptr<arrow::Array>>(Get(batch, mapping.tenant)));
      arrays.push_back(std::move(tenant));
    }
    if (mapping.schema.has_document) arrays.push_back(Get(batch, mapping.document));
    arrays.push_back(Get(batch, mapping.json));
    const size_t texts = arrays.size();
    for (const int column : mapping.vectors) arrays.push_back(Get(batch, column));
    for (const int column : mapping.extras) arrays.push_back(Get(batch, column));
    std::map<int64_t, Status> faults;
    Look(arrays, texts, &faults);
    ARROW_ASSIGN_OR_RAISE(RecordView view, RecordView::Make(arrow::RecordBatch::Make(arrow_schema, batch.num_rows(), arrays)));
    if (!faults.empty()) {
      std::vector<int64_t> good;
      for (int64_t row = 0; row < batch.num_rows(); ++row) {
        const auto fault = faults.find(row);
        if (fault == faults.end()) good.push_back(row);
        else ARROW_RETURN_NOT_OK(AddReject(first_row + row, where, std::string(TextAt(*arrays[0], row).value_or("")), fault->second, out));
      }
      ARROW_ASSIGN_OR_RAISE(view, view.Take(good));
    }
    out->records = std::move(view);
    return Status::OK();
  }

  void Look(const arrow::ArrayVector& arrays, size_t texts, std::map<int64_t, Status>* faults) const {
    for (size_t i = 0; i < texts; ++i) {
      const auto& column = static_cast<const arrow::StringArray&>(*arrays[i]);
      if (i == 0 && column.null_count() > 0) {
        for (int64_t row = 0; row < column.length(); ++row) {
          if (column.IsNull(row)) faults->emplace(row, BadRecord("missing-id", "a record without an id"));
        }
      }
      if (AllUtf8(column)) continue;
      for (int64_t row = 0; row < column.length(); ++row) {
        if (!column.IsNull(row) && !IsValidUtf8(column.GetView(row))) faults->emplace(row, BadRecord("invalid-utf8", "a text that is not UTF-8"));
      }
    }
    for (size_t i = texts; i < texts + mapping.vectors.size(); ++i) {
      if (!MayBeFaulty(*arrays[i])) continue;
      for (int64_t row = 0; row < arrays[i]->length(); ++row) {
        const std::string code = VectorFault(*arrays[i], row);
        if (!code.empty()) faults->emplace(row, BadRecord(code, mapping.schema.vectors[i - texts].column() + " is no vector"));
      }
    }
  }

  // ---- Columns of others: row by row into the record's ----

  Status Foreign(const arrow::RecordBatch& batch, int64_t first_row, const std::string& where, SourceBatch* out) {
    const auto id = Get(batch, mapping.id), tenant = Get(batch, mapping.tenant), document = Get(batch, mapping.document), json = Get(batch, mapping.json);
    std::vector<std::shared_ptr<arrow::Array>> held;
    std::vector<VectorCells> vectors;
    for (size_t i = 0; i < mapping.vectors.size(); ++i) {
      held.push_back(Get(batch, mapping.vectors[i]));
      vectors.emplace_back(*held.back(), mapping.schema.vectors[i], mapping.round, mapping.schema.vectors[i].column());
    }
    // JSON and UUIDs are told by their extension, so these columns keep it.
    std::vector<std::pair<const arrow::Array*, const std::string*>> fields;
    for (const auto& [column, key] : mapping.metadata) {
      held.push_back(batch.column(At(column)));
      fields.emplace_back(held.back().get(), &key);
    }
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      std::string key;
      Status status = Id(batch, id, row, first_row, &key);
      if (status.ok()) status = Texts(tenant, document, row);
      if (status.ok()) status = Metadata(json, fields, row);
      for (size_t i = 0; i < vectors.size() && status.ok(); ++i) {
        if (!held[i]->IsNull(row)) status = vectors[i].Put(row, i, builder);
      }
      if (status.ok()) {
        builder.EndRow();
        continue;
      }
      builder.DropRow();
      if (!IsCategory(status, Category::bad_content)) return status;
      ARROW_RETURN_NOT_OK(AddReject(first_row + row, where, std::move(key), status, out));
    }
    ARROW_ASSIGN_OR_RAISE(out->records, builder.Finish());
    return Status::OK();
  }

  Status Id(const arrow::RecordBatch& batch, const std::shared_ptr<arrow::Array>& column, int64_t row, int64_t first_row, std::string* key) {
    if (mapping.id_is_row) {
      *key = std::to_string(first_row + row);
    } else if (column->IsNull(row)) {
      return BadRecord("missing-id", "a record without an id");
    } else if (mapping.schema.id_kind == IdKind::uuid) {
      std::string json;
      JsonWriter writer(&json);
      ARROW_RETURN_NOT_OK(EmitValue(*batch.column(At(mapping.id)), row, writer, reader));
      if (json.size() < 2 || json.front() != '"') return BadRecord("invalid-id", "an id that is no UUID");
      *key = json.substr(1, json.size() - 2);
    } else if (const auto text = TextAt(*column, row)) {
      *key = *text;
      if (!IsValidUtf8(*text)) return BadRecord("invalid-utf8", "an id that is not UTF-8");
    } else {
      *key = IntegerAt(*column, row).value_or("");
    }
    builder.Id(*key);
    return Status::OK();
  }

  Status Texts(const std::shared_ptr<arrow::Array>& tenant, const std::shared_ptr<arrow::Array>& document, int64_t row) {
    const auto tenant_text = tenant ? TextAt(*tenant, row) : constants.tenant ? std::optional<std::string_view>(*constants.tenant) : std::nullopt;
    const auto document_text = document ? TextAt(*document, row) : std::nullopt;
    if ((tenant_text && !IsValidUtf8(*tenant_text)) || (document_text && !IsValidUtf8(*document_text))) return BadRecord("invalid-utf8", "a text that is not UTF-8");
    if (tenant_text && mapping.schema.has_tenant) builder.Tenant(*tenant_text);
    if (document_text) builder.Document(*document_text);
    return Status::OK();
  }

  Status Metadata(const std::shared_ptr<arrow::Array>& json, const std::vector<std::pair<const arrow::Array*, const std::string*>>& fields, int64_t row) {
    text.clear();
    JsonWriter writer(&text);
    const auto whole = json ? TextAt(*json, row) : std::nullopt;
    if (whole && fields.empty() && constants.metadata.empty()) {
      ARROW_RETURN_NOT_OK(reader.Visit(*whole, writer, {.big_integers = true, .python_floats = true}));
      if (!text.starts_with('{')) return BadRecord("metadata-no-object", "metadata that is no JSON object");
      builder.Metadata(text);
      return Status::OK();
    }
    ARROW_RETURN_NOT_OK(writer.BeginObject());
    if (whole) {
      if (!simdjson::validate_utf8(whole->data(), whole->size())) return BadRecord("invalid-utf8", "metadata that is not UTF-8");
      Inner inner(writer, fields, constants, row);
      ARROW_RETURN_NOT_OK(reader.Visit(*whole, inner, {.big_integers = true, .python_floats = true}));
    }
    for (const auto& [key, value] : constants.metadata) {
      ARROW_RETURN_NOT_OK(writer.Key(key));
      ARROW_RETURN_NOT_OK(writer.String(value));
    }
    for (const auto& [column, key] : fields) {
      // A null cell and a missing field are the same in a column.
      if (column->IsNull(row)) continue;
      ARROW_RETURN_NOT_OK(writer.Key(*key));
      ARROW_RETURN_NOT_OK(EmitValue(*column, row, writer, reader));
    }
    ARROW_RETURN_NOT_OK(writer.EndObject());
    builder.Metadata(text);
    return Status::OK();
  }

  /// The members of one object, so that columns stand beside them.
  class Inner final : public MemberForwarder {
   public:
    Inner(JsonWriter& out, const std::vector<std::pair<const arrow::Array*, const std::string*>>& fields, const Constants& constants, int64_t row)
        : out_(out), fields_(fields), constants_(constants), row_(row) {}

   private:
    JsonVisitor& to() override { return out_; }
    Status TopKey(std::string_view key) override {
      const bool taken = constants_.metadata.contains(std::string(key)) || std::any_of(fields_.begin(), fields_.end(), [&](const auto& field) { return *field.second == key && !field.first->IsNull(row_); });
      return taken ? BadRecord("ambiguous-key", fmt::format("the metadata and a column both have {}", Printable(key, 100))) : out_.Key(key);
    }
    Status NoObject() const override { return BadRecord("metadata-no-object", "metadata that is no JSON object"); }
    JsonWriter& out_;
    const std::vector<std::pair<const arrow::Array*, const std::string*>>& fields_;
    const Constants& constants_;
    const int64_t row_;
  };

  const Mapping mapping;
  const Constants constants;
  const std::shared_ptr<arrow::Schema> arrow_schema;
  BatchBuilder builder;
  const std::vector<int> columns;
  JsonReader reader;
  std::string text;
};

Decoder::Decoder(Mapping mapping, Constants constants) : impl_(std::make_unique<Impl>(std::move(mapping), std::move(constants))) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;

Status Decoder::Decode(const std::shared_ptr<arrow::RecordBatch>& batch, int64_t first_row, const std::string& where, SourceBatch* out) {
  return impl_->mapping.exact ? impl_->Exact(*batch, first_row, where, out) : impl_->Foreign(*batch, first_row, where, out);
}

}  // namespace vecferry::columnar
