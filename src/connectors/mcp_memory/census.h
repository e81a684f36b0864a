#pragma once
#include <vector>

#include "connector/connector.h"
#include "connectors/mcp_memory/tables.h"
#include "sqlite/db.h"

namespace vecferry::mcp_memory {

/// What one look over the tables tells before a copy.
struct Census {
  int64_t live = 0;           ///< memories that a full read yields or rejects
  bool exact = true;
  std::vector<Note> notes;    ///< soft-deleted, missing vectors, orphans, odd times, collisions, what is not carried
};

/// Reads every row of `memories` once, no vector. Damage becomes a note.
Result<Census> TakeCensus(sqlite::Db& db, const Tables& tables, bool keep_missing);

}  // namespace vecferry::mcp_memory
