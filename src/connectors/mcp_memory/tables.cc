#include "connectors/mcp_memory/tables.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "sqlite/vec0.h"

namespace vecferry::mcp_memory {
namespace {

constexpr const char* kBackup = "memory_embeddings_migration_backup";

/// Only ordinary tables are read: a view could compute without end.
Result<bool> HasOrdinaryTable(sqlite::Db& db, std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(sqlite::Stmt stmt, db.Prepare("SELECT 1 FROM sqlite_master WHERE type='table' AND rootpage>0 AND name=?"));
  return stmt.BindText(1, name).Step();
}

Result<std::map<std::string, std::string>> ColumnsOf(sqlite::Db& db, const std::string& table) {
  ARROW_ASSIGN_OR_RAISE(sqlite::Stmt stmt, db.Prepare(fmt::format("SELECT name, coalesce(dflt_value, 'NULL') FROM pragma_table_info({})", sqlite::QuoteText(table))));
  std::map<std::string, std::string> columns;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool row, stmt.Step());
    if (!row) return columns;
    columns.emplace(stmt.Text(0), stmt.Text(1));
  }
}

Status UseEmbeddings(sqlite::Db& db, Tables* tables) {
  ARROW_ASSIGN_OR_RAISE(tables->embeddings, sqlite::FindVec0(db, "memory_embeddings"));
  const auto vectors = tables->embeddings->Of(sqlite::Vec0Kind::vector);
  for (size_t i = 0; i < vectors.size(); ++i) {
    if (vectors[i]->name == "content_embedding") tables->vector_column = i;
  }
  const sqlite::Vec0Column& column = *vectors[tables->vector_column];
  if (column.element != sqlite::Vec0Element::f32) {
    return MakeError(Category::unsupported, "the vectors of memory_embeddings are not float32", "copy the table as sqlite-vec:FILE#memory_embeddings");
  }
  tables->dims = column.dims;
  return ParseMetric(column.metric).Value(&tables->metric);
}

/// Where a migration of the service was cut short after it dropped its vectors, the backup alone has them.
Status UseBackup(sqlite::Db& db, Tables* tables) {
  ARROW_ASSIGN_OR_RAISE(const int64_t bytes, db.QueryInt(fmt::format("SELECT length(content_embedding) FROM {} WHERE typeof(content_embedding)='blob' LIMIT 1", kBackup)));
  if (bytes <= 0 || bytes % 4 != 0 || bytes > (1 << 22)) {
    return MakeError(Category::refused, "the database has memories but no table memory_embeddings with their vectors",
                     "start the service once so that it makes its vectors again");
  }
  tables->dims = static_cast<int32_t>(bytes / 4);
  return Status::OK();
}

}  // namespace

std::string Tables::Column(const std::string& name) const { return Has(name) ? "m." + name : "NULL"; }

const std::vector<std::string>& MappedColumns() {
  static const std::vector<std::string> names = {"id",         "content_hash",   "content",        "tags",      "memory_type", "metadata",
                                                 "created_at", "updated_at",     "created_at_iso", "updated_at_iso", "deleted_at"};
  return names;
}

Result<bool> IsMemoryDatabase(sqlite::Db& db) {
  ARROW_ASSIGN_OR_RAISE(const bool memories, HasOrdinaryTable(db, "memories"));
  if (!memories) return false;
  ARROW_ASSIGN_OR_RAISE(const auto columns, ColumnsOf(db, "memories"));
  return columns.contains("id") && columns.contains("content_hash") && columns.contains("content");
}

Result<Tables> ProbeTables(sqlite::Db& db) {
  ARROW_ASSIGN_OR_RAISE(const bool memories, IsMemoryDatabase(db));
  if (!memories) {
    return MakeError(Category::not_found, "the database holds no memories: it has no table memories(id, content_hash, content)",
                     "check the path; vec0 tables of other programs are read as sqlite-vec:FILE#TABLE");
  }
  Tables tables;
  ARROW_ASSIGN_OR_RAISE(tables.columns, ColumnsOf(db, "memories"));
  tables.soft_deletes = tables.Has("deleted_at");
  ARROW_ASSIGN_OR_RAISE(const bool tags, HasOrdinaryTable(db, "tags"));
  ARROW_ASSIGN_OR_RAISE(const bool memory_tags, HasOrdinaryTable(db, "memory_tags"));
  tables.tag_tables = tags && memory_tags;
  ARROW_ASSIGN_OR_RAISE(tables.backup, HasOrdinaryTable(db, kBackup));
  ARROW_ASSIGN_OR_RAISE(const auto names, sqlite::ListVec0(db));
  if (std::find(names.begin(), names.end(), "memory_embeddings") != names.end()) {
    ARROW_RETURN_NOT_OK(UseEmbeddings(db, &tables));
  } else if (tables.backup) {
    ARROW_RETURN_NOT_OK(UseBackup(db, &tables));
  } else {
    return MakeError(Category::refused, "the database has memories but no table memory_embeddings with their vectors",
                     "start the service once so that it makes its vectors again");
  }
  return tables;
}

RecordSchema SchemaOf(const Tables& tables) {
  RecordSchema schema;
  schema.id_kind = IdKind::string;
  schema.has_document = true;
  VectorSpec vector;
  vector.dims = tables.dims;
  vector.metric = tables.metric;
  schema.vectors.push_back(std::move(vector));
  return schema;
}

}  // namespace vecferry::mcp_memory
