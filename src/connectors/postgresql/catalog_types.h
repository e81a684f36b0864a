#pragma once
#include <cstdint>

#include "connectors/postgresql/catalog.h"

namespace vecferry::postgresql {

/// Fills in what the oid and typmod of each column's type mean.
Status ResolveTypes(Client& client, Relation* relation);
Result<Type> ResolveType(Client& client, uint32_t oid, int32_t typmod);

}  // namespace vecferry::postgresql
