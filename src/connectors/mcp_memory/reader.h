#pragma once
#include <memory>
#include <string>

#include "connector/connector.h"
#include "connectors/mcp_memory/tables.h"
#include "sqlite/snapshot.h"

namespace vecferry::mcp_memory {

/// What every reader of a database shares.
struct MemoryContext {
  std::shared_ptr<const sqlite::Snapshot> snapshot;
  Tables tables;
  RecordSchema schema;
  bool keep_missing = false;   ///< a memory without a vector is carried
  const CancelToken* cancel = nullptr;
};

/// A split's payload is "FIRST LAST", memories.id, inclusive; the cursor is the last id that was told.
Result<std::unique_ptr<SplitReader>> MakeReader(std::shared_ptr<const MemoryContext> context, const std::string& payload,
                                                const Cursor& from, const ReadOptions& options);

}  // namespace vecferry::mcp_memory
