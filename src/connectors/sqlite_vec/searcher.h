#pragma once
#include <memory>
#include <string>

#include "connector/connector.h"
#include "connectors/sqlite_vec/readers.h"

namespace vecferry::sqlite_vec {

/// The search of the vendor's extension: exact, but for columns that have an index. nullptr where the extension cannot be loaded:
/// the user's file, $VECFERRY_SQLITE_VEC, or what the system's loader finds as vec0.
std::unique_ptr<Searcher> MakeSearcher(std::shared_ptr<const TableContext> table, const std::string& extension);

}  // namespace vecferry::sqlite_vec
