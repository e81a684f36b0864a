#include "connectors/milvus/value_router.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/text.h"
#include "net/wire.h"

namespace vecferry::milvus {
namespace {

/// The name behind backslashes.
std::string_view Bare(std::string_view key) { return key.substr(std::min(key.find_first_not_of('\\'), key.size())); }

bool FitsInteger(DataType type, int64_t value) {
  switch (type) {
    case DataType::int8: return value >= INT8_MIN && value <= INT8_MAX;
    case DataType::int16: return value >= INT16_MIN && value <= INT16_MAX;
    case DataType::int32: return value >= INT32_MIN && value <= INT32_MAX;
    case DataType::int64: return true;
    default: return false;
  }
}

bool FitsReal(DataType type, double value) {
  if (type == DataType::real64) return true;
  if (type != DataType::real32) return false;
  return std::isnan(value) || std::isinf(value) || (std::abs(value) <= std::numeric_limits<float>::max() && static_cast<double>(static_cast<float>(value)) == value);
}

}  // namespace

ValueRouter::ValueRouter(const Shape& shape, const Layout& layout) : shape_(shape), values_(shape.slots.size()) {
  for (size_t i = 0; i < shape.slots.size(); ++i) {
    const Slot& slot = shape.slots[i];
    reserved_[slot.field.name] = true;
    if (slot.role == Role::scalar) slots_[slot.field.name] = i;
  }
  if (shape.document) document_key_ = layout.document_field;
  if (shape.tenant) tenant_key_ = layout.tenant_field;
}

void ValueRouter::Begin(std::string* dynamic) {
  for (const size_t slot : given_) values_[slot].kind = Value::Kind::none;
  given_.clear();
  dynamic_ = dynamic;
  writer_.reset();
  json_.reset();
  if (dynamic_) writer_.emplace(dynamic_);
  depth_ = 0;
  slot_ = -1;
}

bool ValueRouter::Give(size_t slot, ColumnWriter& column) const {
  const Value& value = values_[slot];
  switch (value.kind) {
    case Value::Kind::none: return false;
    case Value::Kind::integer: return column.Integer(value.integer), true;
    case Value::Kind::real: return column.Real(value.real), true;
    case Value::Kind::bytes: return column.Bytes(value.bytes), true;
  }
  return false;
}

Status ValueRouter::Refuse(std::string_view what) const {
  const Field& at = field();
  return BadRecord("field-type", fmt::format("the field '{}' of the collection is {}, and the record has {} for it", Printable(at.name, 200), NameOf(at.type), what));
}

JsonVisitor* ValueRouter::Onward() {
  if (!InField()) return writer_ ? &*writer_ : nullptr;
  return json_ ? &*json_ : nullptr;
}

/// Behind the last event of a value that is JSON: the field has it now.
Status ValueRouter::AfterJson() {
  if (depth_ == 1 && InField()) values_[static_cast<size_t>(slot_)].kind = Value::Kind::bytes, given_.push_back(static_cast<size_t>(slot_));
  return AfterValue();
}

/// A field's value, or an element of its array.
Status ValueRouter::Keep(Value value) {
  if (depth_ > 1) return ArrayElement(value);
  values_[static_cast<size_t>(slot_)] = std::move(value);
  given_.push_back(static_cast<size_t>(slot_));
  return AfterValue();
}

/// Behind the last event of a key's value.
Status ValueRouter::AfterValue() {
  if (depth_ == 1) slot_ = -1, json_.reset();
  return Status::OK();
}

Status ValueRouter::Key(std::string_view utf8) {
  if (depth_ != 1) {
    JsonVisitor* onward = Onward();
    return onward ? onward->Key(utf8) : Refuse("an object");
  }
  slot_ = -1;
  key_ = utf8;
  if (!document_key_.empty() && utf8 == document_key_) slot_ = static_cast<int>(*shape_.document);
  else if (!tenant_key_.empty() && utf8 == tenant_key_) slot_ = static_cast<int>(*shape_.tenant);
  else if (const auto at = slots_.find(key_); at != slots_.end()) slot_ = static_cast<int>(at->second);
  if (slot_ >= 0) {
    if (field().type != DataType::json) return Status::OK();
    Value& value = values_[static_cast<size_t>(slot_)];
    value.bytes.clear();
    json_.emplace(&value.bytes);
    return Status::OK();
  }
  if (!writer_) return BadRecord("unknown-field", fmt::format("the collection has no field '{}' and takes no further ones", Printable(utf8, 200)));
  return reserved_.contains(std::string(Bare(utf8))) ? writer_->Key("\\" + key_) : writer_->Key(utf8);
}

Status ValueRouter::Null() {
  if (depth_ > 1 || !InField()) {
    JsonVisitor* onward = Onward();
    return onward ? onward->Null() : Refuse("a null in an array");
  }
  slot_ = -1;
  json_.reset();
  if (!writer_) return Status::OK();
  ARROW_RETURN_NOT_OK(writer_->Key("\\" + key_));
  return writer_->Null();
}

Status ValueRouter::Bool(bool value) {
  if (JsonVisitor* onward = Onward()) {
    ARROW_RETURN_NOT_OK(onward->Bool(value));
    return AfterJson();
  }
  const DataType type = field().type == DataType::array ? field().element : field().type;
  if (type != DataType::boolean) return Refuse("a boolean");
  return Keep({Value::Kind::integer, value, 0, {}});
}

Status ValueRouter::Int(int64_t value) {
  if (JsonVisitor* onward = Onward()) {
    ARROW_RETURN_NOT_OK(onward->Int(value));
    return AfterJson();
  }
  const DataType type = field().type == DataType::array ? field().element : field().type;
  if (!FitsInteger(type, value)) return Refuse(fmt::format("the integer {}", value));
  return Keep({Value::Kind::integer, value, 0, {}});
}

Status ValueRouter::Uint(uint64_t value) {
  JsonVisitor* onward = Onward();
  if (!onward) return Refuse(fmt::format("the integer {}", value));
  ARROW_RETURN_NOT_OK(onward->Uint(value));
  return AfterJson();
}

Status ValueRouter::TakeReal(double value) {
  const DataType type = field().type == DataType::array ? field().element : field().type;
  if (!FitsReal(type, value)) return Refuse(type == DataType::real32 ? fmt::format("{}, which is no float of 32 bits", value) : fmt::format("the number {}", value));
  return Keep({Value::Kind::real, 0, value, {}});
}

Status ValueRouter::Double(double value) {
  JsonVisitor* onward = Onward();
  if (!onward) return TakeReal(value);
  ARROW_RETURN_NOT_OK(onward->Double(value));
  return AfterJson();
}

Status ValueRouter::TakeText(std::string_view text) {
  const Field& at = field();
  const int64_t most = at.max_length();
  if (most > 0 && static_cast<int64_t>(text.size()) > most) {
    return BadRecord("text-too-long", fmt::format("the field '{}' takes {} bytes, and the record has {} for it", Printable(at.name, 200), most, text.size()));
  }
  return Keep({Value::Kind::bytes, 0, 0, std::string(text)});
}

Status ValueRouter::String(std::string_view utf8) {
  if (JsonVisitor* onward = Onward()) {
    ARROW_RETURN_NOT_OK(onward->String(utf8));
    return AfterJson();
  }
  const DataType type = field().type == DataType::array ? field().element : field().type;
  if (!IsText(type)) return Refuse("a text");
  return TakeText(utf8);
}

Status ValueRouter::Special(std::string_view type, std::string_view text) {
  if (JsonVisitor* onward = Onward()) {
    ARROW_RETURN_NOT_OK(onward->Special(type, text));
    return AfterJson();
  }
  if (type == "datetime" && field().type == DataType::timestamptz) return TakeText(text);
  if (type == "f64") return TakeReal(text == "NaN" ? std::nan("") : text == "Infinity" ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity());
  return Refuse(fmt::format("a value of type {}", Printable(type, 40)));
}

Status ValueRouter::BeginObject() {
  if (depth_++ == 0) return writer_ ? writer_->BeginObject() : Status::OK();
  JsonVisitor* onward = Onward();
  return onward ? onward->BeginObject() : Refuse("an object");
}

Status ValueRouter::EndObject() {
  if (--depth_ == 0) return writer_ ? writer_->EndObject() : Status::OK();
  JsonVisitor* onward = Onward();
  ARROW_RETURN_NOT_OK(onward->EndObject());
  return AfterJson();
}

Status ValueRouter::BeginArray() {
  ++depth_;
  if (JsonVisitor* onward = Onward()) return onward->BeginArray();
  if (field().type != DataType::array || depth_ > 2) return Refuse("an array");
  elements_.clear();
  return Status::OK();
}

Status ValueRouter::EndArray() {
  --depth_;
  if (JsonVisitor* onward = Onward()) {
    ARROW_RETURN_NOT_OK(onward->EndArray());
    return AfterJson();
  }
  FinishArray();
  return AfterValue();
}

Status ValueRouter::ArrayElement(const Value& value) {
  const int64_t most = field().number("max_capacity");
  if (most > 0 && static_cast<int64_t>(elements_.size()) >= most) {
    return BadRecord("array-too-long", fmt::format("the array '{}' takes {} elements, and the record has more", Printable(field().name, 200), most));
  }
  elements_.push_back(value);
  return Status::OK();
}

/// ScalarField of the elements.
void ValueRouter::FinishArray() {
  std::string body;
  uint32_t number = 6;
  for (const Value& element : elements_) {
    switch (field().element) {
      case DataType::real32: {
        const auto narrow = static_cast<float>(element.real);
        body.append(reinterpret_cast<const char*>(&narrow), sizeof(narrow));
        break;
      }
      case DataType::real64: body.append(reinterpret_cast<const char*>(&element.real), sizeof(double)); break;
      default:
        if (element.kind == Value::Kind::integer) AppendVarint(static_cast<uint64_t>(element.integer), &body);
        else AppendBytesField(1, element.bytes, &body);
    }
  }
  switch (field().element) {
    case DataType::boolean: number = 1; break;
    case DataType::int8: case DataType::int16: case DataType::int32: number = 2; break;
    case DataType::int64: number = 3; break;
    case DataType::real32: number = 4; break;
    case DataType::real64: number = 5; break;
    default: break;
  }
  std::string inner;
  if (number == 6) inner = std::move(body);
  else if (!body.empty()) AppendBytesField(1, body, &inner);
  Value& value = values_[static_cast<size_t>(slot_)];
  value.kind = Value::Kind::bytes;
  value.bytes.clear();
  AppendBytesField(number, inner, &value.bytes);
  given_.push_back(static_cast<size_t>(slot_));
}

std::string_view Unrouted(const Shape& shape, std::string_view key) {
  if (key.empty() || key.front() != '\\') return key;
  const std::string_view name = Bare(key);
  for (const Slot& slot : shape.slots) {
    if (slot.field.name == name) return key.substr(1);
  }
  return key;
}

}  // namespace vecferry::milvus
