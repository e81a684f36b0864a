#include "connectors/milvus/columns.h"

#include <cstring>

#include "connectors/milvus/rows.h"
#include "net/wire.h"

namespace vecferry::milvus {
namespace {

/// The field of ScalarField that holds values of the type, as clients send them.
uint32_t ScalarNumber(DataType type) {
  switch (type) {
    case DataType::boolean: return 1;
    case DataType::int8: case DataType::int16: case DataType::int32: return 2;
    case DataType::int64: return 3;
    case DataType::real32: return 4;
    case DataType::real64: return 5;
    case DataType::array: return 8;
    case DataType::json: return 9;
    case DataType::geometry: return 12;
    default: return 6;
  }
}

/// The same of VectorField.
uint32_t VectorNumber(DataType type) {
  switch (type) {
    case DataType::binary_vector: return 3;
    case DataType::float16_vector: return 4;
    case DataType::bfloat16_vector: return 5;
    case DataType::sparse_vector: return 6;
    case DataType::int8_vector: return 7;
    default: return 2;
  }
}

bool IsPacked(DataType type) {
  switch (type) {
    case DataType::boolean: case DataType::int8: case DataType::int16: case DataType::int32: case DataType::int64: case DataType::real32: case DataType::real64: return true;
    default: return false;
  }
}

uint64_t LargestIndex(std::string_view pairs) {
  if (pairs.size() < 8) return 0;
  uint32_t index;
  std::memcpy(&index, pairs.data() + pairs.size() - 8, 4);
  return index;
}

}  // namespace

void ColumnWriter::Valid(bool valid) {
  ++rows_;
  if (field_.nullable) valid_ += static_cast<char>(valid);
}

void ColumnWriter::Null() { Valid(false); }

void ColumnWriter::Integer(int64_t value) {
  Valid(true);
  AppendVarint(static_cast<uint64_t>(value), &body_);
}

void ColumnWriter::Real(double value) {
  Valid(true);
  if (field_.type == DataType::real32) {
    const auto narrow = static_cast<float>(value);
    body_.append(reinterpret_cast<const char*>(&narrow), sizeof(narrow));
  } else {
    body_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
}

void ColumnWriter::Bytes(std::string_view value) {
  Valid(true);
  const bool dense = IsVector(field_.type) && field_.type != DataType::sparse_vector;
  if (field_.type == DataType::sparse_vector) largest_ = std::max(largest_, LargestIndex(value));
  if (dense || IsPacked(field_.type)) body_.append(value);
  else AppendBytesField(1, value, &body_);
}

Status ColumnWriter::AppendCell(std::string_view cell) {
  if (!IsPacked(field_.type) || field_.type == DataType::real32 || field_.type == DataType::real64) return Bytes(cell), Status::OK();
  const char* at = cell.data();
  uint64_t value;
  if (!ReadVarint(at, cell.data() + cell.size(), &value)) return MakeError(Category::corrupt, "an image of a row cannot be read");
  return Integer(static_cast<int64_t>(value)), Status::OK();
}

void ColumnWriter::Finish(std::string* request) const {
  std::string head, inner;
  AppendUintField(1, static_cast<uint64_t>(field_.type), &head);
  AppendBytesField(2, field_.name, &head);
  const DataType type = field_.type;
  const bool vectors = IsVector(type);
  // Tags and lengths of what lies within each other, from the inside out; the values themselves are copied once.
  std::string before, after;
  size_t size = body_.size();
  const auto wrap = [&](uint32_t number) {
    std::string outer;
    AppendHead(number, size + before.size() + after.size(), &outer);
    before.insert(0, outer);
  };
  if (vectors) {
    if (type == DataType::float_vector) wrap(1);
    if (type == DataType::sparse_vector) AppendUintField(2, largest_ + 1, &after);
    wrap(VectorNumber(type));
    std::string dim;
    AppendUintField(1, type == DataType::sparse_vector ? largest_ + 1 : static_cast<uint64_t>(std::max<int64_t>(field_.dim(), 0)), &dim);
    before.insert(0, dim);
  } else {
    if (IsPacked(type)) wrap(1);
    if (type == DataType::array) AppendUintField(2, static_cast<uint64_t>(field_.element), &after);
    wrap(ScalarNumber(type));
  }
  wrap(vectors ? 4 : 3);
  std::string tail;
  if (field_.id != 0) AppendUintField(5, static_cast<uint64_t>(field_.id), &tail);
  if (field_.dynamic) AppendUintField(6, 1, &tail);
  if (!valid_.empty()) AppendBytesField(7, valid_, &tail);
  AppendHead(5, head.size() + before.size() + size + after.size() + tail.size(), request);
  *request += head;
  *request += before;
  *request += body_;
  *request += after;
  *request += tail;
}

std::string ImageOf(const std::vector<ColumnData>& columns, int64_t row) {
  std::string image;
  for (const ColumnData& column : columns) {
    std::string entry;
    AppendBytesField(1, column.is_dynamic() ? "$meta" : column.name(), &entry);
    if (const auto cell = column.Cell(row)) AppendBytesField(2, *cell, &entry);
    AppendBytesField(1, entry, &image);
  }
  return image;
}

namespace {

/// The cell of that name in an image; false where the image is none. `cell` is nothing for a null and for a field that it lacks.
bool CellOf(std::string_view image, std::string_view name, std::optional<std::string_view>* cell) {
  WireReader reader(image);
  WireField entry;
  while (reader.Next(&entry)) {
    if (!entry.is(1, WireType::length)) return false;
    std::string_view key;
    std::optional<std::string_view> value;
    WireReader fields(entry.bytes);
    WireField field;
    while (fields.Next(&field)) {
      if (field.is(1, WireType::length)) key = field.bytes;
      else if (field.is(2, WireType::length)) value = field.bytes;
    }
    if (!fields.ok()) return false;
    if (key == name) *cell = value;
  }
  return reader.ok();
}

}  // namespace

Result<std::string> RequestOf(std::string head, std::string_view partition, const Shape& shape, const std::vector<std::string_view>& images) {
  std::string request = std::move(head);
  if (!partition.empty()) AppendBytesField(4, partition, &request);
  const auto add = [&](const Field& field) -> Status {
    ColumnWriter column(field);
    for (const std::string_view image : images) {
      std::optional<std::string_view> cell;
      if (!CellOf(image, field.name, &cell)) return MakeError(Category::corrupt, "an image of a row cannot be read");
      if (cell) ARROW_RETURN_NOT_OK(column.AppendCell(*cell));
      else if (field.dynamic) column.Bytes("{}");
      else column.Null();
    }
    return column.Finish(&request), Status::OK();
  };
  for (const Slot& slot : shape.slots) {
    if (!slot.field.function_output) ARROW_RETURN_NOT_OK(add(slot.field));
  }
  if (shape.dynamic) {
    Field meta;
    meta.name = "$meta";
    meta.type = DataType::json;
    meta.dynamic = true;
    ARROW_RETURN_NOT_OK(add(meta));
  }
  AppendUintField(7, images.size(), &request);
  return request;
}

}  // namespace vecferry::milvus
