#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/error.h"
#include "record/schema.h"

namespace vecferry {

/// One vector column of a batch, as raw buffers. Row i of a dense column is `width` bytes at
/// data + i * width; of a sparse one `offsets[i]..offsets[i+1]` into indices and values; of a multi one
/// `offsets[i]..offsets[i+1]` rows of `width` bytes at data.
struct VectorColumn {
  VectorSpec spec;
  int64_t width = 0;
  const uint8_t* data = nullptr;
  const int32_t* offsets = nullptr;
  const uint32_t* indices = nullptr;
  const float* values = nullptr;
  const uint8_t* validity = nullptr;  ///< nullptr: all present
  int64_t validity_offset = 0;

  bool IsNull(int64_t row) const {
    const int64_t bit = row + validity_offset;
    return validity && !((validity[bit >> 3] >> (bit & 7)) & 1);
  }
  /// The element bytes of a dense vector. Unspecified content when null.
  std::string_view Dense(int64_t row) const {
    return {reinterpret_cast<const char*>(data) + row * width, static_cast<size_t>(width)};
  }
};

/// A record batch with typed access and no Arrow header. Keeps the batch alive; cheap to copy.
class RecordView {
 public:
  RecordView() = default;
  /// Checks that the batch has the columns of section 2 of the design and nothing else.
  static Result<RecordView> Make(std::shared_ptr<arrow::RecordBatch> batch);

  int64_t rows() const { return rows_; }
  const RecordSchema& schema() const { return *schema_; }
  const std::shared_ptr<arrow::RecordBatch>& batch() const { return batch_; }
  std::string_view id(int64_t row) const { return *Text(id_, row); }
  std::optional<std::string_view> tenant(int64_t row) const { return Text(tenant_, row); }
  std::optional<std::string_view> document(int64_t row) const { return Text(document_, row); }
  /// JSON text of one object. Absent means the same as {}.
  std::optional<std::string_view> metadata(int64_t row) const { return Text(metadata_, row); }
  const std::vector<VectorColumn>& vectors() const { return vectors_; }
  std::optional<std::string_view> extra(size_t column, int64_t row) const { return Text(extras_[column], row); }
  /// Positions in vectors() and of the extras, sorted by column name: the order of the digest.
  const std::vector<size_t>& vector_order() const { return vector_order_; }
  const std::vector<size_t>& extra_order() const { return extra_order_; }
  /// Bytes of the buffers that this batch refers to.
  int64_t bytes() const { return bytes_; }
  /// Rows first, first+1, ... as a batch of their own, without a copy.
  Result<RecordView> Slice(int64_t first, int64_t count) const;
  /// The rows named, in that order, copied.
  Result<RecordView> Take(const std::vector<int64_t>& rows) const;
  /// The same records without their tenants, for a store that keeps these in another place; without a copy.
  Result<RecordView> WithoutTenant() const;

 private:
  struct TextColumn {
    const int32_t* offsets = nullptr;
    const char* data = nullptr;
    const uint8_t* validity = nullptr;
    int64_t validity_offset = 0;
  };
  static std::optional<std::string_view> Text(const TextColumn& column, int64_t row) {
    if (!column.offsets) return std::nullopt;
    const int64_t bit = row + column.validity_offset;
    if (column.validity && !((column.validity[bit >> 3] >> (bit & 7)) & 1)) return std::nullopt;
    return std::string_view(column.data + column.offsets[row],
                            static_cast<size_t>(column.offsets[row + 1] - column.offsets[row]));
  }
  friend struct ViewMaker;

  std::shared_ptr<arrow::RecordBatch> batch_;
  std::shared_ptr<const RecordSchema> schema_;
  int64_t rows_ = 0;
  int64_t bytes_ = 0;
  TextColumn id_, tenant_, document_, metadata_;
  std::vector<VectorColumn> vectors_;
  std::vector<TextColumn> extras_;
  std::vector<size_t> vector_order_, extra_order_;
};

/// Builds a batch row by row. For each row call every column once (a column that is skipped is null),
/// then EndRow; or DropRow to take back what the row has so far. Not for use by two threads at once.
class BatchBuilder {
 public:
  explicit BatchBuilder(const RecordSchema& schema);
  ~BatchBuilder();
  BatchBuilder(BatchBuilder&&) noexcept;
  BatchBuilder& operator=(BatchBuilder&&) noexcept;

  void Id(std::string_view id);
  void Tenant(std::string_view tenant);
  void Document(std::string_view text);
  void Metadata(std::string_view json);
  /// A dense vector of schema.vectors[column]: exactly width() bytes.
  void Vector(size_t column, std::string_view bytes);
  /// The same, to be filled by the caller before EndRow: width() bytes.
  uint8_t* VectorSpace(size_t column);
  void Sparse(size_t column, const uint32_t* indices, const float* values, size_t n);
  /// `rows` rows of width() bytes each.
  void Multi(size_t column, std::string_view bytes, size_t rows);
  void Extra(size_t column, std::string_view bytes);
  void EndRow();
  void DropRow();

  int64_t rows() const;
  /// Bytes held so far; the caller ends the batch on it.
  int64_t bytes() const;
  /// The batch; the builder is empty again afterwards.
  Result<RecordView> Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecferry
