#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "connectors/postgresql/catalog.h"
#include "connectors/postgresql/options.h"

namespace vecferry::postgresql {

struct VectorColumnMap {
  int column = -1;             ///< position in Relation::columns
  Type type;
  int32_t dims = 0;            ///< 0 of a sparsevec: schema.vectors has none; what its type declares is `type.typmod`
};

/// How the rows of a relation become records, and back: which column is what. A column that is NULL is a field that the record lacks; a record's field of
/// a column's name stands in that column, every other one is a key of the `metadata` column. There a key that is the name of a
/// column, apart from backslashes in front, has one backslash more (EscapedKey), and loses it when it is read. In a table that others wrote a key without any
/// may be a column's name: it is read with one in front.
struct Mapping {
  RecordSchema schema;
  std::string layout;                     ///< the layout that it is, "" where no application's fits
  std::vector<int> id;                    ///< several: the id is the JSON array of their values
  bool id_is_place = false;               ///< no column identifies a row: the id is where it lies, "(PAGE,ROW)" or "TABLE(PAGE,ROW)"
  int document = -1, metadata = -1, tenant = -1, group = -1;
  std::optional<TableLayout::Groups> groups;
  std::string collection;                 ///< the one group that is read; "": each group is a tenant
  std::vector<int> fields;                ///< columns that are metadata fields, in their order
  std::vector<int> moments;               ///< those among them that are read as text in ISO 8601, as most records spell a moment
  std::vector<VectorColumnMap> vectors;   ///< as many as schema.vectors, in that order
  std::vector<int> key;                   ///< what reading is split by and goes on from; empty: the place of a row
  bool unique_key = false;                ///< no two rows have the same
  bool unique_ids = false;
  std::vector<Note> notes;
};

/// What is known of columns that declare no dimension, from a sample of their values, by position.
using SampledDims = std::map<int, int32_t>;
/// Columns that will be vectors and declare no dimension, neither by their type nor by an index.
std::vector<int> ColumnsWithoutDims(const Relation& relation, const Options& options, const Layout& layout);

/// The layout that a table is in, by its name and columns; nullptr where none of an application's fits.
const Layout* DetectLayout(const Relation& relation);

/// `layout` is what the user or the other side named; the default one stands for whichever is detected. Category::usage where an option or the
/// layout names what is not there or does not fit; where a view or query has nothing that identifies a record.
Result<Mapping> MakeMapping(const Relation& relation, const Options& options, const Layout& layout, const SampledDims& sampled = {});

/// Whether a key is the name of one of the fields' columns or of the metadata column, apart from backslashes in front.
bool IsColumnName(const Relation& relation, const Mapping& mapping, std::string_view key);
std::string EscapedKey(std::string_view key);

/// DatasetInfo::settings of a table, under kTableSetting: its columns, key and indexes as JSON, for a sink of the same kind:
/// {"columns":[{"name","type","role":"id|document|metadata|tenant|vector|field","not_null","default","identity"}],"primary_key":[NAME],
///  "indexes":[{"name","method","unique","definition","predicate","keys":[{"text","opclass","expression","column"}],"options":{}}]}.
inline constexpr const char* kTableSetting = "postgresql.table";
std::string TableSetting(const Relation& relation, const Mapping& mapping);

}  // namespace vecferry::postgresql
