#include "connectors/chroma_local/catalog.h"

#include <fmt/format.h>

#include "base/text.h"
#include "record/json.h"

namespace vecferry::chroma_local {
namespace {

Result<bool> HasColumn(sqlite::Db& db, std::string_view table, std::string_view column) {
  ARROW_ASSIGN_OR_RAISE(auto row, db.Prepare("SELECT 1 FROM pragma_table_info(?) WHERE name=?"));
  return row.BindText(1, table).BindText(2, column).Step();
}

Result<int64_t> LastMigration(sqlite::Db& db, std::string_view dir) {
  ARROW_ASSIGN_OR_RAISE(const bool has_table, db.HasTable("migrations"));
  if (!has_table) return 0;
  return db.QueryInt(fmt::format("SELECT max(version) FROM migrations WHERE dir={}", sqlite::QuoteText(dir)));
}

/// One row of collection_metadata or segment_metadata as a value, its text in column `text`.
Status WriteValue(const sqlite::Stmt& row, int text, bool bools, JsonWriter& writer) {
  ARROW_RETURN_NOT_OK(writer.Key(row.Text(text - 1)));
  if (!row.IsNull(text)) return writer.String(row.Text(text));
  if (bools && !row.IsNull(text + 3)) return writer.Bool(row.Int(text + 3) != 0);
  if (!row.IsNull(text + 1)) return writer.Int(row.Int(text + 1));
  if (!row.IsNull(text + 2)) return writer.Double(row.Double(text + 2));
  return writer.Null();
}

/// The metadata of a collection, and of what its VECTOR segment says besides: 0.4 and 0.5 keep copies of `hnsw:` keys there.
Result<std::string> MetadataOf(sqlite::Db& db, const Tables& tables, const Collection& collection) {
  std::string json;
  JsonWriter writer(&json);
  const std::string_view columns = tables.collection_bools ? "key, str_value, int_value, float_value, bool_value" : "key, str_value, int_value, float_value";
  ARROW_ASSIGN_OR_RAISE(auto rows, db.Prepare(fmt::format(
      "SELECT {0} FROM collection_metadata WHERE collection_id=?1 UNION ALL SELECT {0} FROM segment_metadata WHERE segment_id=?2 AND key NOT IN "
      "(SELECT key FROM collection_metadata WHERE collection_id=?1) ORDER BY 1", columns)));
  rows.BindText(1, collection.id).BindText(2, collection.vector_segment);
  ARROW_RETURN_NOT_OK(writer.BeginObject());
  bool any = false;
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const bool row, rows.Step());
    if (!row) break;
    if (!IsValidUtf8(rows.Text(0)) || !IsValidUtf8(rows.Text(1))) {
      return MakeError(Category::corrupt, fmt::format("the metadata of the collection '{}' is not valid UTF-8", Printable(collection.name, 200)));
    }
    ARROW_RETURN_NOT_OK(WriteValue(rows, 1, tables.collection_bools, writer));
    any = true;
  }
  ARROW_RETURN_NOT_OK(writer.EndObject());
  return any ? json : std::string();
}

Status FindSegments(sqlite::Db& db, Collection* collection) {
  ARROW_ASSIGN_OR_RAISE(auto rows, db.Prepare("SELECT id, type, scope FROM segments WHERE collection=?"));
  rows.BindText(1, collection->id);
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const bool row, rows.Step());
    if (!row) return Status::OK();
    if (rows.Text(2) == "VECTOR") {
      collection->vector_segment = rows.Text(0);
      collection->vector_type = rows.Text(1);
    } else if (rows.Text(2) == "METADATA") {
      collection->metadata_segment = rows.Text(0);
    }
  }
}

/// Its id is used as the name of a folder.
bool IsPlainId(std::string_view id) {
  return id.size() <= 64 && id.find_first_not_of("0123456789abcdefABCDEF-") == id.npos;
}

Status Complete(sqlite::Db& db, const Tables& tables, Collection* collection) {
  ARROW_RETURN_NOT_OK(FindSegments(db, collection));
  if (!IsPlainId(collection->id) || !IsPlainId(collection->vector_segment)) {
    return MakeError(Category::corrupt, fmt::format("the collection '{}' or its segment has an id that is no UUID", Printable(collection->name, 200)));
  }
  if (collection->dimension < 0 || collection->dimension > (1 << 20)) {
    return MakeError(Category::corrupt, fmt::format("the collection '{}' has the dimension {}", Printable(collection->name, 200), collection->dimension));
  }
  ARROW_ASSIGN_OR_RAISE(collection->metadata, MetadataOf(db, tables, *collection));
  return Status::OK();
}

Result<std::string> DatabaseId(sqlite::Db& db, const std::string& tenant, const std::string& database) {
  ARROW_ASSIGN_OR_RAISE(auto row, db.Prepare("SELECT id FROM databases WHERE tenant_id=? AND name=?"));
  ARROW_ASSIGN_OR_RAISE(const bool found, row.BindText(1, tenant).BindText(2, database).Step());
  if (found) return std::string(row.Text(0));
  std::vector<std::string> names;
  ARROW_ASSIGN_OR_RAISE(auto rows, db.Prepare("SELECT tenant_id||'/'||name FROM databases ORDER BY 1 LIMIT 1000"));
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const bool more, rows.Step());
    if (!more) break;
    names.push_back(Printable(rows.Text(0), 200));
  }
  return MakeError(Category::not_found, fmt::format("the folder has no database '{}' of the tenant '{}'{}", Printable(database, 200), Printable(tenant, 200),
                                                    Suggestion(Printable(tenant + "/" + database, 200), names)),
                   "name both with ?tenant=...&database=...");
}

Collection CollectionOf(const sqlite::Stmt& row, const std::string& tenant, const std::string& database) {
  Collection collection;
  collection.tenant = tenant;
  collection.database = database;
  collection.id = row.Text(0);
  collection.name = row.Text(1);
  collection.dimension = row.IsNull(2) ? 0 : row.Int(2);
  collection.config = row.Text(3);
  collection.schema = row.Text(4);
  return collection;
}

}  // namespace

std::string Tables::generation() const {
  if (topics) return "0.4";
  return schemas || metadb >= 5 ? "1.x" : "0.5";
}

bool IsChroma(sqlite::Db& db) {
  for (const char* table : {"collections", "segments", "embeddings", "embedding_metadata", "embeddings_queue", "max_seq_id"}) {
    if (!db.HasTable(table).ValueOr(false)) return false;
  }
  return true;
}

Result<Tables> ProbeTables(sqlite::Db& db) {
  for (const char* table : {"collections", "segments", "embeddings", "embedding_metadata", "embeddings_queue", "max_seq_id", "databases", "collection_metadata",
                            "segment_metadata"}) {
    ARROW_ASSIGN_OR_RAISE(const bool there, db.HasTable(table));
    if (there) continue;
    return MakeError(Category::corrupt, fmt::format("{} has no table '{}': it is none of chromadb 0.4 or later", kDatabaseFile, table),
                     "name the folder that was given to chromadb.PersistentClient(path=...)");
  }
  Tables tables;
  ARROW_ASSIGN_OR_RAISE(tables.topics, HasColumn(db, "collections", "topic"));
  ARROW_ASSIGN_OR_RAISE(tables.configs, HasColumn(db, "collections", "config_json_str"));
  ARROW_ASSIGN_OR_RAISE(tables.schemas, HasColumn(db, "collections", "schema_str"));
  ARROW_ASSIGN_OR_RAISE(tables.arrays, db.HasTable("embedding_metadata_array"));
  ARROW_ASSIGN_OR_RAISE(tables.metadata_bools, HasColumn(db, "embedding_metadata", "bool_value"));
  ARROW_ASSIGN_OR_RAISE(tables.collection_bools, HasColumn(db, "collection_metadata", "bool_value"));
  ARROW_ASSIGN_OR_RAISE(tables.sysdb, LastMigration(db, "sysdb"));
  ARROW_ASSIGN_OR_RAISE(tables.metadb, LastMigration(db, "metadb"));
  return tables;
}

Result<std::vector<Collection>> ListCollections(sqlite::Db& db, const Tables& tables, const std::string& tenant, const std::string& database) {
  ARROW_ASSIGN_OR_RAISE(const std::string id, DatabaseId(db, tenant, database));
  ARROW_ASSIGN_OR_RAISE(auto rows, db.Prepare(fmt::format("SELECT id, name, dimension, {}, {} FROM collections WHERE database_id=? ORDER BY name",
                                                          tables.configs ? "config_json_str" : "NULL", tables.schemas ? "schema_str" : "NULL")));
  rows.BindText(1, id);
  std::vector<Collection> collections;
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const bool row, rows.Step());
    if (!row) break;
    collections.push_back(CollectionOf(rows, tenant, database));
  }
  for (auto& collection : collections) ARROW_RETURN_NOT_OK(Complete(db, tables, &collection));
  return collections;
}

Result<Collection> FindCollection(sqlite::Db& db, const Tables& tables, const std::string& tenant, const std::string& database,
                                  const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(const auto collections, ListCollections(db, tables, tenant, database));
  std::vector<std::string> names;
  for (const auto& collection : collections) {
    if (collection.name == name) return collection;
    names.push_back(Printable(collection.name, 200));
  }
  return MakeError(Category::not_found, fmt::format("there is no collection '{}'{}", Printable(name, 200), Suggestion(Printable(name, 200), names)),
                   "list the collections with `vecferry inspect`");
}

}  // namespace vecferry::chroma_local
