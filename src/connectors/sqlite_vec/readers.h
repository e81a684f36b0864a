#pragma once
#include <memory>
#include <string>

#include "connector/connector.h"
#include "connectors/sqlite_vec/mapping.h"
#include "sqlite/snapshot.h"

namespace vecferry::sqlite_vec {

/// What every reader of a table shares. Outlives none of them: they hold it.
struct TableContext {
  std::shared_ptr<const sqlite::Snapshot> snapshot;
  Mapping mapping;
  const CancelToken* cancel = nullptr;
};

/// A split's payload is "chunks FIRST LAST", "rows FIRST LAST" (both inclusive) or "strays". Rows of chunks are
/// read chunk by chunk, those of indexed tables by rowid. Strays are the rows where T_rowids and the chunks disagree: each is
/// a reject, and so is a live slot that no row claims.
Result<std::unique_ptr<SplitReader>> MakeReader(std::shared_ptr<const TableContext> table, const std::string& payload,
                                                const Cursor& from, const ReadOptions& options);

}  // namespace vecferry::sqlite_vec
