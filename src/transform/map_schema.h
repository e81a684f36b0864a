#pragma once
#include <vector>

#include "record/schema.h"
#include "transform/map_rule.h"

namespace vecferry {

struct MappedSchema {
  RecordSchema schema;
  std::vector<size_t> vectors;   ///< for each vector its position in the schema before
};

/// The schema of records after the rules. Category::usage for a rule about a column that is not there, or one that is taken.
Result<MappedSchema> MapSchema(const std::vector<MapRule>& rules, const RecordSchema& before);

}  // namespace vecferry
