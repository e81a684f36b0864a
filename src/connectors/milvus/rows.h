#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "connectors/milvus/schema.h"
#include "record/json.h"

/// Columns of rows on the wire, milvus.proto.schema.FieldData, read where they stand. Bytes from outside: every length is checked.
namespace vecferry::milvus {

/// One column of an answer. Points into the answer's bytes.
class ColumnData {
 public:
  /// Category::corrupt for bytes that are no column, or whose parts differ in their number of rows.
  Status Parse(std::string_view field_data);

  const std::string& name() const { return name_; }
  DataType type() const { return type_; }
  bool is_dynamic() const { return dynamic_; }
  int64_t rows() const { return rows_; }
  bool IsNull(int64_t row) const { return !valid_.empty() && !valid_[static_cast<size_t>(row)]; }

  // Of a row that is not null.
  int64_t Integer(int64_t row) const { return integers_[At(row)]; }
  double Real(int64_t row) const;
  /// Of texts and JSON the text, of arrays a ScalarField, of sparse vectors their pairs, of dense ones the elements.
  std::string_view Bytes(int64_t row) const;
  /// Bytes of one dense vector.
  size_t width() const { return width_; }
  /// Whether the column holds what its type says; a column of no rows does.
  bool holds_integers() const { return kind_ == Kind::integers; }
  bool holds_texts() const { return kind_ == Kind::texts; }
  bool holds_reals() const { return kind_ == Kind::reals32 || kind_ == Kind::reals64; }
  bool holds_vectors() const { return kind_ == Kind::packed; }

  /// A row's value in one piece, for AppendCell; nothing for a null.
  std::optional<std::string> Cell(int64_t row) const;

 private:
  enum class Kind { nothing, integers, reals32, reals64, texts, packed };
  size_t At(int64_t row) const { return compact_.empty() ? static_cast<size_t>(row) : compact_[static_cast<size_t>(row)]; }
  Status ParseScalars(std::string_view message);
  Status ParseVectors(std::string_view message);
  Status ParseValid(std::string_view packed);
  Status TakeTexts(std::string_view message, uint32_t number);
  Status TakeIntegers(std::string_view message);
  Status TakeFixed(std::string_view message, size_t size, Kind kind);
  Status Fit();

  std::string name_;
  DataType type_ = DataType::none;
  bool dynamic_ = false;
  int64_t rows_ = 0;
  std::vector<uint8_t> valid_;
  std::vector<size_t> compact_;    ///< where a row's value stands, where nulls take no place
  Kind kind_ = Kind::nothing;
  std::vector<int64_t> integers_;
  std::vector<std::string_view> texts_;
  std::string_view fixed_;         ///< elements of fixed size, one after the other
  std::string joined_;             ///< where they came in several pieces
  size_t width_ = 0;               ///< bytes of one of fixed_
  int64_t dim_ = 0;
};

/// An answer to a query, taken apart. The bytes must outlive it.
class Rows {
 public:
  Status Open(std::string_view answer);
  int64_t rows() const { return columns_.empty() ? 0 : columns_.front().rows(); }
  const std::vector<ColumnData>& columns() const { return columns_; }
  const ColumnData* Find(std::string_view name) const;
  const ColumnData* dynamic() const;

 private:
  std::vector<ColumnData> columns_;
};

/// An array's value, a ScalarField, as the events of a JSON array.
Status VisitArray(std::string_view scalar_field, DataType element, JsonVisitor& out);

}  // namespace vecferry::milvus
