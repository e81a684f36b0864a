#include "connectors/vdf/group.h"

#include <cstring>

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/io/file.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include "columnar/guard.h"
#include "connectors/vdf/meta.h"
#include "files/place.h"

namespace vecferry::vdf {
namespace {

constexpr int64_t kRowGroup = 65536;

}  // namespace

void Group::Add(const RecordView& batch, int64_t row, const Shape& shape) {
  shape_.Merge(shape);
  if (parts_.empty() || parts_.back().batch.batch() != batch.batch()) parts_.push_back({batch, {}});
  parts_.back().rows.push_back(row);
  ++rows_;
}

Status Group::Write(const fs::path& path, const RecordSchema& schema, const std::vector<std::string>& names, const std::vector<std::string>& reserved,
                    MetadataSplit& split) const {
  arrow::StringBuilder ids, documents, rest;
  std::vector<std::unique_ptr<arrow::FloatBuilder>> values;
  std::vector<std::unique_ptr<arrow::ListBuilder>> vectors;
  for (size_t i = 0; i < names.size(); ++i) {
    auto builder = std::make_shared<arrow::FloatBuilder>();
    vectors.push_back(std::make_unique<arrow::ListBuilder>(arrow::default_memory_pool(), builder));
  }
  ColumnBuilder metadata(shape_);
  JsonReader reader;
  std::vector<float> numbers;
  for (const Rows& part : parts_) {
    for (const int64_t row : part.rows) {
      ARROW_RETURN_NOT_OK(ids.Append(part.batch.id(row)));
      const auto document = part.batch.document(row);
      if (schema.has_document) ARROW_RETURN_NOT_OK(document ? documents.Append(*document) : documents.AppendNull());
      for (size_t i = 0; i < names.size(); ++i) {
        const std::string_view bytes = part.batch.vectors()[i].Dense(row);
        numbers.resize(bytes.size() / sizeof(float));
        std::memcpy(numbers.data(), bytes.data(), bytes.size());
        ARROW_RETURN_NOT_OK(vectors[i]->Append());
        ARROW_RETURN_NOT_OK(static_cast<arrow::FloatBuilder*>(vectors[i]->value_builder())->AppendValues(numbers));
      }
      ARROW_ASSIGN_OR_RAISE(const RowMetadata parts, split.PartsOf(part.batch.metadata(row).value_or("{}")));
      ARROW_RETURN_NOT_OK(metadata.Append(parts.fields, reader));
      ARROW_RETURN_NOT_OK(parts.rest.empty() ? rest.AppendNull() : rest.Append(parts.rest));
    }
  }
  arrow::FieldVector fields = {arrow::field("id", arrow::utf8())};
  arrow::ArrayVector arrays;
  ARROW_ASSIGN_OR_RAISE(arrays.emplace_back(), ids.Finish());
  for (size_t i = 0; i < names.size(); ++i) {
    fields.push_back(arrow::field(names[i], arrow::list(arrow::float32())));
    ARROW_ASSIGN_OR_RAISE(arrays.emplace_back(), vectors[i]->Finish());
  }
  if (schema.has_document) {
    fields.push_back(arrow::field("document", arrow::utf8()));
    ARROW_ASSIGN_OR_RAISE(arrays.emplace_back(), documents.Finish());
  }
  ARROW_ASSIGN_OR_RAISE(const auto columns, metadata.Finish());
  size_t at = 0;
  for (const auto& [key, shape] : shape_.fields) {
    fields.push_back(arrow::field(ColumnOf(key, reserved), shape.ToArrow()));
    arrays.push_back(columns[at++]);
  }
  const auto own = arrow::key_value_metadata({{kSchemaKey, schema.ToJson()}});
  if (rest.null_count() < rest.length()) {
    own->Append(kJsonKey, std::string(kJsonColumn));
    fields.push_back(arrow::field(std::string(kJsonColumn), arrow::utf8()));
    ARROW_ASSIGN_OR_RAISE(arrays.emplace_back(), rest.Finish());
  }
  const auto table = arrow::Table::Make(arrow::schema(fields, own), arrays, rows_);
  ARROW_RETURN_NOT_OK(columnar::Guard(path.string(), [&]() -> Status {
    auto out = arrow::io::FileOutputStream::Open(path.string());
    if (!out.ok()) return files::Place(path).Classify(out.status(), "cannot create");
    parquet::WriterProperties::Builder properties;
    properties.compression(arrow::Compression::SNAPPY);
    for (const auto& name : names) properties.disable_dictionary(name + ".list.element")->disable_statistics(name + ".list.element");
    const auto how = parquet::ArrowWriterProperties::Builder().store_schema()->build();
    const Status written = parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), *out, kRowGroup, properties.build(), how);
    ARROW_RETURN_NOT_OK(files::Place(path).Classify(written, "cannot write"));
    return files::Place(path).Classify((*out)->Close(), "cannot write");
  }));
  return SyncFile(path);
}

}  // namespace vecferry::vdf
