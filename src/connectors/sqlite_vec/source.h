#pragma once
#include <memory>
#include <string>

#include "connectors/sqlite_vec/readers.h"

namespace vecferry::sqlite_vec {

inline constexpr const char* kScheme = "sqlite-vec";

/// A vec0 table as a source.
Result<std::unique_ptr<Source>> OpenTable(const Location& location, const OpenContext& context);
/// The same database file and table, however they were spelled.
std::string IdentityOf(const fs::path& file, const std::string& table);

}  // namespace vecferry::sqlite_vec
