#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "columnar/table_file.h"
#include "connector/connector.h"
#include "record/schema.h"

namespace vecferry::columnar {

/// What a user says of the columns of a file that others wrote. A value of "" says that there is none.
struct ColumnNames {
  std::optional<std::string> id;        ///< "@row": the number of the row, from 0
  std::optional<std::string> tenant, document;
  std::optional<std::string> vector;    ///< COLUMN, or several as NAME=COLUMN,NAME=COLUMN
  std::optional<std::string> metadata;  ///< COLUMN,COLUMN; "*": every other one (the default)
  std::optional<std::string> json;      ///< a column of text that holds the metadata as one JSON object
  bool round = false;                   ///< numbers of vectors that f32 does not hold are rounded
};

/// Where each part of a record is in a table.
struct Mapping {
  bool exact = false;       ///< the columns are the record's own, under their own names and types
  bool id_is_row = false;
  bool round = false;
  int id = -1, tenant = -1, document = -1, json = -1;
  std::vector<int> vectors;                           ///< for each of schema.vectors
  std::vector<int> extras;                            ///< for each of schema.extras, where exact
  std::vector<std::pair<int, std::string>> metadata;  ///< column -> key
  RecordSchema schema;
  std::vector<Note> notes;

  /// Every column that is read, ascending.
  std::vector<int> Columns() const;
};

/// Category::usage, with the option to give, where it cannot be told what a column is.
Result<Mapping> MakeMapping(const TableFile& file, const ColumnNames& names);
/// Sets the dimensions that list types do not tell from the first rows, and refuses doubles that are none of f32's without
/// `round`. `file` is one that has rows, if any has.
Status SampleVectors(const TableFile& file, Mapping* mapping);
/// The same columns in another file of the same dataset, which may stand elsewhere or be missing. Category::unsupported for
/// a column of another type than the first file's.
Result<Mapping> Remap(const Mapping& mapping, const TableFile& first, const TableFile& other);

/// The record's schema of a file whose columns are the record's own; Category::unsupported for others.
Result<RecordSchema> OwnSchema(const arrow::Schema& schema);

}  // namespace vecferry::columnar
