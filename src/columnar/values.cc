#include "columnar/values.h"

#include <cmath>
#include <cstdlib>

#include <arrow/array.h>
#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>
#include <fmt/format.h>

#include "base/base64.h"
#include "base/civil.h"
#include "base/text.h"
#include "record/distance.h"

namespace vecferry::columnar {
namespace {

using arrow::Type;

template <class ArrayType>
auto ValueAt(const arrow::Array& array, int64_t row) { return static_cast<const ArrayType&>(array).Value(row); }
template <class ArrayType>
std::string_view ViewAt(const arrow::Array& array, int64_t row) { return static_cast<const ArrayType&>(array).GetView(row); }

std::string DateText(int64_t days) {
  const Civil date = CivilOf(days);
  return fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day);
}

int64_t PerSecond(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND: return 1;
    case arrow::TimeUnit::MILLI: return 1000;
    case arrow::TimeUnit::MICRO: return 1000000;
    case arrow::TimeUnit::NANO: return 1000000000;
  }
  return 1;
}

/// HH:MM:SS with the digits that are not zero.
std::string ClockText(int64_t ticks, int64_t per_second) {
  const int64_t seconds = ticks / per_second, rest = ticks % per_second;
  std::string text = fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (rest == 0) return text;
  const auto digits = static_cast<size_t>(std::lround(std::log10(static_cast<double>(per_second))));
  std::string fraction = fmt::format("{:0{}}", rest, digits);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return text + "." + fraction;
}

std::string TimestampText(int64_t ticks, const arrow::TimestampType& type) {
  const int64_t per_second = PerSecond(type.unit()), per_day = per_second * 86400;
  int64_t days = ticks / per_day, rest = ticks % per_day;
  if (rest < 0) rest += per_day, --days;
  // A zone only says how the instant was shown: it is told in UTC.
  return DateText(days) + "T" + ClockText(rest, per_second) + (type.timezone().empty() ? "" : "Z");
}

Status EmitDouble(double value, JsonVisitor& out) {
  if (std::isfinite(value)) return out.Double(value);
  return out.Special("f64", std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
}

Status EmitText(std::string_view text, JsonVisitor& out) {
  return IsValidUtf8(text) ? out.String(text) : BadRecord("invalid-utf8", "a text that is not UTF-8");
}

Status EmitUnsigned(uint64_t value, JsonVisitor& out) {
  return value > static_cast<uint64_t>(INT64_MAX) ? out.Uint(value) : out.Int(static_cast<int64_t>(value));
}

Status EmitStruct(const arrow::StructArray& array, int64_t row, JsonVisitor& out, JsonReader& reader, int depth) {
  ARROW_RETURN_NOT_OK(out.BeginObject());
  for (int i = 0; i < array.num_fields(); ++i) {
    // A member that is null and one that is missing are the same in a column.
    if (array.field(i)->IsNull(row)) continue;
    ARROW_RETURN_NOT_OK(out.Key(array.struct_type()->field(i)->name()));
    ARROW_RETURN_NOT_OK(EmitValue(*array.field(i), row, out, reader, depth + 1));
  }
  return out.EndObject();
}

Status EmitItems(const arrow::Array& values, int64_t begin, int64_t end, JsonVisitor& out, JsonReader& reader, int depth) {
  ARROW_RETURN_NOT_OK(out.BeginArray());
  for (int64_t i = begin; i < end; ++i) ARROW_RETURN_NOT_OK(EmitValue(values, i, out, reader, depth + 1));
  return out.EndArray();
}

Status EmitMap(const arrow::MapArray& array, int64_t row, JsonVisitor& out, JsonReader& reader, int depth) {
  ARROW_RETURN_NOT_OK(out.BeginObject());
  for (int64_t i = array.value_offset(row); i < array.value_offset(row + 1); ++i) {
    const auto key = TextAt(*array.keys(), i);
    if (!key || !IsValidUtf8(*key)) return BadRecord("invalid-utf8", "a map with a key that is no text");
    for (int64_t before = array.value_offset(row); before < i; ++before) {
      if (TextAt(*array.keys(), before) == key) return BadRecord("duplicate-key", "a map with a key twice");
    }
    ARROW_RETURN_NOT_OK(out.Key(*key));
    ARROW_RETURN_NOT_OK(EmitValue(*array.items(), i, out, reader, depth + 1));
  }
  return out.EndObject();
}

Status EmitExtension(const arrow::ExtensionArray& array, int64_t row, JsonVisitor& out, JsonReader& reader, int depth) {
  const std::string name = ExtensionOf(*array.type());
  if (name == "arrow.json" && IsText(*array.storage()->type())) return reader.Visit(*TextAt(*array.storage(), row), out, {.big_integers = true, .python_floats = true, .plain = true});
  if (name == "arrow.uuid" && array.storage()->type_id() == Type::FIXED_SIZE_BINARY) {
    const std::string hex = ToHex(ViewAt<arrow::FixedSizeBinaryArray>(*array.storage(), row));
    if (hex.size() == 32) return out.String(fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4), hex.substr(20)));
  }
  return EmitValue(*array.storage(), row, out, reader, depth);
}

}  // namespace

std::shared_ptr<arrow::Array> Storage(const std::shared_ptr<arrow::Array>& array) {
  return array->type_id() == Type::EXTENSION ? static_cast<const arrow::ExtensionArray&>(*array).storage() : array;
}

std::shared_ptr<arrow::DataType> Storage(const std::shared_ptr<arrow::DataType>& type) {
  return type->id() == Type::EXTENSION ? static_cast<const arrow::ExtensionType&>(*type).storage_type() : type;
}

std::string ExtensionOf(const arrow::DataType& type) {
  return type.id() == Type::EXTENSION ? static_cast<const arrow::ExtensionType&>(type).extension_name() : "";
}

bool IsText(const arrow::DataType& type) {
  if (type.id() == Type::DICTIONARY) return IsText(*static_cast<const arrow::DictionaryType&>(type).value_type());
  return type.id() == Type::STRING || type.id() == Type::LARGE_STRING || type.id() == Type::STRING_VIEW;
}

bool IsInteger(const arrow::DataType& type) { return arrow::is_integer(type.id()); }

std::optional<std::string_view> TextAt(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return std::nullopt;
  switch (array.type_id()) {
    case Type::STRING: return ViewAt<arrow::StringArray>(array, row);
    case Type::LARGE_STRING: return ViewAt<arrow::LargeStringArray>(array, row);
    case Type::STRING_VIEW: return ViewAt<arrow::StringViewArray>(array, row);
    case Type::DICTIONARY: {
      const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
      return TextAt(*coded.dictionary(), coded.GetValueIndex(row));
    }
    default: return std::nullopt;
  }
}

std::optional<std::string> IntegerAt(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return std::nullopt;
  switch (array.type_id()) {
    case Type::INT8: return std::to_string(ValueAt<arrow::Int8Array>(array, row));
    case Type::INT16: return std::to_string(ValueAt<arrow::Int16Array>(array, row));
    case Type::INT32: return std::to_string(ValueAt<arrow::Int32Array>(array, row));
    case Type::INT64: return std::to_string(ValueAt<arrow::Int64Array>(array, row));
    case Type::UINT8: return std::to_string(ValueAt<arrow::UInt8Array>(array, row));
    case Type::UINT16: return std::to_string(ValueAt<arrow::UInt16Array>(array, row));
    case Type::UINT32: return std::to_string(ValueAt<arrow::UInt32Array>(array, row));
    case Type::UINT64: return std::to_string(ValueAt<arrow::UInt64Array>(array, row));
    default: return std::nullopt;
  }
}

bool CanEmit(const arrow::DataType& type, int depth) {
  if (depth > kMaxJsonDepth / 2) return false;
  switch (type.id()) {
    case Type::NA: case Type::BOOL: case Type::INT8: case Type::INT16: case Type::INT32: case Type::INT64: case Type::UINT8: case Type::UINT16: case Type::UINT32:
    case Type::UINT64: case Type::HALF_FLOAT: case Type::FLOAT: case Type::DOUBLE: case Type::STRING: case Type::LARGE_STRING: case Type::STRING_VIEW:
    case Type::BINARY: case Type::LARGE_BINARY: case Type::BINARY_VIEW: case Type::FIXED_SIZE_BINARY: case Type::DATE32: case Type::DATE64: case Type::TIME32:
    case Type::TIME64: case Type::TIMESTAMP: case Type::DURATION: case Type::DECIMAL32: case Type::DECIMAL64: case Type::DECIMAL128: case Type::DECIMAL256:
      return true;
    case Type::DICTIONARY: return CanEmit(*static_cast<const arrow::DictionaryType&>(type).value_type(), depth + 1);
    case Type::EXTENSION: return CanEmit(*static_cast<const arrow::ExtensionType&>(type).storage_type(), depth + 1);
    case Type::MAP:
      return IsText(*static_cast<const arrow::MapType&>(type).key_type()) && CanEmit(*static_cast<const arrow::MapType&>(type).item_type(), depth + 1);
    case Type::LIST: case Type::LARGE_LIST: case Type::FIXED_SIZE_LIST: case Type::STRUCT:
      for (const auto& field : type.fields()) {
        if (!CanEmit(*field->type(), depth + 1)) return false;
      }
      return true;
    default: return false;
  }
}

Status EmitValue(const arrow::Array& array, int64_t row, JsonVisitor& out, JsonReader& reader, int depth) {
  if (depth > kMaxJsonDepth) return BadRecord("too-deep", "nested too deep");
  if (array.IsNull(row)) return out.Null();
  switch (array.type_id()) {
    case Type::BOOL: return out.Bool(ValueAt<arrow::BooleanArray>(array, row));
    case Type::INT8: return out.Int(ValueAt<arrow::Int8Array>(array, row));
    case Type::INT16: return out.Int(ValueAt<arrow::Int16Array>(array, row));
    case Type::INT32: return out.Int(ValueAt<arrow::Int32Array>(array, row));
    case Type::INT64: return out.Int(ValueAt<arrow::Int64Array>(array, row));
    case Type::UINT8: return out.Int(ValueAt<arrow::UInt8Array>(array, row));
    case Type::UINT16: return out.Int(ValueAt<arrow::UInt16Array>(array, row));
    case Type::UINT32: return out.Int(ValueAt<arrow::UInt32Array>(array, row));
    case Type::UINT64: return EmitUnsigned(ValueAt<arrow::UInt64Array>(array, row), out);
    case Type::HALF_FLOAT: return EmitDouble(HalfToFloat(static_cast<const arrow::HalfFloatArray&>(array).raw_values()[row]), out);
    case Type::FLOAT: return EmitDouble(ValueAt<arrow::FloatArray>(array, row), out);
    case Type::DOUBLE: return EmitDouble(ValueAt<arrow::DoubleArray>(array, row), out);
    case Type::STRING: case Type::LARGE_STRING: case Type::STRING_VIEW: return EmitText(*TextAt(array, row), out);
    case Type::BINARY: return out.Special("bytes", Base64(ViewAt<arrow::BinaryArray>(array, row)));
    case Type::LARGE_BINARY: return out.Special("bytes", Base64(ViewAt<arrow::LargeBinaryArray>(array, row)));
    case Type::BINARY_VIEW: return out.Special("bytes", Base64(ViewAt<arrow::BinaryViewArray>(array, row)));
    case Type::FIXED_SIZE_BINARY: return out.Special("bytes", Base64(ViewAt<arrow::FixedSizeBinaryArray>(array, row)));
    case Type::DATE32: return out.Special("date", DateText(ValueAt<arrow::Date32Array>(array, row)));
    case Type::DATE64: return out.Special("date", DateText(ValueAt<arrow::Date64Array>(array, row) / 86400000));
    case Type::TIME32: return out.Special("time", ClockText(ValueAt<arrow::Time32Array>(array, row), PerSecond(static_cast<const arrow::Time32Type&>(*array.type()).unit())));
    case Type::TIME64: return out.Special("time", ClockText(ValueAt<arrow::Time64Array>(array, row), PerSecond(static_cast<const arrow::Time64Type&>(*array.type()).unit())));
    case Type::TIMESTAMP: return out.Special("datetime", TimestampText(ValueAt<arrow::TimestampArray>(array, row), static_cast<const arrow::TimestampType&>(*array.type())));
    case Type::DURATION: return out.Int(ValueAt<arrow::DurationArray>(array, row));
    case Type::DECIMAL32: return out.Special("decimal", static_cast<const arrow::Decimal32Array&>(array).FormatValue(row));
    case Type::DECIMAL64: return out.Special("decimal", static_cast<const arrow::Decimal64Array&>(array).FormatValue(row));
    case Type::DECIMAL128: return out.Special("decimal", static_cast<const arrow::Decimal128Array&>(array).FormatValue(row));
    case Type::DECIMAL256: return out.Special("decimal", static_cast<const arrow::Decimal256Array&>(array).FormatValue(row));
    case Type::DICTIONARY: {
      const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
      return EmitValue(*coded.dictionary(), coded.GetValueIndex(row), out, reader, depth + 1);
    }
    case Type::EXTENSION: return EmitExtension(static_cast<const arrow::ExtensionArray&>(array), row, out, reader, depth + 1);
    case Type::STRUCT: return EmitStruct(static_cast<const arrow::StructArray&>(array), row, out, reader, depth);
    case Type::MAP: return EmitMap(static_cast<const arrow::MapArray&>(array), row, out, reader, depth);
    case Type::LIST: {
      const auto& list = static_cast<const arrow::ListArray&>(array);
      return EmitItems(*list.values(), list.value_offset(row), list.value_offset(row + 1), out, reader, depth);
    }
    case Type::LARGE_LIST: {
      const auto& list = static_cast<const arrow::LargeListArray&>(array);
      return EmitItems(*list.values(), list.value_offset(row), list.value_offset(row + 1), out, reader, depth);
    }
    case Type::FIXED_SIZE_LIST: {
      const auto& list = static_cast<const arrow::FixedSizeListArray&>(array);
      return EmitItems(*list.values(), list.value_offset(row), list.value_offset(row + 1), out, reader, depth);
    }
    default: return MakeError(Category::unsupported, fmt::format("a column of type {}", array.type()->ToString()));
  }
}

}  // namespace vecferry::columnar
