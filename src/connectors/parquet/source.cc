#include <algorithm>
#include <set>

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <xxhash.h>

#include "base/text.h"
#include "columnar/decoder.h"
#include "connectors/parquet/footer.h"
#include "connectors/parquet/parquet.h"
#include "files/staged_file.h"
#include "files/staged_folder.h"

namespace vecferry::parquet_store {
namespace {

using columnar::TableFile;

constexpr size_t kMaxFiles = 20000;

struct Part {
  std::shared_ptr<TableFile> file;
  std::string relative;
  columnar::Mapping mapping;
  columnar::Constants constants;
};
/// One row group: what is read from its beginning on.
struct Unit {
  size_t part = 0;
  int row_group = 0;
  int64_t first_row = 0;  ///< in the dataset
};

/// What the readers share. Kept alive by each of them.
struct Table {
  files::Place place;
  std::vector<Part> parts;
  std::vector<Unit> units;
  RecordSchema schema;
  std::vector<Note> notes;
  int64_t rows = 0, bytes = 0;
  uint64_t stamp = 0;  ///< of names and stamps of all files
};

/// "FIRST END STAMP": row groups of all files in order, of the files as they were.
struct Stretch {
  size_t first = 0, end = 0;
  uint64_t stamp = 0;
};

Result<std::vector<int64_t>> Numbers(std::string_view text, size_t count) {
  std::vector<int64_t> numbers;
  while (!text.empty() && numbers.size() < count) {
    const std::string_view item = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    ARROW_ASSIGN_OR_RAISE(numbers.emplace_back(), ParseInt(item));
    if (numbers.back() < 0) break;
  }
  if (numbers.size() != count || !text.empty() || numbers.back() < 0) return MakeError(Category::usage, "no split or cursor of a Parquet dataset");
  return numbers;
}

class Reader final : public SplitReader {
 public:
  Reader(std::shared_ptr<const Table> table, size_t end, size_t unit, int64_t row, const ReadOptions& options)
      : table_(std::move(table)), end_(end), unit_(unit), row_(row), options_(options) {}

  Result<std::optional<SourceBatch>> Next() override {
    if (held_.rows() > 0) return Piece();
    while (unit_ < end_) {
      if (!rows_) ARROW_RETURN_NOT_OK(Open());
      ARROW_ASSIGN_OR_RAISE(const auto batch, rows_->Next());
      if (!batch) {
        ++unit_;
        row_ = 0;
        rows_.reset();
        continue;
      }
      const Unit& unit = table_->units[unit_];
      SourceBatch out;
      ARROW_RETURN_NOT_OK(decoder_->Decode(batch, unit.first_row + row_, table_->parts[unit.part].relative, &out));
      if (out.rejects.empty() && out.records.rows() > 1 && out.records.bytes() > 2 * options_.batch_bytes) {
        held_ = std::move(out.records);
        return Piece();
      }
      row_ += batch->num_rows();
      out.next = Here();
      return out;
    }
    return std::optional<SourceBatch>();
  }

 private:
  std::string Here() const { return fmt::format("{} {}", unit_, row_); }

  /// Records that are larger than others of their row group came together: they travel in pieces.
  Result<std::optional<SourceBatch>> Piece() {
    const int64_t pieces = std::max<int64_t>(1, held_.bytes() / std::max<int64_t>(options_.batch_bytes, 1));
    const int64_t rows = std::max<int64_t>(1, held_.rows() / std::max<int64_t>(pieces, 1));
    SourceBatch out;
    ARROW_ASSIGN_OR_RAISE(out.records, held_.Slice(0, std::min(rows, held_.rows())));
    const int64_t rest = held_.rows() - out.records.rows();
    if (rest > 0) {
      ARROW_ASSIGN_OR_RAISE(held_, held_.Slice(out.records.rows(), rest));
    } else {
      held_ = RecordView();
    }
    row_ += out.records.rows();
    out.next = Here();
    return out;
  }

  Status Open() {
    const Unit& unit = table_->units[unit_];
    const Part& part = table_->parts[unit.part];
    ARROW_ASSIGN_OR_RAISE(const files::Stamp now, part.file->place().Changed());
    if (now != part.file->stamp()) {
      return MakeError(Category::refused, fmt::format("{} was changed since the plan was made", part.file->place().text()), "start again with --restart: a file that changes cannot be resumed");
    }
    const columnar::RowGroup& group = part.file->row_groups()[static_cast<size_t>(unit.row_group)];
    const int64_t row_bytes = std::max<int64_t>(1, group.bytes / std::max<int64_t>(group.rows, 1));
    const int64_t rows = std::clamp<int64_t>(options_.batch_bytes / row_bytes, 1, std::max<int64_t>(options_.batch_rows, 1));
    ARROW_ASSIGN_OR_RAISE(rows_, part.file->Read(unit.row_group, part.mapping.Columns(), row_, rows, false));
    if (!decoder_ || decoder_of_ != unit.part) {
      decoder_ = std::make_unique<columnar::Decoder>(part.mapping, part.constants);
      decoder_of_ = unit.part;
    }
    return Status::OK();
  }

  const std::shared_ptr<const Table> table_;
  const size_t end_;
  size_t unit_;
  int64_t row_;  ///< of the unit, that comes next
  const ReadOptions options_;
  std::unique_ptr<columnar::RowGroupReader> rows_;
  std::unique_ptr<columnar::Decoder> decoder_;
  size_t decoder_of_ = 0;
  RecordView held_;
};

class ParquetSource final : public Source {
 public:
  explicit ParquetSource(std::shared_ptr<const Table> table) : table_(std::move(table)) {}

  Result<DatasetInfo> Describe() override {
    const TableFile& first = *table_->parts[0].file;
    DatasetInfo info;
    info.store = "parquet";
    info.dataset = table_->place.name();
    info.identity = files::IdentityOf("parquet", table_->place);
    info.schema = table_->schema;
    info.count = table_->rows;
    info.count_exact = true;
    info.bytes = table_->bytes;
    info.consistency = Consistency::frozen;
    info.layout = first.Value(kLayoutKey);
    if (const std::string settings = first.Value(kSettingsKey); !settings.empty()) {
      ARROW_ASSIGN_OR_RAISE(info.settings, ParseTexts(settings));
    }
    if (info.layout.size() > 200) return MakeError(Category::corrupt, "the footer's layout is no name");
    info.facts["files"] = FormatCount(static_cast<int64_t>(table_->parts.size()));
    info.facts["row groups"] = FormatCount(static_cast<int64_t>(table_->units.size()));
    info.facts["compression"] = first.compression();
    info.facts["written by"] = first.created_by();
    info.notes = table_->notes;
    return info;
  }

  Result<std::vector<Split>> Splits(int wanted) override {
    int64_t total = 0;
    for (const Unit& unit : table_->units) total += BytesOf(unit);
    std::vector<Split> splits;
    const auto parts = static_cast<int64_t>(std::clamp<size_t>(static_cast<size_t>(std::max(wanted, 1)), 1, std::max<size_t>(table_->units.size(), 1)));
    size_t first = 0;
    int64_t done = 0, rows = 0, bytes = 0;
    for (size_t i = 0; i < table_->units.size(); ++i) {
      const Unit& unit = table_->units[i];
      rows += GroupOf(unit).rows;
      bytes += BytesOf(unit);
      const bool last = i + 1 == table_->units.size();
      if (!last && (done + bytes) * parts < total * static_cast<int64_t>(splits.size() + 1)) continue;
      splits.push_back({fmt::format("{} {} {}", first, i + 1, table_->stamp), fmt::format("row groups {}..{}", first, i), rows, bytes});
      first = i + 1;
      done += bytes;
      rows = bytes = 0;
    }
    return splits;
  }

  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override {
    ARROW_ASSIGN_OR_RAISE(const auto part, Numbers(split.payload, 3));
    const auto first = static_cast<size_t>(part[0]), end = static_cast<size_t>(part[1]);
    if (static_cast<uint64_t>(part[2]) != table_->stamp) {
      return MakeError(Category::refused, fmt::format("{} was changed since the plan was made", table_->place.text()), "start again with --restart: a file that changes cannot be resumed");
    }
    if (first > end || end > table_->units.size()) return MakeError(Category::usage, "no split of this dataset");
    size_t unit = first;
    int64_t row = 0;
    if (!from.empty()) {
      ARROW_ASSIGN_OR_RAISE(const auto at, Numbers(from, 2));
      unit = static_cast<size_t>(at[0]);
      row = at[1];
      if (unit < first || unit > end) return MakeError(Category::usage, "a cursor outside its split");
    }
    return std::make_unique<Reader>(table_, end, unit, row, options);
  }

 private:
  const columnar::RowGroup& GroupOf(const Unit& unit) const { return table_->parts[unit.part].file->row_groups()[static_cast<size_t>(unit.row_group)]; }
  int64_t BytesOf(const Unit& unit) const { return std::max<int64_t>(GroupOf(unit).bytes, 1); }

  const std::shared_ptr<const Table> table_;
};

/// Opens all files and finds out what each row of them is.
class Opener {
 public:
  Opener(const files::Place& place, const columnar::ColumnNames& names) : names_(names) { table_->place = place; }

  Result<std::shared_ptr<const Table>> Open() {
    ARROW_RETURN_NOT_OK(OpenFiles());
    ARROW_RETURN_NOT_OK(Map());
    std::string stamps;
    for (size_t i = 0; i < table_->parts.size(); ++i) {
      const TableFile& file = *table_->parts[i].file;
      stamps += fmt::format("{}|{}|{}|{}\n", table_->parts[i].relative, file.stamp().size, file.stamp().mtime_ns, file.stamp().inode);
      for (size_t group = 0; group < file.row_groups().size(); ++group) {
        if (file.row_groups()[group].rows == 0) continue;
        table_->units.push_back({i, static_cast<int>(group), table_->rows});
        table_->rows += file.row_groups()[group].rows;
      }
      table_->bytes += file.bytes();
    }
    table_->stamp = XXH3_64bits(stamps.data(), stamps.size()) >> 1;
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
    ARROW_ASSIGN_OR_RAISE(columnar::Mapping mapping, columnar::MakeMapping(first, names_));
    const auto filled = std::find_if(table_->parts.begin(), table_->parts.end(), [](const Part& part) { return part.file->rows() > 0; });
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
    for (Part& part : table_->parts) {
      ARROW_ASSIGN_OR_RAISE(part.mapping, part.file.get() == &first ? Result<columnar::Mapping>(mapping) : columnar::Remap(mapping, first, *part.file));
    }
    NoteStrangers(mapping, first);
    table_->schema = mapping.schema;
    table_->notes.insert(table_->notes.begin(), mapping.notes.begin(), mapping.notes.end());
    return Status::OK();
  }

  /// Columns that only other files have are not carried, and that is said.
  void NoteStrangers(const columnar::Mapping& mapping, const TableFile& first) {
    if (mapping.exact || names_.metadata.value_or("*") != "*") return;
    std::set<std::string> strangers;
    for (const Part& part : table_->parts) {
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
    for (Part& part : table_->parts) {
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

  static Status OwnPartition(Part& part, columnar::Mapping* mapping) {
    const std::string tenant = part.file->Value(kTenantKey);
    if (tenant.empty()) return Status::OK();
    const auto json = nlohmann::json::parse(tenant, nullptr, false);
    if (!json.is_string() && !json.is_null()) return MakeError(Category::corrupt, fmt::format("{}: the footer's tenant is no text", part.file->place().text()));
    mapping->schema.has_tenant = part.constants.has_tenant = true;
    if (json.is_string()) part.constants.tenant = json.get<std::string>();
    return Status::OK();
  }

  const columnar::ColumnNames& names_;
  std::shared_ptr<Table> table_ = std::make_shared<Table>();
};

}  // namespace

Result<std::unique_ptr<Source>> OpenSource(const files::Place& place, const columnar::ColumnNames& names) {
  ARROW_ASSIGN_OR_RAISE(auto table, Opener(place, names).Open());
  return std::make_unique<ParquetSource>(std::move(table));
}

}  // namespace vecferry::parquet_store
