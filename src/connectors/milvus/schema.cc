#include "connectors/milvus/schema.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "net/wire.h"

namespace vecferry::milvus {
namespace {

constexpr size_t kLongestName = 255;
/// More than any server allows.
constexpr size_t kMostFields = 4096;

Status Corrupt() { return MakeError(Category::corrupt, "the collection's schema cannot be read"); }

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

Result<Field> ParseField(std::string_view message) {
  Field out;
  WireReader reader(message);
  WireField field;
  while (reader.Next(&field)) {
    const bool flag = field.type == WireType::varint && field.value != 0;
    switch (field.number) {
      case 1: out.id = static_cast<int64_t>(field.value); break;
      case 2: out.name = field.bytes; break;
      case 3: out.key = flag; break;
      case 4: out.description = field.bytes; break;
      case 5: out.type = static_cast<DataType>(field.value); break;
      case 6: {
        ARROW_ASSIGN_OR_RAISE(auto pair, ParsePair(field.bytes));
        out.params.push_back(std::move(pair));
        break;
      }
      case 8: out.auto_id = flag; break;
      case 10: out.element = static_cast<DataType>(field.value); break;
      case 11: out.default_value = field.bytes; break;
      case 12: out.dynamic = flag; break;
      case 13: out.partition_key = flag; break;
      case 14: out.clustering_key = flag; break;
      case 15: out.nullable = flag; break;
      case 16: out.function_output = flag; break;
      default: break;
    }
  }
  if (!reader.ok() || !IsValidUtf8(out.name) || out.params.size() > 100) return Corrupt();
  return out;
}

std::string EncodeField(const Field& field) {
  std::string out;
  if (field.id != 0) AppendUintField(1, static_cast<uint64_t>(field.id), &out);
  AppendBytesField(2, field.name, &out);
  const auto flag = [&](uint32_t number, bool value) {
    if (value) AppendUintField(number, 1, &out);
  };
  flag(3, field.key);
  if (!field.description.empty()) AppendBytesField(4, field.description, &out);
  AppendUintField(5, static_cast<uint64_t>(field.type), &out);
  for (const auto& [key, value] : field.params) AppendPair(6, key, value, &out);
  flag(8, field.auto_id);
  if (field.element != DataType::none) AppendUintField(10, static_cast<uint64_t>(field.element), &out);
  if (!field.default_value.empty()) AppendBytesField(11, field.default_value, &out);
  flag(12, field.dynamic);
  flag(13, field.partition_key);
  flag(14, field.clustering_key);
  flag(15, field.nullable);
  flag(16, field.function_output);
  return out;
}

}  // namespace

std::string NameOf(DataType type) {
  switch (type) {
    case DataType::boolean: return "Bool";
    case DataType::int8: return "Int8";
    case DataType::int16: return "Int16";
    case DataType::int32: return "Int32";
    case DataType::int64: return "Int64";
    case DataType::real32: return "Float";
    case DataType::real64: return "Double";
    case DataType::string: return "String";
    case DataType::varchar: return "VarChar";
    case DataType::array: return "Array";
    case DataType::json: return "JSON";
    case DataType::geometry: return "Geometry";
    case DataType::text: return "Text";
    case DataType::timestamptz: return "Timestamptz";
    case DataType::binary_vector: return "BinaryVector";
    case DataType::float_vector: return "FloatVector";
    case DataType::float16_vector: return "Float16Vector";
    case DataType::bfloat16_vector: return "BFloat16Vector";
    case DataType::sparse_vector: return "SparseFloatVector";
    case DataType::int8_vector: return "Int8Vector";
    case DataType::none: break;
  }
  return fmt::format("type {}", static_cast<int>(type));
}

bool IsVector(DataType type) { return static_cast<int>(type) >= 100; }
bool IsText(DataType type) {
  return type == DataType::string || type == DataType::varchar || type == DataType::text || type == DataType::geometry;
}
bool IsKnown(DataType type) { return type != DataType::none && !NameOf(type).starts_with("type "); }

std::string_view ValueOf(const Pairs& pairs, std::string_view key) {
  for (const auto& [name, value] : pairs) {
    if (name == key) return value;
  }
  return {};
}

int64_t Field::number(std::string_view param) const {
  const std::string_view text = ValueOf(params, param);
  if (text.empty()) return -1;
  const auto number = ParseInt(text);
  return number.ok() && *number >= 0 ? *number : -1;
}

const Field* CollectionSchema::Find(std::string_view wanted) const {
  const auto at = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == wanted; });
  return at == fields.end() ? nullptr : &*at;
}

void AppendPair(uint32_t field, std::string_view key, std::string_view value, std::string* out) {
  std::string pair;
  AppendBytesField(1, key, &pair);
  AppendBytesField(2, value, &pair);
  AppendBytesField(field, pair, out);
}

Result<std::pair<std::string, std::string>> ParsePair(std::string_view message) {
  std::pair<std::string, std::string> pair;
  WireReader reader(message);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(1, WireType::length)) pair.first = field.bytes;
    else if (field.is(2, WireType::length)) pair.second = field.bytes;
  }
  if (!reader.ok()) return Corrupt();
  return pair;
}

Result<CollectionSchema> ParseSchema(std::string_view message) {
  CollectionSchema out;
  WireReader reader(message);
  WireField field;
  while (reader.Next(&field)) {
    switch (field.number) {
      case 1: out.name = field.bytes; break;
      case 2: out.description = field.bytes; break;
      case 4: {
        ARROW_ASSIGN_OR_RAISE(Field parsed, ParseField(field.bytes));
        if (parsed.dynamic) out.dynamic = true;
        else out.fields.push_back(std::move(parsed));
        break;
      }
      case 5: out.dynamic = out.dynamic || field.value != 0; break;
      case 6: case 7: case 9:
        if (field.type != WireType::length) return Corrupt();
        out.has_structs = out.has_structs || field.number == 9;
        AppendBytesField(field.number, field.bytes, &out.rest);
        break;
      default: break;
    }
    if (out.fields.size() > kMostFields) return Corrupt();
  }
  if (!reader.ok() || !IsValidUtf8(out.name)) return Corrupt();
  return out;
}

std::string Encode(const CollectionSchema& schema) {
  std::string out;
  AppendBytesField(1, schema.name, &out);
  if (!schema.description.empty()) AppendBytesField(2, schema.description, &out);
  for (const Field& field : schema.fields) AppendBytesField(4, EncodeField(field), &out);
  if (schema.dynamic) AppendUintField(5, 1, &out);
  return out + schema.rest;
}

Result<DataType> VectorTypeOf(const VectorSpec& spec) {
  if (spec.kind == VectorKind::sparse) return DataType::sparse_vector;
  if (spec.kind == VectorKind::dense) {
    switch (spec.element) {
      case Element::f32: return DataType::float_vector;
      case Element::f16: return DataType::float16_vector;
      case Element::bf16: return DataType::bfloat16_vector;
      case Element::i8: return DataType::int8_vector;
      case Element::bit: return DataType::binary_vector;
      case Element::u8: break;
    }
  }
  return MakeError(Category::unsupported, fmt::format("Milvus has no vectors of {} elements of that kind", Name(spec.element)));
}

Status CheckCollectionName(std::string_view name) {
  std::string_view why;
  if (name.empty()) why = "is empty";
  else if (name.size() > kLongestName) why = "is longer than 255 bytes";
  else if (!IsLetter(name.front())) why = "begins with something else than a letter or an underscore";
  else if (!std::all_of(name.begin(), name.end(), [](char c) { return IsLetter(c) || IsDigit(c); })) why = "holds something else than letters, digits and underscores";
  if (why.empty()) return Status::OK();
  return MakeError(Category::usage, fmt::format("the collection's name '{}' {}", Printable(name, 300), why), "name the collection after a #, for example #docs");
}

std::string FieldNameFor(std::string_view wanted, const std::vector<std::string>& taken) {
  std::string name;
  for (const char c : wanted.substr(0, kLongestName - 8)) name += IsLetter(c) || IsDigit(c) ? c : '_';
  if (name.empty() || IsDigit(name.front())) name.insert(name.begin(), '_');
  // The server's own.
  if (name == "RowID" || name == "Timestamp") name += '_';
  const std::string plain = name;
  for (int n = 2; std::find(taken.begin(), taken.end(), name) != taken.end(); ++n) name = fmt::format("{}_{}", plain, n);
  return name;
}

}  // namespace vecferry::milvus
