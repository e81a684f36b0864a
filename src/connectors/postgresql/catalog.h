#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "connectors/postgresql/client.h"
#include "connectors/postgresql/names.h"
#include "connectors/postgresql/types.h"

namespace vecferry::postgresql {

struct Column {
  std::string name;
  Type type;
  int number = 0;              ///< pg_attribute.attnum
  bool not_null = false;
  bool generated = false;      ///< GENERATED ALWAYS AS (...): computed, never written
  bool identity_always = false;///< GENERATED ALWAYS AS IDENTITY: written by COPY, by INSERT only OVERRIDING SYSTEM VALUE
  bool identity = false;       ///< GENERATED ... AS IDENTITY of either kind
  std::string comment;
  std::string default_sql;     ///< "" where there is none; identity columns have none
};

struct IndexKey {
  std::string text;            ///< the column, quoted where needed, or the expression
  int column = -1;             ///< position in Relation::columns; of an expression the vector column that it is over, -1 where none
  bool expression = false;
  std::string opclass;         ///< also where it is the default one
  Kind kind = Kind::other;     ///< of the indexed value: halfvec of an expression that casts to it
  int32_t dims = -1;           ///< of the indexed value, -1 where none is declared
};

struct Index {
  std::string name;
  std::string method;          ///< btree, hnsw, ivfflat, gin, ...
  bool unique = false, primary = false;
  bool valid = true;           ///< built to its end
  std::vector<IndexKey> keys;
  std::map<std::string, std::string> options;  ///< m, ef_construction, lists, ...
  std::string predicate;       ///< of a partial index
  std::string definition;      ///< pg_get_indexdef

  /// Whether it is one of pgvector's; the metric is that of its operator class.
  bool is_vector() const { return method == "hnsw" || method == "ivfflat"; }
};

/// A table that holds rows itself: an ordinary table, or a leaf of a partitioned one.
struct Part {
  uint32_t oid = 0;
  RelationName name;
  int64_t pages = 0;           ///< as its file is now
};

/// A table, view or query as the catalog describes it.
struct Relation {
  char kind = 'r';             ///< relkind: r table, p partitioned, v view, m materialised view, f foreign table; q a query
  uint32_t oid = 0;
  RelationName name;           ///< with its schema; of a query empty
  std::string query;
  std::vector<Column> columns;
  std::vector<int> primary_key;///< positions in columns
  std::vector<Index> indexes;
  std::vector<Part> parts;     ///< where rows lie, leaves of partitions and children included; none for views, foreign tables and queries
  bool has_children = false;   ///< other tables inherit from it: its keys are not unique over all of them
  bool visible = true;         ///< found by its name alone
  std::string comment;
  bool analysed = false;       ///< the planner has statistics of its own rows
  int64_t estimated_rows = -1;
  int64_t bytes = -1;          ///< with indexes and out-of-line values

  int Find(std::string_view column) const;  ///< position, -1 where there is none
  /// What stands after FROM: "schema"."table", or (query) AS "q".
  std::string FromSql() const;
  /// The unique btree index over whole columns that are never null, with the fewest, that is not the primary key; nullptr where there is none.
  const Index* UniqueIndex() const;
  /// The index that tells the metric of a column: pgvector's, the valid ones first; nullptr where none is.
  const Index* VectorIndexOf(int column) const;
};

/// The relation of that name with all of the above. Nothing where there is none. An unquoted name is looked up as it is written, then in lower
/// case; one without a schema by the search path.
Result<std::optional<Relation>> FindRelation(Client& client, const RelationName& name);
/// Columns of what a query gives. Category::usage where it is not one statement that gives rows, or gives two columns of one name.
Result<Relation> DescribeQuery(Client& client, const std::string& query);
/// Category::not_found, with the nearest names.
Status NoSuchRelation(Client& client, const RelationName& name);

struct Listed {
  RelationName name;           ///< without a schema where it is in the search path
  char kind = 'r';
  int64_t estimated_rows = -1;
  std::string vectors;         ///< "embedding vector(384)", several with commas
};
/// The tables, views and materialised views with a column of a vector type, partitions left out, by name.
Result<std::vector<Listed>> ListRelations(Client& client);

struct VectorExtension {
  std::string schema, version;
};
/// Nothing where the extension is not created in this database.
Result<std::optional<VectorExtension>> FindVectorExtension(Client& client);

/// "postgresql:SYSTEM/DATABASE": the same for a database however it is reached, another for a copy of its files. With the name of a table behind it,
/// it is the identity of a dataset, also of one that does not exist yet.
Result<std::string> DatabaseIdentity(Client& client);
std::string DatasetIdentity(const std::string& database, const RelationName& name, const std::string& collection = {});

/// The schema that a table without one is created in; "" where the search path names none that exists.
Result<std::string> CurrentSchema(Client& client);

/// A number that changes when the rows of a table are written anew at once (TRUNCATE, ALTER that rewrites, VACUUM FULL), which no snapshot shields from;
/// 0 where the table is gone. As the catalog is now, whatever the transaction's snapshot.
Result<int64_t> FileNode(Client& client, uint32_t oid);

}  // namespace vecferry::postgresql
