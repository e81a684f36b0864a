#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connector/connector.h"
#include "connectors/csv/field_text.h"
#include "connectors/csv/row_reader.h"

namespace vecferry::csv {

/// What the options of a URI say.
struct Wishes {
  Dialect dialect;
  std::string id, document, metadata, tenant;  ///< names of columns, "" where none is said
  std::vector<std::string> vectors;            ///< names of the columns with vectors
  std::vector<std::string> columns;            ///< all columns in their order
  std::map<std::string, std::string> types;    ///< column -> type
  /// Of the layout's table, where no option says it: names that a file need not have, and the columns that are written.
  std::string layout_document, layout_metadata, layout_tenant;
  std::vector<std::string> layout_columns;
  std::map<std::string, std::string> layout_types;
  bool named = false;                          ///< options name columns, so that a side-car's are not meant
  Metric metric = Metric::unknown;
  std::optional<IdKind> id_kind;
  bool fields_as_columns = false;
};
std::vector<OptionSpec> Options();
/// Of options that were checked. Category::usage for values that mean nothing. The layout gives the names that no option says.
Result<Wishes> ParseWishes(const std::map<std::string, std::string>& options, const Layout* layout);

struct Column {
  enum class Role { id, tenant, document, metadata, vector, extra, field, ignored };
  std::string name;
  Role role = Role::field;
  size_t index = 0;              ///< of the vector or extra in the schema
  int64_t size = 0;              ///< of sparse vectors: what stands behind the slash, 0 if not known
  std::optional<FieldType> type; ///< of a field; not yet known where its first value is to come
};

/// What the columns of a file are.
struct Table {
  RecordSchema schema;
  std::vector<Column> columns;
  std::string layout;                           ///< "" if none is known
  std::map<std::string, std::string> settings;  ///< DatasetInfo::settings of the source
  bool described = false;                       ///< by a side-car

  bool Has(Column::Role role) const;
};

/// The columns that a schema is written into. Category::refused where a part of the record has no column.
Result<Table> TableFor(const RecordSchema& schema, const Wishes& wishes);
/// The columns of a file with those names. Kinds of vectors that no type says are still to be found: their dims are 0.
/// Category::usage, naming the columns, where id or a named column is not among them.
Result<Table> TableOf(const std::vector<std::string>& names, const Wishes& wishes, const std::optional<Table>& described);

/// The side-car: what CSV cannot say, as JSON (docs/formats/csv.md).
std::string SideCarOf(const Table& table);
Result<Table> ParseSideCar(std::string_view json);
inline constexpr const char* kSideCar = ".schema.json";

}  // namespace vecferry::csv
