#pragma once
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "files/place.h"

namespace parquet {
class FileMetaData;
}
namespace parquet::arrow {
class FileReader;
}

namespace vecferry::columnar {

/// More in one file than this is refused: what a footer claims must not size our memory.
inline constexpr int kMaxColumns = 10000;
inline constexpr int kMaxRowGroups = 1000000;

struct RowGroup {
  int64_t rows = 0;
  int64_t bytes = 0;             ///< uncompressed, of all columns
  int64_t compressed_bytes = 0;
};

/// Batches of some columns of one row group, in order. Memory is that of some pages of each column and one batch.
class RowGroupReader {
 public:
  virtual ~RowGroupReader() = default;
  /// Nothing at the end. The number of rows is a target; fewer may come.
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Next() = 0;
};

/// One Parquet file, its footer read and checked. Thread-safe: each reader opens its own.
class TableFile {
 public:
  /// Category::not_found, unsupported for what is no Parquet or is encrypted, corrupt for a footer that is not right.
  static Result<std::shared_ptr<TableFile>> Open(const files::Place& place);

  const files::Place& place() const { return place_; }
  /// As Arrow sees it; names of extension types stand in the fields' metadata.
  const arrow::Schema& schema() const { return *schema_; }
  /// A value of the footer's own key-value metadata, "" if there is none.
  std::string Value(const std::string& key) const;
  const std::vector<RowGroup>& row_groups() const { return row_groups_; }
  int64_t rows() const { return rows_; }
  int64_t bytes() const { return stamp_.size; }
  const files::Stamp& stamp() const { return stamp_; }
  const std::string& created_by() const { return created_by_; }
  const std::string& compression() const { return compression_; }
  /// Columns by their place in the schema. `batch_rows` at a time, from row `first` on.
  Result<std::unique_ptr<RowGroupReader>> Read(int row_group, const std::vector<int>& columns, int64_t first, int64_t batch_rows, bool use_threads) const;

 private:
  Status Load(const std::shared_ptr<parquet::FileMetaData>& metadata);

  files::Place place_;
  std::shared_ptr<parquet::FileMetaData> metadata_;
  std::shared_ptr<arrow::Schema> schema_;
  std::vector<RowGroup> row_groups_;
  std::vector<std::vector<int>> leaves_;  ///< of each field
  int64_t rows_ = 0;
  files::Stamp stamp_;
  std::string created_by_, compression_;
};

/// Whether a local file begins and ends as Parquet.
bool LooksLikeParquet(const fs::path& file);

}  // namespace vecferry::columnar
