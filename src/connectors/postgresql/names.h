#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace vecferry::postgresql {

/// "name", with quotes inside doubled: the same name whatever its characters.
std::string QuoteName(std::string_view name);
/// A string constant that reads back as `text` whatever standard_conforming_strings says. Text without NUL.
std::string QuoteText(std::string_view text);

/// A table as a user writes it after the '#': TABLE, SCHEMA.TABLE, "Quoted"."na.me".
struct RelationName {
  std::string schema;          ///< "" where none was written: found by the search path
  std::string table;
  bool schema_quoted = false, table_quoted = false;

  /// SCHEMA.TABLE with every part quoted.
  std::string Sql() const;
  /// The shortest spelling that ParseRelationName reads back as the same two parts.
  std::string Display() const;
};

/// Category::usage for an empty part, a quote that does not end, more than two parts. Parts that are not quoted stay as
/// they are written: who looks them up tries that spelling first and the lower-case one, which SQL would take, then.
Result<RelationName> ParseRelationName(std::string_view text);

/// Whether a dataset is a query: SELECT, WITH, VALUES or TABLE and more.
bool IsQuery(std::string_view dataset);

/// A list of column names: a, "B c", d. Category::usage as above.
Result<std::vector<std::string>> ParseNameList(std::string_view text);

}  // namespace vecferry::postgresql
