#pragma once
#include "connector/connector.h"

namespace vecferry {

/// Every kind of store and layout that this program knows. Where a bare path could be of several kinds, the
/// first that recognises it is taken.
void RegisterBuiltin(Registry& registry);

}  // namespace vecferry
