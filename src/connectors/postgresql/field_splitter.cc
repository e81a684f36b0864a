#include "connectors/postgresql/field_splitter.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace vecferry::postgresql {
namespace {

/// A double's shortest digits without an exponent, always with a point: numeric keeps them, and they read back as the same double.
void AppendPlainDouble(double value, std::string* out) {
  char buffer[400];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  *out += text;
  if (text.find('.') == text.npos) *out += ".0";
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

Status CheckText(std::string_view utf8) {
  if (utf8.find('\0') == utf8.npos) return Status::OK();
  return BadRecord("nul-character", "a text holds the character U+0000, which PostgreSQL does not take");
}

Status JsonbWriter::Double(double value) {
  if (value == 0 && std::signbit(value)) {
    // As JsonWriter would write a special of that type, which -0.0 is nowhere but here.
    ARROW_RETURN_NOT_OK(writer_.Special("f64", "NaN"));
    const size_t at = out_->rfind("NaN");
    out_->replace(at, 3, "-0.0");
    return Status::OK();
  }
  const double size = std::fabs(value);
  if (size == 0 || (size >= 1e-4 && size < 1e15)) {
    const size_t at = out_->size();
    ARROW_RETURN_NOT_OK(writer_.Double(value));
    if (out_->find('e', at) == out_->npos) return Status::OK();
    out_->resize(out_->find_first_of("-0123456789", at));
    AppendPlainDouble(value, out_);
    return Status::OK();
  }
  const size_t at = out_->size();
  ARROW_RETURN_NOT_OK(writer_.Double(value));
  out_->resize(out_->find_first_of("-0123456789", at));
  AppendPlainDouble(value, out_);
  return Status::OK();
}

Status JsonbWriter::String(std::string_view utf8) {
  ARROW_RETURN_NOT_OK(CheckText(utf8));
  return writer_.String(utf8);
}

Status JsonbWriter::Key(std::string_view utf8) {
  ARROW_RETURN_NOT_OK(CheckText(utf8));
  return writer_.Key(utf8);
}

bool IsJsonbText(std::string_view metadata) {
  for (size_t i = 0; i < metadata.size(); ++i) {
    const char c = metadata[i];
    const bool next = i + 1 < metadata.size();
    if ((c == 'e' || c == 'E') && i > 0 && IsDigit(metadata[i - 1])) return false;  // maybe an exponent
    if (c == '-' && next && metadata[i + 1] == '0') return false;                   // maybe -0.0
    if (c == '\\' && next && metadata[i + 1] == 'u' && metadata.substr(i + 2, 4) == "0000") return false;
  }
  return true;
}

FieldSplitter::FieldSplitter(std::vector<Field> fields) : fields_(std::move(fields)), values_(fields_.size()) {
  for (size_t i = 0; i < fields_.size(); ++i) at_.emplace(fields_[i].key, i);
}

void FieldSplitter::Begin(std::string* rest) {
  for (FieldValue& value : values_) value.kind = FieldValue::Kind::absent;
  rest_.emplace(rest);
  json_.reset();
  depth_ = skip_ = 0;
  slot_ = -1;
  any_rest_ = false;
}

JsonVisitor* FieldSplitter::Out() {
  if (slot_ < 0) return &*rest_;
  return json_ ? &*json_ : nullptr;
}

/// The value of a slot is whole: at the object's own level again.
void FieldSplitter::Ended() {
  if (depth_ != 1) return;
  slot_ = -1;
  json_.reset();
}

FieldValue* FieldSplitter::Scalar(FieldValue::Kind kind) {
  FieldValue& value = values_[static_cast<size_t>(slot_)];
  value.kind = kind;
  return &value;
}

/// Inside an array that a column of its own takes.
Status FieldSplitter::ArrayItem(std::string_view text, bool quoted) {
  if (skip_ > 0) return Status::OK();
  std::string& out = values_[static_cast<size_t>(slot_)].text;
  if (!first_item_) out += ',';
  first_item_ = false;
  if (!quoted) {
    out += text;
    return Status::OK();
  }
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
  return CheckText(text);
}

Status FieldSplitter::Null() {
  if (slot_ >= 0 && depth_ == 1) {
    // No value in the column; that it is null and not missing stands in the rest.
    const std::string& key = fields_[static_cast<size_t>(slot_)].key;
    slot_ = -1;
    json_.reset();
    any_rest_ = true;
    ARROW_RETURN_NOT_OK(rest_->Key(key));
    return rest_->Null();
  }
  if (JsonVisitor* const out = Out()) return out->Null();
  return ArrayItem("NULL", false);
}

Status FieldSplitter::Bool(bool value) {
  Status status;
  if (JsonVisitor* const out = Out()) status = out->Bool(value);
  else if (depth_ > 1) status = ArrayItem(value ? "true" : "false", false);
  else Scalar(FieldValue::Kind::boolean)->boolean = value;
  return Ended(), status;
}

Status FieldSplitter::Int(int64_t value) {
  Status status;
  if (JsonVisitor* const out = Out()) status = out->Int(value);
  else if (depth_ > 1) status = ArrayItem(std::to_string(value), false);
  else Scalar(FieldValue::Kind::integer)->integer = value;
  return Ended(), status;
}

Status FieldSplitter::Uint(uint64_t value) {
  Status status;
  if (JsonVisitor* const out = Out()) status = out->Uint(value);
  else if (depth_ > 1) status = ArrayItem(std::to_string(value), false);
  else Scalar(FieldValue::Kind::unsigned_integer)->unsigned_integer = value;
  return Ended(), status;
}

Status FieldSplitter::Double(double value) {
  Status status;
  if (JsonVisitor* const out = Out()) {
    status = out->Double(value);
  } else if (depth_ > 1) {
    std::string text;
    AppendJsonDouble(value, &text);
    status = ArrayItem(text, false);
  } else {
    Scalar(FieldValue::Kind::real)->real = value;
  }
  return Ended(), status;
}

Status FieldSplitter::String(std::string_view utf8) {
  Status status;
  if (JsonVisitor* const out = Out()) status = out->String(utf8);
  else if (depth_ > 1) status = ArrayItem(utf8, true);
  else Scalar(FieldValue::Kind::text)->text = utf8;
  return Ended(), status;
}

Status FieldSplitter::Special(std::string_view type, std::string_view text) {
  Status status;
  if (JsonVisitor* const out = Out()) {
    status = out->Special(type, text);
  } else if (depth_ > 1) {
    status = ArrayItem(text, true);
  } else {
    FieldValue* const value = Scalar(FieldValue::Kind::special);
    value->type = type;
    value->text = text;
  }
  return Ended(), status;
}

Status FieldSplitter::BeginObject() {
  ++depth_;
  if (depth_ == 1) return rest_->BeginObject();
  if (JsonVisitor* const out = Out()) return out->BeginObject();
  Scalar(FieldValue::Kind::object);
  ++skip_;
  return Status::OK();
}

Status FieldSplitter::Key(std::string_view utf8) {
  if (depth_ > 1) {
    JsonVisitor* const out = Out();
    return out ? out->Key(utf8) : Status::OK();
  }
  const auto found = at_.find(utf8);
  if (found == at_.end()) {
    slot_ = -1;
    any_rest_ = true;
    return rest_->Key(utf8);
  }
  slot_ = static_cast<int>(found->second);
  FieldValue& value = values_[found->second];
  value.text.clear();
  first_item_ = true;
  if (!fields_[found->second].json) return Status::OK();
  value.kind = FieldValue::Kind::json;
  json_.emplace(&value.text);
  return Status::OK();
}

Status FieldSplitter::EndObject() {
  --depth_;
  if (depth_ == 0) return rest_->EndObject();
  Status status;
  if (JsonVisitor* const out = Out()) status = out->EndObject();
  else --skip_;
  return Ended(), status;
}

Status FieldSplitter::BeginArray() {
  ++depth_;
  if (JsonVisitor* const out = Out()) return out->BeginArray();
  if (skip_ > 0) return Status::OK();
  FieldValue& value = values_[static_cast<size_t>(slot_)];
  if (value.kind != FieldValue::Kind::object) value.kind = FieldValue::Kind::array;
  if (depth_ > 2 && !first_item_) value.text += ',';
  value.text += '{';
  first_item_ = true;
  return Status::OK();
}

Status FieldSplitter::EndArray() {
  --depth_;
  Status status;
  if (JsonVisitor* const out = Out()) {
    status = out->EndArray();
  } else if (skip_ == 0) {
    values_[static_cast<size_t>(slot_)].text += '}';
    first_item_ = false;
  }
  return Ended(), status;
}

}  // namespace vecferry::postgresql
