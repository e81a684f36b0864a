#include "columnar/vectors.h"

#include <cmath>
#include <cstring>

#include <arrow/array.h>
#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "base/text.h"
#include "columnar/values.h"
#include "record/distance.h"

namespace vecferry::columnar {
namespace {

using arrow::Type;

/// The type of a list's items, nullptr for others.
std::shared_ptr<arrow::DataType> ItemType(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::LIST: case Type::LARGE_LIST: case Type::FIXED_SIZE_LIST: return Storage(type.field(0)->type());
    default: return nullptr;
  }
}

bool IsNumber(const arrow::DataType& type) { return arrow::is_integer(type.id()) || arrow::is_floating(type.id()); }

std::optional<double> NumberAt(const arrow::Array& array, int64_t row) {
  switch (array.type_id()) {
    case Type::DOUBLE: return static_cast<const arrow::DoubleArray&>(array).Value(row);
    case Type::FLOAT: return static_cast<const arrow::FloatArray&>(array).Value(row);
    case Type::HALF_FLOAT: return HalfToFloat(static_cast<const arrow::HalfFloatArray&>(array).raw_values()[row]);
    case Type::INT8: return static_cast<const arrow::Int8Array&>(array).Value(row);
    case Type::INT16: return static_cast<const arrow::Int16Array&>(array).Value(row);
    case Type::INT32: return static_cast<const arrow::Int32Array&>(array).Value(row);
    case Type::UINT8: return static_cast<const arrow::UInt8Array&>(array).Value(row);
    case Type::UINT16: return static_cast<const arrow::UInt16Array&>(array).Value(row);
    case Type::UINT32: return static_cast<const arrow::UInt32Array&>(array).Value(row);
    case Type::INT64: {
      const int64_t value = static_cast<const arrow::Int64Array&>(array).Value(row);
      return std::abs(static_cast<double>(value)) <= 9007199254740992.0 ? std::optional(static_cast<double>(value)) : std::nullopt;
    }
    case Type::UINT64: {
      const uint64_t value = static_cast<const arrow::UInt64Array&>(array).Value(row);
      return value <= 9007199254740992u ? std::optional(static_cast<double>(value)) : std::nullopt;
    }
    default: return std::nullopt;
  }
}

Element ElementOf(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::HALF_FLOAT: return Element::f16;
    case Type::UINT8: return Element::u8;
    case Type::INT8: return Element::i8;
    default: return Element::f32;
  }
}

/// The stored bytes of a primitive array's values, where they are of the element's own width.
const uint8_t* RawOf(const arrow::Array& array, Element element) {
  const bool same = (element == Element::f32 && array.type_id() == Type::FLOAT) || (element == Element::f16 && array.type_id() == Type::HALF_FLOAT) ||
                    (element == Element::u8 && array.type_id() == Type::UINT8) || (element == Element::i8 && array.type_id() == Type::INT8);
  const auto& buffer = same ? array.data()->buffers[1] : nullptr;
  return buffer ? buffer->data() : nullptr;
}

}  // namespace

std::optional<VectorSpec> VectorOfType(const arrow::DataType& given) {
  const arrow::DataType* type = &given;
  if (given.id() == Type::EXTENSION) type = static_cast<const arrow::ExtensionType&>(given).storage_type().get();
  VectorSpec spec;
  if (const auto item = ItemType(*type)) {
    if (!IsNumber(*item)) return std::nullopt;
    spec.element = ElementOf(*item);
    if (type->id() == Type::FIXED_SIZE_LIST) spec.dims = static_cast<const arrow::FixedSizeListType&>(*type).list_size();
    return spec;
  }
  if (type->id() != Type::STRUCT || type->num_fields() != 2) return std::nullopt;
  const auto indices = static_cast<const arrow::StructType&>(*type).GetFieldByName("indices"), values = static_cast<const arrow::StructType&>(*type).GetFieldByName("values");
  const auto index = indices ? ItemType(*indices->type()) : nullptr, value = values ? ItemType(*values->type()) : nullptr;
  if (!index || !value || !arrow::is_integer(index->id()) || !arrow::is_floating(value->id())) return std::nullopt;
  spec.kind = VectorKind::sparse;
  return spec;
}

bool MayRound(const arrow::DataType& given) {
  const auto item = ItemType(given.id() == Type::EXTENSION ? *static_cast<const arrow::ExtensionType&>(given).storage_type() : given);
  return item && ElementOf(*item) == Element::f32 && item->id() != Type::FLOAT;
}

VectorCells::VectorCells(const arrow::Array& array, VectorSpec spec, bool round, std::string name)
    : array_(array), spec_(std::move(spec)), round_(round), name_(std::move(name)) {}

VectorCells::Items VectorCells::ItemsOf(const arrow::Array& list, int64_t row) {
  switch (list.type_id()) {
    case Type::LIST: {
      const auto& of = static_cast<const arrow::ListArray&>(list);
      return {of.values().get(), of.value_offset(row), of.value_offset(row + 1)};
    }
    case Type::LARGE_LIST: {
      const auto& of = static_cast<const arrow::LargeListArray&>(list);
      return {of.values().get(), of.value_offset(row), of.value_offset(row + 1)};
    }
    case Type::FIXED_SIZE_LIST: {
      const auto& of = static_cast<const arrow::FixedSizeListArray&>(list);
      return {of.values().get(), of.value_offset(row), of.value_offset(row) + of.value_length()};
    }
    default: return {};
  }
}

int64_t VectorCells::LengthOf(int64_t row) const {
  const Items items = ItemsOf(array_, row);
  return items.end - items.begin;
}

Status VectorCells::Inexact(double value) const {
  return MakeError(Category::unsupported, fmt::format("column {} holds numbers that a 32-bit float does not, such as {}", Printable(name_, 100), value),
                   "add ?f64=round to have them rounded to the nearest");
}

Status VectorCells::Put(int64_t row, size_t column, BatchBuilder& builder) {
  if (spec_.kind == VectorKind::sparse) return Sparse(row, column, builder);
  const Items items = ItemsOf(array_, row);
  if (items.end - items.begin != spec_.dims) {
    return BadRecord("vector-dims", fmt::format("{} has {} dimensions, not {}", Printable(name_, 100), items.end - items.begin, spec_.dims));
  }
  return Dense(items, builder.VectorSpace(column));
}

Status VectorCells::Dense(const Items& items, uint8_t* out) const {
  if (items.values->null_count() > 0) {
    for (int64_t i = items.begin; i < items.end; ++i) {
      if (items.values->IsNull(i)) return BadRecord("vector-null-element", fmt::format("{} has a null in it", Printable(name_, 100)));
    }
  }
  if (const uint8_t* raw = RawOf(*items.values, spec_.element)) {
    const int64_t width = spec_.width() / spec_.dims;
    std::memcpy(out, raw + (items.values->offset() + items.begin) * width, static_cast<size_t>(spec_.width()));
    return Status::OK();
  }
  for (int64_t i = items.begin; i < items.end; ++i) {
    const std::optional<double> number = NumberAt(*items.values, i);
    const auto value = static_cast<float>(number.value_or(0));
    const bool exact = number && (static_cast<double>(value) == *number || std::isnan(*number));
    if (!number || (!exact && !round_)) return Inexact(number.value_or(9007199254740993.0));
    if (std::isinf(value) && !std::isinf(*number)) return BadRecord("vector-overflow", fmt::format("{} has a number beyond the largest 32-bit float", Printable(name_, 100)));
    std::memcpy(out + (i - items.begin) * 4, &value, 4);
  }
  return Status::OK();
}

Status VectorCells::Sparse(int64_t row, size_t column, BatchBuilder& builder) {
  const auto& both = static_cast<const arrow::StructArray&>(array_);
  const auto index_list = both.GetFieldByName("indices"), value_list = both.GetFieldByName("values");
  const bool lacking = index_list->IsNull(row) || value_list->IsNull(row);
  const Items at = lacking ? Items{} : ItemsOf(*index_list, row), of = lacking ? Items{} : ItemsOf(*value_list, row);
  if (lacking || at.end - at.begin != of.end - of.begin) return BadRecord("sparse-lengths", fmt::format("{} has more indices than values, or fewer", Printable(name_, 100)));
  indices_.clear();
  values_.clear();
  for (int64_t i = 0; i < at.end - at.begin; ++i) {
    if (at.values->IsNull(at.begin + i) || of.values->IsNull(of.begin + i)) return BadRecord("vector-null-element", fmt::format("{} has a null in it", Printable(name_, 100)));
    const std::optional<double> index = NumberAt(*at.values, at.begin + i), number = NumberAt(*of.values, of.begin + i);
    if (!index || *index < 0 || *index > 4294967295.0) return BadRecord("sparse-index", fmt::format("{} has an index that is no 32-bit number", Printable(name_, 100)));
    const auto value = static_cast<float>(number.value_or(0));
    if (static_cast<double>(value) != *number && !std::isnan(*number) && !round_) return Inexact(*number);
    indices_.push_back(static_cast<uint32_t>(*index));
    values_.push_back(value);
  }
  builder.Sparse(column, indices_.data(), values_.data(), indices_.size());
  return Status::OK();
}

}  // namespace vecferry::columnar
