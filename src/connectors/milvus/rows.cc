#include "connectors/milvus/rows.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "net/wire.h"

namespace vecferry::milvus {
namespace {

Status Corrupt(std::string_view what) { return MakeError(Category::corrupt, fmt::format("the server's {} is not what its format allows", what)); }

/// Elements of a repeated varint, packed or one by one, and the sign that int32 carries in ten bytes.
template <class Take>
bool EachVarint(std::string_view message, const Take& take) {
  WireReader reader(message);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(1, WireType::varint)) take(field.value);
    if (!field.is(1, WireType::length)) continue;
    const char* at = field.bytes.data();
    const char* const end = at + field.bytes.size();
    while (at < end) {
      uint64_t value;
      if (!ReadVarint(at, end, &value)) return false;
      take(value);
    }
  }
  return reader.ok();
}

Status EmitReal(double value, JsonVisitor& out) {
  if (std::isfinite(value)) return out.Double(value);
  return out.Special("f64", std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
}

template <class T>
T Load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

/// A repeated fixed32 or fixed64 as bytes, in `joined` where it does not stand in one piece. False where it is none.
bool TakePacked(std::string_view message, size_t size, std::string* joined, std::string_view* out) {
  WireReader reader(message);
  WireField field;
  *out = {};
  bool pieces = false;
  const auto add = [&](std::string_view bytes) {
    if (out->empty() && !pieces) return void(*out = bytes);
    if (!pieces) *joined = *out, pieces = true;
    joined->append(bytes);
  };
  while (reader.Next(&field)) {
    if (field.number != 1) continue;
    if (field.type == WireType::length) {
      if (field.bytes.size() % size != 0) return false;
      add(field.bytes);
    } else if (field.type == (size == 4 ? WireType::fixed32 : WireType::fixed64)) {
      if (!pieces) *joined = *out, pieces = true;
      joined->append(reinterpret_cast<const char*>(&field.value), size);
    }
  }
  if (pieces) *out = *joined;
  return reader.ok();
}

}  // namespace

Status ColumnData::Parse(std::string_view field_data) {
  WireReader reader(field_data);
  WireField field;
  std::string_view scalars, vectors;
  bool has_scalars = false, has_vectors = false;
  while (reader.Next(&field)) {
    if (field.is(1, WireType::varint)) type_ = static_cast<DataType>(field.value);
    else if (field.is(2, WireType::length)) name_ = field.bytes;
    else if (field.is(3, WireType::length)) scalars = field.bytes, has_scalars = true;
    else if (field.is(4, WireType::length)) vectors = field.bytes, has_vectors = true;
    else if (field.is(6, WireType::varint)) dynamic_ = field.value != 0;
    else if (field.is(7, WireType::length)) ARROW_RETURN_NOT_OK(ParseValid(field.bytes));
    else if (field.is(7, WireType::varint)) valid_.push_back(field.value != 0);
  }
  if (!reader.ok()) return Corrupt("column");
  if (has_scalars) ARROW_RETURN_NOT_OK(ParseScalars(scalars));
  if (has_vectors) ARROW_RETURN_NOT_OK(ParseVectors(vectors));
  return Fit();
}

Status ColumnData::ParseValid(std::string_view packed) {
  const char* at = packed.data();
  const char* const end = at + packed.size();
  while (at < end) {
    uint64_t value;
    if (!ReadVarint(at, end, &value)) return Corrupt("column");
    valid_.push_back(value != 0);
  }
  return Status::OK();
}

Status ColumnData::ParseScalars(std::string_view message) {
  WireReader reader(message);
  WireField field;
  while (reader.Next(&field)) {
    if (field.type != WireType::length) continue;
    switch (field.number) {
      case 1: case 2: case 3: case 11: ARROW_RETURN_NOT_OK(TakeIntegers(field.bytes)); break;
      case 4: ARROW_RETURN_NOT_OK(TakeFixed(field.bytes, 4, Kind::reals32)); break;
      case 5: ARROW_RETURN_NOT_OK(TakeFixed(field.bytes, 8, Kind::reals64)); break;
      case 6: case 7: case 8: case 9: case 10: case 12: ARROW_RETURN_NOT_OK(TakeTexts(field.bytes, 1)); break;
      default: break;
    }
  }
  return reader.ok() ? Status::OK() : Corrupt("column");
}

Status ColumnData::TakeTexts(std::string_view message, uint32_t number) {
  WireReader reader(message);
  WireField field;
  kind_ = Kind::texts;
  texts_.clear();
  while (reader.Next(&field)) {
    if (field.is(number, WireType::length)) texts_.push_back(field.bytes);
  }
  return reader.ok() ? Status::OK() : Corrupt("column");
}

Status ColumnData::TakeIntegers(std::string_view message) {
  kind_ = Kind::integers;
  integers_.clear();
  if (!EachVarint(message, [&](uint64_t value) { integers_.push_back(static_cast<int64_t>(value)); })) return Corrupt("column");
  return Status::OK();
}

Status ColumnData::TakeFixed(std::string_view message, size_t size, Kind kind) {
  kind_ = kind;
  width_ = size;
  return TakePacked(message, size, &joined_, &fixed_) ? Status::OK() : Corrupt("column");
}

Status ColumnData::ParseVectors(std::string_view message) {
  WireReader reader(message);
  WireField field;
  DataType is = DataType::none;
  std::string_view data;
  while (reader.Next(&field)) {
    if (field.is(1, WireType::varint)) dim_ = static_cast<int64_t>(field.value);
    if (field.type != WireType::length) continue;
    static constexpr DataType kTypes[] = {DataType::float_vector,    DataType::binary_vector, DataType::float16_vector,
                                          DataType::bfloat16_vector, DataType::sparse_vector, DataType::int8_vector};
    if (field.number < 2 || field.number > 7) continue;
    is = kTypes[field.number - 2];
    data = field.bytes;
  }
  if (!reader.ok()) return Corrupt("vectors");
  if (is == DataType::none) return Status::OK();
  if (is == DataType::sparse_vector) return TakeTexts(data, 1);
  if (dim_ < 1 || dim_ > (1 << 20)) return Corrupt("vectors");
  const auto dim = static_cast<size_t>(dim_);
  if (is == DataType::float_vector) ARROW_RETURN_NOT_OK(TakeFixed(data, 4, Kind::packed));
  else kind_ = Kind::packed, fixed_ = data;
  width_ = is == DataType::float_vector ? dim * 4 : is == DataType::binary_vector ? dim / 8 : is == DataType::int8_vector ? dim : dim * 2;
  if (width_ == 0 || fixed_.size() % width_ != 0) return Corrupt("vectors");
  return Status::OK();
}

/// Values for each row, or for each that is not null.
Status ColumnData::Fit() {
  size_t values = 0;
  if (kind_ == Kind::integers) values = integers_.size();
  else if (kind_ == Kind::texts) values = texts_.size();
  else if (kind_ != Kind::nothing) values = fixed_.size() / width_;
  rows_ = static_cast<int64_t>(valid_.empty() ? values : valid_.size());
  if (valid_.empty() || values == valid_.size()) return Status::OK();
  size_t next = 0;
  compact_.resize(valid_.size());
  for (size_t row = 0; row < valid_.size(); ++row) compact_[row] = valid_[row] ? next++ : 0;
  return next == values ? Status::OK() : Corrupt("column");
}

double ColumnData::Real(int64_t row) const {
  const char* at = fixed_.data() + At(row) * width_;
  return kind_ == Kind::reals32 ? static_cast<double>(vecferry::milvus::Load<float>(at)) : vecferry::milvus::Load<double>(at);
}

std::string_view ColumnData::Bytes(int64_t row) const {
  if (kind_ == Kind::texts) return texts_[At(row)];
  return fixed_.substr(At(row) * width_, width_);
}

std::optional<std::string> ColumnData::Cell(int64_t row) const {
  if (IsNull(row)) return std::nullopt;
  if (kind_ != Kind::integers) return std::string(Bytes(row));
  std::string out;
  AppendVarint(static_cast<uint64_t>(Integer(row)), &out);
  return out;
}

Status Rows::Open(std::string_view answer) {
  columns_.clear();
  WireReader reader(answer);
  WireField field;
  size_t count = 0;
  WireReader counting(answer);
  while (counting.Next(&field)) count += field.is(2, WireType::length);
  if (count > 10'000) return Corrupt("answer");
  columns_.reserve(count);  // a column points into itself
  std::map<std::pair<std::string_view, bool>, std::string_view> seen;
  while (reader.Next(&field)) {
    if (!field.is(2, WireType::length)) continue;
    ARROW_RETURN_NOT_OK(columns_.emplace_back().Parse(field.bytes));
    // A field that is there twice is one, unless it differs: then nothing says which it is.
    const auto [first, fresh] = seen.emplace(std::pair(std::string_view(columns_.back().name()), columns_.back().is_dynamic()), field.bytes);
    if (!fresh && first->second != field.bytes) return Corrupt("answer");
    if (!fresh) columns_.pop_back();
  }
  if (!reader.ok()) return Corrupt("answer");
  for (const auto& column : columns_) {
    if (column.rows() != rows()) return Corrupt("answer");
  }
  return Status::OK();
}

const ColumnData* Rows::Find(std::string_view name) const {
  for (const auto& column : columns_) {
    if (column.name() == name && !column.is_dynamic()) return &column;
  }
  return nullptr;
}

const ColumnData* Rows::dynamic() const {
  for (const auto& column : columns_) {
    if (column.is_dynamic() || column.name() == "$meta") return &column;
  }
  return nullptr;
}

Status VisitArray(std::string_view scalar_field, DataType element, JsonVisitor& out) {
  ARROW_RETURN_NOT_OK(out.BeginArray());
  WireReader reader(scalar_field);
  WireField field;
  Status status = Status::OK();
  while (status.ok() && reader.Next(&field)) {
    if (field.type != WireType::length) continue;
    std::string joined;
    std::string_view packed;
    const auto integer = [&](uint64_t value) {
      if (!status.ok()) return;
      status = element == DataType::boolean || field.number == 1 ? out.Bool(value != 0) : out.Int(static_cast<int64_t>(value));
    };
    if (field.number >= 1 && field.number <= 3) {
      if (!EachVarint(field.bytes, integer)) return Corrupt("array");
    } else if (field.number == 4 || field.number == 5) {
      const size_t size = field.number == 4 ? 4 : 8;
      if (!TakePacked(field.bytes, size, &joined, &packed)) return Corrupt("array");
      for (size_t at = 0; at < packed.size() && status.ok(); at += size) {
        status = EmitReal(size == 4 ? static_cast<double>(Load<float>(packed.data() + at)) : Load<double>(packed.data() + at), out);
      }
    } else if (field.number == 6) {
      WireReader texts(field.bytes);
      WireField text;
      while (status.ok() && texts.Next(&text)) {
        if (!text.is(1, WireType::length)) continue;
        if (!IsValidUtf8(text.bytes)) return BadRecord("invalid-utf8", "an array holds text that is not valid UTF-8");
        status = out.String(text.bytes);
      }
      if (!texts.ok()) return Corrupt("array");
    }
  }
  ARROW_RETURN_NOT_OK(status);
  if (!reader.ok()) return Corrupt("array");
  return out.EndArray();
}

}  // namespace vecferry::milvus
