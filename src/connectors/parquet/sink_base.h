#pragma once
#include <string>
#include <utility>

#include "connectors/parquet/parquet.h"
#include "files/staged_file.h"
#include "files/whole_sink.h"

namespace vecferry::parquet_store {

/// What a file and a folder as targets have in common.
class ParquetSink : public files::WholeSink {
 public:
  ParquetSink(files::Place place, WriteOptions options) : WholeSink("a Parquet dataset", "the file is"), place_(std::move(place)), options_(std::move(options)) {}
  Result<TargetInfo> Describe() override;
  Status Abort() override = 0;
  /// Records of an unfinished file are nobody's yet: what is read back then is empty.
  Result<std::unique_ptr<Source>> OpenReadBack() override;

 protected:
  virtual bool IsInPlace() const = 0;
  /// Checks what is there and decides what every file says of itself.
  Status Begin(const SinkSpec& spec);
  /// The schema of files, with facts of the dataset and `more` in its metadata.
  std::shared_ptr<arrow::Schema> FileSchema(const std::map<std::string, std::string>& more, bool with_tenant) const;

  const files::Place place_;
  const WriteOptions options_;
  RecordSchema schema_;
  std::map<std::string, std::string> facts_;
};

}  // namespace vecferry::parquet_store
