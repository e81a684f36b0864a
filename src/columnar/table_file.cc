#include "columnar/table_file.h"

#include <algorithm>

#include <arrow/io/interfaces.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/compression.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>
#include <parquet/schema.h>
#include <parquet/types.h>
#include <unistd.h>

#include "columnar/guard.h"
#include "files/file.h"

namespace vecferry::columnar {
namespace {

constexpr int64_t kMaxFooter = int64_t{256} << 20;
constexpr int64_t kLocalBuffer = int64_t{1} << 20, kRemoteBuffer = int64_t{8} << 20;

/// Of all readers together. Pages claim their own size, and a claim beyond this machine's memory is an error, not the end of the
/// process. Batches outlive their readers, so the pool outlives all.
arrow::MemoryPool* Pool() {
  static auto* pool = new arrow::CappedMemoryPool(arrow::default_memory_pool(), int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGE_SIZE) / 4 * 3);
  return pool;
}

parquet::ReaderProperties PropertiesFor(const files::Place& place, arrow::MemoryPool* pool) {
  parquet::ReaderProperties properties(pool);
  // Column chunks are read as they are needed: a row group may be larger than memory.
  properties.enable_buffered_stream();
  properties.set_buffer_size(place.is_local() ? kLocalBuffer : kRemoteBuffer);
  properties.set_thrift_string_size_limit(static_cast<int32_t>(kMaxFooter));
  properties.set_thrift_container_size_limit(kMaxRowGroups);
  return properties;
}

/// Positions of the leaf columns under each field.
void Leaves(const parquet::arrow::SchemaField& field, std::vector<int>* out) {
  if (field.column_index >= 0) out->push_back(field.column_index);
  for (const auto& child : field.children) Leaves(child, out);
}

class Reader final : public RowGroupReader {
 public:
  Reader(std::string name, int64_t skip) : name_(std::move(name)), skip_(skip) {}

  Status Open(const files::Place& place, const std::shared_ptr<parquet::FileMetaData>& metadata, int row_group, const std::vector<int>& leaves,
              int64_t batch_rows, bool use_threads) {
    return Guard(name_, [&]() -> Status {
      ARROW_ASSIGN_OR_RAISE(auto source, place.OpenArrow());
      auto raw = parquet::ParquetFileReader::Open(std::move(source), PropertiesFor(place, Pool()), metadata);
      parquet::ArrowReaderProperties properties(use_threads);
      properties.set_batch_size(batch_rows);
      properties.set_pre_buffer(false);
      ARROW_ASSIGN_OR_RAISE(file_, parquet::arrow::FileReader::Make(Pool(), std::move(raw), properties));
      ARROW_ASSIGN_OR_RAISE(batches_, file_->GetRecordBatchReader({row_group}, leaves));
      return Status::OK();
    });
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    return Guard(name_, [this]() -> Result<std::shared_ptr<arrow::RecordBatch>> {
      while (true) {
        std::shared_ptr<arrow::RecordBatch> batch;
        ARROW_RETURN_NOT_OK(batches_->ReadNext(&batch));
        if (!batch) return batch;
        ARROW_RETURN_NOT_OK(batch->Validate());
        if (skip_ == 0) return batch;
        const int64_t skipped = std::min(skip_, batch->num_rows());
        skip_ -= skipped;
        if (skipped < batch->num_rows()) return batch->Slice(skipped);
      }
    });
  }

 private:
  const std::string name_;
  int64_t skip_;
  std::unique_ptr<parquet::arrow::FileReader> file_;
  std::unique_ptr<arrow::RecordBatchReader> batches_;
};

/// The last bytes tell what it is before the library is asked: "PAR1", or "PARE" where the footer is encrypted.
Status CheckMagic(const files::Place& place, arrow::io::RandomAccessFile& file, int64_t size) {
  const std::string name = place.text();
  char tail[8] = {};
  if (size >= 12) {
    const auto got = file.ReadAt(size - 8, 8, tail);
    if (!got.ok()) return place.Classify(got.status(), "cannot read");
  }
  const std::string_view magic(tail + 4, 4);
  if (magic == "PARE") return MakeError(Category::unsupported, name + " is an encrypted Parquet file", "decrypt it with the program that made it");
  if (magic != "PAR1") return MakeError(Category::unsupported, name + " is no Parquet file, or was cut short", "fetch it again");
  const auto* bytes = reinterpret_cast<const uint8_t*>(tail);
  const int64_t footer = bytes[0] | bytes[1] << 8 | bytes[2] << 16 | static_cast<int64_t>(bytes[3]) << 24;
  if (footer > size - 12) return MakeError(Category::corrupt, name + ": its footer claims to be larger than the file");
  if (footer > kMaxFooter) return MakeError(Category::too_large, fmt::format("{}: a footer of {}", name, FormatBytes(static_cast<double>(footer))));
  return Status::OK();
}

}  // namespace

Result<std::shared_ptr<TableFile>> TableFile::Open(const files::Place& place) {
  auto table = std::make_shared<TableFile>();
  table->place_ = place;
  ARROW_ASSIGN_OR_RAISE(table->stamp_, place.Changed());
  ARROW_ASSIGN_OR_RAISE(auto file, place.OpenArrow());
  ARROW_RETURN_NOT_OK(CheckMagic(place, *file, table->stamp_.size));
  ARROW_RETURN_NOT_OK(Guard(place.text(), [&]() -> Status {
    auto raw = parquet::ParquetFileReader::Open(file, PropertiesFor(place, arrow::default_memory_pool()));
    return table->Load(raw->metadata());
  }));
  return table;
}

/// The library reads what it says of places with a JSON parser whose symbols are the system's in this program (cmake/FindArrow.cmake).
static Status CheckKinds(const parquet::SchemaDescriptor& schema, const std::string& name) {
  for (int i = 0; i < schema.num_columns(); ++i) {
    for (const parquet::schema::Node* node = schema.Column(i)->schema_node().get(); node; node = node->parent()) {
      const auto& type = node->logical_type();
      if (type && (type->is_geometry() || type->is_geography() || type->is_variant())) {
        return MakeError(Category::unsupported, fmt::format("{}: the column {} is of type {}", name, Printable(node->name(), 100), Printable(type->ToString(), 60)), "write the file without that column");
      }
    }
  }
  return Status::OK();
}

Status TableFile::Load(const std::shared_ptr<parquet::FileMetaData>& metadata) {
  metadata_ = metadata;
  ARROW_RETURN_NOT_OK(CheckKinds(*metadata->schema(), place_.text()));
  if (metadata->num_columns() > kMaxColumns || metadata->num_row_groups() > kMaxRowGroups) {
    return MakeError(Category::too_large, fmt::format("{} has {} columns and {} row groups", place_.text(), metadata->num_columns(), metadata->num_row_groups()));
  }
  parquet::arrow::SchemaManifest manifest;
  ARROW_RETURN_NOT_OK(parquet::arrow::SchemaManifest::Make(metadata->schema(), metadata->key_value_metadata(), parquet::ArrowReaderProperties(), &manifest));
  arrow::FieldVector fields;
  for (const auto& field : manifest.schema_fields) {
    fields.push_back(field.field);
    Leaves(field, &leaves_.emplace_back());
  }
  schema_ = arrow::schema(std::move(fields), manifest.origin_schema ? manifest.origin_schema->metadata() : metadata->key_value_metadata());
  for (int i = 0; i < metadata->num_row_groups(); ++i) {
    const auto group = metadata->RowGroup(i);
    RowGroup facts = {group->num_rows(), group->total_byte_size(), 0};
    for (int c = 0; c < group->num_columns(); ++c) {
      const auto chunk = group->ColumnChunk(c);
      facts.compressed_bytes += chunk->total_compressed_size();
      if (compression_.empty()) compression_ = arrow::util::Codec::GetCodecAsString(chunk->compression());
    }
    if (facts.rows < 0 || facts.bytes < 0 || facts.compressed_bytes < 0 || facts.compressed_bytes > stamp_.size) {
      return MakeError(Category::corrupt, fmt::format("{}: row group {} claims impossible sizes", place_.text(), i));
    }
    rows_ += facts.rows;
    row_groups_.push_back(facts);
  }
  if (rows_ != metadata->num_rows()) return MakeError(Category::corrupt, fmt::format("{}: its row groups hold {} rows, its footer says {}", place_.text(), rows_, metadata->num_rows()));
  created_by_ = Printable(metadata->created_by(), 100);
  return Status::OK();
}

std::string TableFile::Value(const std::string& key) const {
  const auto& values = metadata_->key_value_metadata();
  return values ? values->Get(key).ValueOr("") : "";
}

Result<std::unique_ptr<RowGroupReader>> TableFile::Read(int row_group, const std::vector<int>& columns, int64_t first, int64_t batch_rows, bool use_threads) const {
  std::vector<int> leaves;
  for (const int column : columns) leaves.insert(leaves.end(), leaves_[static_cast<size_t>(column)].begin(), leaves_[static_cast<size_t>(column)].end());
  auto reader = std::make_unique<Reader>(place_.text(), first);
  ARROW_RETURN_NOT_OK(reader->Open(place_, metadata_, row_group, leaves, batch_rows, use_threads));
  return reader;
}

bool LooksLikeParquet(const fs::path& path) {
  const auto file = files::File::Open(path, files::File::Mode::read);
  if (!file.ok()) return false;
  const auto stamp = file->Stat();
  char head[4], tail[4];
  return stamp.ok() && stamp->size >= 12 && file->ReadAt(0, head, 4).ValueOr(0) == 4 && file->ReadAt(stamp->size - 4, tail, 4).ValueOr(0) == 4 &&
         std::string_view(head, 4) == "PAR1" && std::string_view(tail, 4) == "PAR1";
}

}  // namespace vecferry::columnar
