#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "record/schema.h"
#include "sqlite/db.h"

/// What chroma.sqlite3 says of its collections, in the tables of 0.4, 0.5 and 1.x. Facts: chromadb's migrations/sysdb and metadb.
namespace vecferry::chroma_local {

inline constexpr const char* kScheme = "chroma-local";
inline constexpr const char* kDatabaseFile = "chroma.sqlite3";

/// Which tables and columns there are.
struct Tables {
  bool topics = false;         ///< collections.topic: before 0.5
  bool configs = false;        ///< collections.config_json_str: 0.5.7 and later
  bool schemas = false;        ///< collections.schema_str: 1.1 and later
  bool arrays = false;         ///< embedding_metadata_array: 1.4 and later
  bool metadata_bools = false; ///< embedding_metadata.bool_value
  bool collection_bools = false;
  int64_t sysdb = 0, metadb = 0;  ///< the last migration of each
  /// "0.4", "0.5", "1.x": the generation that wrote, or last opened, the folder.
  std::string generation() const;
};
/// Category::corrupt where the database has not Chroma's tables.
Result<Tables> ProbeTables(sqlite::Db& db);
/// Whether the database has Chroma's tables.
bool IsChroma(sqlite::Db& db);

struct Collection {
  std::string id, name, tenant, database;
  int64_t dimension = 0;              ///< 0 where nothing was written yet
  std::string config, schema;         ///< JSON texts, "" where there are none
  std::string metadata;               ///< JSON text of an object, "" where there is none; with the `hnsw:` keys of the VECTOR segment
  std::string vector_segment, vector_type, metadata_segment;
};

/// The collections of a tenant's database, by name. Category::not_found for a tenant or database that does not exist.
Result<std::vector<Collection>> ListCollections(sqlite::Db& db, const Tables& tables, const std::string& tenant, const std::string& database);
/// Category::not_found with the nearest names.
Result<Collection> FindCollection(sqlite::Db& db, const Tables& tables, const std::string& tenant, const std::string& database,
                                  const std::string& name);

}  // namespace vecferry::chroma_local
