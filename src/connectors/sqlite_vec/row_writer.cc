#include "connectors/sqlite_vec/row_writer.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/text.h"
#include "record/json.h"

namespace vecferry::sqlite_vec {
namespace {

using sqlite::Type;
using sqlite::Vec0Value;

std::string_view NameOf(double non_finite) { return std::isnan(non_finite) ? "NaN" : non_finite > 0 ? "Infinity" : "-Infinity"; }

}  // namespace

Reject RowWriter::MakeReject(int64_t rowid, std::string_view key, std::string code, std::string message) const {
  Reject reject;
  reject.id = mapping_.table.text_key && !key.empty() ? Printable(key) : std::to_string(rowid);
  reject.code = std::move(code);
  reject.message = Printable(message);
  reject.record = "{\"id\":";
  AppendJsonString(reject.id, &reject.record);
  reject.record += '}';
  return reject;
}

/// A failure of the record alone becomes its reject; any other goes on to the caller.
Result<bool> RowWriter::Refuse(const Status& status) {
  const Category category = FactsOf(status).category;
  if (category != Category::corrupt && category != Category::bad_content) return status;
  reject_ = MakeReject(rowid_, id_, category == Category::corrupt ? "damaged" : "invalid-utf8", status.message());
  if (!whole_) return false;
  reject_.tenant = has_tenant_ ? Printable(tenant_) : "";
  reject_.record.pop_back();
  if (has_document_) {
    reject_.record += ",\"document\":";
    AppendJsonString(document_, &reject_.record);
  }
  reject_.record += ",\"metadata\":" + json_ + '}';
  return false;
}

Result<bool> RowWriter::Load(sqlite::Vec0Chunk* chunk, int64_t slot, int64_t rowid, std::string_view key) {
  chunk_ = chunk;
  slot_ = slot;
  rowid_ = rowid;
  has_document_ = has_tenant_ = has_json_ = whole_ = false;
  if (mapping_.table.text_key) {
    id_ = key;
    if (!IsValidUtf8(id_)) return Refuse(MakeError(Category::bad_content, "the key is not valid UTF-8"));
  } else {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, rowid);
    id_.assign(digits, end.ptr);
  }
  const Status status = LoadFields();
  if (!status.ok()) return Refuse(status);
  whole_ = true;
  size_ = static_cast<int64_t>(id_.size() + json_.size() + (has_document_ ? document_.size() : 0) + (has_tenant_ ? tenant_.size() : 0));
  for (const VectorSpec& spec : mapping_.schema.vectors) size_ += spec.width();
  return true;
}

Status RowWriter::LoadFields() {
  json_ = "{";
  for (size_t i = 0; i < mapping_.fields.size(); ++i) {
    const sqlite::Vec0Column& column = mapping_.fields[i];
    ARROW_ASSIGN_OR_RAISE(const Vec0Value value, reader_.ReadScalar(column, chunk_, slot_, rowid_));
    if (value.type == Type::text && !IsValidUtf8(value.bytes)) {
      return MakeError(Category::bad_content, fmt::format("column {} is not valid UTF-8", column.name));
    }
    const int at = static_cast<int>(i);
    if (at == mapping_.document) {
      ARROW_ASSIGN_OR_RAISE(has_document_, TakeText(value, column, &document_));
    } else if (at == mapping_.tenant) {
      ARROW_ASSIGN_OR_RAISE(has_tenant_, TakeText(value, column, &tenant_));
    } else if (at == mapping_.metadata) {
      ARROW_ASSIGN_OR_RAISE(has_json_, TakeText(value, column, &foreign_));
    } else if (value.type != Type::null || !mapping_.null_is_missing) {
      if (json_.size() > 1) json_ += ',';
      json_ += mapping_.prefixes[i];
      ARROW_RETURN_NOT_OK(AddField(value));
    }
  }
  if (has_json_) ARROW_RETURN_NOT_OK(AddJson());
  json_ += '}';
  return Status::OK();
}

Result<bool> RowWriter::TakeText(const Vec0Value& value, const sqlite::Vec0Column& column, std::string* text) const {
  if (value.type == Type::null) return false;
  if (value.type != Type::text) return MakeError(Category::corrupt, fmt::format("column {} is no text", column.name));
  *text = value.bytes;
  return true;
}

/// The fields of the JSON column beside those that have columns.
Status RowWriter::AddJson() {
  rest_.clear();
  JsonWriter writer(&rest_);
  JsonReader::Options options;
  options.plain = mapping_.plain_json;
  const std::string& name = mapping_.fields[static_cast<size_t>(mapping_.metadata)].name;
  const Status status = json_reader_.Visit(foreign_, writer, options);
  if (!status.ok()) return MakeError(Category::corrupt, fmt::format("column {}: {}", name, status.message()));
  if (!rest_.starts_with('{')) return MakeError(Category::corrupt, fmt::format("column {} is no JSON object", name));
  if (rest_ == "{}") return Status::OK();
  const bool both = json_.size() > 1;
  if (both) json_ += ',';
  json_.append(rest_, 1, rest_.size() - 2);
  if (!both) return Status::OK();
  // A field may stand both in a column and in the JSON: which of them is meant cannot be told.
  rest_.clear();
  const Status whole = json_reader_.Visit(json_ + '}', writer);
  return whole.ok() ? Status::OK() : MakeError(Category::corrupt, whole.message());
}

Status RowWriter::AddField(const Vec0Value& value) {
  JsonWriter writer(&json_);
  switch (value.type) {
    case Type::null: json_ += "null"; return Status::OK();
    case Type::integer:
      if (value.boolean) json_ += value.integer != 0 ? "true" : "false";
      else json_ += std::to_string(value.integer);
      return Status::OK();
    case Type::real:
      if (!std::isfinite(value.real)) return writer.Special("f64", NameOf(value.real));
      AppendJsonDouble(value.real, &json_);
      return Status::OK();
    case Type::text: AppendJsonString(value.bytes, &json_); return Status::OK();
    case Type::blob: return writer.Special("bytes", Base64(value.bytes));
  }
  return Status::OK();
}

Result<bool> RowWriter::Append(BatchBuilder& builder) {
  for (size_t column = 0; column < mapping_.schema.vectors.size(); ++column) {
    const Status status = reader_.ReadVector(column, chunk_, slot_, rowid_, builder.VectorSpace(column));
    if (status.ok()) continue;
    builder.DropRow();
    return Refuse(status);
  }
  builder.Id(id_);
  if (has_tenant_) builder.Tenant(tenant_);
  if (has_document_) builder.Document(document_);
  builder.Metadata(json_);
  builder.EndRow();
  return true;
}

}  // namespace vecferry::sqlite_vec
