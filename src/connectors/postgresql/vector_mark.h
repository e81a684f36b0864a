#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "record/schema.h"

namespace vecferry::postgresql {

/// What a column's comment says of a vector that its type and indexes do not: "vecferry vector NAME metric=METRIC".
std::string VectorMark(const VectorSpec& spec);
struct VectorMarkParts {
  std::string name;
  Metric metric = Metric::unknown;
};
std::optional<VectorMarkParts> ParseVectorMark(std::string_view comment);

/// What a column's comment says of its part: "vecferry document".
inline std::string RoleMark(std::string_view role) { return "vecferry " + std::string(role); }

}  // namespace vecferry::postgresql
