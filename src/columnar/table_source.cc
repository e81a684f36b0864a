#include "columnar/table_source.h"

#include <algorithm>

#include <arrow/record_batch.h>
#include <fmt/format.h>
#include <xxhash.h>

#include "base/text.h"

namespace vecferry::columnar {
namespace {

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
  Reader(std::shared_ptr<const TableSet> table, size_t end, size_t unit, int64_t row, const ReadOptions& options)
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
      const TableSet::Unit& unit = table_->units[unit_];
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
    const TableSet::Unit& unit = table_->units[unit_];
    const TablePart& part = table_->parts[unit.part];
    ARROW_ASSIGN_OR_RAISE(const files::Stamp now, part.file->place().Changed());
    if (now != part.file->stamp()) {
      return MakeError(Category::refused, fmt::format("{} was changed since the plan was made", part.file->place().text()), "start again with --restart: a file that changes cannot be resumed");
    }
    const RowGroup& group = part.file->row_groups()[static_cast<size_t>(unit.row_group)];
    const int64_t row_bytes = std::max<int64_t>(1, group.bytes / std::max<int64_t>(group.rows, 1));
    const int64_t rows = std::clamp<int64_t>(options_.batch_bytes / row_bytes, 1, std::max<int64_t>(options_.batch_rows, 1));
    ARROW_ASSIGN_OR_RAISE(rows_, part.file->Read(unit.row_group, part.mapping.Columns(), row_, rows, false));
    if (!decoder_ || decoder_of_ != unit.part) {
      decoder_ = std::make_unique<Decoder>(part.mapping, part.constants);
      decoder_of_ = unit.part;
    }
    return Status::OK();
  }

  const std::shared_ptr<const TableSet> table_;
  const size_t end_;
  size_t unit_;
  int64_t row_;  ///< of the unit, that comes next
  const ReadOptions options_;
  std::unique_ptr<RowGroupReader> rows_;
  std::unique_ptr<Decoder> decoder_;
  size_t decoder_of_ = 0;
  RecordView held_;
};

int64_t BytesOf(const TableSet& table, const TableSet::Unit& unit) { return std::max<int64_t>(table.GroupOf(unit).bytes, 1); }

}  // namespace

void TableSet::Count() {
  std::string stamps;
  for (size_t i = 0; i < parts.size(); ++i) {
    const TableFile& file = *parts[i].file;
    stamps += fmt::format("{}|{}|{}|{}\n", parts[i].relative, file.stamp().size, file.stamp().mtime_ns, file.stamp().inode);
    for (size_t group = 0; group < file.row_groups().size(); ++group) {
      if (file.row_groups()[group].rows == 0) continue;
      units.push_back({i, static_cast<int>(group), rows});
      rows += file.row_groups()[group].rows;
    }
    bytes += file.bytes();
  }
  stamp = XXH3_64bits(stamps.data(), stamps.size()) >> 1;
}

DatasetInfo TableSource::Facts() const {
  DatasetInfo info;
  info.schema = table_->schema;
  info.count = table_->rows;
  info.count_exact = true;
  info.bytes = table_->bytes;
  info.consistency = Consistency::frozen;
  info.facts["files"] = FormatCount(static_cast<int64_t>(table_->parts.size()));
  info.facts["row groups"] = FormatCount(static_cast<int64_t>(table_->units.size()));
  if (!table_->parts.empty()) {
    info.facts["compression"] = table_->parts[0].file->compression();
    info.facts["written by"] = table_->parts[0].file->created_by();
  }
  info.notes = table_->notes;
  return info;
}

Result<std::vector<Split>> TableSource::Splits(int wanted) {
  int64_t total = 0;
  for (const TableSet::Unit& unit : table_->units) total += BytesOf(*table_, unit);
  std::vector<Split> splits;
  const auto parts = static_cast<int64_t>(std::clamp<size_t>(static_cast<size_t>(std::max(wanted, 1)), 1, std::max<size_t>(table_->units.size(), 1)));
  size_t first = 0;
  int64_t done = 0, rows = 0, bytes = 0;
  for (size_t i = 0; i < table_->units.size(); ++i) {
    const TableSet::Unit& unit = table_->units[i];
    rows += table_->GroupOf(unit).rows;
    bytes += BytesOf(*table_, unit);
    const bool last = i + 1 == table_->units.size();
    if (!last && (done + bytes) * parts < total * static_cast<int64_t>(splits.size() + 1)) continue;
    splits.push_back({fmt::format("{} {} {}", first, i + 1, table_->stamp), fmt::format("row groups {}..{}", first, i), rows, bytes});
    first = i + 1;
    done += bytes;
    rows = bytes = 0;
  }
  return splits;
}

Result<std::unique_ptr<SplitReader>> TableSource::Read(const Split& split, const Cursor& from, const ReadOptions& options) {
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

}  // namespace vecferry::columnar
