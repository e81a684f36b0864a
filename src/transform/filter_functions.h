#pragma once
#include <vector>

#include "sqlite/expression.h"
#include "transform/field.h"
#include "transform/tree.h"

namespace vecferry {

/// A part of the metadata as a value of an expression: true and false as 1 and 0, integers beyond int64 and bigints and decimals as doubles, times and
/// bytes as their text, arrays and objects as JSON text, null as NULL. `scratch` keeps a text that had to be made.
sqlite::Value ValueOf(const MetadataTree& tree, int node, std::string* scratch);

/// The functions that conditions may call besides SQLite's own: has, type_of and field of a name, contains, epoch, regexp. They see the record
/// that `tree` holds at the time of the call.
std::vector<sqlite::ExpressionFunction> FilterFunctions(const MetadataTree& tree);

}  // namespace vecferry
