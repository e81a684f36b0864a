#pragma once
#include "transform/map_rule.h"
#include "transform/tree.h"

namespace vecferry {

/// A new node with the value in another type. Nothing is lost without being asked for: int and real refuse what they cannot hold exactly, round,
/// trunc and digits are what says otherwise. Category::bad_content, code "map-cast". null stays null.
Result<int> CastNode(MetadataTree& tree, int node, Cast cast);
std::string_view Name(Cast cast);

}  // namespace vecferry
