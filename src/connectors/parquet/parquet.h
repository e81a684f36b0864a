#pragma once
#include <memory>

#include "columnar/mapping.h"
#include "columnar/table_writer.h"
#include "connector/connector.h"
#include "files/place.h"

namespace vecferry::parquet_store {

/// `parquet:FILE.parquet`, `parquet:DIR`, `parquet:s3://bucket/dir`: tables of one row a record (docs/formats/parquet.md).
std::unique_ptr<Connector> MakeParquetConnector();

struct WriteOptions {
  columnar::TableOptions table;
  std::string partition_by;                        ///< "", "tenant" or a field of the metadata
  int64_t file_size = int64_t{1} << 30;            ///< a file of a folder is ended beyond it
};

Result<std::unique_ptr<Source>> OpenSource(const files::Place& place, const columnar::ColumnNames& names);
Result<std::unique_ptr<Sink>> OpenFileSink(const files::Place& place, const WriteOptions& options);
Result<std::unique_ptr<Sink>> OpenFolderSink(const files::Place& place, const WriteOptions& options);

// Names of the footer's own key-value metadata.
inline constexpr const char* kLayoutKey = "vecferry.layout";
inline constexpr const char* kSettingsKey = "vecferry.settings";    ///< JSON object of texts
inline constexpr const char* kPartitionKey = "vecferry.partition";  ///< what the folders' names are of: the tenant or a field
inline constexpr const char* kTenantKey = "vecferry.tenant";        ///< JSON: the tenant of every row, or null

}  // namespace vecferry::parquet_store
