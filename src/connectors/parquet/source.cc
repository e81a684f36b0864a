#include <algorithm>
#include <set>

#include <arrow/type.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "columnar/table_source.h"
#include "connectors/parquet/footer.h"
#include "connectors/parquet/parquet.h"
#include "files/staged_file.h"
#include "files/staged_folder.h"

namespace vecferry::parquet_store {
namespace {

using columnar::TableFile;

constexpr size_t kMaxFiles = 20000;

using columnar::TablePart;

class ParquetSource final : public columnar::TableSource {
 public:
  using TableSource::TableSource;
  Result<DatasetInfo> Describe() override {
    const TableFile& first = *table_->parts[0].file;
    DatasetInfo info = Facts();
    info.store = "parquet";
    info.dataset = table_->place.name();
    info.identity = files::IdentityOf("parquet", table_->place);
    info.layout = first.Value(kLayoutKey);
    if (info.layout.size() > 200) return MakeError(Category::corrupt, "the footer's layout is no name");
    if (const std::string settings = first.Value(kSettingsKey); !settings.empty()) {
      ARROW_ASSIGN_OR_RAISE(info.settings, ParseTexts(settings));
    }
    return info;
  }
};

/// Opens all files and finds out what each row of them is.
class Opener {
 public:
  Opener(const files::Place& place, const columnar::ColumnNames& names) : names_(names) { table_->place = place; }

  Result<std::shared_ptr<const columnar::TableSet>> Open() {
    ARROW_RETURN_NOT_OK(OpenFiles());
    ARROW_RETURN_NOT_OK(Map());
    table_->Count();
    return table_;
  }

 private:
  Status OpenFiles() {
    const files::Place& place = table_->place;
    ARROW_ASSIGN_OR_RAISE(const auto there, place.Stat());
    if (!there) return place.Missing();
    if (!there->folder) {
      ARROW_ASSIGN_OR_RAISE(auto file, TableFile::Open(place));
      table_->parts.push_back({std::move(file), place.name(), {}, {}});
      return Status::OK();
    }
    ARROW_RETURN_NOT_OK(files::StagedFolder::CheckWhole(place));
    ARROW_ASSIGN_OR_RAISE(const auto files, place.Files(kMaxFiles));
    for (const auto& found : files) {
      const std::string name = ToLower(found.relative);
      if (!name.ends_with(".parquet") && !name.ends_with(".pq") && !name.ends_with(".parq")) continue;
      ARROW_ASSIGN_OR_RAISE(auto file, TableFile::Open(place / found.relative));
      table_->parts.push_back({std::move(file), found.relative, {}, {}});
    }
    if (table_->parts.empty()) return MakeError(Category::not_found, fmt::format("{} holds no Parquet files", place.text()), "check the path");
    return Status::OK();
  }

  Status Map() {
    const TableFile& first = *table_->parts[0].file;
    columnar::ColumnNames columns = names_;
    // The tenant may be told by the folders' names, which no file has a column for.
    if (columns.tenant && !columns.tenant->empty() && first.schema().GetFieldIndex(*columns.tenant) < 0 && IsFolderKey(*columns.tenant)) columns.tenant = "";
    ARROW_ASSIGN_OR_RAISE(columnar::Mapping mapping, columnar::MakeMapping(first, columns));
    const auto filled = std::find_if(table_->parts.begin(), table_->parts.end(), [](const TablePart& part) { return part.file->rows() > 0; });
    if (!mapping.exact && !mapping.vectors.empty()) {
      const TableFile& sample = filled == table_->parts.end() ? first : *filled->file;
      if (&sample == &first) {
        ARROW_RETURN_NOT_OK(columnar::SampleVectors(sample, &mapping));
      } else {
        ARROW_ASSIGN_OR_RAISE(columnar::Mapping there, columnar::Remap(mapping, first, sample));
        ARROW_RETURN_NOT_OK(columnar::SampleVectors(sample, &there));
        mapping.schema.vectors = there.schema.vectors;
      }
    }
    ARROW_RETURN_NOT_OK(Partitions(&mapping));
    for (TablePart& part : table_->parts) {
      ARROW_ASSIGN_OR_RAISE(part.mapping, part.file.get() == &first ? Result<columnar::Mapping>(mapping) : columnar::Remap(mapping, first, *part.file));
    }
    NoteStrangers(mapping, first);
    table_->schema = mapping.schema;
    table_->notes.insert(table_->notes.begin(), mapping.notes.begin(), mapping.notes.end());
    return Status::OK();
  }

  bool IsFolderKey(const std::string& key) const {
    std::string_view rest = table_->parts[0].relative;
    for (auto slash = rest.find('/'); slash != std::string_view::npos; slash = rest.find('/')) {
      const auto folder = ParseFolder(rest.substr(0, slash));
      if (folder && folder->first == key) return true;
      rest.remove_prefix(slash + 1);
    }
    return false;
  }

  /// Columns that only other files have are not carried, and that is said.
  void NoteStrangers(const columnar::Mapping& mapping, const TableFile& first) {
    if (mapping.exact || names_.metadata.value_or("*") != "*") return;
    std::set<std::string> strangers;
    for (const TablePart& part : table_->parts) {
      for (const auto& field : part.file->schema().fields()) {
        if (first.schema().GetFieldIndex(field->name()) < 0) strangers.insert(field->name());
      }
    }
    if (strangers.empty()) return;
    table_->notes.push_back({"not-carried", fmt::format("{} columns that the first file lacks are left out, such as {}", strangers.size(), Printable(*strangers.begin(), 60)),
                             static_cast<int64_t>(strangers.size()), true});
  }

  /// What the names of folders say: the tenant, or fields of the metadata. A column of the same name in the file has the word.
  Status Partitions(columnar::Mapping* mapping) {
    std::set<std::string> keys;
    for (TablePart& part : table_->parts) {
      if (mapping->exact) {
        ARROW_RETURN_NOT_OK(OwnPartition(part, mapping));
        continue;
      }
      std::string_view rest = part.relative;
      for (auto slash = rest.find('/'); slash != std::string_view::npos; slash = rest.find('/')) {
        const auto folder = ParseFolder(rest.substr(0, slash));
        rest.remove_prefix(slash + 1);
        if (!folder || part.file->schema().GetFieldIndex(folder->first) >= 0) continue;
        keys.insert(folder->first);
        if (folder->first == names_.tenant.value_or("tenant")) {
          mapping->schema.has_tenant = part.constants.has_tenant = true;
          part.constants.tenant = folder->second;
        } else if (folder->second && IsValidUtf8(*folder->second)) {
          part.constants.metadata[folder->first] = *folder->second;
        }
      }
    }
    for (const auto& key : keys) {
      if (!mapping->schema.field_types.contains(key) && key != names_.tenant.value_or("tenant")) mapping->schema.field_types[key] = "string";
    }
    return Status::OK();
  }

  static Status OwnPartition(TablePart& part, columnar::Mapping* mapping) {
    const std::string tenant = part.file->Value(kTenantKey);
    if (tenant.empty()) return Status::OK();
    const auto json = nlohmann::json::parse(tenant, nullptr, false);
    if (!json.is_string() && !json.is_null()) return MakeError(Category::corrupt, fmt::format("{}: the footer's tenant is no text", part.file->place().text()));
    mapping->schema.has_tenant = part.constants.has_tenant = true;
    if (json.is_string()) part.constants.tenant = json.get<std::string>();
    return Status::OK();
  }

  const columnar::ColumnNames& names_;
  std::shared_ptr<columnar::TableSet> table_ = std::make_shared<columnar::TableSet>();
};

}  // namespace

Result<std::unique_ptr<Source>> OpenSource(const files::Place& place, const columnar::ColumnNames& names) {
  ARROW_ASSIGN_OR_RAISE(auto table, Opener(place, names).Open());
  return std::make_unique<ParquetSource>(std::move(table));
}

}  // namespace vecferry::parquet_store
