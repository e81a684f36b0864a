#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "connectors/csv/dataset.h"
#include "files/input.h"

namespace vecferry::csv {

/// Where a row of the file begins, and how many lines and rows are before it.
struct Mark {
  int64_t offset = 0, lines = 0, rows = 0;
};

/// An open file whose columns are known. Kept alive by each of its readers; thread-safe for reading.
class OpenFile {
 public:
  /// Reads the side-car, the header and as many rows as the kinds of its vectors need.
  static Result<std::shared_ptr<OpenFile>> Open(const Dataset& dataset, const std::optional<Table>& written = std::nullopt);

  const Dataset& dataset() const { return dataset_; }
  const Table& table() const { return table_; }
  const Dialect& dialect() const { return dataset_.wishes.dialect; }
  const files::Stamp& stamp() const { return stamp_; }
  bool compressed() const { return input_->compression() != files::Compression::none; }
  const std::string& name() const { return input_->name(); }
  int64_t data_begin() const { return data_begin_; }
  const std::vector<Note>& notes() const { return notes_; }
  /// Rows from an offset on, which is the beginning of one. A compressed file is opened anew for each.
  Result<std::unique_ptr<RowReader>> RowsFrom(int64_t offset, int64_t end) const;
  Status CheckUnchanged(const files::Stamp& wanted) const;

  struct Count {
    int64_t rows = -1;
    bool exact = false;
  };
  /// Rows of the file; of a very large one an estimate from its beginning.
  Result<Count> CountRows();
  /// Beginnings of rows, about 1 MiB apart, found by reading the whole file once: a line break inside quotes begins no row.
  Result<std::vector<Mark>> Marks();
  /// The line of a row's beginning, from 1.
  Result<int64_t> LineAt(int64_t offset);

 private:
  Status ReadHeader(std::optional<Table> described);
  Status ReadSideCar(std::optional<Table>* described) const;
  Status FindVectors();
  Status Scan(int64_t end);

  Dataset dataset_;
  std::shared_ptr<files::Input> input_;
  files::Stamp stamp_;
  Table table_;
  int64_t data_begin_ = 0, data_lines_ = 0;
  std::vector<Note> notes_;
  std::mutex mutex_;
  std::vector<Mark> marks_;  ///< the last is the end
  bool scanned_ = false;
};

}  // namespace vecferry::csv
