#pragma once
#include <memory>
#include <string>
#include <vector>

#include "columnar/decoder.h"
#include "columnar/table_file.h"

namespace vecferry::columnar {

/// One file of a dataset and what its columns are.
struct TablePart {
  std::shared_ptr<TableFile> file;
  std::string relative;    ///< its name in the dataset
  Mapping mapping;
  Constants constants;
};

/// The files of a dataset, row group after row group. What the readers share.
struct TableSet {
  /// One row group.
  struct Unit {
    size_t part = 0;
    int row_group = 0;
    int64_t first_row = 0;  ///< in the dataset
  };
  files::Place place;
  std::vector<TablePart> parts;
  RecordSchema schema;
  std::vector<Note> notes;

  std::vector<Unit> units;
  int64_t rows = 0, bytes = 0;
  uint64_t stamp = 0;  ///< of names and stamps of all files

  /// Counts what is in the parts; call when they are all there.
  void Count();
  const RowGroup& GroupOf(const Unit& unit) const { return parts[unit.part].file->row_groups()[static_cast<size_t>(unit.row_group)]; }
};

/// Splits are stretches of row groups, a cursor is a row of one. Category::refused where the files are not as they were.
class TableSource : public Source {
 public:
  explicit TableSource(std::shared_ptr<const TableSet> table) : table_(std::move(table)) {}
  Result<std::vector<Split>> Splits(int wanted) override;
  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override;

 protected:
  /// Schema, counts and facts; the caller says which store and dataset it is.
  DatasetInfo Facts() const;
  const std::shared_ptr<const TableSet> table_;
};

}  // namespace vecferry::columnar
