#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/milvus/shape.h"
#include "record/batch.h"

/// Rows as the columns of an upsert, written as bytes with no message in between.
namespace vecferry::milvus {

/// One column that is being written. For each row one call; Truncate takes rows back.
class ColumnWriter {
 public:
  explicit ColumnWriter(Field field) : field_(std::move(field)) {}
  const Field& field() const { return field_; }
  int64_t rows() const { return rows_; }

  void Null();
  void Integer(int64_t value);
  void Real(double value);
  /// Texts, JSON, array values (a ScalarField), sparse vectors, dense vectors: their bytes.
  void Bytes(std::string_view value);
  /// A value that ColumnData::Cell gave.
  Status AppendCell(std::string_view cell);

  struct Mark {
    size_t body, valid;
    int64_t rows;
  };
  Mark mark() const { return {body_.size(), valid_.size(), rows_}; }
  void Truncate(const Mark& mark) { body_.resize(mark.body), valid_.resize(mark.valid), rows_ = mark.rows; }
  void Reserve(size_t bytes) { body_.reserve(bytes); }
  /// Appends the column as field 5 of an UpsertRequest.
  void Finish(std::string* request) const;

 private:
  void Valid(bool valid);
  Field field_;
  std::string body_;   ///< the values, as they stand in their array
  std::string valid_;  ///< a byte for each row
  int64_t rows_ = 0;
  uint64_t largest_ = 0;  ///< index of a sparse vector
};

/// Takes rows of batches apart into columns. Not for use by two threads at once; reuse it.
class RowEncoder {
 public:
  RowEncoder(const Shape& shape, const Layout& layout);
  ~RowEncoder();
  RowEncoder(RowEncoder&&) noexcept;

  void Begin();
  /// Nothing where the row was taken; else why not, and nothing of it is left.
  std::optional<RowReject> Append(const RecordView& batch, int64_t row);
  int64_t rows() const;
  /// UpsertRequest behind `head`, of what was taken.
  std::string Finish(std::string head, std::string_view partition);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A row as it is stored, for Undo: each field's name and cell. And columns from such images.
std::string ImageOf(const std::vector<class ColumnData>& columns, int64_t row);
/// UpsertRequest of images. Category::corrupt for one that is none.
Result<std::string> RequestOf(std::string head, std::string_view partition, const Shape& shape, const std::vector<std::string_view>& images);

}  // namespace vecferry::milvus
