#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "connectors/csv/table.h"
#include "record/batch.h"

namespace vecferry::csv {

/// Rows of a file as records. Not for use by two threads at once; reuse it.
class RowParser {
 public:
  /// The table outlives it; its types and dimensions are known.
  RowParser(const Table& table, const Dialect& dialect);
  ~RowParser();
  /// One record, or Category::bad_content with a code and the builder as it was.
  Status Parse(const Row& row, BatchBuilder& builder);
  /// Of the last row, as far as it is known.
  const std::string& id() const;
  const std::string& tenant() const;
  /// Whether some number of it was not exactly one of the column's elements.
  bool rounded() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Records as rows. Not for use by two threads at once.
class RowWriter {
 public:
  /// The types of columns that have none yet are taken from the first values that are met; both outlive it.
  RowWriter(Table* table, const Dialect& dialect);
  ~RowWriter();
  /// The names of the columns as a row.
  void AppendHeader(std::string* out) const;
  /// One row; Category::bad_content, and `out` as it was, for a record that has no place in it.
  Status Append(const RecordView& view, int64_t row, std::string* out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Appends a field, in quotes where it needs them.
void AppendField(std::string_view text, const Dialect& dialect, std::string* out);

}  // namespace vecferry::csv
