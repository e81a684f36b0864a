#pragma once
#include <functional>
#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "files/growing_file.h"

namespace vecferry::columnar {

/// How tables are written.
struct TableOptions {
  std::string compression = "zstd";   ///< zstd, snappy, gzip, lz4, none
  int level = 0;                      ///< 0: the codec's own default
  bool byte_stream_split = false;     ///< of float vectors: smaller, and slower
  int64_t row_group_bytes = int64_t{64} << 20;
  int64_t row_group_rows = int64_t{1} << 20;
};

/// One ordinary Parquet file that is written piece by piece and survives being cut off.
///
/// Row groups go into the data file; what the footer will say of them goes into a side-car, one piece at each Flush. Both can be cut back to what
/// a Flush made durable. Footer() makes of all pieces the one footer that ends the file. The file itself may be closed and gone on with later.
class TableWriter {
 public:
  /// Where bytes of the data go: the end of a file. `size` is where that end is.
  struct Data {
    std::function<Status(std::string_view)> append;
    std::function<int64_t()> size;
    std::function<Status(int64_t)> cut;
  };
  static constexpr std::string_view kMagic = "PAR1";

  /// The data begins with kMagic already. Category::usage for a codec that is none.
  static Result<std::unique_ptr<TableWriter>> Make(std::shared_ptr<arrow::Schema> schema, const TableOptions& options, Data data);
  virtual ~TableWriter() = default;

  /// The side-car: made anew, or opened as it is for Resume.
  virtual Status BeginSidecar(const fs::path& path, bool resumed) = 0;
  virtual Status Write(const arrow::RecordBatch& batch) = 0;
  /// Ends the row group that is being written; everything is then in the data file and the side-car, which is synced. The
  /// data's own sync is the caller's. Returns the side-car's size, the state to resume from.
  virtual Result<int64_t> Flush() = 0;
  /// Forgets what was not flushed and cuts the side-car back; the data has been cut by the caller.
  virtual Status Resume(int64_t sidecar_size) = 0;
  /// Flush, and the bytes that end the file.
  virtual Result<std::string> Footer() = 0;
  /// Closes and removes the side-car.
  virtual Status RemoveSidecar() = 0;
  /// Bytes of batches in the row group that is being written.
  virtual int64_t buffered() const = 0;
};

}  // namespace vecferry::columnar
