#pragma once
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/files.h"
#include "connectors/vdf/metadata_split.h"
#include "record/batch.h"

namespace vecferry::vdf {

/// Records that one file holds: their metadata fit in the same columns. Batches are kept, not copied.
class Group {
 public:
  explicit Group(Shape shape) : shape_(std::move(shape)) {}
  bool Fits(const Shape& shape) const { return shape_.Fits(shape); }
  void Add(const RecordView& batch, int64_t row, const Shape& shape);
  int64_t rows() const { return rows_; }
  /// A Parquet file of the records, synced. Their metadata is taken apart as it was for Fits. `names` are the columns of the vectors, `reserved` those that metadata keys give way to.
  Status Write(const fs::path& path, const RecordSchema& schema, const std::vector<std::string>& names, const std::vector<std::string>& reserved, MetadataSplit& split) const;

 private:
  struct Rows {
    RecordView batch;
    std::vector<int64_t> rows;
  };
  Shape shape_;
  std::vector<Rows> parts_;
  int64_t rows_ = 0;
};

}  // namespace vecferry::vdf
