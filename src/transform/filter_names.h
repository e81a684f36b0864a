#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "transform/field.h"

namespace vecferry {

/// A column that an expression may read.
struct FilterColumn {
  std::string name;          ///< as the statement has it
  Field field;
  bool ambiguous = false;    ///< the expression spells it in several ways that SQL does not tell apart
};

/// An expression with its dotted and quoted names made into plain column names. This takes words apart and no more: what they mean is for
/// SQLite's own parser, which is handed every word that could be a field's name as a column.
struct FilterNames {
  std::string sql;
  std::vector<FilterColumn> columns;
};

/// Category::usage for what no expression may hold: comments, parameters, several statements, unbalanced brackets or quotes.
Result<FilterNames> ScanNames(std::string_view expression);

}  // namespace vecferry
