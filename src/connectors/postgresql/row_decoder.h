#pragma once
#include <optional>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "connectors/postgresql/codec.h"
#include "connectors/postgresql/mapping.h"

namespace vecferry::postgresql {

/// A relation with its mapping: what all readers and look-ups of a dataset share.
struct TableShape {
  Relation relation;
  Mapping mapping;
};

/// What a SELECT of a dataset's rows consists of, and where in its rows each part stands.
struct RowSelect {
  std::string list;                  ///< what stands between SELECT and FROM
  std::string from;                  ///< what stands after FROM, the relation being "t"
  std::string where;                 ///< "" or a condition that every SELECT of the dataset has
  size_t count = 0;                  ///< fields of a row
  bool keys_only = false;            ///< just what tenant, id and key are made of
  std::vector<int> field_of_column;  ///< by position in Relation::columns, -1 where it is not selected
  int place = -1, table = -1, group = -1;   ///< fields of the row's place (text), its table's oid and its group's name
  std::vector<int> key_text;         ///< by position in Mapping::key: the field that holds it as text, -1 where it can be made of its value
};
/// `keys_only`: just tenant, id and key. `part`: one of the tables that hold the rows, instead of all.
RowSelect MakeSelect(const TableShape& shape, bool keys_only, const Part* part = nullptr);

/// Makes records of rows of a binary copy. Its buffers are kept. Not for use by two threads at once.
class RowDecoder {
 public:
  RowDecoder(const TableShape& shape, const RowSelect& select);

  struct Outcome {
    bool taken = false;              ///< a row of the batch; else a reject
    bool exact = true;               ///< false: a vector's values were rounded to the element type
  };
  /// Adds one row to the batch, or one reject. Fails only for bytes that are no such row.
  Result<Outcome> Decode(const std::vector<Field>& row, BatchBuilder& builder, std::vector<Reject>* rejects);
  /// The key of a row as the texts of its columns.
  Status Key(const std::vector<Field>& row, std::vector<std::string>* texts);
  std::string_view Place(const std::vector<Field>& row) const { return row[static_cast<size_t>(select_.place)].bytes(); }

 private:
  const Field& At(const std::vector<Field>& row, int column) const { return row[static_cast<size_t>(select_.field_of_column[static_cast<size_t>(column)])]; }
  const Type& TypeOf(int column) const { return shape_.relation.columns[static_cast<size_t>(column)].type; }
  Status Id(const std::vector<Field>& row);
  Status Fill(const std::vector<Field>& row, BatchBuilder& builder, Outcome* outcome);
  Status Metadata(const std::vector<Field>& row);
  Status Vectors(const std::vector<Field>& row, BatchBuilder& builder, Outcome* outcome);

  const TableShape& shape_;
  const RowSelect& select_;
  JsonReader json_;
  std::string id_, tenant_, document_, metadata_;
  SparseBuffer sparse_;
};

}  // namespace vecferry::postgresql
