#pragma once
#include <string>
#include <vector>

#include "connector/connector.h"
#include "connectors/postgresql/index_plan.h"
#include "connectors/postgresql/names.h"
#include "record/schema.h"

/// The SQL of a table that records of a schema fit into.
namespace vecferry::postgresql {

/// What the user said about a table that is made: the options `id-type`, `fields`, `sparse-dims`.
struct TableWish {
  std::string id_type;            ///< "" by the kind of ids; text, bigint, uuid, numeric
  int64_t sparse_dims = 1000000000;
  std::vector<std::pair<std::string, std::string>> fields;  ///< metadata field -> type of a column of its own
};
Result<TableWish> TableWishOf(const std::map<std::string, std::string>& options);

struct TableDesign {
  std::vector<std::string> columns;   ///< "\"id\" text NOT NULL"
  std::vector<std::string> key;       ///< names, unquoted
  bool primary = true;                ///< the key is the primary key; else a unique index that the run needs alone
  std::vector<std::pair<std::string, std::string>> comments;  ///< column -> comment
  std::vector<IndexedVector> vectors;
  std::string metadata, tenant;       ///< names of those columns, "" for none

  /// CREATE TABLE and what belongs to it, without its search indexes. `mark` becomes the table's comment.
  std::string CreateSql(const RelationName& name, const std::string& mark) const;
};

/// Category::unsupported where the layout has no place for what the schema has; usage where it has its own idea of the table's name.
Result<TableDesign> DesignTable(const RecordSchema& schema, const TableLayout& layout, const TableWish& wish, const std::string& extension_schema, const RelationName& name);

/// The layout of a table like that of the source, where that is one of the same kind: its TableSetting's columns, of types that every database
/// has. Nothing where there is no such setting, or its key is none that a record has.
std::optional<TableLayout> LayoutOfSetting(const std::string& setting);

/// The name of the unique index that a run needs for a table without a primary key of its own.
std::string RunKeyName(const RelationName& name);

}  // namespace vecferry::postgresql
