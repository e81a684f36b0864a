#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "record/schema.h"
#include "sqlite/db.h"

namespace vecferry::sqlite_vec {

/// What Vecferry keeps about a vec0 table that it made, in the ordinary table `vecferry_tables` of the same database: what the
/// table's own declaration cannot say. A table that was made anew under the name since then has none.
struct Mark {
  std::string run;                ///< of the copy that made it
  RecordSchema schema;            ///< vectors in the order of their columns
  std::string document, metadata, tenant;  ///< the columns that hold them, "" where there is none
};

/// The CREATE text of a table, "" where there is none.
Result<std::string> DeclarationOf(sqlite::Db& db, std::string_view table);
/// Nothing where the table has no mark that fits its declaration.
Result<std::optional<Mark>> FindMark(sqlite::Db& db, std::string_view table);
/// For a table that exists. Part of the caller's transaction.
Status PutMark(sqlite::Db& db, const std::string& table, const Mark& mark);
/// OK where there is none. Takes `vecferry_tables` away with the last one.
Status RemoveMark(sqlite::Db& db, const std::string& table);

}  // namespace vecferry::sqlite_vec
