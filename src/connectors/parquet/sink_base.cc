#include "connectors/parquet/sink_base.h"

#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

#include "connectors/parquet/footer.h"

namespace vecferry::parquet_store {

Result<TargetInfo> ParquetSink::Describe() {
  TargetInfo info;
  info.identity = files::IdentityOf("parquet", place_);
  ARROW_ASSIGN_OR_RAISE(const auto there, place_.Stat());
  if (!there) return info;
  if (there->folder) {
    ARROW_ASSIGN_OR_RAISE(const auto files, place_.Files());
    if (files.empty()) return info;
    ARROW_RETURN_NOT_OK(files::CheckOnlyOurs(place_, files, [](const std::string& relative) { return relative.ends_with(".parquet"); }));
    if (!place_.is_local()) info.replace = ReplaceMode::window;
  }
  info.exists = true;
  const auto source = parquet_store::OpenSource(place_, {});
  if (!source.ok() && IsCategory(source.status(), Category::usage)) {
    // Columns of others, which need not be understood to be replaced; that there are records is enough.
    ARROW_ASSIGN_OR_RAISE(const auto rows, parquet_store::OpenSource(place_, {.id = "@row", .vector = "", .metadata = ""}));
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo facts, rows->Describe());
    info.count = facts.count;
    return info;
  }
  ARROW_RETURN_NOT_OK(source.status());
  ARROW_ASSIGN_OR_RAISE(const DatasetInfo facts, (*source)->Describe());
  info.count = facts.count;
  info.schema = facts.schema;
  return info;
}

Result<std::unique_ptr<Source>> ParquetSink::OpenReadBack() {
  if (IsInPlace()) return parquet_store::OpenSource(place_, {});
  return files::MakeEmptySource("parquet", files::IdentityOf("parquet", place_), schema_);
}

Status ParquetSink::Begin(const SinkSpec& spec) {
  if (!spec.resumed && spec.on_exists != OnExists::replace) {
    ARROW_ASSIGN_OR_RAISE(const TargetInfo there, Describe());
    ARROW_RETURN_NOT_OK(files::CheckMayWrite(spec, there, place_));
  }
  schema_ = spec.schema;
  ARROW_ASSIGN_OR_RAISE(facts_, ChosenFacts(spec));
  return Status::OK();
}

std::shared_ptr<arrow::Schema> ParquetSink::FileSchema(const std::map<std::string, std::string>& more, bool with_tenant) const {
  RecordSchema schema = schema_;
  schema.has_tenant = schema.has_tenant && with_tenant;
  const auto plain = schema.ToArrow();
  auto metadata = plain->metadata()->Copy();
  for (const auto* facts : {&facts_, &more}) {
    for (const auto& [key, value] : *facts) metadata->Append(key, value);
  }
  return plain->WithMetadata(std::move(metadata));
}

}  // namespace vecferry::parquet_store
