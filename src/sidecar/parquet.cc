#include <algorithm>
#include <mutex>

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/io/file.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>

#include "base/base64.h"
#include "base/text.h"
#include "record/json.h"
#include "sidecar/census.h"
#include "sidecar/header.h"
#include "sidecar/open.h"
#include "sidecar/splitter.h"

namespace vecferry::sidecar {
namespace {

constexpr const char* kHeaderKey = "vecferry_sidecar";
constexpr int64_t kGroupRows = 64 * 1024;
constexpr int64_t kGroupBytes = int64_t{64} << 20;

/// Parquet says what is wrong by exceptions in places; none leaves this file.
template <class Act>
auto Guarded(const fs::path& path, Act act) -> decltype(act()) {
  try {
    return act();
  } catch (const parquet::ParquetException& error) {
    return MakeError(Category::corrupt, fmt::format("{}: {}", Printable(path.string()), Printable(error.what())), "check the file");
  } catch (const std::exception& error) {
    return MakeError(Category::internal, fmt::format("{}: {}", Printable(path.string()), Printable(error.what())));
  }
}

Status NotKnown(const arrow::Field& field) {
  return MakeError(Category::unsupported,
                   fmt::format("the column '{}' of the side-car is of type {}, which is not read", Printable(field.name(), 100), field.type()->ToString()),
                   "leave the column out, or write it as text or numbers");
}

/// One value of a column as an event. Null was seen to.
Status Tell(const arrow::Array& array, int64_t row, const arrow::Field& field, JsonVisitor& out) {
  const auto number = [&](auto value) {
    if (std::isfinite(value)) return out.Double(value);
    return out.Special("f64", std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
  };
  switch (array.type_id()) {
    case arrow::Type::BOOL: return out.Bool(static_cast<const arrow::BooleanArray&>(array).Value(row));
    case arrow::Type::INT8: return out.Int(static_cast<const arrow::Int8Array&>(array).Value(row));
    case arrow::Type::INT16: return out.Int(static_cast<const arrow::Int16Array&>(array).Value(row));
    case arrow::Type::INT32: return out.Int(static_cast<const arrow::Int32Array&>(array).Value(row));
    case arrow::Type::INT64: return out.Int(static_cast<const arrow::Int64Array&>(array).Value(row));
    case arrow::Type::UINT8: return out.Int(static_cast<const arrow::UInt8Array&>(array).Value(row));
    case arrow::Type::UINT16: return out.Int(static_cast<const arrow::UInt16Array&>(array).Value(row));
    case arrow::Type::UINT32: return out.Int(static_cast<const arrow::UInt32Array&>(array).Value(row));
    case arrow::Type::UINT64: {
      const uint64_t value = static_cast<const arrow::UInt64Array&>(array).Value(row);
      return value > static_cast<uint64_t>(INT64_MAX) ? out.Uint(value) : out.Int(static_cast<int64_t>(value));
    }
    case arrow::Type::FLOAT: return number(static_cast<double>(static_cast<const arrow::FloatArray&>(array).Value(row)));
    case arrow::Type::DOUBLE: return number(static_cast<const arrow::DoubleArray&>(array).Value(row));
    case arrow::Type::STRING: case arrow::Type::LARGE_STRING: {
      const std::string_view text = array.type_id() == arrow::Type::STRING ? static_cast<const arrow::StringArray&>(array).GetView(row)
                                                                           : static_cast<const arrow::LargeStringArray&>(array).GetView(row);
      if (!IsValidUtf8(text)) return BadRecord("invalid-utf8", fmt::format("the column '{}' is not UTF-8", Printable(field.name(), 100)));
      return out.String(text);
    }
    case arrow::Type::BINARY: {
      std::string text;
      AppendBase64(static_cast<const arrow::BinaryArray&>(array).GetView(row), &text);
      return out.Special("bytes", text);
    }
    default: return NotKnown(field);
  }
}

bool IsKnown(arrow::Type::type id) {
  using T = arrow::Type;
  return id == T::BOOL || (id >= T::UINT8 && id <= T::INT64) || id == T::FLOAT || id == T::DOUBLE || id == T::STRING || id == T::LARGE_STRING || id == T::BINARY;
}

class ParquetSideCar;

class ParquetEntries final : public Entries {
 public:
  ParquetEntries(const ParquetSideCar& side, int group, int64_t skip, const Fields& fields)
      : side_(side), group_(group), skip_(skip), splitter_(Splitter::Shape::foreign, fields) {}
  Result<bool> Next(Entry* entry) override;

 private:
  Status Load();
  Status Own(int64_t row, Entry* entry);
  Status Foreign(int64_t row, Entry* entry);

  const ParquetSideCar& side_;
  int group_;
  int64_t skip_;
  Splitter splitter_;
  JsonReader json_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  int64_t row_ = 0;
};

class ParquetSideCar final : public SideCar {
 public:
  ParquetSideCar(fs::path path, Fields fields) : path_(std::move(path)), fields_(std::move(fields)) {}

  Status Load() {
    facts_.format = Format::parquet;
    ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::ReadableFile::Open(path_.string()));
    parquet::arrow::FileReaderBuilder builder;
    ARROW_RETURN_NOT_OK(builder.Open(file));
    ARROW_RETURN_NOT_OK(builder.Build(&reader_));
    ARROW_RETURN_NOT_OK(reader_->GetSchema(&schema_));
    for (const auto& field : schema_->fields()) {
      if (!IsKnown(field->type()->id())) return NotKnown(*field);
    }
    const auto metadata = reader_->parquet_reader()->metadata();
    int64_t total = 0;
    for (int i = 0; i < metadata->num_row_groups(); ++i) {
      starts_.push_back(total);
      total += metadata->RowGroup(i)->num_rows();
    }
    facts_.count = total;
    if (schema_->metadata() && schema_->metadata()->Contains(kHeaderKey)) {
      ARROW_ASSIGN_OR_RAISE(const std::string header, schema_->metadata()->Get(kHeaderKey));
      own_ = true;
      return TakeHeader(header, path_.string(), &facts_);
    }
    return Take();
  }
  const Facts& facts() const override { return facts_; }
  Result<std::unique_ptr<Entries>> From(int64_t row) const override {
    const auto after = std::upper_bound(starts_.begin(), starts_.end(), row);
    const auto group = static_cast<int>(after - starts_.begin()) - 1;
    if (row >= facts_.count) return std::make_unique<ParquetEntries>(*this, groups(), 0, fields_);
    return std::make_unique<ParquetEntries>(*this, group, row - starts_[static_cast<size_t>(group)], fields_);
  }
  int groups() const { return static_cast<int>(starts_.size()); }
  bool own() const { return own_; }
  const fs::path& path() const { return path_; }

  Result<std::shared_ptr<arrow::RecordBatch>> ReadGroup(int group) const {
    return Guarded(path_, [&]() -> Result<std::shared_ptr<arrow::RecordBatch>> {
      const std::lock_guard lock(mutex_);
      std::shared_ptr<arrow::Table> table;
      ARROW_ASSIGN_OR_RAISE(table, reader_->ReadRowGroup(group));
      return table->CombineChunksToBatch();
    });
  }

 private:
  /// Ids and columns of a file that somebody else wrote.
  Status Take() {
    Census census;
    ARROW_ASSIGN_OR_RAISE(const auto entries, From(0));
    Entry entry;
    while (true) {
      const auto any = entries->Next(&entry);
      if (any.ok() && !*any) break;
      if (!any.ok() && !IsCategory(any.status(), Category::bad_content)) return any.status();
      census.Count();
      if (any.ok()) census.Add(entry);
    }
    census.Fill(&facts_);
    return Status::OK();
  }

  fs::path path_;
  Fields fields_;
  Facts facts_;
  bool own_ = false;
  std::vector<int64_t> starts_;  ///< the first row of each group
  std::shared_ptr<arrow::Schema> schema_;
  mutable std::mutex mutex_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
};

Status ParquetEntries::Load() {
  row_ = 0;
  while (group_ < side_.groups()) {
    ARROW_ASSIGN_OR_RAISE(batch_, side_.ReadGroup(group_++));
    row_ = std::exchange(skip_, 0);
    if (row_ < batch_->num_rows()) return Status::OK();
  }
  batch_.reset();
  return Status::OK();
}

Result<bool> ParquetEntries::Next(Entry* entry) {
  if (!batch_ || row_ >= batch_->num_rows()) ARROW_RETURN_NOT_OK(Load());
  if (!batch_) return false;
  const int64_t row = row_++;
  ARROW_RETURN_NOT_OK(side_.own() ? Own(row, entry) : Foreign(row, entry));
  return true;
}

Status ParquetEntries::Own(int64_t row, Entry* entry) {
  entry->id.reset(), entry->tenant.reset(), entry->document.reset();
  entry->metadata = "{}";
  for (int i = 0; i < batch_->num_columns(); ++i) {
    const auto& array = *batch_->column(i);
    if (array.IsNull(row)) continue;
    if (array.type_id() != arrow::Type::STRING) return BadRecord("bad-entry", "a column of the side-car is not text");
    const std::string_view text = static_cast<const arrow::StringArray&>(array).GetView(row);
    if (!IsValidUtf8(text)) return BadRecord("invalid-utf8", "a text is not valid UTF-8");
    const std::string& name = batch_->column_name(i);
    if (name == "id") entry->id = text;
    else if (name == "tenant") entry->tenant = text;
    else if (name == "document") entry->document = text;
    else if (name == "metadata") {
      entry->metadata.clear();
      JsonWriter writer(&entry->metadata);
      ARROW_RETURN_NOT_OK(json_.Visit(text, writer));
    }
  }
  return entry->id ? Status::OK() : BadRecord("bad-entry", "it has no id");
}

Status ParquetEntries::Foreign(int64_t row, Entry* entry) {
  splitter_.Begin();
  ARROW_RETURN_NOT_OK(splitter_.BeginObject());
  for (int i = 0; i < batch_->num_columns(); ++i) {
    const auto& array = *batch_->column(i);
    if (array.IsNull(row)) continue;
    ARROW_RETURN_NOT_OK(splitter_.Key(batch_->column_name(i)));
    ARROW_RETURN_NOT_OK(Tell(array, row, *batch_->schema()->field(i), splitter_));
  }
  ARROW_RETURN_NOT_OK(splitter_.EndObject());
  return splitter_.End(entry);
}

/// Gathers entries into batches of the side-car's own columns.
class Columns {
 public:
  explicit Columns(const Facts& facts) {
    Add("id", false);
    if (facts.has_tenant) Add("tenant", true);
    if (facts.has_document) Add("document", true);
    Add("metadata", false);
    std::string header = HeaderLine(*facts.schema, facts.layout);
    header.pop_back();
    schema_ = arrow::schema(fields_, arrow::key_value_metadata({{kHeaderKey, header}}));
  }
  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }
  Status Append(const Entry& entry) {
    for (size_t i = 0; i < builders_.size(); ++i) {
      const std::string& name = fields_[i]->name();
      const std::optional<std::string> text = name == "id" ? entry.id : name == "tenant" ? entry.tenant : name == "document" ? entry.document : entry.metadata;
      ARROW_RETURN_NOT_OK(text ? builders_[i]->Append(*text) : builders_[i]->AppendNull());
      bytes_ += text ? static_cast<int64_t>(text->size()) : 0;
    }
    ++rows_;
    return Status::OK();
  }
  bool full() const { return rows_ >= kGroupRows || bytes_ >= kGroupBytes; }
  Result<std::shared_ptr<arrow::Table>> Finish() {
    std::vector<std::shared_ptr<arrow::Array>> arrays(builders_.size());
    for (size_t i = 0; i < builders_.size(); ++i) ARROW_RETURN_NOT_OK(builders_[i]->Finish(&arrays[i]));
    const int64_t rows = std::exchange(rows_, 0);
    bytes_ = 0;
    return arrow::Table::Make(schema_, std::move(arrays), rows);
  }

 private:
  void Add(const char* name, bool nullable) {
    fields_.push_back(arrow::field(name, arrow::utf8(), nullable));
    builders_.push_back(std::make_unique<arrow::StringBuilder>());
  }
  std::vector<std::shared_ptr<arrow::Field>> fields_;
  std::vector<std::unique_ptr<arrow::StringBuilder>> builders_;
  std::shared_ptr<arrow::Schema> schema_;
  int64_t rows_ = 0, bytes_ = 0;
};

Status Write(const SideCar& lines, const fs::path& path) {
  Columns columns(lines.facts());
  ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::FileOutputStream::Open(path.string()));
  const auto properties = parquet::WriterProperties::Builder().compression(parquet::Compression::SNAPPY)->build();
  const auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
  ARROW_ASSIGN_OR_RAISE(auto writer, parquet::arrow::FileWriter::Open(*columns.schema(), arrow::default_memory_pool(), file, properties, arrow_properties));
  ARROW_ASSIGN_OR_RAISE(const auto entries, lines.From(0));
  Entry entry;
  for (bool any = true; any;) {
    ARROW_ASSIGN_OR_RAISE(any, entries->Next(&entry));
    if (any) ARROW_RETURN_NOT_OK(columns.Append(entry));
    if (!any || columns.full()) {
      ARROW_ASSIGN_OR_RAISE(const auto table, columns.Finish());
      ARROW_RETURN_NOT_OK(writer->WriteTable(*table, kGroupRows));
    }
  }
  ARROW_RETURN_NOT_OK(writer->Close());
  ARROW_RETURN_NOT_OK(file->Close());
  return SyncFile(path);
}

}  // namespace

Result<std::shared_ptr<const SideCar>> OpenParquet(const fs::path& path, const Fields& fields) {
  auto side = std::make_shared<ParquetSideCar>(path, fields);
  const Status status = Guarded(path, [&]() -> Status { return side->Load(); });
  if (status.ok()) return side;
  // A failure of Parquet's own carries no facts.
  if (status.detail()) return status;
  return MakeError(Category::corrupt, fmt::format("{}: {}", Printable(path.string()), Printable(status.message())), "check the file");
}

Status WriteParquet(const SideCar& lines, const fs::path& out) {
  return Guarded(out, [&]() -> Status { return Write(lines, out); });
}

}  // namespace vecferry::sidecar
