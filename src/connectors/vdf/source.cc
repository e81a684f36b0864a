#include <algorithm>

#include <arrow/type.h>
#include <fmt/format.h>

#include "base/text.h"
#include "columnar/table_source.h"
#include "columnar/values.h"
#include "connectors/vdf/meta.h"
#include "connectors/vdf/vdf.h"
#include "files/staged_file.h"
#include "files/staged_folder.h"

namespace vecferry::vdf {
namespace {

constexpr size_t kMaxFiles = 20000;

class VdfSource final : public columnar::TableSource {
 public:
  VdfSource(std::shared_ptr<const columnar::TableSet> table, std::string index, const Meta& meta, int64_t said)
      : TableSource(std::move(table)), index_(std::move(index)), version_(meta.version), exported_from_(meta.exported_from), said_(said) {}

  Result<DatasetInfo> Describe() override {
    DatasetInfo info = Facts();
    info.store = "vdf";
    info.dataset = index_;
    info.identity = files::IdentityOf("vdf", table_->place) + "#" + index_;
    if (!version_.empty()) info.facts["vector-io version"] = Printable(version_, 40);
    if (!exported_from_.empty()) info.facts["exported from"] = Printable(exported_from_, 60);
    if (said_ >= 0 && said_ != table_->rows) {
      info.notes.push_back({"count-differs", fmt::format("VDF_META.json says {} vectors, and the files hold {}", FormatCount(said_), FormatCount(table_->rows)), said_ - table_->rows, true});
    }
    return info;
  }

 private:
  const std::string index_, version_, exported_from_;
  const int64_t said_;
};

class Opener {
 public:
  Opener(const files::Place& place, const Meta& meta, const std::vector<Namespace>& spaces, bool round) : meta_(meta), spaces_(spaces), round_(round) { table_->place = place; }

  Result<std::shared_ptr<const columnar::TableSet>> Open() {
    for (const Namespace& space : spaces_) ARROW_RETURN_NOT_OK(Add(space));
    if (table_->parts.empty()) return MakeError(Category::corrupt, fmt::format("{} holds no Parquet files of that index", table_->place.text()), "check the folder with the program that made it");
    ARROW_RETURN_NOT_OK(Schema());
    table_->Count();
    return table_;
  }

 private:
  Status Add(const Namespace& space) {
    const files::Place folder = space.data_path.empty() || space.data_path == "." ? table_->place : table_->place / space.data_path;
    ARROW_ASSIGN_OR_RAISE(const auto there, folder.Stat());
    if (!there || !there->folder) return MakeError(Category::corrupt, fmt::format("{} is named in VDF_META.json and is not there", folder.text()));
    ARROW_ASSIGN_OR_RAISE(const auto files, folder.Files(kMaxFiles));
    for (const auto& found : files) {
      const std::string relative = (space.data_path.empty() ? "" : space.data_path + "/") + found.relative;
      if (!found.relative.ends_with(".parquet") || IsOfAnother(space, relative)) continue;
      if (table_->parts.size() == kMaxFiles) return MakeError(Category::too_large, fmt::format("more than {} files", kMaxFiles));
      ARROW_ASSIGN_OR_RAISE(auto file, columnar::TableFile::Open(folder / found.relative));
      table_->parts.push_back({std::move(file), relative, {}, {}});
      columnar::Constants& constants = table_->parts.back().constants;
      if (!space.name.empty()) constants.tenant = space.name;
      of_.push_back(&space);
    }
    return Status::OK();
  }

  /// A folder is walked with all that is below it, where another namespace may have its own.
  bool IsOfAnother(const Namespace& space, const std::string& relative) const {
    return std::any_of(spaces_.begin(), spaces_.end(), [&](const Namespace& other) {
      return other.data_path.size() > space.data_path.size() && relative.starts_with(other.data_path + "/");
    });
  }

  Status Schema() {
    RecordSchema schema;
    bool tenant = spaces_.size() > 1 || std::any_of(spaces_.begin(), spaces_.end(), [](const Namespace& space) { return !space.name.empty(); });
    for (size_t i = 0; i < table_->parts.size(); ++i) {
      columnar::TablePart& part = table_->parts[i];
      std::optional<RecordSchema> own;
      if (const std::string text = part.file->Value(kSchemaKey); !text.empty()) {
        ARROW_ASSIGN_OR_RAISE(own, RecordSchema::FromJson(text));
        tenant = tenant || own->has_tenant;
      }
      ARROW_ASSIGN_OR_RAISE(part.mapping, Map(*part.file, *of_[i], own));
      ARROW_RETURN_NOT_OK(Join(i, *of_[i], own, &schema));
    }
    schema.has_tenant = tenant;
    for (auto& part : table_->parts) {
      // Every batch has the columns of all.
      const auto document = part.mapping.document;
      part.mapping.schema = schema;
      part.mapping.document = document;
      part.constants.has_tenant = tenant;
    }
    table_->schema = schema;
    return Status::OK();
  }

  Result<columnar::Mapping> Map(const columnar::TableFile& file, const Namespace& space, const std::optional<RecordSchema>& own) const {
    columnar::ColumnNames names;
    names.id = meta_.id_column;
    names.tenant = "";
    names.json = file.Value(kJsonKey);
    names.document = "";
    names.round = round_;
    std::vector<std::string> reserved = {meta_.id_column};
    std::string vectors;
    for (const auto& column : space.vector_columns) {
      if (column.find_first_of(",=") != std::string::npos) return MakeError(Category::unsupported, fmt::format("a vector column named {}", Printable(column, 100)));
      const bool unnamed = own ? own->vectors.size() == 1 && own->vectors[0].name.empty() : space.vector_columns.size() == 1;
      vectors += (vectors.empty() ? "" : ",") + (unnamed ? std::string() : column) + "=" + column;
      reserved.push_back(column);
    }
    names.vector = vectors;
    const int text = space.text_column.empty() ? -1 : file.schema().GetFieldIndex(space.text_column);
    if (text >= 0 && columnar::IsText(*file.schema().field(text)->type())) {
      names.document = space.text_column;
      reserved.push_back(space.text_column);
    } else if (own && own->has_document) {
      reserved.push_back("document");
    }
    ARROW_ASSIGN_OR_RAISE(columnar::Mapping mapping, columnar::MakeMapping(file, names));
    std::map<std::string, std::string> types;
    for (auto& [column, key] : mapping.metadata) {
      const std::string type = mapping.schema.field_types[key];
      key = KeyOf(key, reserved);
      types[key] = type;
    }
    mapping.schema.field_types = std::move(types);
    return mapping;
  }

  /// One schema for all files: vectors alike, the metadata of each.
  Status Join(size_t part, const Namespace& space, const std::optional<RecordSchema>& own, RecordSchema* schema) {
    const auto& file = *table_->parts[part].file;
    columnar::Mapping& mapping = table_->parts[part].mapping;
    const bool first = part == 0;
    if (first) {
      schema->id_kind = own ? own->id_kind : mapping.schema.id_kind;
      schema->vectors = own ? own->vectors : mapping.schema.vectors;
      for (auto& vector : schema->vectors) {
        if (own) continue;
        vector.metric = MetricOf(space.metric);
        vector.model = space.model;
        if (vector.dims == 0 && schema->vectors.size() == 1 && space.dimensions > 0 && space.dimensions <= (1 << 20)) vector.dims = static_cast<int32_t>(space.dimensions);
      }
    }
    if (schema->vectors.size() != mapping.vectors.size()) return MakeError(Category::corrupt, fmt::format("{} has other vector columns than the first file", file.place().text()));
    for (size_t i = 0; i < schema->vectors.size(); ++i) {
      VectorSpec& vector = schema->vectors[i];
      VectorSpec& there = mapping.schema.vectors[i];
      if (there.dims == 0) there.dims = vector.dims;
      if (there.kind != VectorKind::dense || (there.dims != 0 && vector.dims != 0 && there.dims != vector.dims)) {
        return MakeError(Category::unsupported, fmt::format("{} has vectors of {} dimensions, and the first file of {}", file.place().text(), there.dims, vector.dims), "one index is one kind of vector: split the folder");
      }
    }
    ARROW_RETURN_NOT_OK(columnar::SampleVectors(file, &mapping));
    for (size_t i = 0; i < schema->vectors.size(); ++i) {
      if (schema->vectors[i].dims == 0) schema->vectors[i].dims = mapping.schema.vectors[i].dims;
      if (!own && schema->vectors[i].element != mapping.schema.vectors[i].element) return MakeError(Category::unsupported, fmt::format("{} has another type of vectors than the first file", file.place().text()));
    }
    schema->has_document = schema->has_document || mapping.document >= 0 || (own && own->has_document);
    for (const auto& [key, type] : own ? own->field_types : mapping.schema.field_types) schema->field_types.emplace(key, type);
    for (const auto& note : mapping.notes) table_->notes.push_back(note);
    return Status::OK();
  }

  const Meta& meta_;
  const std::vector<Namespace>& spaces_;
  const bool round_;
  std::vector<const Namespace*> of_;  ///< for each part
  std::shared_ptr<columnar::TableSet> table_ = std::make_shared<columnar::TableSet>();
};

}  // namespace

Result<std::unique_ptr<Source>> OpenSource(const files::Place& place, const std::string& index, bool round) {
  ARROW_ASSIGN_OR_RAISE(const auto there, place.Stat());
  if (!there) return place.Missing();
  ARROW_RETURN_NOT_OK(files::StagedFolder::CheckWhole(place));
  ARROW_ASSIGN_OR_RAISE(const Meta meta, ReadMeta(place));
  std::vector<std::string> names;
  for (const auto& [name, spaces] : meta.indexes) names.push_back(name);
  std::string chosen = index;
  if (chosen.empty() && names.size() == 1) chosen = names[0];
  if (chosen.empty()) {
    if (names.empty()) return MakeError(Category::not_found, fmt::format("{} has no index", place.text()));
    return MakeError(Category::usage, fmt::format("{} has {} indexes", place.text(), names.size()), fmt::format("name one of them: #{}", Printable(fmt::format("{}", fmt::join(names, ", #")), 500)));
  }
  const auto found = meta.indexes.find(chosen);
  if (found == meta.indexes.end()) {
    return MakeError(Category::not_found, fmt::format("{} has no index {}{}", place.text(), Printable(chosen, 100), Suggestion(chosen, names)), "name one that is there");
  }
  int64_t said = 0;
  for (const auto& space : found->second) said = space.count < 0 || said < 0 ? -1 : said + space.count;
  ARROW_ASSIGN_OR_RAISE(auto table, Opener(place, meta, found->second, round).Open());
  return std::make_unique<VdfSource>(std::move(table), chosen, meta, said);
}

}  // namespace vecferry::vdf
