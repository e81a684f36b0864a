#include <fmt/format.h>

#include "base/text.h"
#include "columnar/table_file.h"
#include "connectors/parquet/parquet.h"
#include "files/exact_file.h"
#include "files/staged_folder.h"
#include "options/make_option.h"

namespace vecferry::parquet_store {
namespace {

std::vector<OptionSpec> Options() {
  std::vector<OptionSpec> options = {
      MakeOption::Text("id", "COLUMN", "Reading files of others: the column of the ids, or @row to number the rows.").Example("id=doc_id"),
      MakeOption::Text("vector", "COLUMN", "Reading files of others: the column of the vectors, or several as NAME=COLUMN,NAME=COLUMN; empty for none.").Example("vector=title=title_emb,body=body_emb"),
      MakeOption::Text("document", "COLUMN", "Reading files of others: the column of the text that was embedded; empty for none."),
      MakeOption::Text("tenant", "COLUMN", "Reading files of others: the column or partition key of the tenants; empty for none."),
      MakeOption::Text("metadata", "COLUMNS", "Reading files of others: the columns that are metadata, with commas between; * for all others (the default), empty for none."),
      MakeOption::Text("json", "COLUMN", "Reading files of others: a column of text that holds the metadata as one JSON object."),
      MakeOption::Choice("f64", {"refuse", "round"}, "Vectors of doubles: refused where a 32-bit float does not hold a number, or rounded to the nearest."),
      MakeOption::Choice("compression", {"zstd", "snappy", "gzip", "lz4", "none"}, "Writing: the codec."),
      MakeOption::Integer("level", "Writing: the codec's level; its own default where it is not told."),
      MakeOption::Choice("encoding", {"plain", "byte-stream-split"}, "Writing: how float vectors are encoded; byte-stream-split is smaller and slower."),
      MakeOption::Bytes("row-group-size", "Writing: a row group is ended beyond it; so much is held in memory.").Default("64MiB"),
      MakeOption::Integer("row-group-rows", "Writing: the most rows of a row group.").Default("1048576"),
      MakeOption::Text("partition-by", "KEY", "Writing a folder: one folder KEY=VALUE for each value of the tenant (`tenant`) or of a field of the metadata."),
      MakeOption::Bytes("file-size", "Writing a folder: a file is ended beyond it, and the next begun.").Default("1GiB")};
  for (auto& spec : files::S3OptionSpecs()) options.push_back(std::move(spec));
  return options;
}

Connector::Info MakeInfo() {
  Connector::Info info;
  info.scheme = "parquet";
  info.title = "Parquet, a file or a folder of files";
  info.example = "parquet:docs.parquet";
  info.backup_ending = ".parquet";
  info.notes = "Every type of the record comes back as it was, and pyarrow, pandas, DuckDB and others read the columns; docs/formats/parquet.md has them. Files of others are read by "
               "naming their columns. A name that ends in .parquet is a file, another a folder. Files and local folders appear when they are whole.";
  info.capabilities = files::ExactFileCapabilities();
  Capabilities& can = info.capabilities;
  can.expansion = 2.0;
  can.batch_rows = 8192;
  can.batch_bytes = int64_t{16} << 20;
  can.flush_bytes = int64_t{64} << 20;
  can.flush_seconds = 30;
  info.options = Options();
  return info;
}

bool IsFileName(const std::string& name) {
  const std::string lower = ToLower(name);
  return lower.ends_with(".parquet") || lower.ends_with(".parq") || lower.ends_with(".pq");
}

class ParquetConnector final : public Connector {
 public:
  const Info& info() const override { return info_; }

  /// A file of a folder is ended at a flush, so there is one at least as often.
  Result<Capabilities> CapabilitiesOf(const Location& location) const override {
    Capabilities can = info_.capabilities;
    const auto size = location.options.find("file-size");
    if (size == location.options.end()) return can;
    ARROW_ASSIGN_OR_RAISE(const uint64_t bytes, ParseBytes(size->second));
    can.flush_bytes = std::min<int64_t>(can.flush_bytes, static_cast<int64_t>(std::min<uint64_t>(bytes, INT64_MAX)));
    return can;
  }

  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const auto source, OpenSource(location, context));
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo there, source->Describe());
    return std::vector<DatasetSummary>{{"", there.count, fmt::format("{} vectors", there.schema.vectors.size())}};
  }

  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext&) override {
    ARROW_ASSIGN_OR_RAISE(const auto values, Check(location));
    ARROW_ASSIGN_OR_RAISE(const files::Place place, files::Place::Of(location));
    columnar::ColumnNames names;
    const auto given = [&](const char* name) {
      const auto found = location.options.find(name);
      return found == location.options.end() ? std::nullopt : std::optional(found->second);
    };
    names.id = given("id");
    names.tenant = given("tenant");
    names.document = given("document");
    names.vector = given("vector");
    names.metadata = given("metadata");
    names.json = given("json");
    names.round = values.at("f64") == "round";
    return parquet_store::OpenSource(place, names);
  }

  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext&) override {
    ARROW_ASSIGN_OR_RAISE(const auto values, Check(location));
    ARROW_ASSIGN_OR_RAISE(const files::Place place, files::Place::Of(location));
    ARROW_ASSIGN_OR_RAISE(const WriteOptions options, WriteOptionsOf(values));
    ARROW_ASSIGN_OR_RAISE(const auto there, place.Stat());
    const bool file = there ? !there->folder : IsFileName(place.name());
    if (!file) return OpenFolderSink(place, options);
    if (!options.partition_by.empty()) return MakeError(Category::usage, "one file has no partitions", "name a folder, without .parquet at its end");
    return OpenFileSink(place, options);
  }

  bool Recognises(const fs::path& path) const override {
    std::error_code ec;
    if (!fs::is_directory(path, ec)) return columnar::LooksLikeParquet(path);
    if (fs::exists(path / "VDF_META.json", ec)) return false;
    const auto files = files::Place(path).Files(1000);
    return files.ok() && !files->empty() && columnar::LooksLikeParquet(path / files->front().relative);
  }

 private:
  Result<std::map<std::string, std::string>> Check(const Location& location) const {
    if (!location.dataset.empty()) return MakeError(Category::usage, "a Parquet file or folder is one dataset and has no names in it", "leave out what follows the '#'");
    return CheckOptions(info_.options, location.options, "option of parquet");
  }

  static Result<WriteOptions> WriteOptionsOf(const std::map<std::string, std::string>& values) {
    const auto text = [&](const char* name) {
      const auto found = values.find(name);
      return found == values.end() ? std::string() : found->second;
    };
    WriteOptions options;
    options.table.compression = text("compression");
    if (!text("level").empty()) {
      ARROW_ASSIGN_OR_RAISE(const int64_t level, ParseInt(text("level")));
      options.table.level = static_cast<int>(std::clamp<int64_t>(level, -1000, 1000));
    }
    options.table.byte_stream_split = text("encoding") == "byte-stream-split";
    ARROW_ASSIGN_OR_RAISE(const uint64_t group, ParseBytes(text("row-group-size")));
    ARROW_ASSIGN_OR_RAISE(options.table.row_group_rows, ParseInt(text("row-group-rows")));
    ARROW_ASSIGN_OR_RAISE(const uint64_t file, ParseBytes(text("file-size")));
    if (group < (1 << 16) || group > (uint64_t{4} << 30)) return MakeError(Category::usage, "row-group-size is 64KiB to 4GiB");
    if (options.table.row_group_rows < 1 || options.table.row_group_rows > (int64_t{1} << 30)) return MakeError(Category::usage, "row-group-rows is 1 to 1073741824");
    if (file < (1 << 20)) return MakeError(Category::usage, "file-size is at least 1MiB");
    options.table.row_group_bytes = static_cast<int64_t>(group);
    options.file_size = static_cast<int64_t>(std::min<uint64_t>(file, INT64_MAX));
    options.partition_by = text("partition-by");
    return options;
  }

  const Info info_ = MakeInfo();
};

}  // namespace

std::unique_ptr<Connector> MakeParquetConnector() { return std::make_unique<ParquetConnector>(); }

}  // namespace vecferry::parquet_store
