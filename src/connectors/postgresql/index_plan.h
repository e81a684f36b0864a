#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "record/schema.h"

/// Which search indexes a table gets, and as what SQL. Facts: pgvector 0.8's README and its access methods' limits.
namespace vecferry::postgresql {

/// What the user said about indexes; the options `index`, `m`, `ef-construction`, `lists`, `metadata-index`, `halfvec-index`.
struct IndexWish {
  std::string method = "hnsw";     ///< hnsw, ivfflat or none
  int64_t m = -1, ef_construction = -1, lists = -1;  ///< -1: the source's, else the extension's own
  bool metadata = false;           ///< a GIN over the jsonb column
  bool halfvec = false;            ///< a vector of too many dimensions is indexed as halfvec
  bool sparse = false;             ///< sparse vectors are indexed too: then none may have more than 1000 entries
};
Result<IndexWish> IndexWishOf(const std::map<std::string, std::string>& options);

/// A vector column of a table that is to be indexed.
struct IndexedVector {
  std::string column;       ///< its name in the table
  std::string type;         ///< vector, halfvec, sparsevec or bit
  VectorSpec spec;
  int64_t m = -1, ef_construction = -1;  ///< as the source has it
};

/// What the indexes of a table are made from.
struct IndexedTable {
  std::string schema, name;        ///< unquoted
  std::string extension_schema;    ///< where the types and operator classes of pgvector are
  std::vector<IndexedVector> vectors;
  std::string metadata;            ///< the jsonb column, "" for none
  std::string tenant;              ///< a column that is worth an index of its own, "" for none
};

struct IndexDefinition {
  std::string name;  ///< unquoted
  /// From "USING" on; {lists} stands for what depends on how many rows there are in the end.
  std::string body;
};

/// One index for each vector that can have one, and what was asked for beside. Why a vector has none is said in `notes`, as
/// "no-index". Nothing here can fail after the load for what is known before it.
std::vector<IndexDefinition> PlanIndexes(const IndexedTable& table, const IndexWish& wish, std::vector<Note>* notes);

/// CREATE INDEX IF NOT EXISTS of a definition on a table of `rows` rows.
std::string CreateIndexSql(const IndexDefinition& index, const std::string& schema, const std::string& table, int64_t rows);

/// m and ef_construct of a Qdrant collection, as its CreateCollection has them, for those vectors that name none.
void TakeOverHnsw(const std::string& create_collection, std::vector<IndexedVector>* vectors);

/// A name of at most 63 bytes: "STEM_SUFFIX", the stem cut where it must be, never within a character.
std::string ShortName(const std::string& stem, const std::string& suffix);

}  // namespace vecferry::postgresql
