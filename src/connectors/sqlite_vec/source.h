#pragma once
#include <memory>
#include <string>

#include "connectors/sqlite_vec/readers.h"

namespace vecferry::sqlite_vec {

/// A vec0 table as a source.
Result<std::unique_ptr<Source>> OpenTable(const Location& location, const OpenContext& context);

}  // namespace vecferry::sqlite_vec
