#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "record/schema.h"
#include "sqlite/db.h"
#include "sqlite/vec0_parser.h"

namespace vecferry::mcp_memory {

/// What a database of mcp-memory-service has, found by the names of its tables and columns: ALTERed in over the
/// years, they are in no fixed order, and no version is recorded that could be relied on.
///
/// Facts (observed on 12.2.0, 12.4.0 and commit 20e133e4 of 9.0.0): the row of `memories` and its vector in the
/// vec0 table `memory_embeddings` share the rowid. 9.x also has tags / memory_tags and deletes rows; 10.x to 12.x mark
/// them in deleted_at. `memory_embeddings_migration_backup` exists only where a migration of the service was cut short.
struct Tables {
  std::map<std::string, std::string> columns;       ///< of memories -> its default, as SQL text
  std::optional<sqlite::Vec0Table> embeddings;
  size_t vector_column = 0;
  bool soft_deletes = false, tag_tables = false, backup = false;
  int32_t dims = 0;
  Metric metric = Metric::cosine;

  bool Has(const std::string& column) const { return columns.contains(column); }
  /// "9.x" or "10.x-12.x".
  std::string_view generation() const { return soft_deletes ? "10.x-12.x" : "9.x"; }
  /// "m.NAME", or "NULL" where there is no such column.
  std::string Column(const std::string& name) const;
  /// " AND m.deleted_at IS NULL" or nothing.
  std::string AndLive() const { return soft_deletes ? " AND m.deleted_at IS NULL" : ""; }
};

/// The columns that become part of a record; every other one is not carried.
const std::vector<std::string>& MappedColumns();
/// Whether the database looks like one of the service's.
Result<bool> IsMemoryDatabase(sqlite::Db& db);
/// Category::not_found where it holds no memories; corrupt or refused where it has no usable vectors.
Result<Tables> ProbeTables(sqlite::Db& db);
RecordSchema SchemaOf(const Tables& tables);

}  // namespace vecferry::mcp_memory
