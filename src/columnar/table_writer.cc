#include "columnar/table_writer.h"

#include <algorithm>
#include <cstring>

#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>
#include <arrow/util/compression.h>
#include <fmt/format.h>
#include <parquet/arrow/schema.h>
#include <parquet/arrow/writer.h>
#include <parquet/file_writer.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include "columnar/guard.h"

namespace vecferry::columnar {
namespace {

constexpr int64_t kPageBytes = int64_t{1} << 20;
constexpr int64_t kValuesAtOnce = 16384;
constexpr int kMaxPieces = 30000;  ///< row groups of one file: their ordinals are 16 bits wide

/// The end of the data file as the library sees it: positions are those of the whole file. The library only begins a file at
/// position 0 and with the magic bytes; both are shown and taken, and the bytes are let go.
class DataStream final : public arrow::io::OutputStream {
 public:
  explicit DataStream(TableWriter::Data& data) : data_(data) { set_mode(arrow::io::FileMode::WRITE); }
  using arrow::io::OutputStream::Write;
  arrow::Status Write(const void* bytes, int64_t size) override {
    const std::string_view text(static_cast<const char*>(bytes), static_cast<size_t>(size));
    if (begun_) return data_.append(text);
    begun_ = true;
    return text == TableWriter::kMagic ? arrow::Status::OK() : arrow::Status::Invalid("the library began a file otherwise");
  }
  arrow::Status Close() override { return closed_ = true, arrow::Status::OK(); }
  bool closed() const override { return closed_; }
  arrow::Result<int64_t> Tell() const override { return begun_ ? data_.size() : 0; }

 private:
  TableWriter::Data& data_;
  bool begun_ = false, closed_ = false;
};

class TextStream final : public arrow::io::OutputStream {
 public:
  TextStream() { set_mode(arrow::io::FileMode::WRITE); }
  using arrow::io::OutputStream::Write;
  arrow::Status Write(const void* bytes, int64_t size) override { return text.append(static_cast<const char*>(bytes), static_cast<size_t>(size)), arrow::Status::OK(); }
  arrow::Status Close() override { return arrow::Status::OK(); }
  bool closed() const override { return false; }
  arrow::Result<int64_t> Tell() const override { return static_cast<int64_t>(text.size()); }
  std::string text;
};

Result<arrow::Compression::type> CodecOf(const std::string& name) {
  if (name == "zstd") return arrow::Compression::ZSTD;
  if (name == "snappy") return arrow::Compression::SNAPPY;
  if (name == "gzip") return arrow::Compression::GZIP;
  if (name == "lz4") return arrow::Compression::LZ4;
  if (name == "none") return arrow::Compression::UNCOMPRESSED;
  return MakeError(Category::usage, fmt::format("'{}' is no compression of Parquet", Printable(name, 40)), "use zstd, snappy, gzip, lz4 or none");
}

Result<std::shared_ptr<parquet::WriterProperties>> PropertiesOf(const arrow::Schema& schema, const TableOptions& options) {
  parquet::WriterProperties::Builder builder;
  ARROW_ASSIGN_OR_RAISE(const auto codec, CodecOf(options.compression));
  builder.compression(codec)->data_pagesize(kPageBytes)->write_batch_size(kValuesAtOnce)->max_row_group_length(options.row_group_rows);
  if (options.level != 0) {
    if (!arrow::util::Codec::SupportsCompressionLevel(codec)) return MakeError(Category::usage, fmt::format("the compression {} has no levels", options.compression));
    ARROW_ASSIGN_OR_RAISE(const int lowest, arrow::util::Codec::MinimumCompressionLevel(codec));
    ARROW_ASSIGN_OR_RAISE(const int highest, arrow::util::Codec::MaximumCompressionLevel(codec));
    if (options.level < lowest || options.level > highest) return MakeError(Category::usage, fmt::format("the levels of {} are {} to {}", options.compression, lowest, highest));
    builder.compression_level(options.level);
  }
  std::shared_ptr<parquet::SchemaDescriptor> columns;
  ARROW_RETURN_NOT_OK(parquet::arrow::ToParquetSchema(&schema, *builder.build(), &columns));
  // Vectors, ids and texts hardly repeat, and their least and greatest value serve nobody.
  for (int i = 0; i < columns->num_columns(); ++i) {
    const auto* column = columns->Column(i);
    const std::string path = column->path()->ToDotString();
    const bool nested = column->max_repetition_level() > 0;
    const bool number = column->physical_type() == parquet::Type::FLOAT || column->physical_type() == parquet::Type::DOUBLE;
    if (nested || path == "id" || path == "document" || path == "metadata") builder.disable_dictionary(path);
    if (nested || path == "document" || path == "metadata") builder.disable_statistics(path);
    if (nested && number && options.byte_stream_split) builder.encoding(path, parquet::Encoding::BYTE_STREAM_SPLIT);
  }
  return builder.build();
}

class Writer final : public TableWriter {
 public:
  Writer(std::shared_ptr<arrow::Schema> schema, std::shared_ptr<parquet::WriterProperties> properties, const TableOptions& options, Data data)
      : schema_(std::move(schema)), properties_(std::move(properties)), options_(options), data_(std::move(data)) {}

  Status BeginSidecar(const fs::path& path, bool resumed) override {
    std::error_code ec;
    const bool there = resumed && fs::exists(path, ec);
    ARROW_ASSIGN_OR_RAISE(sidecar_, there ? files::GrowingFile::Reopen(path) : files::GrowingFile::Create(path));
    return Status::OK();
  }

  Status Write(const arrow::RecordBatch& batch) override {
    if (broken_) return Broken();
    return Guard("the Parquet writer", [&]() -> Status {
      if (!writer_) ARROW_RETURN_NOT_OK(Open());
      else if (buffered_ >= options_.row_group_bytes) ARROW_RETURN_NOT_OK(NewRowGroup());
      const Status status = writer_->WriteRecordBatch(batch);
      // What was written of a batch that failed cannot be told: the piece is begun anew from what was flushed.
      if (!status.ok()) return broken_ = true, status;
      buffered_ += arrow::util::ReferencedBufferSize(batch).ValueOr(0);
      return status;
    });
  }

  Result<int64_t> Flush() override {
    if (broken_) return Broken();
    if (writer_) ARROW_RETURN_NOT_OK(Guard("the Parquet writer", [this] { return EndPiece(); }));
    ARROW_RETURN_NOT_OK(sidecar_.Sync());
    return sidecar_.size();
  }

  Status Resume(int64_t sidecar_size) override {
    Forget();
    if (sidecar_size > sidecar_.size()) return MakeError(Category::corrupt, fmt::format("{} is shorter than this run left it", sidecar_.path().string()), "start again with --restart");
    return sidecar_.CutTo(sidecar_size);
  }

  Result<std::string> Footer() override {
    ARROW_RETURN_NOT_OK(Flush().status());
    return Guard("the Parquet writer", [this] { return Merge(); });
  }

  Status RemoveSidecar() override {
    const fs::path path = sidecar_.path();
    sidecar_.Close();
    std::error_code ec;
    if (!path.empty()) fs::remove(path, ec);
    return ec ? ErrnoError(ec.value(), "cannot remove", path.string()) : Status::OK();
  }

  int64_t buffered() const override { return buffered_; }
  ~Writer() override { Forget(); }

 private:
  Status Open() {
    begin_ = data_.size();
    stream_ = std::make_shared<DataStream>(data_);
    const auto how = parquet::ArrowWriterProperties::Builder().store_schema()->build();
    ARROW_ASSIGN_OR_RAISE(writer_, parquet::arrow::FileWriter::Open(*schema_, arrow::default_memory_pool(), stream_, properties_, how));
    return NewRowGroup();
  }

  Status NewRowGroup() {
    buffered_ = 0;
    return writer_->NewBufferedRowGroup();
  }

  /// The library ends its piece with a footer of its own: that is taken off the data again and kept in the side-car.
  Status EndPiece() {
    const Status closed = writer_->Close();
    if (!closed.ok()) return broken_ = true, closed;
    const auto metadata = writer_->metadata();
    int64_t end = begin_;
    bool any = false;
    for (int i = 0; i < metadata->num_row_groups(); ++i) {
      const auto group = metadata->RowGroup(i);
      any = any || group->num_rows() > 0;
      for (int c = 0; c < group->num_columns(); ++c) {
        const auto chunk = group->ColumnChunk(c);
        const int64_t from = chunk->has_dictionary_page() ? std::min(chunk->dictionary_page_offset(), chunk->data_page_offset()) : chunk->data_page_offset();
        end = std::max(end, from + chunk->total_compressed_size());
      }
    }
    ARROW_RETURN_NOT_OK(data_.cut(end));
    writer_.reset();
    stream_.reset();
    buffered_ = 0;
    return any ? AppendPiece(metadata->SerializeToString()) : Status::OK();
  }

  Status AppendPiece(const std::string& piece) {
    const auto size = static_cast<uint32_t>(piece.size());
    std::string framed(4, '\0');
    std::memcpy(framed.data(), &size, 4);
    return sidecar_.Append(framed + piece);
  }

  /// What was never flushed is dropped with the library's writer, whose own end must not reach the file.
  void Forget() {
    if (writer_) {
      try {
        Data nowhere = {[](std::string_view) { return Status::OK(); }, [] { return int64_t{0}; }, [](int64_t) { return Status::OK(); }};
        data_.append.swap(nowhere.append);
        writer_.reset();
        data_.append.swap(nowhere.append);
      } catch (const std::exception&) {
        // It ends what it began, and that is let go.
      }
    }
    writer_.reset();
    stream_.reset();
    buffered_ = 0;
    broken_ = false;
  }

  Result<std::string> Merge() {
    std::string pieces(static_cast<size_t>(sidecar_.size()), '\0');
    ARROW_ASSIGN_OR_RAISE(const size_t got, sidecar_.file().ReadAt(0, pieces.data(), pieces.size()));
    if (got != pieces.size()) return Damaged();
    std::shared_ptr<parquet::FileMetaData> all;
    for (size_t at = 0; at < pieces.size();) {
      uint32_t size = 0;
      if (pieces.size() - at < 4) return Damaged();
      std::memcpy(&size, pieces.data() + at, 4);
      if (pieces.size() - at - 4 < size) return Damaged();
      auto piece = parquet::FileMetaData::Make(pieces.data() + at + 4, static_cast<int64_t>(size));
      if (!all) all = std::move(piece);
      else all->AppendRowGroups(*piece);
      if (all->num_row_groups() > kMaxPieces) return MakeError(Category::too_large, fmt::format("more than {} row groups in one file", kMaxPieces), "write a folder: ?file-size=");
      at += 4 + size;
    }
    if (!all) {
      // A table without rows still has a schema.
      TextStream empty;
      const auto how = parquet::ArrowWriterProperties::Builder().store_schema()->build();
      std::shared_ptr<arrow::io::OutputStream> stream(&empty, [](arrow::io::OutputStream*) {});
      ARROW_ASSIGN_OR_RAISE(auto writer, parquet::arrow::FileWriter::Open(*schema_, arrow::default_memory_pool(), stream, properties_, how));
      ARROW_RETURN_NOT_OK(writer->Close());
      all = writer->metadata();
    }
    TextStream out;
    ARROW_RETURN_NOT_OK(parquet::arrow::WriteFileMetaData(*all, &out));
    return std::move(out.text);
  }

  static Status Broken() {
    return MakeError(Category::internal, "a batch was not written whole", "run the same command again: it goes on where the file was durable");
  }
  Status Damaged() const { return MakeError(Category::corrupt, fmt::format("{} is damaged", sidecar_.path().string()), "start again with --restart"); }

  const std::shared_ptr<arrow::Schema> schema_;
  const std::shared_ptr<parquet::WriterProperties> properties_;
  const TableOptions options_;
  Data data_;
  files::GrowingFile sidecar_;
  std::shared_ptr<DataStream> stream_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  int64_t begin_ = 0, buffered_ = 0;
  bool broken_ = false;
};

}  // namespace

Result<std::unique_ptr<TableWriter>> TableWriter::Make(std::shared_ptr<arrow::Schema> schema, const TableOptions& options, Data data) {
  return Guard("the Parquet writer", [&]() -> Result<std::unique_ptr<TableWriter>> {
    ARROW_ASSIGN_OR_RAISE(auto properties, PropertiesOf(*schema, options));
    return std::make_unique<Writer>(std::move(schema), std::move(properties), options, std::move(data));
  });
}

}  // namespace vecferry::columnar
