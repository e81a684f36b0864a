#include "connectors/sqlite_vec/field_split.h"

#include <cmath>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/text.h"

namespace vecferry::sqlite_vec {

using sqlite::Vec0Kind;
using sqlite::Vec0Type;

FieldSplit::FieldSplit(const Mapping& mapping) : mapping_(mapping), values_(mapping.fields.size()) {
  for (size_t i = 0; i < mapping.fields.size(); ++i) {
    if (mapping.IsField(i)) columns_.emplace(mapping.fields[i].name, i);
  }
}

Status FieldSplit::Take(std::string_view metadata) {
  for (FieldValue& value : values_) value.kind = FieldValue::Kind::missing;
  rest_.clear();
  if (columns_.empty() && mapping_.metadata >= 0) {
    rest_ = metadata;
    return Status::OK();
  }
  writer_.emplace(&rest_);
  depth_ = 0;
  in_column_ = false;
  ARROW_RETURN_NOT_OK(reader_.Visit(metadata, *this));
  return Check();
}

/// What has no column, and no column that could be NULL for it.
Status FieldSplit::Check() const {
  if (rest_ != "{}" && mapping_.metadata < 0) return BadRecord("no-column", fmt::format("the table has no column for {}", Printable(rest_, 200)));
  // Together with columns such an object could not be told from one of ours.
  if (!columns_.empty() && rest_.starts_with("{\"$vf\"")) return BadRecord("reserved-key", "the metadata has a key $vf beside fields with columns of their own");
  for (const auto& [name, i] : columns_) {
    const FieldValue& value = values_[i];
    if (value.kind != FieldValue::Kind::missing && value.kind != FieldValue::Kind::null) continue;
    if (mapping_.fields[i].kind == Vec0Kind::metadata) {
      return BadRecord("missing-field", fmt::format("column {} takes no NULL, and the record has no value for it", Printable(name, 100)));
    }
    if (value.kind == FieldValue::Kind::missing && !mapping_.null_is_missing) {
      return BadRecord("missing-field", fmt::format("the record has no field {}, and a NULL in its column would be read as null", Printable(name, 100)));
    }
  }
  return Status::OK();
}

FieldValue* FieldSplit::Target() {
  if (depth_ != 1 || !in_column_) return nullptr;
  in_column_ = false;
  return &values_[current_];
}

Status FieldSplit::Misfit(std::string_view kind) const {
  const sqlite::Vec0Column& column = mapping_.fields[current_];
  return BadRecord("field-type", fmt::format("field {} is {} and its column {}", Printable(column.name, 100), kind, column.declared));
}

Status FieldSplit::Null() {
  FieldValue* const target = Target();
  if (!target) return writer_->Null();
  target->kind = FieldValue::Kind::missing;
  if (mapping_.null_is_missing) {  // the JSON can say what its column cannot
    ARROW_RETURN_NOT_OK(writer_->Key(mapping_.fields[current_].name));
    return writer_->Null();
  }
  target->kind = FieldValue::Kind::null;
  return Status::OK();
}

Status FieldSplit::Bool(bool value) {
  FieldValue* const target = Target();
  if (!target) return writer_->Bool(value);
  if (mapping_.fields[current_].type != Vec0Type::boolean) return Misfit("a boolean");
  target->kind = FieldValue::Kind::integer;
  target->integer = value;
  return Status::OK();
}

Status FieldSplit::Int(int64_t value) {
  FieldValue* const target = Target();
  if (!target) return writer_->Int(value);
  if (mapping_.fields[current_].type != Vec0Type::integer) return Misfit("an integer");
  target->kind = FieldValue::Kind::integer;
  target->integer = value;
  return Status::OK();
}

Status FieldSplit::Uint(uint64_t value) { return Target() ? Misfit("an integer beyond 64 bits with a sign") : writer_->Uint(value); }

Status FieldSplit::Double(double value) {
  FieldValue* const target = Target();
  if (!target) return writer_->Double(value);
  if (mapping_.fields[current_].type != Vec0Type::real) return Misfit("a floating-point number");
  target->kind = FieldValue::Kind::real;
  target->real = value;
  return Status::OK();
}

Status FieldSplit::String(std::string_view utf8) {
  FieldValue* const target = Target();
  if (!target) return writer_->String(utf8);
  if (mapping_.fields[current_].type != Vec0Type::text) return Misfit("text");
  target->kind = FieldValue::Kind::text;
  target->bytes = utf8;
  return Status::OK();
}

Status FieldSplit::Special(std::string_view type, std::string_view text) {
  FieldValue* const target = Target();
  if (!target) return writer_->Special(type, text);
  const Vec0Type column = mapping_.fields[current_].type;
  if (type == "bytes" && column == Vec0Type::blob) {
    auto bytes = ParseBase64(text);
    if (!bytes) return Misfit("bytes that are no base64");
    target->kind = FieldValue::Kind::blob;
    target->bytes = std::move(*bytes);
    return Status::OK();
  }
  // SQLite keeps no NaN: it would be NULL.
  if (type == "f64" && column == Vec0Type::real && text != "NaN") {
    target->kind = FieldValue::Kind::real;
    target->real = text == "Infinity" ? HUGE_VAL : -HUGE_VAL;
    return Status::OK();
  }
  return Misfit(fmt::format("a value of type {}", Printable(type, 40)));
}

Status FieldSplit::BeginObject() {
  if (Target()) return Misfit("an object");
  ++depth_;
  return writer_->BeginObject();
}
Status FieldSplit::Key(std::string_view utf8) {
  if (depth_ == 1) {
    const auto found = columns_.find(utf8);
    in_column_ = found != columns_.end();
    if (in_column_) {
      current_ = found->second;
      return Status::OK();
    }
  }
  return writer_->Key(utf8);
}
Status FieldSplit::EndObject() {
  --depth_;
  return writer_->EndObject();
}
Status FieldSplit::BeginArray() {
  if (Target()) return Misfit("an array");
  ++depth_;
  return writer_->BeginArray();
}
Status FieldSplit::EndArray() {
  --depth_;
  return writer_->EndArray();
}

}  // namespace vecferry::sqlite_vec
